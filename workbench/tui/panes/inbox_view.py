"""What the inbox pane looks like: summary line, list, the whole request, its fields.

It is one line while nothing waits (and on small terminals), a short list while something does,
and half the screen, with the whole request to read, while the user is in it. The keys that
decide are in `inbox`, the rules they keep in `workbench.tui.deciding`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from workbench.plain import Plain, one_line
from workbench.tui.asked import Asked
from workbench.tui.cells import Line, Span, crop
from workbench.tui.clock import Clock
from workbench.tui.deciding import SCOPES, Deciding, Given, Step
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.inbox_text import (
    InboxLine,
    action_lines,
    inbox_line,
    inbox_spans,
    key_spans,
    marked_lines,
    scope_lines,
)
from workbench.tui.state import Board
from workbench.tui.written import Written

if TYPE_CHECKING:
    from textual.widgets import TextArea


class InboxList(Lines[InboxLine]):
    """The requests; the cursor is the selection, which only the user's keys move."""

    def spans(self, row: InboxLine, width: int) -> Line:
        """One request."""
        return inbox_spans(row, width)

    def move_to(self, place: int) -> None:
        """Moving is a decision of the inbox: it starts the waits anew."""
        self.query_ancestor(InboxView).move(place - self.cursor)

    def action_page(self, direction: int) -> None:
        """Paging reads on in the request."""
        self.query_ancestor(InboxView).action_scroll_action(direction)


