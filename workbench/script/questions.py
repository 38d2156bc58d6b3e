"""Questions as text: what waits for a person, where there is no screen to show it on.

Works on the JSON form (`Waiting.to_json`), which a result object holds and a prompt can make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from workbench.run.evidence import Evidence
from workbench.script.rows import brief


def question_lines(question: Mapping[str, Any], most: int | None = None) -> Iterator[str]:
    """Everything there is to know before answering, a line each.

    Args:
        question: what waits.
        most: texts longer than this are cut; None shows them whole.
    """
    who = question.get("agent") or "the run"
    yield f"{who} asks: {question['text']}"
    arguments = cast("Mapping[str, Any]", question.get("arguments") or {})
    if question.get("asked_as") == "plan":
        yield from _items(arguments, most)
    else:
        for name, value in arguments.items():
            yield from _labelled(name, _text(value), most)
    if question.get("evidence"):
        for label, text in Evidence.from_json(question["evidence"]).lines():
            yield from _labelled(label, text, most)
    if question.get("rule"):
        yield from _labelled("rule", str(question["rule"]), most)


def _items(plan: Mapping[str, Any], most: int | None) -> Iterator[str]:
    """A plan, an item a line, with what it says beside what is to be done."""
    items = cast("list[Mapping[str, Any]]", plan.get("items") or [])
    for number, item in enumerate(items, 1):
        yield from _labelled(f"{number} {item.get('id')}", str(item.get("do")), most)
        for name, value in item.items():
            if name not in ("id", "do"):
                yield from _labelled(f"    {name}", _text(value), most)


def _labelled(label: str, text: str, most: int | None) -> Iterator[str]:
    shown = text if most is None or len(text) <= most else f"…{text[-most:]}"
    if "\n" in shown:
        yield f"  {label}:"
        yield from (f"    {line}" for line in shown.splitlines())
    else:
        yield f"  {label}: {shown}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else brief(value, 100_000)
