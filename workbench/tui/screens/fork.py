"""The fork form: what should be different from here on. Everything may stay empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, TextArea

from workbench.errors import UsageError
from workbench.tui.keys import bindings

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class ForkScreen(ModalScreen[None]):
    """Opened by the user; ctrl+s forks, Esc goes back without."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#fork-model"

    def __init__(self, app: KaizenApp, run_id: str, seq: int) -> None:
        super().__init__()
        self.workbench = app
        self._run_id = run_id
        self._seq = seq

    def compose(self) -> ComposeResult:
        """Fields."""
        place = f"c{self._seq}" if self._seq > 0 else "its newest row"
        with Vertical(id="fork-form") as form:
            form.border_title = Content(f"Fork run {self._run_id[:4]} at {place}")
            form.border_subtitle = Content("ctrl+s fork   tab next field   esc back")
            yield Label("Model (empty: the same)", markup=False)
            yield Input(id="fork-model", placeholder="ollama:qwen3:4b", compact=True)
            yield Label("Instructions for all its agents (empty: the same)", markup=False)
            yield TextArea(id="fork-instructions", tab_behavior="focus", compact=True)
            yield Label("Last model reply, as it should have been (empty: as it was)", markup=False)
            yield TextArea(id="fork-reply", tab_behavior="focus", compact=True)
            yield Label("Options as JSON (empty: the same)", markup=False)
            yield Input(id="fork-options", placeholder='{"temperature": 0}', compact=True)

    def overlay(self) -> dict[str, Any]:
        """What was filled in; UsageError when the options are no object."""
        found: dict[str, Any] = {
            "model": self.query_one("#fork-model", Input).value.strip(),
            "instructions": self.query_one("#fork-instructions", TextArea).text.strip(),
            "reply": self.query_one("#fork-reply", TextArea).text.strip(),
        }
        options = self.query_one("#fork-options", Input).value.strip()
        if options:
            found["options"] = _object(options)
        return {name: value for name, value in found.items() if value}

    def action_submit(self) -> None:
        """Fork."""
        try:
            overlay = self.overlay()
        except UsageError as error:
            self.query_one("#fork-form").border_subtitle = Content(str(error))
            return
        self.workbench.wishes.fork(self._run_id, self._seq, overlay)
        self.dismiss(None)

    def action_close(self) -> None:
        """Back without forking."""
        self.dismiss(None)


def _object(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the options are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("the options have to be a JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]
