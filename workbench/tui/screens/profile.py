"""The profile of a run: what its end waited for, step by step, and all that can be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import BindingType

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, fit, right
from workbench.tui.clock import brief_span
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.written import BLANK, Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.journal.profile import OnPath, Profile
    from workbench.script.profiled import Account
    from workbench.tui.app import KaizenApp

_BAR = 10
_LEAST = 0.01
"""What lies between steps is listed from this share of the whole on."""
_ROLES: dict[str, Role] = {"model": "kind", "tool": "accent", "person": "warn", "workbench": "dim"}
_WORDS = {"person": "person", "workbench": "between"}


class PathLine(NamedTuple):
    """A stretch of the critical path, or the whole."""

    number: int
    """Its place on the path; -1 for the whole."""
    kind: str
    who: str
    what: str
    seconds: float
    share: float
    """Of the whole."""
    seq: int


def path_lines(told: Profile) -> Iterator[PathLine]:
    """The whole, then its critical path from the beginning to the end."""
    whole = told.whole
    total = max(whole.took_s, 1e-9)
    yield PathLine(-1, "", "", f"all of it: {whole.name}", whole.took_s, 1.0, whole.seq)
    for number, part in enumerate(told.path):
        span, share = part.span, part.seconds / total
        if part.is_between and share < _LEAST:
            continue
        what = f"in {span.kind} {span.name}" if part.is_between else span.name
        yield PathLine(number, part.kind, span.who, what, part.seconds, share, span.seq)


class PathList(Lines[PathLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("profile")]

    def empty_line(self) -> Line:
        """Before it is known."""
        return ((Plain("adding up..."), "dim"),)

    def spans(self, row: PathLine, width: int) -> Line:
        """How long, how much of the whole, and what it was."""
        bar = round(row.share * _BAR)
        role = _ROLES.get(row.kind, "")
        head: Line = [
            (right(brief_span(row.seconds), 9), ""),
            (right(Plain(f"{row.share:.0%}"), 5), "dim"),
            (Plain(" "), ""),
            (fit(Plain("█" * bar or "▏"), _BAR), role),
            (Plain(" "), ""),
        ]
        if row.number < 0:
            return [*head, (fit(one_line(row.what), max(0, width - 26)), "strong")]
        kind = fit(one_line(_WORDS.get(row.kind, row.kind)), 9)
        who = fit(one_line(row.who), 12)
        rest = fit(one_line(f"{row.what}  #{row.seq}"), max(0, width - 26 - 22))
        return [*head, (kind, role), (who, "agent"), (Plain(" "), ""), (rest, "")]

    def action_trace(self) -> None:
        """To its row."""
        if self.selected is not None and isinstance(self.screen, ProfileScreen):
            self.screen.chosen(self.selected)


class ProfileScreen(BrowseScreen):
    """The screen; it shows the run that was selected when it was opened."""

    PLACE = "profile"

    def __init__(self, app: KaizenApp) -> None:
        self._list = PathList(id="profile-list")
        super().__init__(app, self._list)
        self._known: Account | None = None

    def on_mount(self) -> None:
        """Have it added up."""
        run_id = self.workbench.main.run_id
        if run_id:
            self.entitle(f"Profile of run {run_id[:4]}")
            self.workbench.wishes.overviews.profile(run_id, self.show)
        else:
            self.entitle("Profile")
            self.workbench.say(f"there is no run yet; {short('app.runs')} lists earlier ones")

    def show(self, known: Account) -> None:
        """Take it over."""
        if not self.is_mounted:
            return
        self._known = known
        self._list.put([*path_lines(known.profile)])
        if self._list.selected is not None:
            self.selected(self._list.selected)

    def selected(self, row: PathLine) -> None:
        """The whole account, or one step of it."""
        known = self._known
        if known is None:
            return
        if row.number < 0:
            self.detail("the whole", lambda width: account_text(known.lines, width))
        else:
            part = known.profile.path[row.number]
            self.detail(f"#{row.seq} {row.what}", lambda width: part_text(part, width))

    def chosen(self, row: PathLine) -> None:
        """To its row in the trace."""
        if self._known is not None:
            self.dismiss(None)
            self.workbench.wishes.go_to_row(self._known.run_id, row.seq)


def account_text(lines: tuple[str, ...], width: int) -> Iterator[Written]:
    """All of the account; headings stand at the margin."""
    for line in lines:
        if line:
            role: Role = "" if line.startswith(" ") else "strong"
            yield from text_lines(line, width, role=role)
        else:
            yield BLANK


def part_text(part: OnPath, width: int) -> Iterator[Written]:
    """One stretch of the path."""
    span = part.span
    yield from labelled("on path", brief_span(part.seconds), width)
    yield from labelled("step", f"{span.kind} {span.name}", width)
    if part.is_between:
        said = "between its steps: the workflow's own, hooks, waiting for a turn, the log"
        yield from labelled("spent", said, width)
    if span.who:
        yield from labelled("agent", span.who, width)
    yield from labelled("took", brief_span(span.took_s), width)
    if span.waited_s:
        yield from labelled("waited", f"{brief_span(span.waited_s)} for a person", width)
    yield from labelled("state", span.state, width)
    if span.tokens:
        yield from labelled("tokens", f"{span.tokens}  ${span.usd:.4f}", width)
    yield from labelled("key", span.key or "the run", width, role="dim")
