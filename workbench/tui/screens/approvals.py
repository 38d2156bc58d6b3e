"""Approvals: everything that was ever asked for here, newest first, and who answered what.

The history grows without end, so it is read backwards a portion at a time, as far as one looks;
a line keeps the beginning of what was asked, and the log has the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, width_of
from workbench.tui.clock import day_and_time, grouped
from workbench.tui.decided import decided_lines
from workbench.tui.front_overviews import Reading
from workbench.tui.grades import danger_role, danger_word, state_role
from workbench.tui.keymap import keyed, short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.trace_rows import brief, danger_of
from workbench.tui.written import Written, text_lines
from workbench.values import loads

if TYPE_CHECKING:
    from workbench.journal.approvals import Asked
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Decided

_AHEAD = 20
"""So many rows before the end of what was read, the next are read."""


class ApprovalLine(NamedTuple):
    """One question in the list."""

    run_id: str
    seq: int
    at: float
    danger: int
    verdict: str
    by: str
    scope: str
    agent: str
    tool: str
    what: str
    """The beginning of its arguments, what is short first."""
    ends: tuple[int, ...]
    deleted: bool


def approval_line(asked: Asked) -> ApprovalLine:
    """What the list keeps of a question."""
    return ApprovalLine(
        asked.run_id,
        asked.seq,
        asked.at,
        danger_of(asked.danger),
        asked.verdict,
        asked.by,
        asked.scope,
        asked.agent,
        asked.tool,
        brief(loads(asked.arguments)),
        asked.ends,
        asked.deleted,
    )


class ApprovalsList(Lines[ApprovalLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("approvals")]

    class EndNear(Message):
        """The last rows that were read come in sight."""

    searched = ""

    def empty_line(self) -> Line:
        """Nothing was asked, or nothing that fits."""
        text = keyed(_NO_FIT) if self.searched else _NOTHING
        return ((Plain(text), "dim"),)

    def spans(self, row: ApprovalLine, width: int) -> Line:
        """When, how grave, what became of it and by whom, whose, what."""
        roomy = width >= 90
        head: list[Span] = [
            (Plain(day_and_time(row.at) + " "), "dim"),
            (fit(danger_word(row.danger), 9), danger_role(row.danger)),
            (fit(one_line(row.verdict), 10), state_role(row.verdict)),
        ]
        if roomy:
            scope = f" for {row.scope}" if row.scope not in ("", "call") else ""
            head.append((fit(one_line(row.by + scope), 20), "dim"))
        head.append((fit(one_line(row.agent or "the run"), 12 if roomy else 10), "agent"))
        used = sum(width_of(text) for text, _ in head)
        told = "(its run was deleted)" if row.deleted else row.what
        what = Plain(f"{one_line(row.tool)} {one_line(told)}")
        return [*head, (fit(what, max(0, width - used)), "")]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling to the end of what was read wants more, by key or by mouse."""
        super().watch_scroll_y(old_value, new_value)
        if self.is_end_near:
            self.post_message(self.EndNear())

    @property
    def is_end_near(self) -> bool:
        """Whether the last rows are in sight, or nearly."""
        return self.scroll_offset.y + self.size.height + _AHEAD >= len(self.rows)

    def action_search(self) -> None:
        """To the search field."""
        if isinstance(self.screen, BrowseScreen):
            self.screen.to_search()

    def action_verify(self) -> None:
        """Go through the audit."""
        if isinstance(self.screen, ApprovalsScreen):
            self.screen.verify()


_NOTHING = "nothing was asked for yet"
_NO_FIT = "no approval fits; {overlay.close}, then {approvals.search} changes the words"


