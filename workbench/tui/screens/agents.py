"""Agents that are defined: what each takes and gives, where it is written, what it does now."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.binding import BindingType

from workbench.agent.grammar import spelled
from workbench.agent.signature import Field
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Span, fit, width_of
from workbench.tui.clock import span
from workbench.tui.grades import state_role
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.written import BLANK, Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Agents, Defined
    from workbench.tui.state import Board

_SAID = frozenset({"name", "signature", "model", "tools", "instructions"})
_PRESSING = ("WAITING", "busy", "paused")
"""States that are told first, when an agent is in several runs."""


class DefinedLine(NamedTuple):
    """One agent in the list."""

    name: str
    signature: str
    model: str
    tools: int
    state: str
    doing: str


class Doing(NamedTuple):
    """What an agent does in one run."""

    run_id: str
    state: str
    doing: str
    since: float


def doings(board: Board, name: str) -> list[Doing]:
    """What an agent does in every run that is known here, what presses most first."""
    shown = [run.agents[name] for run in reversed(board.runs.values()) if name in run.agents]
    found = [Doing(one.run_id, board.state_of(one), one.doing, one.since) for one in shown]
    order = {state: n for n, state in enumerate(_PRESSING)}
    return sorted(found, key=lambda one: order.get(one.state, len(order)))


def defined_line(one: Defined, board: Board, default: str) -> DefinedLine:
    """What the list says of an agent."""
    now = next(iter(doings(board, one.agent.name)), Doing("", "idle", "", 0.0))
    is_going = now.state in _PRESSING
    return DefinedLine(
        one.agent.name,
        str(one.agent.signature),
        one.agent.model or f"({default})",
        len(one.agent.tools),
        now.state if is_going else "idle",
        now.doing if is_going else "",
    )


class DefinedList(Lines[DefinedLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("defined")]

    def empty_line(self) -> Line:
        """None is."""
        return ((Plain("no agents: a file in agents/, or /agent define NAME …, makes one"), "dim"),)

    def spans(self, row: DefinedLine, width: int) -> Line:
        """Name, state, signature; model and tools where there is room."""
        name = max(10, min(18, width // 5))
        spans: list[Span] = [
            (fit(one_line(row.name), name), "agent"),
            (Plain(" "), ""),
            (fit(one_line(row.state), 8), state_role(row.state)),
        ]
        tail: list[Span] = []
        if width >= 70:
            tail.append((fit(one_line(f"  {row.model}"), 24), "dim"))
        if width >= 90:
            tail.append((fit(Plain(f"  {row.tools} tools"), 11), "dim"))
        used = sum(width_of(text) for text, _ in [*spans, *tail])
        said = one_line(row.doing or row.signature)
        return [*spans, (fit(said, max(0, width - used)), "" if row.doing else "strong"), *tail]

    def action_ask(self) -> None:
        """Write its command."""
        if self.selected is not None and isinstance(self.screen, AgentsScreen):
            self.screen.chosen(self.selected)


class AgentsScreen(BrowseScreen):
    """The screen."""

    PLACE = "defined"

    def __init__(self, app: KaizenApp) -> None:
        self._list = DefinedList(id="defined-list")
        super().__init__(app, self._list)
        self._known: Agents | None = None
        self._shown: Any = None

    def on_mount(self) -> None:
        """Fill, and keep up with what they do."""
        self.workbench.wishes.overviews.agents(self.show)
        self.set_interval(1.0, self._keep_up, name="agents")

    def show(self, known: Agents) -> None:
        """Take over what is defined."""
        self._known = known
        if self.is_mounted:
            self.entitle(f"Agents  {len(known.agents)} defined   {short('list.choose')} asks")
            self._keep_up()

    def _keep_up(self) -> None:
        if self._known is None:
            return
        known, board = self._known, self.workbench.board
        rows = [defined_line(one, board, known.model) for one in known.agents]
        if rows != self._list.rows:
            self._list.put(rows)
        if self._list.selected is not None:
            self.selected(self._list.selected)
        elif known.notes:
            self.detail("", lambda width: text_lines("\n".join(known.notes), width, role="warn"))

    def selected(self, row: DefinedLine) -> None:
        """Show it in full, unless nothing of it is new."""
        known = self._known
        if known is None:
            return
        found = next(one for one in known.agents if one.agent.name == row.name)
        doing, now = doings(self.workbench.board, row.name), self.workbench.clock.now()
        told = (row.name, doing, [span(now - one.since) for one in doing if one.since])
        if told != self._shown:
            self._shown = told
            self.detail(row.name, lambda width: defined_text(found, known, doing, now, width))

    def chosen(self, row: DefinedLine) -> None:
        """The command that asks it goes to the command line; the user fills in the rest."""
        self.dismiss(None)
        self.workbench.write_command(f"/ask {shlex.quote(row.name)} ")


def defined_text(
    one: Defined, known: Agents, doing: list[Doing], now: float, width: int
) -> Iterator[Written]:
    """An agent in full: what it takes and gives, what it is made of, what it does."""
    agent = one.agent
    yield ((one_line(agent.name), "strong"),)
    yield from _fields("takes", agent.signature.inputs, width)
    yield from _fields("gives", agent.signature.outputs, width)
    yield from labelled("file", one.origin, width)
    yield from labelled("version", one.digest, width, role="dim")
    model = ", then ".join((agent.model or "", *agent.fallback))
    yield from labelled("model", model or f"{known.model}, as it names none", width)
    yield from labelled("tools", ", ".join(agent.tool_names) or "none", width)
    for name, value in agent.definition().items():
        if name not in _SAID and value not in ("auto", {}, []):
            yield from labelled(name.replace("_", " "), value, width)
    yield BLANK
    yield ((Plain("now"), "key"),)
    for found in doing:
        since = f", {span(now - found.since)}" if found.since and found.state in _PRESSING else ""
        words = f"run {found.run_id[:8]}: {found.state}{since}  {found.doing}"
        yield from text_lines(words, width, indent=2, role=state_role(found.state))
    if not doing:
        yield from text_lines("in no run that is shown here", width, indent=2, role="dim")
    if agent.instructions:
        yield BLANK
        yield ((Plain("instructions"), "key"),)
        yield from text_lines(agent.instructions, width, indent=2, prose=True)
    for note in known.notes:
        yield from text_lines(note, width, role="warn")


def _fields(label: str, fields: Sequence[Field], width: int) -> Iterator[Written]:
    """A side of a signature, a field a line."""
    for number, field in enumerate(fields):
        told = spelled([field], ()).removesuffix(" ->")
        yield from labelled(label if number == 0 else "", told, width)
