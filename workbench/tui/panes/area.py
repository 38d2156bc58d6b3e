"""The area between status bar and command line: puts each pane where `layout` says."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.widget import Widget

from workbench.tui.layout import Mode, PaneName, Wanted, arrange, mode_of
from workbench.tui.painting import OneLine
from workbench.tui.panes.agents import AgentsPane
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.detail import DetailPane
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.panes.trace import TracePane
from workbench.tui.state import Board
from workbench.tui.status import tab_panes, tabs_line


class PaneLayout(Layout):
    """Boxes by pane name, from the pure function."""

    name = "panes"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Place the children that have a box."""
        del greedy
        assert isinstance(parent, PaneArea)
        boxes = arrange(size.width, size.height, parent.wanted)
        return [
            WidgetPlacement(
                Region(*boxes[child.id]), child.styles.offset.resolve(size, size),
                child.styles.margin, child,
            )
            for child in children
            if child.id in boxes
        ]  # fmt: skip


class PaneArea(Container):
    """Holds the five panes and the tabs."""

    class TabPicked(Message):
        """A tab was clicked."""

        def __init__(self, pane: PaneName) -> None:
            super().__init__()
            self.pane: PaneName = pane

    class Rearranged(Message):
        """Panes appeared or went."""

    def __init__(self, board: Board, inbox: InboxView, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.board = board
        self._inbox = inbox
        self.wanted = Wanted()
        self._panes_layout = PaneLayout()

    @property
    def layout(self) -> Layout:
        """Ours, whatever the style sheet says."""
        return self._panes_layout

    def compose(self) -> ComposeResult:
        """All panes, always; which are seen depends on the size."""
        yield OneLine(lambda _width: tabs_line(self.mode, self.wanted.shown, self.board), id="tabs")
        yield AgentsPane(id="agents").add_class("pane")
        yield CheckpointsPane(id="checkpoints").add_class("pane")
        yield TracePane(id="trace").add_class("pane")
        yield DetailPane(id="detail").add_class("pane")
        yield self._inbox.add_class("pane")

    @property
    def mode(self) -> Mode:
        """The arrangement of the whole terminal."""
        return mode_of(*self.screen.size)

    @property
    def trace(self) -> TracePane:
        """Pane 3."""
        return self.query_one(TracePane)

    @property
    def agents(self) -> AgentsPane:
        """Pane 1."""
        return self.query_one(AgentsPane)

    @property
    def checkpoints(self) -> CheckpointsPane:
        """Pane 2."""
        return self.query_one(CheckpointsPane)

    @property
    def detail(self) -> DetailPane:
        """Pane 4."""
        return self.query_one(DetailPane)

    @property
    def inbox(self) -> InboxView:
        """Pane 5."""
        return self._inbox

    def on_mount(self) -> None:
        """Tabs can be clicked."""
        self.query_one("#tabs", OneLine).on_pick = self._pick_tab
        self.rearrange(self.wanted)

    def on_resize(self) -> None:
        """Another size may be another arrangement."""
        self.rearrange(self.wanted)

    def rearrange(self, wanted: Wanted) -> None:
        """Show what is wanted, as far as it fits."""
        before, self.wanted = self.wanted, wanted
        boxes = arrange(*self.size, wanted)
        changed = before != wanted
        for child in self.children:
            shown = child.id in boxes
            changed |= child.display != shown
            child.display = shown
        box = boxes.get("inbox")
        is_line = box is not None and box.height == 1
        changed |= self.inbox.is_line != is_line
        self.inbox.is_line = is_line
        self.inbox.set_class(is_line, "-line")
        self.inbox.set_class(wanted.inbox_open or wanted.zoomed == "inbox", "-open")
        if changed:
            self.refresh(layout=True)
            self.query_one("#tabs").refresh()
            self.post_message(self.Rearranged())

    def is_shown(self, name: PaneName) -> bool:
        """Whether the pane has a box right now."""
        return name in arrange(*self.size, self.wanted)

    def _pick_tab(self, number: int) -> None:
        offered = tab_panes(self.mode)
        if number < len(offered):
            self.post_message(self.TabPicked(offered[number]))
