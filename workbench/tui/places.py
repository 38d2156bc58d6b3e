"""What the user can have done about places and branches: one method for each wish.

A method returns at once; when the core has answered, the board, a screen or the hint line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.journal.family import Branch
from workbench.journal.tree import TreeRow
from workbench.tui import front_files, front_past
from workbench.tui import front_places as front

if TYPE_CHECKING:
    from workbench.journal.files import FileChange
    from workbench.run.restoring import Restore
    from workbench.script.compare import Compared
    from workbench.script.differing import DiffLine
    from workbench.tui.app import KaizenApp
    from workbench.tui.past import Extent

Failed = Callable[[str], None]


class Places:
    """Wishes about places, carried to the core and their results to the screen."""

    def __init__(self, app: KaizenApp, look_at: Callable[[str], None]) -> None:
        self._app, self._look_at = app, look_at

    def family(self, run_id: str) -> None:
        """Learn all branches of a run's tree, also those of other sessions."""

        def told(found: Mapping[str, Branch]) -> None:
            self._app.board.adopt(found)
            self._app.show_news()

        if run_id:
            self._app.ask_core(lambda bench: front.family(bench, run_id), told)

    def fork(
        self, run_id: str, at: int, changes: Mapping[str, Any], done: Callable[[], None],
        failed: Failed,
    ) -> None:  # fmt: skip
        """Fork and look at the new run; what is wrong with it is told to the form."""

        def forked(new: str) -> None:
            done()
            self._look_at(new)
            self._app.say(f"run {new[:4]} is a fork of {run_id[:4]}")

        self._app.ask_core(lambda bench: front.fork(bench, run_id, at, changes), forked, failed)

    def preview(
        self, run_id: str, at: int, changes: Mapping[str, Any],
        then: Callable[[list[str]], None], failed: Failed,
    ) -> None:  # fmt: skip
        """What a fork would be."""
        self._app.ask_core(lambda bench: front.preview(bench, run_id, at, changes), then, failed)

    def name(self, run_id: str, at: int, name: str) -> None:
        """Name a line of the tree, or where the run stands."""

        def told(_done: object) -> None:
            self._app.say(f"checkpoint {name}" + (f" at {at}" if at > 0 else ""))
            self.family(run_id)

        self._app.ask_core(lambda bench: front.name_place(bench, run_id, at, name), told)

    def diff(self, one: TreeRow, other: TreeRow) -> None:
        """Compare two lines of the tree on a screen of their own."""
        title = f"{_place(one)}  {_place(other)}"

        def told(lines: list[DiffLine]) -> None:
            self._app.open_diff(title, lines)

        places = ((one.run_id, one.place), (other.run_id, other.place))
        self._app.ask_core(lambda bench: front.difference(bench, *places), told)

    def compare(self, run_ids: Sequence[str]) -> None:
        """Branches side by side on a screen of their own."""

        def told(found: list[Compared]) -> None:
            self._app.open_compare(found)

        self._app.ask_core(lambda bench: front.compared(bench, run_ids), told)

    def past(self, run_id: str, seq: int) -> None:
        """A run as it was at a row; 0 for the newest, to go back from."""

        def told(extent: Extent) -> None:
            if extent.last:
                self._app.open_past(extent, seq or extent.last)
            else:
                self._app.say(f"nothing of run {run_id[:4]} is recorded yet")

        self._app.ask_core(lambda bench: front_past.extent(bench, run_id), told)

    # Files.

    def files(self, run_id: str, at: int) -> None:
        """The files that were changed up to a line, on a screen of their own."""

        def told(found: tuple[list[FileChange], list[str]]) -> None:
            self._app.open_files(run_id, *found)

        self._app.ask_core(lambda bench: front_files.changes(bench, (run_id, at)), told)

    def file_diff(self, change: FileChange, then: Callable[[str], None]) -> None:
        """The difference that one change made."""
        self._app.ask_core(lambda bench: front_files.difference(bench, change), then)

    def plan_restore(self, run_id: str, at: int) -> None:
        """What putting files back as they were at a line would do, on a screen of its own."""
        self._app.ask_core(
            lambda bench: front_files.plan(bench, (run_id, at)), self._app.open_restore
        )

    def restore(self, made: Restore, done: Callable[[], None], failed: Failed) -> None:
        """Do what a plan says; how to take it back is told."""

        def restored(undo: str) -> None:
            done()
            self._app.say(f"the files are as they were; to take that back: /{undo}")

        self._app.ask_core(lambda bench: front_files.restore(bench, made), restored, failed)


def _place(row: TreeRow) -> str:
    return f"{row.run_id[:8]}@{row.place}" if row.place > 0 else row.run_id[:8]
