"""The inbox as it was at a moment that is over: it can be read, and has no key that decides.

What was asked then was decided then, or waits in the present, where its own row is.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content

from workbench.plain import Plain
from workbench.tui.cells import Line, crop
from workbench.tui.deciding import Given, Step
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.panes.inbox_text import inbox_line, inbox_spans
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.state import Board

SAID = "PAST: what waited then; nothing can be decided here, {past.leave} leads back to the present"


DECIDING = tuple("ysednY")

LOOKING = (
    "inbox.full", "inbox.scroll_down", "inbox.scroll_up", "inbox.trace", "inbox.checkpoint",
)  # fmt: skip


class PastInbox(InboxView):
    """What waited then."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("inbox", only=LOOKING)]

    def show(self, board: Board) -> None:
        """Exactly what waited then, also while one is in it: there is nothing to hit by mistake."""
        waited = list(board.inbox.values())
        self.state.rows = waited
        if self.state.selected is None:
            self.state.selected_id = waited[0].id if waited else ""
        if not waited and self.state.focused:
            self.post_message(self.Left())
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """As the present's, under another title."""
        super().refresh_rows()
        self.border_title = Content(f"5 Inbox as it was ({len(self.state.rows)})")

    def summary(self, width: int) -> Line:
        """One line of it."""
        waited = self.state.rows
        if not waited:
            return [(Plain("5 Inbox  nothing waited then"), "dim")]
        head = Plain(f"5 Inbox as it was ({len(waited)}) ")
        line = inbox_line(waited[0], self.state, self.clock.now())
        return [(head, "dim"), *inbox_spans(line, width - len(head))]

    def hint(self, width: int) -> Line:
        """What one can do here."""
        return [
            (
                crop(keyed(f"{SAID}   {{inbox.scroll_down}} {{inbox.scroll_up}} scroll"), width),
                "dim",
            )
        ]

    def send(self, given: Given | None) -> None:
        """Nothing of the past is decided."""
        del given

    def ask(self, step: Step, prompt: str, text: str = "") -> None:
        """Nothing is asked for either."""
        del step, prompt, text

    def edit(self, text: str) -> None:
        """Nor edited."""
        del text

    def action_full(self) -> None:
        """The whole screen for the request, or back."""
        self.post_message(self.Full())

    def on_key(self, event: events.Key) -> None:
        """A key that decides in the present is answered with why it does not here."""
        if event.character in DECIDING:
            event.stop()
            self.say(SAID)
