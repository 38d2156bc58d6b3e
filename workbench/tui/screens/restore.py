"""A plan to put files back: what becomes of each, what is refused. ctrl+s does exactly it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.run.restoring import Restore
from workbench.script.filing import restore_lines
from workbench.tui.cells import Line, Role
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.status import hint_line
from workbench.tui.written import BLANK, Written, change_lines, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

_ROLES: dict[str, Role] = {"+": "good", "-": "bad", "~": "strong", "m": "strong", "r": "warn"}


def plan_lines(made: Restore, width: int) -> Iterator[Written]:
    """The plan with its differences, wrapped."""
    for place, text in enumerate(restore_lines(made, with_diff=False)):
        role: Role = "strong" if place == 0 else _ROLES.get(text.strip()[:1], "dim")
        if text.startswith("nothing was changed yet"):
            text = keyed("nothing was changed yet; {overlay.submit} does exactly this")  # noqa: PLW2901
        yield from text_lines(text, width, role=role)
    if made.diff.strip():
        yield BLANK
        yield from change_lines(made.diff, width)


class PlanLines(Lines[Written]):
    """The lines, made to the width at hand."""

    CURSOR: ClassVar[bool] = False

    def __init__(self, made: Restore) -> None:
        super().__init__(id="restore-lines", classes="pane")
        self._made = made

    def on_resize(self) -> None:
        """Lay out anew."""
        super().on_resize()
        self.put(list(plan_lines(self._made, max(20, self.scrollable_content_region.width))))

    def spans(self, row: Written, width: int) -> Line:
        """Made to measure already."""
        del width
        return row


class RestoreScreen(Screen[None]):
    """Opened from the tree or the files; ctrl+s restores, Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#restore-lines"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp, made: Restore) -> None:
        super().__init__()
        self.workbench = app
        self._made = made
        self._asked = False

    @property
    def can_act(self) -> bool:
        """Whether there is something to do and nothing against it."""
        acts = any(item.deed != "same" for item in self._made.items)
        return acts and not self._made.refused

    def compose(self) -> ComposeResult:
        """The plan and the hints."""
        lines = PlanLines(self._made)
        keys = keyed(
            f"{'{overlay.submit} restores   ' if self.can_act else ''}{{overlay.close}} back"
        )
        lines.border_title = Content(
            f"Restore  {self._made.run_id[:8]}@{self._made.place}   {keys}"
        )
        yield lines
        yield OneLine(
            lambda width: hint_line({"list", "overlay"}, self.workbench.notice, width), id="hints"
        )

    def action_submit(self) -> None:
        """Do it, once."""
        if not self.can_act:
            self.workbench.say("nothing is changed: see what is refused, or that there is nothing")
        elif not self._asked:
            self._asked = True
            self.workbench.wishes.places.restore(self._made, self._done, self._failed)

    def _done(self) -> None:
        self.dismiss(None)

    def _failed(self, text: str) -> None:
        self._asked = False
        self.workbench.say(text)

    def action_close(self) -> None:
        """Back without a change."""
        self.dismiss(None)