class ActionText(Lines[Written], can_focus=False):
    """The whole request; knows whether its end is in sight."""

    CURSOR: ClassVar[bool] = False

    subject = ""
    """Which text it shows; empty while it shows none."""

    def show(self, subject: str, lines: list[Written]) -> None:
        """Another text begins at its beginning; the same one stays where it is."""
        if subject != self.subject:
            self.subject = subject
            self.scroll_to(y=0, animate=False, force=True)
        self.put(lines)

    def spans(self, row: Written, width: int) -> Line:
        """Made to measure already."""
        del width
        return row

    @property
    def is_at_end(self) -> bool:
        """Whether the last line is on the screen; nothing of a hidden text is."""
        height = self.size.height if self.display else 0
        return height > 0 and bool(self.rows) and round(self.scroll_y) + height >= len(self.rows)

    def on_rows_painted(self) -> None:
        """A text that fits is read at once."""
        self.query_ancestor(InboxView).note_read()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling may reach the end."""
        super().watch_scroll_y(old_value, new_value)
        self.query_ancestor(InboxView).note_read()


class InboxView(Vertical):
    """The inbox as it is shown; `InboxPane` adds the keys."""

    class Decided(Message):
        """The user decided."""

        def __init__(self, given: Given) -> None:
            super().__init__()
            self.given = given

    class GrantsWanted(Message):
        """What each scope would grant for a request is to be shown."""

        def __init__(self, subject: str) -> None:
            super().__init__()
            self.subject = subject

    class Said(Message):
        """A sentence for the user: why a key did nothing."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class JumpWanted(Message):
        """The user wants to go from a request to its row or its checkpoint."""

        def __init__(self, asked: Asked, to: str) -> None:
            super().__init__()
            self.asked = asked
            self.to = to

    class Left(Message):
        """The user is done here; the focus goes back to where it was."""

    class Full(Message):
        """The user wants the whole screen for the request, or no longer."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.clock = clock
        self.state = Deciding()
        self.is_line = True

    def compose(self) -> ComposeResult:
        """Summary line, list, text, fields, keys."""
        yield OneLine(self.summary, id="inbox-summary")
        yield InboxList(id="inbox-list")
        yield ActionText(id="inbox-action")
        yield Input(id="inbox-field", select_on_focus=False)
        yield OneLine(self.hint, id="inbox-keys")

    def on_mount(self) -> None:
        """The editor, heavy and seldom needed, comes behind the first frame."""
        self.call_after_refresh(self._mount_editor)

    async def _mount_editor(self) -> None:
        from textual.widgets import TextArea  # noqa: PLC0415 - see above

        await self.mount(TextArea(id="inbox-edit", show_line_numbers=False), before="#inbox-keys")

    # Showing.

    def show(self, board: Board) -> None:
        """Take over what waits."""
        self.state.update(board.inbox, self.clock.ticks())
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Bring list, text and borders up to date."""
        now = self.clock.now()
        rows = self.query_one(InboxList)
        rows.put([inbox_line(row, self.state, now) for row in self.state.rows])
        rows.cursor = self.state.place
        rows.styles.height = max(1, min(len(self.state.rows), 4 if self.state.focused else 3))
        waiting = [row for row in self.state.rows if not row.gone]
        marked = f", {len(self.state.marked)} marked" if self.state.marked else ""
        self.border_title = Content(f"5 Inbox ({len(waiting)}{marked})")
        self._fill_action(now)
        self.query_one("#inbox-summary").refresh()
        self.query_one("#inbox-keys").refresh()

    def _fill_action(self, now: float) -> None:
        view = self.query_one(ActionText)
        row = self.state.selected
        if not self.state.focused or row is None:
            view.subject = ""
            return
        width = max(20, view.size.width)
        view.show(self._subject(row), list(self._text(row, now, width)))

    def _subject(self, row: Asked) -> str:
        step = self.state.step
        if step in ("scope", "marked"):
            return f"{row.id}#{step}"
        return f"{row.id}#edited" if row.id in self.state.edited else row.id

    def _text(self, row: Asked, now: float, width: int) -> Iterator[Written]:
        match self.state.step:
            case "scope":
                return scope_lines(row, self.state, width)
            case "marked":
                return marked_lines(self.state, width)
            case _:
                return action_lines(row, self.state, now, width)

    def summary(self, width: int) -> Line:
        """The inbox as one line."""
        waiting = [row for row in self.state.rows if not row.gone]
        if not waiting:
            return [(Plain("5 Inbox  "), "dim"), (Plain("nothing is waiting"), "dim")]
        head: list[Span] = [(Plain(f"5 Inbox ({len(waiting)}) "), "warn")]
        line = inbox_line(waiting[0], self.state, self.clock.now())
        return [*head, *inbox_spans(line, width - len(head[0][0]))]

    def on_resize(self) -> None:
        """A new width wraps the request anew."""
        self.call_after_refresh(self.refresh_rows)

    # Focus and moving.

    @property
    def is_busy(self) -> bool:
        """Whether a field or a question of the inbox itself is open."""
        return self.state.step != "list"

    def on_descendant_focus(self) -> None:
        """The user came in."""
        if not self.state.focused:
            self.state.focus(self.clock.ticks())
        self.refresh_rows()

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """The user may have left; within the inbox the focus moves without leaving."""
        self.call_after_refresh(self._maybe_left)

    def _maybe_left(self) -> None:
        focus = self.screen.focused
        if focus is None or self not in focus.ancestors:
            self.state.blur()
            self.close_fields()
            self.refresh_rows()

    def move(self, rows: int) -> None:
        """Select another row, or another scope while that is asked."""
        ticks = self.clock.ticks()
        if self.state.step == "scope":
            self.state.scope = max(0, min(self.state.scope + rows, len(SCOPES) - 1))
            self.state.guard.select(self.scope_subject(), ticks)
        else:
            self.state.move(rows, ticks)
        self.refresh_rows()

    def note_read(self) -> None:
        """Remember that the selected request has been in sight to its end."""
        row, view = self.state.selected, self.query_one(ActionText)
        if row is None or self.state.step != "list" or row.id in self.state.seen_whole:
            return
        if view.subject == self._subject(row) and view.is_at_end:
            self.state.seen_whole.add(row.id)
            self.query_one("#inbox-keys").refresh()

    # Fields.

    def ask(self, step: Step, prompt: str, text: str = "") -> None:
        """Open the one-line field of the inbox; a reason's text is kept from last time."""
        self.state.step = step
        field = self.query_one("#inbox-field", Input)
        if step != "reason":
            field.value = text
        field.placeholder = prompt
        self.add_class("-asking")
        field.focus()
        self.refresh_rows()

    def edit(self, text: str) -> None:
        """Open the editor."""
        for editor in self.query("#inbox-edit"):
            self.state.step = "edit"
            cast("TextArea", editor).text = text
            self.add_class("-editing")
            editor.focus()
        self.refresh_rows()

    def edited_text(self) -> str:
        """What stands in the editor."""
        return cast("TextArea", self.query_one("#inbox-edit")).text

    def close_fields(self) -> None:
        """Close whatever is open; a reason's text is kept."""
        self.remove_class("-asking", "-editing")
        self.state.step = "list"
        row = self.state.selected
        if row is not None and self.state.focused:
            self.state.guard.select(row.id, self.clock.ticks())

    def back(self) -> bool:
        """Leave the innermost open thing; False when nothing was open."""
        if not self.is_busy:
            return False
        self.close_fields()
        self.query_one(InboxList).focus()
        self.refresh_rows()
        return True

    def say(self, text: str) -> None:
        """Tell the user something."""
        self.post_message(self.Said(text))

    def send(self, given: Given | None) -> None:
        """A decision is made: tell the screen, go on to the next row."""
        if given is None:
            return
        self.post_message(self.Decided(given))
        self.close_fields()
        self.state.decided(given.id, self.clock.ticks())
        if self.state.rows:
            self.query_one(InboxList).focus()
        else:
            self.post_message(self.Left())
        self.refresh_rows()

    def hint(self, width: int) -> Line:
        """The row of keys at the bottom."""
        return [(crop(one_line(text), width), role) for text, role in key_spans(self.state, width)]

    def pick(self, asked_id: str) -> None:
        """Select a request, as the keys would: its waits begin anew."""
        ids = [row.id for row in self.state.rows]
        if asked_id in ids:
            self.move(ids.index(asked_id) - self.state.place)

    def action_jump(self, to: str) -> None:
        """From the request to where it stands elsewhere."""
        if self.state.selected is not None and not self.is_busy:
            self.post_message(self.JumpWanted(self.state.selected, to))

    def scope_subject(self) -> str:
        """What the guard calls the scope under the cursor."""
        return f"{self.state.selected_id}#scope{self.state.scope}"

    def action_scroll_action(self, pages: int) -> None:
        """Read on in the request."""
        view = self.query_one(ActionText)
        view.scroll_to(y=view.scroll_offset.y + pages * max(1, view.size.height - 1), animate=False)
