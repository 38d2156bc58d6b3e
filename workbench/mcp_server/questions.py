"""What a client's person is asked, and what the answer means.

The text shows the exact action. What an agent wrote stands in it as JSON on one line each, so that
no argument can look like another line; steering and hiding characters are spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from workbench.permission.danger import Danger
from workbench.plain import one_line, plain
from workbench.run.waiting import Answer, Waiting

MOST_CHARS: Final = 20_000
"""Of a question: nobody reads more before allowing it, so more than this is not asked."""


def question_text(waiting: Waiting) -> str:
    """Everything there is to know before answering."""
    return "\n".join(_lines(waiting))


def _lines(waiting: Waiting) -> Iterator[str]:
    who = one_line(waiting.agent or "the run")
    if waiting.kind == "permission":
        yield f"Run {waiting.run_id}: {who} wants to use {one_line(waiting.tool)}"
    else:
        yield f"Run {waiting.run_id}: {who} asks: {one_line(waiting.text)}"
    for name, value in waiting.arguments.items():
        shown = json.dumps(value, ensure_ascii=False, default=str)
        yield f"  {one_line(str(name))} = {one_line(shown)}"
    if waiting.danger is not None:
        yield f"Danger: {waiting.danger.name}"
    for note in waiting.facts.notes if waiting.facts else ():
        yield f"Note: {one_line(note)}"
    if waiting.evidence is not None:
        yield from (f"{one_line(label)}: {one_line(t)}" for label, t in waiting.evidence.lines())
    if waiting.why:
        yield f"The agent says why: {json.dumps(one_line(waiting.why), ensure_ascii=False)}"
    if waiting.rule:
        yield f"Asked because: {one_line(waiting.rule)}"
    if waiting.preview:
        yield "What would change:"
        yield from (f"  | {line}" for line in plain(waiting.preview).splitlines())
    if waiting.kind == "permission":
        yield "Only the answer allow allows it, once, exactly so."


def is_too_long(text: str) -> bool:
    """Whether a question cannot be put to a client's person."""
    return len(text) > MOST_CHARS


def answer_schema(waiting: Waiting) -> dict[str, Any]:
    """The form of the answer, as elicitation has it: flat."""
    field: dict[str, Any] = {"type": "string", "title": "Answer"}
    if waiting.choices:
        field["enum"] = [plain(choice) for choice in waiting.choices]
    properties = {"answer": field}
    if _is_critical(waiting):
        about = f"This is CRITICAL. To allow it, type the tool's name: {one_line(waiting.tool)}"
        properties["tool"] = {"type": "string", "title": "Tool", "description": about}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _is_critical(waiting: Waiting) -> bool:
    return waiting.kind == "permission" and waiting.danger == Danger.CRITICAL


def read_answer(
    waiting: Waiting, action: str, content: Mapping[str, Any] | None, by: str
) -> Answer | None:
    """What a person's answer means; None when they gave none to a question that needs one."""
    given = (content or {}).get("answer") if action == "accept" else None
    if waiting.kind == "permission":
        if given == "allow" and _confirms(waiting, content or {}):
            return Answer("allow", by=by)
        why = {"decline": "a person said no", "cancel": "the question was put away"}
        return Answer("deny", by=by, reason=why.get(action, "a person said no"))
    if not isinstance(given, str):
        return None
    chosen = next((c for c in waiting.choices if plain(c) == given), given)
    return Answer(by=by, answer=chosen)


def _confirms(waiting: Waiting, content: Mapping[str, Any]) -> bool:
    return not _is_critical(waiting) or content.get("tool") == waiting.tool
