"""What works here, and the command that mends what does not: `kaizen-tui doctor` as a screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.written import Written, labelled

if TYPE_CHECKING:
    from workbench.script.doctor import Finding
    from workbench.tui.app import KaizenApp


class FindingsList(Lines["Finding"]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("doctor")]

    def empty_line(self) -> Line:
        """Before anything was found."""
        return ((Plain("looking: terminal, sandbox, models, trust, plugins, database..."), "dim"),)

    def spans(self, row: Finding, width: int) -> Line:
        """Whether it is well, what it is, what was found."""
        mark = Plain("ok  " if row.ok else "!   ")
        role = "good" if row.ok else "warn"
        name = 18
        what = fit(one_line(row.what), max(0, width - 5 - name))
        return [
            (mark, role),
            (fit(one_line(row.name), name), "strong"),
            (Plain(" "), ""),
            (what, ""),
        ]

    def action_again(self) -> None:
        """Look again."""
        if isinstance(self.screen, DoctorScreen):
            self.screen.look()

    def action_copy(self) -> None:
        """The command into the clipboard."""
        row = self.selected
        if row is not None and isinstance(self.screen, DoctorScreen):
            self.screen.copy(row)


class DoctorScreen(BrowseScreen):
    """The screen."""

    PLACE = "doctor"

    def __init__(self, app: KaizenApp) -> None:
        self._list = FindingsList(id="doctor-list")
        super().__init__(app, self._list)

    def on_mount(self) -> None:
        """Look."""
        self.look()

    def look(self) -> None:
        """Have everything looked at, in a process of its own."""
        self.entitle("Doctor   looking...")
        self.workbench.wishes.overviews.findings(self.show)

    def show(self, found: list[Finding]) -> None:
        """Take it over; what is not well comes first."""
        if not self.is_mounted:
            return
        self._list.put(sorted(found, key=lambda one: one.ok))
        ill = sum(not one.ok for one in found)
        self.entitle(f"Doctor   {ill} to mend" if ill else "Doctor   all is well")
        if self._list.selected is not None:
            self.selected(self._list.selected)

    def selected(self, row: Finding) -> None:
        """In full."""
        self.detail(row.name, lambda width: finding_text(row, width))

    def copy(self, row: Finding) -> None:
        """Put the command into the terminal's clipboard."""
        if row.mend:
            self.workbench.copy_to_clipboard(row.mend)
            self.workbench.say(f"copied, if your terminal takes OSC 52: {row.mend}")
        else:
            self.workbench.say(f"{row.name}: there is nothing to mend")


def finding_text(row: Finding, width: int) -> Iterator[Written]:
    """A finding in full."""
    yield from labelled("found", row.what, width)
    if row.mend:
        yield from labelled("mend", row.mend, width, role="accent")
