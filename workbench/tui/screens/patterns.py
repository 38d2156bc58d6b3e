"""Patterns: what each does, its parameters, where it comes from, its source."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.detail import DetailPane
from workbench.tui.status import hint_line
from workbench.tui.written import Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class PatternLine(NamedTuple):
    """One pattern in the list."""

    name: str
    origin: str
    summary: str


class PatternsList(Lines[PatternLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("patterns")]

    def empty_line(self) -> Line:
        """None was found."""
        return ((Plain("no patterns"), "dim"),)

    def spans(self, row: PatternLine, width: int) -> Line:
        """Name and first sentence."""
        return [
            (fit(one_line(row.name), 18), "agent"),
            (fit(one_line(row.summary), max(0, width - 18)), ""),
        ]

    def action_run_pattern(self) -> None:
        """Write its command."""
        if self.selected is not None and isinstance(self.screen, PatternsScreen):
            self.screen.run_pattern(self.selected.name)


def pattern_lines(pattern: Any, width: int) -> Iterator[Written]:
    """A pattern in full."""
    yield ((one_line(str(pattern.name)), "strong"),)
    for name in ("version", "origin", "source_digest"):
        if getattr(pattern, name, None):
            yield from labelled(name, str(getattr(pattern, name)), width)
    yield ((Plain(""), ""),)
    yield from text_lines(str(pattern.doc or ""), width, prose=True)
    yield ((Plain(""), ""),)
    yield ((Plain("parameters"), "key"),)
    for parameter in pattern.parameters:
        yield from text_lines(parameter_words(parameter), width, indent=2)
    source = source_of(pattern)
    if source:
        yield ((Plain(""), ""),)
        yield ((Plain("source"), "key"),)
        yield from text_lines(source, width, indent=2)


def parameter_words(parameter: Any) -> str:
    """``rounds: int = 2  how often everyone speaks``."""
    default = "" if parameter.is_required else f" = {parameter.default!r}"
    kind = f": {parameter.type}" if parameter.type else ""
    return f"{parameter.name}{kind}{default}" + (f"  {parameter.doc}" if parameter.doc else "")


def source_of(pattern: Any) -> str:
    """The pattern's text, when its file is still there."""
    try:
        return textwrap.dedent(inspect.getsource(pattern.function))
    except (OSError, TypeError):
        return ""


class PatternsScreen(Screen[None]):
    """The screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#patterns-list"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp) -> None:
        super().__init__()
        self.workbench = app
        self._patterns: dict[str, Any] = {}

    def compose(self) -> ComposeResult:
        """List and detail."""
        with Horizontal():
            yield PatternsList(id="patterns-list", classes="pane")
            yield DetailPane(id="patterns-detail").add_class("pane")
        yield OneLine(
            lambda width: hint_line({"patterns", "overlay"}, self.workbench.notice, width),
            id="hints",
        )

    def on_mount(self) -> None:
        """Fill."""
        self.workbench.wishes.patterns(self.show)

    def show(self, patterns: list[Any]) -> None:
        """Take over what there is."""
        self._patterns = {str(pattern.name): pattern for pattern in patterns}
        rows = self.query_one(PatternsList)
        rows.put([_line(pattern) for pattern in patterns])
        rows.border_title = Content(f"Patterns  {len(patterns)}")
        if patterns:
            self._detail(str(patterns[0].name))

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """Show it in full."""
        if isinstance(message.row, PatternLine):
            self._detail(message.row.name)

    def _detail(self, name: str) -> None:
        pattern = self._patterns[name]
        self.query_one(DetailPane).show(name, lambda width: pattern_lines(pattern, width))

    def run_pattern(self, name: str) -> None:
        """Its command goes to the command line; the user fills in the rest."""
        self.dismiss(None)
        self.workbench.write_command(f"/run {name} ")

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""


def _line(pattern: Any) -> PatternLine:
    summary = str(pattern.doc or "").strip().partition("\n")[0]
    return PatternLine(str(pattern.name), str(getattr(pattern, "origin", "")), summary)
