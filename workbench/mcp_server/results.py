"""What a client is answered: a tool's result, or the error that it ended with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types

from workbench.agent.signature import Signature
from workbench.errors import ReplyError, StepFailed, WorkbenchError, describe
from workbench.plain import one_line, plain
from workbench.run.header import RunOutcome

META: Final = "kaizen-tui"
URI: Final = "kaizen://run/"


def finished(signature: Signature, outcome: RunOutcome, value: Any) -> types.CallToolResult:
    """The result of a run that returned. ``value`` is checked against the outputs."""
    try:
        signature.read_outputs(value)
    except ReplyError as error:
        error.data.pop("text", None)
        return failed(error, run_id=outcome.run_id)
    texts = [as_text(value), *map(_denied, outcome.denied)]
    return types.CallToolResult(
        content=[*(types.TextContent(text=text) for text in texts), link(outcome.run_id)],
        structured_content=value,
        _meta={f"{META}/run_id": outcome.run_id, f"{META}/usage": outcome.usage.to_json()},
    )


def said(value: Mapping[str, Any]) -> types.CallToolResult:
    """The result of a tool that only says something."""
    return types.CallToolResult(
        content=[types.TextContent(text=as_text(value))], structured_content=dict(value)
    )


def unfinished(outcome: RunOutcome, why: str, lacks: str) -> types.CallToolResult:
    """The error of a run that did not return: failed, cancelled, out of budget, or at rest."""
    error = outcome.error or {}
    code = str(lacks or error.get("code") or outcome.outcome)
    message = str(error.get("message") or f"run {outcome.run_id} is {outcome.outcome}")
    hint = ""
    if outcome.rests:
        because = f" ({why})" if why else ""
        message = f"run {outcome.run_id} rests{because}: {message}" if error else message + because
        hint = (
            f"Go on with it: the tool resume_run with run={outcome.run_id}, or "
            f"kaizen-tui resume {outcome.run_id}"
        )
    found = WorkbenchError(message, hint=hint)
    return failed(found, code=code, run_id=outcome.run_id, denied=outcome.denied)


def failed(
    error: WorkbenchError, *, code: str = "", run_id: str = "", denied: list[Any] | None = None
) -> types.CallToolResult:
    """An error as a tool's: its code, its sentence, its hint."""
    told = describe(error)
    stable = code or (error.error_code if isinstance(error, StepFailed) else error.code)
    data: dict[str, Any] = {"code": stable, "message": error.message, "hint": error.hint}
    data |= {"data": told["data"]} if told["data"] else {}
    data |= {"run_id": run_id} if run_id else {}
    content: list[types.ContentBlock] = [types.TextContent(text=plain(f"{stable}: {error}"))]
    content += [types.TextContent(text=_denied(one)) for one in denied or ()]
    content += [link(run_id)] if run_id else []
    meta = {f"{META}/error": json.loads(json.dumps(data, default=str))}
    return types.CallToolResult(content=content, is_error=True, _meta=meta)


def link(run_id: str) -> types.ResourceLink:
    """Where the run's log can be read."""
    return types.ResourceLink(name=f"run {run_id}", uri=URI + run_id, mime_type="application/jsonl")


def _denied(one: Mapping[str, Any]) -> str:
    return one_line(f"denied: {one.get('agent', '')} {one.get('name', '')}: {one['reason']}")


def as_text(value: Any) -> str:
    """A value as JSON text in which nothing hides or steers; reads back as the same value."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if plain(text) == text:
        return text
    return "".join(c if plain(c) == c else json.dumps(c)[1:-1] for c in text)
