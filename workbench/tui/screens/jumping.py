"""Jumps between a row, its checkpoint and its approval, from each to each.

What still waits is found on the board; what was decided long ago is looked up in the log. In the
past nothing later than its moment is found.
"""

from __future__ import annotations

from workbench.journal.events import Event
from workbench.journal.tree import TreeRow
from workbench.tui import front_jumps
from workbench.tui.asked import Asked
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.looking import Looking
from workbench.tui.trace_rows import TraceRow
from workbench.tui.under_way import open_key


class Jumping(Looking):
    """A screen of panes one can jump between."""

    def on_trace_pane_jump_wanted(self, message: TracePane.JumpWanted) -> None:
        """From a row to its approval or checkpoint."""
        row = message.row
        if message.to == "checkpoint":
            self._to_checkpoint(row.run_id, row.seq)
            return
        asked = self._waiting_in(row)
        if asked is not None:
            self._to_inbox(asked)
        elif row.seq:
            self.workbench.ask_core(
                lambda bench: front_jumps.counterpart(bench, row.run_id, row.seq, self.upto()),
                lambda found: self._to_found(found, "no approval belongs to this row"),
            )

    def on_inbox_view_jump_wanted(self, message: InboxView.JumpWanted) -> None:
        """From a request to its row or its checkpoint."""
        asked = message.asked
        row = self.board.trace.at(self.board.asked_at.get(asked.id, -1))
        if row is None:
            self.workbench.say("its row is not among those that are shown")
        elif message.to == "checkpoint":
            self._to_checkpoint(asked.run_id, row.seq)
        else:
            self.go_to_row(row.run_id, row.seq)

    def jump_from(self, row: TreeRow, to: str) -> None:
        """From a line of the tree to its row, or to what was asked next."""
        upto = self.upto()
        run = self.board.runs.get(row.run_id)
        here = row.seq if row.seq >= 0 else (run.last_seq if run is not None else 0)
        if to == "trace":
            self.go_to_row(row.run_id, max(here, 1), nearest=True)
            return
        self.workbench.ask_core(
            lambda bench: front_jumps.next_asked(bench, row.run_id, here, upto),
            lambda found: self._to_found(found, "nothing was asked after this line"),
        )

    def _waiting_in(self, row: TraceRow) -> Asked | None:
        """What waits in a row: it asks itself, or is the call that is asked about."""
        key = open_key(self.board, row.run_id, seq=row.seq) if row.seq else ""
        for asked in self.board.inbox.values():
            line = self.board.trace.at(self.board.asked_at.get(asked.id, -1))
            is_line = line is not None and (line.run_id, line.seq) == (row.run_id, row.seq)
            if is_line or (key and asked.key == key and asked.run_id == row.run_id):
                return asked
        return None

    def _to_found(self, found: Event | None, otherwise: str) -> None:
        if not self.is_current:
            return
        if found is None:
            self.workbench.say(otherwise)
            return
        asked = self.board.inbox.get(str(found.data.get("id", "")))
        if asked is not None:
            self._to_inbox(asked)
        else:
            self.go_to_row(found.run_id, found.seq)

    def _to_inbox(self, asked: Asked) -> None:
        self.go_to("inbox")
        self.area.inbox.pick(asked.id)

    def go_to_row(self, run_id: str, seq: int, *, nearest: bool = False) -> bool:
        """Go to a row in the trace; when it is older than what is held, to the detail."""
        self.select_run(run_id)
        found = self.area.trace.pick(run_id, seq, nearest=nearest)
        if found is None:
            self.go_to("detail")
            self.workbench.say(f"#{seq} is older than the rows that are held here: see Detail")
            self.show_position(run_id, seq)
        else:
            self.go_to("trace")
            self.show_row(found)
        return found is not None

    def _to_checkpoint(self, run_id: str, seq: int) -> None:
        self.select_run(run_id)
        self.go_to("checkpoints")
        self.area.checkpoints.pick(run_id, seq)
