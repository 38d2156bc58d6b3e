"""Values and texts written out in full as lines: for the detail pane and for approvals.

Nothing is left out here: a person decides on what these lines show. Objects are written one
field a line, text with its own line breaks, changes with their signs coloured. All of it is
cleaned on the way, and wrapped to the width at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from workbench.plain import Plain, one_line, plain
from workbench.tui.cells import Role, Span, width_of, wrap

Written: TypeAlias = "tuple[Span, ...]"
"""One line; a tuple, so that painted strips can be remembered by it."""

BLANK: Written = ((Plain(""), ""),)
"""A line with nothing on it."""

DEEPEST = 40


def value_lines(value: Any, width: int, *, indent: int = 0) -> Iterator[Written]:
    """A JSON value, one field a line, indented by depth."""
    if isinstance(value, Mapping) and value and indent < DEEPEST:
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _field(str(key), item, width, indent)
    elif isinstance(value, list | tuple) and value and indent < DEEPEST:
        for item in cast("list[Any]", value):
            yield from _field("-", item, width, indent)
    else:
        yield from text_lines(scalar(value), width, indent=indent)


def text_lines(
    text: str, width: int, *, indent: int = 0, role: Role = "", prose: bool = False
) -> Iterator[Written]:
    """A text with its own line breaks, wrapped; as prose, headings and code stand out."""
    margin = Plain(" " * indent)
    in_code = False
    for paragraph in plain(text).split("\n"):
        look = role
        if prose and paragraph.startswith("```"):
            in_code = not in_code
            look = "dim"
        elif prose:
            look = "kind" if in_code else _prose_role(paragraph, role)
        for line in wrap(Plain(paragraph), width - indent):
            yield ((margin, ""), (line, look)) if indent else ((line, look),)


def change_lines(diff: str, width: int) -> Iterator[Written]:
    """A unified diff, its signs kept on every wrapped line."""
    for row in plain(diff).rstrip("\n").split("\n"):
        role = _change_role(row)
        sign = Plain(row[:1] if role in ("good", "bad") else "")
        first = True
        for line in wrap(Plain(row), max(2, width - 1)):
            yield ((line if first else Plain(sign + line), role),)
            first = False


def looks_like_change(text: str) -> bool:
    """Whether a text is a unified diff."""
    head = text[:4000]
    return head.startswith(("--- ", "diff ", "@@ ")) or "\n@@ " in head


def labelled(label: str, value: Any, width: int, *, role: Role = "") -> Iterator[Written]:
    """``label  value`` with the value's further lines under its first."""
    return _field(label, value, width, 0, least=8, role=role)


def scalar(value: Any) -> str:
    """A value without parts, as JSON would say it, text without its quotes."""
    if isinstance(value, str):
        return value or '""'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{}" if not value else "{...}"
    if isinstance(value, list | tuple):
        return "[]" if not value else "[...]"
    return str(value)


def _field(
    name: str, value: Any, width: int, indent: int, *, least: int = 0, role: Role = ""
) -> Iterator[Written]:
    margin = Plain(" " * indent)
    head = one_line(name)
    shown = Plain(head + " " * max(1, least - width_of(head)))
    if isinstance(value, Mapping | list | tuple) and value:
        yield (margin, ""), (head, "key")
        yield from value_lines(value, width, indent=indent + 2)
        return
    text = plain(scalar(value))
    room = width - indent - width_of(shown)
    if "\n" in text or room < 16:
        yield (margin, ""), (head, "key")
        yield from text_lines(text, width, indent=indent + 2, role=role)
        return
    first = True
    for line in wrap(text, room):
        lead: Span = (shown, "key") if first else (Plain(" " * width_of(shown)), "")
        yield (margin, ""), lead, (line, role)
        first = False


def _prose_role(paragraph: str, role: Role) -> Role:
    if paragraph.startswith("#"):
        return "strong"
    return "dim" if paragraph.startswith(">") else role


def _change_role(row: str) -> Role:
    if row.startswith(("+++", "---", "diff ")):
        return "strong"
    if row.startswith("@@"):
        return "accent"
    if row.startswith("+"):
        return "good"
    return "bad" if row.startswith("-") else ""
