"""Models: where they come from, which there are, which one answers. Nobody is asked unbidden.

What is on this disk stands there at once; who is elsewhere is asked when a key says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import BindingType
from textual.widgets import Input

from workbench.agent.conversation import ModelInfo
from workbench.models.survey import Provider
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Span, fit, right, width_of
from workbench.tui.clock import count
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.model_text import model_text, provider_text, size_words, state_words
from workbench.tui.screens.browse import BrowseScreen

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Models
    from workbench.tui.pulling import Pull

_ASKING = "asking ..."


class ModelLine(NamedTuple):
    """A provider (no name) or one of its models."""

    prefix: str
    name: str
    says: str
    """Of a provider where it is and how it stands; of a model what it can do."""
    context: int
    size_bytes: int
    price: str
    is_chosen: bool = False
    can_chat: bool = True
    """As far as is known."""


def model_lines(known: Models, pull: Pull | None = None) -> list[ModelLine]:
    """Providers with their models below them; the one that is chosen is always among them."""
    lines: list[ModelLine] = []
    for provider in known.providers:
        is_pulling = pull is not None and _prefix_of(pull.name) == provider.prefix
        says = pull.words() if pull is not None and is_pulling else provider_words(provider)
        lines.append(ModelLine(provider.prefix, "", says, 0, 0, ""))
        lines += [_line(provider, info, known) for info in _models_of(provider, known)]
    return lines


def provider_words(provider: Provider) -> str:
    """How a provider stands, then where it is."""
    if provider.prefix == "recorded":
        return provider.where
    return f"{state_words(provider)}   {provider.where}"


def _models_of(provider: Provider, known: Models) -> Iterator[ModelInfo]:
    """What it has, then what is named here although it is not known whether it has it."""
    yield from provider.models
    have = {info.name for info in provider.models}
    for name in dict.fromkeys((known.chosen, *known.named)):
        if name not in have and _prefix_of(name) == provider.prefix:
            yield ModelInfo(name)


def _prefix_of(name: str) -> str:
    colon, slash = name.find(":"), name.find("/")
    return "litellm" if slash > 0 and (colon < 0 or slash < colon) else name[: max(colon, 0)]


def _line(provider: Provider, info: ModelInfo, known: Models) -> ModelLine:
    used_by = ", ".join(known.named.get(info.name, ()))
    able = " ".join(info.capabilities) or "not known to be there"
    says = f"{able}   for {used_by}" if used_by else able
    return ModelLine(
        provider.prefix,
        info.name,
        says,
        info.context_tokens or 0,
        info.size_bytes or 0,
        _price(info.usd_per_million),
        info.name == known.chosen,
        "chat" in (info.capabilities or ("chat",)),
    )


def _price(usd: tuple[float, float] | None) -> str:
    if usd is None:
        return ""
    return "free" if usd == (0.0, 0.0) else f"${usd[0]:g}/{usd[1]:g}"


class ModelsList(Lines[ModelLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("models")]

    def empty_line(self) -> Line:
        """While it is not known."""
        return ((Plain("looking what is configured"), "dim"),)

    def spans(self, row: ModelLine, width: int) -> Line:
        """A provider's heading, or a model's name, figures and abilities."""
        if not row.name:
            head = fit(one_line(row.prefix), max(10, min(12, len(row.prefix) + 1)))
            return [(head, "accent"), (fit(one_line(row.says), max(0, width - len(head))), "dim")]
        mark: Span = (Plain(" * "), "good") if row.is_chosen else (Plain("   "), "")
        room = max(24, width * 2 // 5)
        name: Span = (fit(one_line(row.name), room), "strong" if row.is_chosen else "agent")
        spans: list[Span] = [mark, name]
        if width >= 60:
            spans.append((right(count(row.context) if row.context else Plain(""), 7), "dim"))
        if width >= 90:
            spans.append((right(size_words(row.size_bytes), 10), "dim"))
        spans.append((right(one_line(row.price), 9), "dim"))
        spans.append((Plain("  "), ""))
        used = sum(width_of(text) for text, _ in spans)
        return [*spans, (fit(one_line(row.says), max(0, width - used)), "")]

    def action_check(self) -> None:
        """Ask who is elsewhere."""
        if isinstance(self.screen, ModelsScreen):
            self.screen.check()

    def action_pull(self) -> None:
        """Let a model be named that is fetched."""
        if isinstance(self.screen, ModelsScreen):
            self.screen.name_pull()

    def action_stop(self) -> None:
        """End what is being fetched."""
        if isinstance(self.screen, ModelsScreen):
            self.screen.stop_pull()


class ModelsScreen(BrowseScreen):
    """The screen."""

    PLACE = "models"

    def __init__(self, app: KaizenApp) -> None:
        self._list = ModelsList(id="models-list")
        super().__init__(app, self._list)
        self._known: Models | None = None
        self._asked: dict[str, Provider] = {}
        """What was asked since the screen was opened, by prefix."""
        self._pulls = app.wishes.overviews.pulls
        self._pulled_at = ""
        """Whose Ollama fetches something."""
        self._agreed = ""
        """The model whose fetching was explained and waits for a second enter."""

    def on_mount(self) -> None:
        """Show what is configured."""
        self._pulls.watcher = self._pull_moved
        self._load()

    def on_unmount(self) -> None:
        """What is being fetched goes on without this screen."""
        self._pulls.watcher = lambda: None

    def _load(self) -> None:
        self.workbench.wishes.overviews.models(self.show)

    def show(self, known: Models) -> None:
        """Take over what is known; what was asked already is not forgotten."""
        providers = tuple(self._asked.get(one.prefix, one) for one in known.providers)
        self._put(replace(known, providers=providers))

    def _put(self, known: Models) -> None:
        if not self.is_mounted:
            return
        before, self._known = self._list.selected, known
        lines = model_lines(known, self._pulls.current)
        self._list.put(lines)
        place = _place_of(lines, before)
        if place is not None:
            self._list.move_to(place)
        self.entitle(f"Models   {known.chosen} answers")
        if self._list.selected is not None:
            self.selected(self._list.selected)

    def selected(self, row: ModelLine) -> None:
        """Show it in full."""
        known = self._known
        if known is not None:
            write = model_text if row.name else provider_text
            name = row.name or row.prefix
            self.detail(name, lambda width: write(name, known, width))

    def chosen(self, row: ModelLine) -> None:
        """Select the model; of a provider, write the command and let its model be typed."""
        if not row.name:
            self.dismiss(None)
            self.workbench.write_command(f"/model {row.prefix}:")
        elif not row.can_chat:
            self.workbench.say(f"{row.name} does not chat, so no agent can use it")
        else:
            self.workbench.wishes.overviews.choose_model(row.name, self._load)

    def check(self) -> None:
        """Ask every provider that is elsewhere; each is shown when it has answered."""
        known = self._known
        if known is None:
            return
        for provider in known.providers:
            if provider.is_remote and provider.state != _ASKING:
                self._take(replace(provider, models=(), state=_ASKING))
                self.workbench.wishes.overviews.ask_provider(provider, self._take)

    def name_pull(self) -> None:
        """Open the field for a model's name, at the Ollama under the cursor."""
        if self._pulls.current is not None:
            self.workbench.say(f"{self._pulls.current.name} is being fetched; one at a time")
            return
        row, known = self._list.selected, self._known
        ollamas = [p.prefix for p in known.providers if is_ollama(p)] if known else []
        if not ollamas:
            self.workbench.say("there is no Ollama that could fetch one")
            return
        prefix = row.prefix if row is not None and row.prefix in ollamas else ollamas[0]
        for field in self.query("#models-pull"):
            field.remove()
        field = Input(f"{prefix}:", id="models-pull", compact=True, select_on_focus=False)
        self.mount(field, before=0)
        self._agreed = ""
        field.focus()
        self.workbench.say("type the model's name, as on ollama.com/library: qwen3:4b")

    @on(Input.Submitted)
    def _named(self, message: Input.Submitted) -> None:
        """The first enter says what would be done, the second does it."""
        message.prevent_default()  # the field of a search gives the keys back to the list
        field = self.query_one("#models-pull", Input)
        name = field.value.strip()
        if not name.rpartition(":")[2]:
            self.workbench.say(f"{name} names no model; {short('overlay.close')} leaves")
        elif name != self._agreed:
            self._agreed = name
            self.workbench.say(f"enter fetches {name} over the network, often 1 to 50 GiB")
        else:
            self._leave_field()
            self._pulls.begin(name)

    def stop_pull(self) -> None:
        """End what is being fetched."""
        if not self._pulls.cancel():
            self.workbench.say("nothing is being fetched")

    def action_close(self) -> None:
        """Leave the field first, then the screen."""
        if isinstance(self.focused, Input):
            self._leave_field()
        else:
            super().action_close()

    def _leave_field(self) -> None:
        self._agreed = ""
        self.query_one("#models-pull", Input).remove()
        self._list.focus()

    def _pull_moved(self) -> None:
        """There is news of it; when it is over, its Ollama is asked what it has now."""
        if self._known is None:
            return
        pull, prefix = self._pulls.current, self._pulled_at
        if pull is not None:
            self._pulled_at = _prefix_of(pull.name)
            self.show(self._known)
            return
        self._pulled_at = ""
        for provider in self._known.providers:
            if provider.prefix == prefix:
                self.workbench.wishes.overviews.ask_provider(provider, self._take)
        self.show(self._known)

    def _take(self, provider: Provider) -> None:
        self._asked[provider.prefix] = provider
        if self._known is not None:
            self.show(self._known)


def is_ollama(provider: Provider) -> bool:
    """Whether it could fetch models."""
    return provider.is_remote and provider.prefix != "litellm"


def _place_of(lines: list[ModelLine], wanted: ModelLine | None) -> int | None:
    """Where a line stands now; at first, the chosen model's."""
    if wanted is None:
        return next((n for n, line in enumerate(lines) if line.is_chosen), None)
    where = wanted[:2]
    return next((n for n, line in enumerate(lines) if line[:2] == where), None)
