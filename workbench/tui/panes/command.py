"""Pane 6: the line one types into: words for an agent, a command after a slash, a filter.

The line is lent out for other short texts (a filter, a checkpoint's name); each use keeps its own
text, so nothing that was typed is lost by going elsewhere.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, crop
from workbench.tui.keys import bindings
from workbench.tui.painting import OneLine

Use: TypeAlias = Literal["command", "filter", "name", "export"]

PROMPTS: dict[Use, str] = {"filter": "filter", "name": "name this checkpoint", "export": "write to"}


class CommandInput(Input):
    """The text field of the line."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("command")]

    def action_queue(self) -> None:
        """Tab: complete or queue."""
        self.query_ancestor(CommandLine).tab()

    def action_history(self, by: int) -> None:
        """Older or newer lines."""
        self.query_ancestor(CommandLine).recall(by)


class CommandLine(Horizontal):
    """Prompt and text field."""

    class Given(Message):
        """A line was entered."""

        def __init__(self, use: Use, text: str, *, queued: bool = False) -> None:
            super().__init__()
            self.use = use
            self.text = text
            self.queued = queued

    class CompletionWanted(Message):
        """Tab on the beginning of a command."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class TabOut(Message):
        """Tab on an empty line."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.use: Use = "command"
        self.agent = ""
        self.lines: list[str] = []
        self._place = 0
        self._kept: dict[Use, str] = {}

    def compose(self) -> ComposeResult:
        """Prompt, field."""
        yield OneLine(self._prompt, id="prompt")
        yield CommandInput(
            id="command-input",
            placeholder="words for the selected agent, or /command",
            select_on_focus=False,
            compact=True,
        )

    @property
    def field(self) -> CommandInput:
        """The text field."""
        return self.query_one(CommandInput)

    def address(self, agent: str) -> None:
        """Whom plain text goes to."""
        if agent != self.agent:
            self.agent = agent
            self._fit_prompt()

    def take_up(self, use: Use, text: str | None = None) -> None:
        """Use the line for something; ``text`` replaces what was kept for it."""
        if use != self.use:
            self._kept[self.use] = self.field.value
            self.use = use
            self.field.value = self._kept.pop(use, "")
        if text is not None:
            self.field.value = text
        self.field.cursor_position = len(self.field.value)
        self._fit_prompt()
        self.field.focus()

    def put_back(self) -> None:
        """Back to being the command line, with its text."""
        if self.use != "command":
            self._kept[self.use] = self.field.value
            self.use = "command"
            self.field.value = self._kept.pop("command", "")
        self._fit_prompt()

    def _fit_prompt(self) -> None:
        prompt = self.query_one("#prompt", OneLine)
        prompt.styles.width = min(32, len(self._prompt_text()) + 1)
        prompt.refresh()

    def on_mount(self) -> None:
        """Make room for the prompt."""
        self._fit_prompt()

    def _prompt_text(self) -> str:
        if self.use != "command":
            return f" 6 {PROMPTS[self.use]}:"
        return f" 6 > steer {self.agent}:" if self.agent else " 6 >"

    def _prompt(self, width: int) -> Line:
        return ((crop(one_line(self._prompt_text()), width), "accent"), (Plain(" "), ""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        text = event.value.strip()
        if text or self.use == "filter":
            self._give(text, queued=False)

    def tab(self) -> None:
        """Tab: complete a command, queue a text, or leave an empty line."""
        text = self.field.value.strip()
        if self.use == "command" and text.startswith("/"):
            self.post_message(self.CompletionWanted(self.field.value))
        elif self.use == "command" and text:
            self._give(text, queued=True)
        else:
            self.post_message(self.TabOut())

    def _give(self, text: str, *, queued: bool) -> None:
        use = self.use
        if use == "command":
            self.lines = [*[line for line in self.lines if line != text][-499:], text]
            self._place = len(self.lines)
        if use != "filter":
            self.field.value = ""
        self.post_message(self.Given(use, text, queued=queued))

    def recall(self, by: int) -> None:
        """Another line of the history; past the newest the line is empty."""
        if self.use != "command":
            return
        self._place = max(0, min(self._place + by, len(self.lines)))
        self.field.value = self.lines[self._place] if self._place < len(self.lines) else ""
        self.field.cursor_position = len(self.field.value)
