"""Which answer of a playbook applies to a request, and what it then says. Pure.

Everything is read off the request, so the same request gets the same answer in any process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

from workbench.agent.conversation import Entry, ModelRequest, ToolCall
from workbench.models.playbook_faults import GARBAGE, NO_TOOL
from workbench.models.playbook_file import Answer, When
from workbench.models.samples import sample, sentence
from workbench.values import dumps, loads

_HOLE = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)*)\}")


def fits(answer: Answer, request: ModelRequest) -> bool:
    """Whether an answer's conditions hold for a request."""
    when = answer.when
    if not fnmatchcase(request.agent, answer.agent):
        return False
    if when.rounds is not None and not when.rounds[0] <= _round(request) <= when.rounds[1]:
        return False
    if when.system is not None and not fnmatchcase(request.system, when.system):
        return False
    offered = (tool.name for tool in request.tools)
    if when.offered is not None and not any(fnmatchcase(n, when.offered) for n in offered):
        return False
    said = _newest(request.entries, "user")
    if when.said is not None and not (said and fnmatchcase(said.text, when.said)):
        return False
    return _inputs_fit(when, request.inputs) and _result_fits(
        when, _newest(request.entries, "tool")
    )


def _inputs_fit(when: When, inputs: Mapping[str, Any]) -> bool:
    globs = when.inputs or {}
    return all(n in inputs and fnmatchcase(spelled(inputs[n]), glob) for n, glob in globs.items())


def _result_fits(when: When, result: Entry | None) -> bool:
    if result is None:
        return when.last in (None, "") and when.failed is None and when.text is None
    return (
        (when.last is None or fnmatchcase(result.name, when.last))
        and (when.failed is None or result.failed == when.failed)
        and (when.text is None or fnmatchcase(result.text, when.text))
    )


def given(answer: Answer, request: ModelRequest) -> tuple[str, tuple[ToolCall, ...]]:
    """What an answer says: its text and its calls, templates filled."""
    holes = _holes(request)
    if answer.fault == "garbage":
        return GARBAGE, ()
    if answer.fault == "unknown_tool":
        return str(filled(answer.text, holes)), (ToolCall(NO_TOOL, {}),)
    calls = tuple(
        ToolCall(call.tool, cast("dict[str, Any]", filled(call.arguments, holes)))
        for call in answer.calls
    )
    if answer.reply is None:
        only_fault = answer.fault and not answer.text and not calls
        return (made(request) if only_fault else spelled(filled(answer.text, holes))), calls
    return spelled(filled(answer.reply, holes)), calls


def made(request: ModelRequest) -> str:
    """An answer from the signature alone."""
    if request.schema is None:
        return sentence("", request.inputs, request.agent)
    return spelled(sample(request.schema, request.inputs, request.agent))


def filled(value: Any, holes: Mapping[str, Any]) -> Any:
    """A value with ``{name}`` replaced; a text that is one hole becomes the value itself.

    What names nothing stays as it is, so code and JSON in a text survive.
    """
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return {key: filled(item, holes) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [filled(item, holes) for item in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    if whole := _HOLE.fullmatch(value):
        return _looked_up(whole[1], holes, value)
    return _HOLE.sub(lambda hole: spelled(_looked_up(hole[1], holes, hole[0])), value)


def _looked_up(path: str, holes: Mapping[str, Any], otherwise: str) -> Any:
    first, *rest = path.split(".")
    if first not in holes:
        return otherwise
    value = holes[first]
    for part in rest:
        if isinstance(value, str) and value[:1] in ("{", "["):
            try:
                value = loads(value)
            except ValueError:
                return otherwise
        match value:
            case {**items} if part in items:
                value = items[part]
            case [*items] if part.isdigit() and int(part) < len(items):
                value = items[int(part)]
            case _:
                return otherwise
    return value


def _holes(request: ModelRequest) -> dict[str, Any]:
    result = _newest(request.entries, "tool")
    said = _newest(request.entries, "user")
    own = {"agent": request.agent, "round": _round(request)}
    texts = {"result": result.text if result else "", "said": said.text if said else ""}
    return {**own, **texts, **request.inputs}


def _newest(entries: Sequence[Entry], role: str) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.role == role), None)


def _round(request: ModelRequest) -> int:
    return sum(entry.role == "assistant" for entry in request.entries)


def spelled(value: Any) -> str:
    """A value as text: itself, or as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()
