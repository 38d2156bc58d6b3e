"""The one list of this screen: rows are tuples, formatted only when they are painted.

Everything that can grow stands on it. Adding rows costs an append; painting happens at most 30
times a second however often rows arrive, and only for the rows in sight. (Measured against
widgets that format on arrival: 189,000 rows a second instead of 3,300.)

Follow mode keeps the newest row in sight. Scrolling or moving up ends it, and from then on the
rows that arrive are counted in the border.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Hashable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.plain import Plain
from workbench.tui.cells import Line
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.painting import Painted

Row = TypeVar("Row")

FRAME_S = 1 / 30


class Lines(Painted, ScrollView, Generic[Row], can_focus=True):
    """A list of rows with a cursor; subclasses say how a row looks in `spans`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list")]
    FOLLOWS: ClassVar[bool] = False
    """Whether the list starts in follow mode."""
    CURSOR: ClassVar[bool] = True
    """Whether one row is selected; without it the keys scroll."""

    class Selected(Message):
        """The cursor moved to another row."""

        def __init__(self, lines: Lines[Any], row: object) -> None:
            super().__init__()
            self.lines = lines
            self.row = row

        @property
        def control(self) -> Lines[Any]:
            """The list it happened in."""
            return self.lines

    class Chosen(Selected):
        """Enter was pressed on a row."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.rows: list[Row] = []
        self.cursor = 0
        self.following = self.FOLLOWS
        self.unseen = 0
        """Rows that came since following ended."""
        self.head = 0
        """Lines at the top that stay there: none, or one."""
        self._strips: LRUCache[Any, Strip] = LRUCache(1024)
        self.is_painting = False
        """Whether something waits for the next frame."""
        self._painted_rows: int = 0
        self._painted_at = 0.0

    # What subclasses say.

    def spans(self, row: Row, width: int) -> Line:
        """The row as pieces of clean text with their roles."""
        raise NotImplementedError

    def empty_line(self) -> Line:
        """What stands in the first line while there are no rows."""
        return ()

    def head_line(self, width: int) -> Line:
        """What stands in the head, while there is one."""
        del width
        return ()

    def aspect(self) -> Hashable:
        """What the picture of a row depends on besides the row and its width."""
        return None

    def newest(self) -> int:
        """The place that following keeps in sight."""
        return len(self.rows) - 1

    def on_rows_painted(self) -> None:
        """Rows or their number changed on the screen; a place to update the border."""

    # Rows in.

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows at the end."""
        before = len(self.rows)
        self.rows.extend(rows)
        if not self.following:
            self.unseen += len(self.rows) - before
        self.changed()

    def put(self, rows: list[Row]) -> None:
        """Show these rows instead; the cursor keeps its place."""
        self.rows = rows
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self.changed()

    def drop_head(self, number: int) -> None:
        """Forget the oldest rows, keeping what is in sight in sight."""
        del self.rows[:number]
        self.cursor = max(0, self.cursor - number)
        if not self.following:
            self.set_scroll(None, max(0, self.scroll_offset.y - number))
        self.changed()

    def changed(self) -> None:
        """Something is to be painted: now if nothing was lately, else at the next frame."""
        if self.is_painting or not self.is_mounted:
            return
        self.is_painting = True
        wait = self._painted_at + FRAME_S - get_running_loop().time()
        if wait > 0:
            self.set_timer(wait, self.paint_now)
        else:
            self.call_later(self.paint_now)

    def paint_now(self) -> None:
        """Bring size, scroll position and picture up to date."""
        self.is_painting = False
        self._painted_at = get_running_loop().time()
        number = len(self.rows) + self.head
        if number != self._painted_rows:
            self._painted_rows = number
            self.virtual_size = Size(self.size.width, number)
        if self.following and self.rows:
            self.unseen = 0
            place = self.newest()
            self._move(place, scroll=False)
            top = max(0, place + 1 - self._height)
            self.scroll_to(y=top, animate=False, force=True)
        self.refresh()
        self.on_rows_painted()

    # Painting.

    def on_mount(self) -> None:
        """Show what was put in before the list was on the screen."""
        self.virtual_size = Size(self.size.width, len(self.rows) + self.head)
        self.changed()

    def on_resize(self) -> None:
        """A new width formats anew; following keeps the end in sight."""
        self._strips.clear()
        self.changed()

    def notify_style_update(self) -> None:
        """Colours changed: formatted rows are stale."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        if y < self.head:
            return self.strip(self.head_line(width), width)
        place = self.scroll_offset.y + y - self.head
        if place >= len(self.rows):
            spans = self.empty_line() if place == 0 else ()
            return self.strip(spans, width)
        row = self.rows[place]
        cursor = self._cursor_look(place)
        key = (row, width, cursor, self.aspect())
        strip = self._strips.get(key)
        if strip is None:
            strip = self.strip(self.spans(row, width), width, cursor)
            self._strips[key] = strip
        return strip

    def _cursor_look(self, place: int) -> str:
        if not self.CURSOR or place != self.cursor:
            return ""
        return "line--cursor" if self.has_focus else "line--cursor-blurred"

    # Moving.

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def move_to(self, place: int) -> None:
        """Put the cursor on a row and bring it in sight; the last row of a log follows again."""
        last = len(self.rows) - 1
        place = max(0, min(place, last))
        if self.FOLLOWS:
            self.following = place >= last
        if not self.CURSOR:
            self.scroll_to(y=place, animate=False)
            return
        self._move(place, scroll=True)

    def _move(self, place: int, *, scroll: bool) -> None:
        moved = place != self.cursor
        self.cursor = place
        if scroll:
            self._bring_in_sight(place)
        self.refresh()
        if moved and place < len(self.rows):
            self.post_message(self.Selected(self, self.rows[place]))

    def _bring_in_sight(self, place: int) -> None:
        top, height = self.scroll_offset.y, self._height
        if place < top:
            self.scroll_to(y=place, animate=False, force=True)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False, force=True)

    @property
    def _height(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - self.head)

    def action_move(self, rows: int) -> None:
        """Up or down by rows."""
        if self.CURSOR:
            self.move_to(self.cursor + rows)
        else:
            self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_page(self, direction: int) -> None:
        """Up or down by half the height."""
        self.action_move(direction * max(1, self.size.height // 2))

    def action_first(self) -> None:
        """To the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """To the last row, and follow if this list follows."""
        self.move_to(len(self.rows) - 1)
        if not self.CURSOR:
            self.scroll_end(animate=False)
        self.changed()

    def action_choose(self) -> None:
        """Take the row under the cursor."""
        if self.selected is not None:
            self.post_message(self.Chosen(self, self.selected))

    def action_follow(self) -> None:
        """Keep the newest row in sight, or stop doing so."""
        self.following = not self.following
        self.changed()

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """Scrolling up ends following."""
        if self.FOLLOWS:
            self.following = False

    def on_click(self, event: events.Click) -> None:
        """A click selects the row under it."""
        offset = event.get_content_offset(self)
        if offset is not None and self.rows:
            self.move_to(self.scroll_offset.y + offset.y - self.head)

    def on_focus(self) -> None:
        """The cursor looks different in the list that has the keys."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor looks different in the list that has not."""
        self.refresh()

    def badge(self) -> Plain:
        """What follow mode has to say: for the border."""
        if not self.FOLLOWS or self.following:
            return Plain("follow" if self.following else "")
        return keyed(
            f"{self.unseen} new, {{list.last}} follows"
            if self.unseen
            else "stopped, {list.last} follows"
        )
