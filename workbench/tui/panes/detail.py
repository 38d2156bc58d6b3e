"""Pane 4: one thing in full: the selected event, a command's answer, a comparison.

What is shown is a function from width to lines, so that a new width wraps anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast

from textual.binding import BindingType
from textual.content import Content

from workbench.journal.events import Event, agents_of
from workbench.plain import Plain, one_line, plain
from workbench.tui.cells import Line
from workbench.tui.clock import brief_span, time_of_day
from workbench.tui.grades import danger_role, danger_word
from workbench.tui.handing_out import HandOut, How, Text, joined
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.plans import PlanShown, plan_lines
from workbench.tui.trace_rows import danger_of, usage_of
from workbench.tui.written import (
    BLANK,
    Written,
    change_lines,
    labelled,
    looks_like_change,
    text_lines,
    value_lines,
)

Write = Callable[[int], Iterator[Written]]
"""Lines for a width."""

_LAST = ("id", "digest", "fingerprint")
"""Fields for programs; a person reads them last."""

_UNWRAPPED = 1_000_000
"""A width at which no line is wrapped."""

_SAID_ABOVE = frozenset(
    {"effect", "name", "agent", "danger", "duration_s", "usage", "line", "scope"}
)


def event_text(event: Event, *, outcome: Event | None = None, where: str = "") -> Write:
    """An event in full: a heading, then every field of its data, then its step's outcome."""

    def write(width: int) -> Iterator[Written]:
        yield from _heading(event, where, width)
        yield from _data(event.data, width)
        if outcome is not None:
            yield BLANK
            yield from _heading(outcome, "", width)
            yield from _data(outcome.data, width)

    return write


def with_plan(write: Write, plan: PlanShown | None) -> Write:
    """The plan of its turn before an event, as far as it has come whenever it is written."""
    if plan is None:
        return write

    def both(width: int) -> Iterator[Written]:
        yield ((one_line(plan.words), "strong"),)
        yield from plan_lines(plan.items, width, plan)
        yield from write(width)

    return both


def answer_text(text: str) -> Write:
    """A command's answer: a change coloured as one, anything else as prose."""

    def write(width: int) -> Iterator[Written]:
        if looks_like_change(text):
            yield from change_lines(text, width)
        else:
            yield from text_lines(text, width, prose=True)

    return write


def _heading(event: Event, where: str, width: int) -> Iterator[Written]:
    data = event.data
    name = f"{data.get('effect', '')} {data.get('name', '')}".strip()
    yield (
        (one_line(f"{event.kind} #{event.seq}"), "strong"),
        (one_line(f"  {name}" if name else ""), "kind"),
        (Plain("  "), ""),
        (danger_word(danger_of(data.get("danger"))), danger_role(danger_of(data.get("danger")))),
    )
    path = " < ".join(reversed(agents_of(event.key))) or "the pattern"
    parts = [f"{time_of_day(event.at)}  {path}"]
    place = where or str(data.get("line") or "")
    if place:
        parts.append(place)
    took = data.get("duration_s")
    if isinstance(took, int | float):
        parts.append(str(brief_span(took)))
    tokens, cost = usage_of(data)
    if tokens:
        parts.append(f"{tokens} tokens ${cost:.4f}")
    yield from text_lines(one_line("  ".join(parts)), width, role="dim")
    if event.key:
        yield from text_lines(one_line(event.key), width, role="dim")


def _data(data: Mapping[str, Any], width: int) -> Iterator[Written]:
    # A medium is a line of words; what it is called passes the sanitiser like all else.
    from workbench.agent.media import replaced, told  # noqa: PLC0415 - not before the first frame

    data = cast("Mapping[str, Any]", replaced(data, told))
    order = [name for name in data if name not in _LAST] + [name for name in _LAST if name in data]
    for name in order:
        value = data[name]
        if name in _SAID_ABOVE or value in (None, "", [], {}):
            continue
        yield from _field(name, value, width)


def _field(name: str, value: Any, width: int) -> Iterator[Written]:
    if isinstance(value, str) and "\n" in value:
        yield ((one_line(name), "key"),)
        if looks_like_change(value):
            yield from change_lines(value, width)
        else:
            yield from text_lines(plain(value), width, indent=2, prose=True)
    elif isinstance(value, Mapping):
        yield ((one_line(name), "key"),)
        yield from value_lines(cast("Mapping[str, Any]", value), width, indent=2)
    else:
        yield from labelled(name, value, width)


def full_text(title: str, write: Write) -> Text:
    """What a detail says, to be handed out."""
    return Text(title or "the detail", lambda: joined([*write(_UNWRAPPED)]))


class DetailPane(Lines[Written]):
    """The pane that shows one thing in full."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("detail")]
    BORDER_TITLE = "4 Detail"
    TITLE: ClassVar[str] = "4 Detail"
    CURSOR: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._write: Write | None = None
        self._title = ""
        self._width = 0

    def show(self, title: str, write: Write) -> None:
        """Show something else, from its beginning."""
        self.border_title = Content(f"{self.TITLE}  {one_line(title)}" if title else self.TITLE)
        self._write, self._title = write, title
        self._fill()
        self.scroll_to(y=0, animate=False, force=True)

    def rewrite(self, write: Write) -> None:
        """Show what became of it; the scroll position stays."""
        self._write = write
        self._fill()

    def write_anew(self) -> None:
        """Show the same as it is now."""
        if self._write is not None:
            self._fill()

    def on_resize(self) -> None:
        """Wrap anew."""
        super().on_resize()
        if self.scrollable_content_region.width != self._width:
            self._fill()

    def action_hand_out(self, how: How) -> None:
        """Copy, page or write what is shown, not wrapped and to its end."""
        if self._write is not None:
            self.post_message(HandOut(how, full_text(self._title, self._write)))

    def empty_line(self) -> Line:
        """Before anything was selected."""
        return ((Plain("select a row of the trace"), "dim"),)

    def spans(self, row: Written, width: int) -> Line:
        """Lines are made to measure already."""
        del width
        return row

    def _fill(self) -> None:
        self._width = self.scrollable_content_region.width
        width = max(20, self._width)
        self.put(list(self._write(width)) if self._write else [])
