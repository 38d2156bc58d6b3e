"""A question that comes from a server in the middle of a call: to a person, as that server's.

It passes permission like a call (``SERVER.elicitation``), because whatever is answered leaves for
that server. So headless it is a no, unless a rule says yes; a rule alone answers with nothing but
what the server itself proposes. A person who allows it is then asked field by field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from workbench.agent.tool import Tool
from workbench.errors import ApprovalStale, Denied, InputError, UnknownName
from workbench.journal.events import agents_of
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts, grade
from workbench.permission.policy import Decision, decide
from workbench.plain import one_line
from workbench.run.permit import action_digest, keep_rule, put_to_person
from workbench.run.waiting import Waiting

if TYPE_CHECKING:
    from workbench.run.step import Step

ELICITATION: Final = "elicitation"
_MOST_SAID: Final = 1_000
_MOST_FIELDS: Final = 20
_LEFT_OUT: Final = "(leave out)"
_SIMPLE: Final = ("string", "number", "integer", "boolean", "list")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: str
    said: str
    choices: tuple[str, ...]
    required: bool
    default: Any


async def ask_for_server(
    step: Step, server: str, message: str, schema: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The answers to a server's question by field, or None for a no."""
    fields = list(_fields(schema))
    unfit = any(field.required and not field.kind for field in fields)
    fields = [field for field in fields if field.kind]
    if unfit or len(fields) > _MOST_FIELDS:
        step.run.notice(f"the MCP server {server!r} asked in a form that nobody could fill in")
        return None
    said = one_line(message)[:_MOST_SAID]
    by = await _allowed(step, server, said, fields)
    if not by:
        return None
    if by.startswith(("rule", "mode")):
        lacking = [field.name for field in fields if field.required and field.default is None]
        return None if lacking else _proposed(fields)
    answers: dict[str, Any] = {}
    for number, field in enumerate(fields):
        given = await _answered(step, server, field, number)
        if given is not None:
            answers[field.name] = given
    return answers


def _proposed(fields: list[_Field]) -> dict[str, Any]:
    return {field.name: field.default for field in fields if field.default is not None}


def _fields(schema: Mapping[str, Any]) -> Iterator[_Field]:
    """What is asked for; a field of no kind that a person could type has none."""
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    required = cast("list[str]", schema.get("required") or [])
    for name, rule in properties.items():
        kind = str(rule.get("type", "string"))
        choices = ("true", "false") if kind == "boolean" else tuple(_choices(rule))
        if kind == "array":
            choices = tuple(_choices(rule.get("items") or {}))
            kind = "list" if choices else ""
        said = one_line(str(rule.get("description") or rule.get("title") or ""))[:_MOST_SAID]
        fit = kind if kind in _SIMPLE else ""
        yield _Field(name, fit, said, choices, name in required, rule.get("default"))


def _choices(rule: Mapping[str, Any]) -> Iterator[str]:
    """The values there are, spelled as a list or as constants with titles."""
    yield from (str(one) for one in rule.get("enum") or ())
    for key in ("oneOf", "anyOf"):
        yield from (str(one["const"]) for one in rule.get(key) or () if "const" in one)


async def _allowed(step: Step, server: str, said: str, fields: list[_Field]) -> str:
    """Who lets the question through; empty for nobody."""
    tool = Tool(f"{server}.{ELICITATION}", "", {}, act="talk", floor=Danger.HIGH)
    arguments = {"message": said, "fields": [one_line(field.name) for field in fields]}
    notes = (f"the MCP server {server!r} says this, not the workbench",)
    facts = Facts("talk", targets=(f"MCP server {server}",), floor=tool.floor, notes=notes)
    facts = replace(facts, untrusted=step.run.usage.untrusted)
    digest = action_digest(tool.digest, arguments)
    call = Call(
        tool.name, tuple(agents_of(step.key)), arguments, digest, step.run.run_id, facts,
        grade(facts), step.key,
    )  # fmt: skip
    decision = decide(step.run.policy, call, now=step.run.world.clock())
    if decision.verdict == "deny":
        return ""
    if decision.verdict == "allow":
        return f"rule {decision.rule.id}" if decision.rule is not None else "mode"
    return await _asked(step, tool, call, decision)


async def _asked(step: Step, tool: Tool, call: Call, decision: Decision) -> str:
    world, server = step.run.world, tool.name.partition(".")[0]
    now, limit = world.clock(), world.approval_timeout_s
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/approval#{step.permitted.asked}",
        kind="permission",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"MCP server {server!r} asks: {call.arguments['message']}"[:200],
        asked_at=now,
        tool=tool.name,
        arguments=call.arguments,
        danger=call.danger,
        facts=call.facts,
        rule=decision.reason,
        expires_at=now + limit if limit is not None else None,
        choices=("allow", "deny"),
        digest=call.digest,
        call=call,
    )
    step.permitted.asked += 1
    try:
        answer = await put_to_person(step, waiting)
    except (ApprovalStale, Denied):
        return ""
    if answer.verdict == "deny":
        return ""
    keep_rule(step, tool, call, answer)
    return answer.by


async def _answered(step: Step, server: str, field: _Field, number: int) -> Any:
    world, rows = step.run.world, step.run.rows
    optional = () if field.required else (_LEFT_OUT,)
    about = f" ({field.said})" if field.said else ""
    if field.kind == "list":
        about += f", of {', '.join(one_line(one) for one in field.choices)}, with commas between"
    choices = () if field.kind == "list" else field.choices
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/question#{step.permitted.asked}.{number}",
        kind="question",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"MCP server {server!r} asks for {one_line(field.name)}{about}",
        asked_at=world.clock(),
        choices=(*choices, *optional) if choices else (),
        check=None if choices else lambda given: _read(field, given),
    )
    rows.append("question.asked", step.key, waiting.asked_data())
    answer = await world.inbox.ask(waiting)
    told = {"id": waiting.id, "answer": answer.answer, "by": answer.by}
    rows.append("question.answered", step.key, told)
    return None if answer.answer == _LEFT_OUT else _read(field, answer.answer)


def _read(field: _Field, given: Any) -> Any:
    """What a person typed, as the kind that the server wants. Raises InputError."""
    text = str(given if given is not None else "").strip()
    if not text and not field.required:
        return field.default
    if field.kind == "list":
        return [_one_of(field, one.strip()) for one in text.split(",") if one.strip()]
    if field.kind == "string":
        return _one_of(field, text)
    try:
        value = json.loads(text.lower() if field.kind == "boolean" else text)
    except json.JSONDecodeError:
        value = None
    fits = isinstance(value, bool) if field.kind == "boolean" else _is_number(field.kind, value)
    if not fits:
        raise InputError(f"{field.name} is a {field.kind}, not {text!r}", field=field.name)
    return value


def _one_of(field: _Field, text: str) -> str:
    if field.choices and text not in field.choices:
        raise UnknownName(f"choice for {field.name}", text, field.choices)
    return text


def _is_number(kind: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return kind == "number" or isinstance(value, int)
