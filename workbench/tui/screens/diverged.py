"""Diverged: a run that does not fit its workflow any more, recorded beside asked, and the ways out.

Nothing was started, and the run is as it was. Whatever is shown comes from rows and from a
workflow, so all of it is cleaned and none of it is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.journal.divergence import leaves
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, wrap
from workbench.tui.guard import Presses
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.status import hint_line
from workbench.tui.written import BLANK, Written, labelled, scalar, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


def parted_lines(told: Mapping[str, Any], width: int) -> Iterator[Written]:
    """Everything a divergence says, for a width: the two sides, why, and what can be done."""
    report: Mapping[str, Any] = told["report"]
    yield from text_lines("Nothing was started, and the run is as it was.", width, role="good")
    yield BLANK
    yield from _beside(report, width)
    yield BLANK
    if told.get("cause"):
        yield from labelled("because", told["cause"], width)
    yield from _around(report, width)
    yield BLANK
    for one in cast("Sequence[Mapping[str, str]]", told["choices"]):
        key = short(f"diverged.{one['choice']}") if one["choice"] in _WITH_KEYS else ""
        yield (fit(Plain(key), 3), "accent"), (one_line(one["does"]), "strong")
        yield from text_lines(one["command"], width, indent=3, role="dim")


_WITH_KEYS = ("fork", "look", "drop")


def _beside(report: Mapping[str, Any], width: int) -> Iterator[Written]:
    """Recorded at the left, asked at the right, line for line as far as they go."""
    room = max(10, (width - 3) // 2)
    then, now = report["recorded"], report["asked"][0] if report["asked"] else None
    differ = {one["name"] for one in report["differences"]}
    left: list[Span] = [(Plain(f"RECORDED  row {report['seq']} of {report['rows']}"), "strong")]
    right: list[Span] = [(Plain("ASKED NOW"), "strong")]
    if then is not None:
        left += _side(then["effect"], differ, "-", room)
        left += _wrapped(f"result {then['preview']}", room, "dim") if then["preview"] else []
    if now is not None:
        right += _side(now, differ, "+", room)
    else:
        right += _wrapped(f"nothing: it {report['ended'] or 'waits for nothing'}", room, "bad")
    for one, other in zip_longest(left, right, fillvalue=(Plain(""), cast("Role", ""))):
        yield (fit(one[0], room), one[1]), (Plain(" │ "), "dim"), (fit(other[0], room), other[1])


def _side(effect: Mapping[str, Any], differ: set[str], sign: str, room: int) -> Iterator[Span]:
    yield from _wrapped(f"{effect['kind']} {effect['name']}".strip(), room, "kind")
    if effect["place"]:
        yield from _wrapped(effect["place"], room, "accent")
    yield from _wrapped(effect["key"], room, "dim")
    if effect["arguments"] is None:
        yield from _wrapped("its arguments are not in the log", room, "dim")
    for name, value in leaves(effect["arguments"]):
        if not name:  # there are none
            continue
        lead, role = (sign, "warn") if name in differ else (" ", "")
        yield from _wrapped(f"{lead} {name} = {scalar(value)}", room, cast("Role", role))


def _wrapped(text: str, room: int, role: Role) -> list[Span]:
    return [(line, role) for line in wrap(one_line(text), room)]


def _around(report: Mapping[str, Any], width: int) -> Iterator[Written]:
    last, asked = report["last"], report["asked"]
    if last is not None:
        effect = last["effect"]
        said = f"row {last['seq']}, {effect['kind']} {effect['name']}".strip()
        yield from labelled("fitted", f"up to {said}", width)
    yield from labelled("left", f"{report['left_over']} of {report['rows']} rows", width)
    for one in asked[1:9]:
        yield from labelled("asked", f"{one['kind']} {one['name']}  {one['place']}", width)


class PartedLines(Lines[Written]):
    """The text, scrolled like any list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("diverged")]
    CURSOR: ClassVar[bool] = False

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(id="diverged-lines", classes="pane")
        self._told = told

    def on_resize(self) -> None:
        """Wrap to the width."""
        super().on_resize()
        self.put(list(parted_lines(self._told, max(40, self.scrollable_content_region.width))))

    def spans(self, row: Written, width: int) -> Line:
        """Made to measure already."""
        del width
        return row

    def action_fork(self) -> None:
        """Go on from before it."""
        self._ask("fork")

    def action_look(self) -> None:
        """Look at the run."""
        self._ask("look")

    def action_drop(self) -> None:
        """Give it up, when pressed twice."""
        self._ask("drop")

    def _ask(self, choice: str) -> None:
        if isinstance(self.screen, DivergedScreen):
            self.screen.choose(choice)


class DivergedScreen(Screen[None]):
    """Opened when a run that was to be resumed does not fit; Esc goes back and decides nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#diverged-lines"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp, told: Mapping[str, Any]) -> None:
        super().__init__()
        self.workbench = app
        self._told = told
        self._drops = Presses(3.0)

    def compose(self) -> ComposeResult:
        """The text and the hints."""
        lines = PartedLines(self._told)
        run, pattern = str(self._told["run_id"])[:8], self._told.get("pattern", "its workflow")
        lines.border_title = Content(f"Run {one_line(run)} does not fit {one_line(pattern)}")
        yield lines
        yield OneLine(
            lambda width: hint_line({"diverged", "overlay"}, self.workbench.notice, width),
            id="hints",
        )

    def choose(self, choice: str) -> None:
        """Do what the user chose, if it is one of the ways out."""
        run_id, offered = str(self._told["run_id"]), {c["choice"] for c in self._told["choices"]}
        if choice not in offered:
            self.workbench.say("that is no way out of this one")
        elif choice == "fork":
            cut, wishes = int(self._told["cut"]), self.workbench.wishes
            wishes.places.fork(run_id, cut, {}, self.action_close, self.workbench.say)
        elif choice == "look":
            self.workbench.wishes.open_run(run_id)
            self.dismiss(None)
        elif self._drops.press(self.workbench.clock.ticks()) < 2:
            self.workbench.say(f"D again gives run {run_id[:4]} up for good; its rows stay")
        else:
            self.workbench.wishes.drop(run_id)
            self.dismiss(None)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
