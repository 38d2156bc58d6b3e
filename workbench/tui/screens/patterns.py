"""Patterns: what each does, its parameters, where it comes from, its source."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.binding import BindingType

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.written import BLANK, Written, labelled, text_lines

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
    yield BLANK
    yield from text_lines(str(pattern.doc or ""), width, prose=True)
    yield BLANK
    yield ((Plain("parameters"), "key"),)
    for parameter in pattern.parameters:
        yield from text_lines(parameter_words(parameter), width, indent=2)
    source = source_of(pattern)
    if source:
        yield BLANK
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


class PatternsScreen(BrowseScreen):
    """The screen."""

    PLACE = "patterns"

    def __init__(self, app: KaizenApp) -> None:
        self._list = PatternsList(id="patterns-list")
        super().__init__(app, self._list)
        self._patterns: dict[str, Any] = {}

    def on_mount(self) -> None:
        """Fill."""
        self.workbench.wishes.patterns(self.show)

    def show(self, patterns: list[Any]) -> None:
        """Take over what there is."""
        self._patterns = {str(pattern.name): pattern for pattern in patterns}
        self._list.put([_line(pattern) for pattern in patterns])
        self.entitle(f"Patterns  {len(patterns)}")
        if self._list.selected is not None:
            self.selected(self._list.selected)

    def selected(self, row: PatternLine) -> None:
        """Show it in full."""
        pattern = self._patterns[row.name]
        self.detail(row.name, lambda width: pattern_lines(pattern, width))

    def run_pattern(self, name: str) -> None:
        """Its command goes to the command line; the user fills in the rest."""
        self.dismiss(None)
        self.workbench.write_command(f"/run {name} ")


def _line(pattern: Any) -> PatternLine:
    summary = str(pattern.doc or "").strip().partition("\n")[0]
    return PatternLine(str(pattern.name), str(getattr(pattern, "origin", "")), summary)
