"""From clean text with roles to cells: the only way anything of ours is painted.

`Painted` turns spans into strips with the style sheet's colours; `OneLine` is a widget of one
row (status bar, tabs, hints). Neither knows markup, so no text can bring any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.cells import ROLES, Line, Role, width_of


class Painted(Widget):
    """A widget that paints spans; mixed into those that do."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--cursor",
        "line--cursor-blurred",
        *(f"line--{role}" for role in ROLES),
    }

    _role_styles: dict[str, Style] | None = None

    def notify_style_update(self) -> None:
        """Colours changed."""
        super().notify_style_update()
        self._role_styles = None

    def strip(self, spans: Line, width: int, look: str = "") -> Strip:
        """The spans as one row of exactly ``width`` cells, on a background named by ``look``."""
        under = self.role_style(look) if look else self.rich_style
        segments = [Segment(text, self._over(under, role)) for text, role in spans]
        return Strip(segments).crop_extend(0, width, under)

    def _over(self, under: Style, role: Role) -> Style:
        """A role on a ground.

        On the terminal's own text colour, reversed, no other colour is sure to be readable.
        """
        if not role:
            return under
        style = self.role_style(f"line--{role}")
        return under + (Style(bold=style.bold) if under.reverse else style)

    def role_style(self, name: str) -> Style:
        """The style sheet's style of a component class, remembered until colours change.

        A role's style has no background: it is painted on whatever the row has. (Textual's own
        partial style would forget that a colour is half transparent.)
        """
        if self._role_styles is None:
            self._role_styles = {}
        style = self._role_styles.get(name)
        if style is None:
            style = self.get_component_rich_style(name)
            if not name.startswith("line--cursor"):
                style = Style(
                    color=style.color, bold=style.bold, dim=style.dim, reverse=style.reverse
                )
            self._role_styles[name] = style
        return style


class OneLine(Painted):
    """One row of text, made when it is painted, so that it fits whatever width there is."""

    def __init__(self, make: Callable[[int], Line], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make = make
        self._starts: list[tuple[int, int]] = []
        self.on_pick: Callable[[int], None] | None = None
        """Told the number of the span that was clicked."""

    def render_line(self, y: int) -> Strip:
        """The row."""
        width = self.size.width
        spans = self._make(width) if y == 0 else ()
        place = 0
        self._starts.clear()
        for text, _role in spans:
            self._starts.append((place, place + width_of(text)))
            place = self._starts[-1][1]
        return self.strip(spans, width)

    def on_click(self, event: events.Click) -> None:
        """Pick the span under the pointer."""
        for number, (start, end) in enumerate(self._starts):
            if start <= event.x < end and self.on_pick is not None:
                self.on_pick(number)
