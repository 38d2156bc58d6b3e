"""The fork form: what should be different from here on, and what the fork would be.

Everything may stay empty. What is wrong is said in the form, which stays open with its text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, TextArea

from workbench.errors import UsageError
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, wrap
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class FormField(NamedTuple):
    """One line of the form."""

    name: str
    label: str
    placeholder: str
    read: Callable[[str], Any] = str
    is_long: bool = False


def _object(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{text[:40]!r} is not JSON") from None
    if not isinstance(found, dict):
        raise UsageError(f"{text[:40]!r} is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]


def _names(text: str) -> Any:
    """``read_file, edit_file``; a dash for none at all; or JSON, by agent."""
    if text.startswith("{"):
        return _object(text)
    return [] if text == "-" else [name for name in text.replace(",", " ").split() if name]


def _by_agent(text: str) -> Any:
    """Text for all agents, or a JSON object by agent."""
    return _object(text) if text.startswith("{") else text


FIELDS = (
    FormField("model", "Model", "ollama:qwen3:4b", _by_agent),
    FormField("tools", "Tools", 'read_file, edit_file   - for none   {"coder": ["read_file"]}',
              _names),
    FormField("options", "Options, JSON", '{"temperature": 0}', _object),
    FormField("files", "Files", "own: a copy as they were here   empty: the same folder"),
    FormField("arguments", "Next call's arguments", '{"path": "…"}: of the call asked next',
              _object),
    FormField("instructions", 'Instructions for all agents, or {"coder": …}', "", _by_agent, True),
    FormField("reply", "Last model reply, as it should have been", "", str, True),
)  # fmt: skip


class PreviewLines(Lines[tuple[Plain, bool]]):
    """What the fork would be."""

    CURSOR: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__(id="fork-preview")
        self._text: list[str] = []

    def tell(self, text: list[str]) -> None:
        """Show these sentences."""
        self._text = text
        self._lay_out()

    def on_resize(self) -> None:
        """Wrap to the width."""
        super().on_resize()
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(20, self.scrollable_content_region.width)
        rows = [(part, not n) for n, text in enumerate(self._text) for part in
                wrap(one_line(text), width)]  # fmt: skip
        self.put(rows)

    def spans(self, row: tuple[Plain, bool], width: int) -> Line:
        """The first sentence is what is shared."""
        del width
        return ((row[0], "" if row[1] else "dim"),)


class ForkScreen(ModalScreen[None]):
    """Opened by the user; ctrl+s forks, Esc goes back without."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay", "fork")]
    AUTO_FOCUS = "#fork-model"

    def __init__(self, app: KaizenApp, run_id: str, seq: int) -> None:
        super().__init__()
        self.workbench = app
        self._run_id = run_id
        self._seq = seq

    def compose(self) -> ComposeResult:
        """Fields, then the preview."""
        place = f"c{self._seq}" if self._seq > 0 else "its newest row"
        with Vertical(id="fork-form") as form:
            form.border_title = Content(f"Fork run {self._run_id[:8]} at {place}; empty: the same")
            form.border_subtitle = Content(
                keyed(
                    "{overlay.submit} fork   {fork.preview} preview"
                    "   tab next   {overlay.close} back"
                )
            )
            for field in FIELDS:
                if field.is_long:
                    yield Label(field.label, markup=False)
                    yield TextArea(id=f"fork-{field.name}", tab_behavior="focus", compact=True)
                else:
                    with Horizontal():
                        yield Label(field.label, markup=False)
                        yield Input(
                            id=f"fork-{field.name}", placeholder=field.placeholder, compact=True
                        )
            yield PreviewLines()

    def on_mount(self) -> None:
        """What a fork without any change would be."""
        self.action_preview()

    def changes(self) -> dict[str, Any]:
        """What was filled in. Raises UsageError when a field does not read."""
        found: dict[str, Any] = {}
        for field in FIELDS:
            box = self.query_one(f"#fork-{field.name}")
            text = box.text if isinstance(box, TextArea) else getattr(box, "value", "")
            if text.strip():
                found[field.name] = self._read(field, text.strip())
        return found

    def _read(self, field: FormField, text: str) -> Any:
        try:
            return field.read(text)
        except UsageError as error:
            raise UsageError(f"{field.label}: {error.message}") from None

    def tell(self, text: str) -> None:
        """Say in the form's lower edge what is wrong."""
        self.query_one("#fork-form").border_subtitle = Content(one_line(text))
        self.query_one(PreviewLines).tell([text])

    def _wanted(self) -> dict[str, Any] | None:
        try:
            return self.changes()
        except UsageError as error:
            self.tell(str(error))
            return None

    def action_preview(self) -> None:
        """Ask what the fork would be."""
        changes = self._wanted()
        if changes is not None:
            tell = self.query_one(PreviewLines).tell
            places = self.workbench.wishes.places
            places.preview(self._run_id, self._seq, changes, tell, self.tell)

    def action_submit(self) -> None:
        """Fork."""
        changes = self._wanted()
        if changes is not None:
            places = self.workbench.wishes.places
            places.fork(self._run_id, self._seq, changes, self._done, self.tell)

    def _done(self) -> None:
        self.dismiss(None)

    def action_close(self) -> None:
        """Back without forking."""
        self.dismiss(None)