class ApprovalsScreen(BrowseScreen):
    """The screen."""

    PLACE = "approvals"
    SEARCH = "search: all the words"

    def __init__(self, app: KaizenApp) -> None:
        self._list = ApprovalsList(id="approvals-list")
        super().__init__(app, self._list)
        self._reading = Reading()
        self._is_reading = False
        self._is_new = True
        """What comes next stands in the place of what is shown."""
        self._is_verifying = False
        self._waits: frozenset[str] = frozenset()
        """What waited when it was last looked."""
        self._is_stale = False

    def on_mount(self) -> None:
        """Read the newest, and look now and then whether there are newer ones."""
        self._waits = frozenset(self.workbench.board.inbox)
        self._more()
        self.set_interval(1.0, self._keep_up, name="approvals")

    def _keep_up(self) -> None:
        """What was asked or answered meanwhile is read where it is in sight, else announced."""
        waits = frozenset(self.workbench.board.inbox)
        if waits == self._waits:
            return
        self._waits = waits
        if self._list.cursor == 0:
            self._begin(self._reading.words)
        else:
            self._is_stale = True
            self._entitle()

    def _begin(self, words: str) -> None:
        """Read from the newest on; what is shown stays until the first portion is there."""
        self._reading, self._is_new, self._is_stale = Reading(words), True, False
        self._more()

    # The list.

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed."""
        words = event.value.strip()
        if words != self._reading.words:
            self._begin(words)

    def on_approvals_list_end_near(self) -> None:
        """Read on."""
        self._more()

    def _more(self) -> None:
        """Read a portion, unless one is on its way or there are no more."""
        if self._is_reading or self._reading.is_over:
            return
        self._is_reading = True
        reading = self._reading

        def failed(text: str) -> None:
            reading.is_over = True
            self._is_reading = False
            self.workbench.say(text)

        def told(found: list[Asked]) -> None:
            self._is_reading = False
            if reading is self._reading:
                self._take(found)
            else:
                self._more()

        self.workbench.wishes.overviews.more_approvals(reading, told, failed)

    def _take(self, found: list[Asked]) -> None:
        rows = self._list
        lines = [approval_line(asked) for asked in found]
        rows.searched = self._reading.words
        if self._is_new:
            rows.put(lines)
            rows.move_to(0)
            self._show_first()
        else:
            rows.extend(lines)
        self._is_new = False
        self._entitle()
        if rows.is_end_near:
            self._more()

    def _entitle(self) -> None:
        reading = self._reading
        number = grouped(len(self._list.rows))
        parts = ["Approvals", number if reading.is_over else f"the newest {number}"]
        if reading.words:
            looked = grouped(reading.looked)
            parts.append(f"of {looked}" if reading.is_over else f"of {looked} looked through")
        if self._is_stale:
            parts.append(f"  {short('app.approvals')} shows what came since")
        self.entitle("  ".join(parts))

    # The selected one.

    def _show_first(self) -> None:
        if self._list.rows:
            self.selected(self._list.rows[0])
        else:
            self.detail("", lambda _width: iter(()))

    def selected(self, row: ApprovalLine) -> None:
        """Show it in full, with its entry in the audit."""

        def told(decided: Decided) -> None:
            if self._list.selected == row:
                there = "" if row.deleted else f"   {short('list.choose')} goes there"
                title = f"{row.run_id[:8]} #{row.seq}{there}"
                self.detail(title, lambda width: decided_lines(decided, width))

        self.workbench.wishes.overviews.approval(row.run_id, row.seq, row.ends, told)

    def chosen(self, row: ApprovalLine) -> None:
        """To its run and its row."""
        if row.deleted:
            self.workbench.say(f"run {row.run_id[:8]} was deleted: only its decisions are kept")
            return
        self.dismiss(None)
        self.workbench.wishes.go_to_row(row.run_id, row.seq)

    # The audit.

    def verify(self) -> None:
        """Go through the audit in the core, and say how far it is."""
        if self._is_verifying:
            return
        self._is_verifying = True
        self.workbench.say("verifying the audit ...")

        def told(lines: list[str]) -> None:
            self._is_verifying = False
            self._conclude("good", lines)

        def failed(text: str) -> None:
            self._is_verifying = False
            self._conclude("bad", ["the audit does not hold", *text.split("\n")])

        def moved(percent: int) -> None:
            self.workbench.say(f"verifying the audit: {percent} %")

        self.workbench.wishes.overviews.verify(moved, told, failed)

    def _conclude(self, role: Role, lines: list[str]) -> None:
        self.workbench.say(f"audit: {lines[0]}")

        def write(width: int) -> Iterator[Written]:
            yield from text_lines(lines[0], width, role=role)
            for line in lines[1:]:
                yield from text_lines(line, width)

        if self.is_mounted:
            self.detail("audit verify", write)
