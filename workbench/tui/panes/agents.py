"""Pane 1: every run and its agents, what each does now, since when, and what it cost.

The row under the cursor is the selected agent: what is typed in the command line goes to it.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.binding import BindingType
from textual.content import Content

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Span, crop, fit, right, width_of
from workbench.tui.clock import count, money, span
from workbench.tui.following import driver_words
from workbench.tui.grades import state_role
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.shown import AgentShown, RunShown
from workbench.tui.state import Board


class AgentLine(NamedTuple):
    """A run's heading (no name) or one of its agents."""

    run_id: str
    name: str
    depth: int
    state: str
    doing: str
    age: str
    tokens: int
    cost_usd: float
    all_tokens: int
    all_cost_usd: float


def agent_lines(board: Board, now: float) -> list[AgentLine]:
    """Runs newest first, each with its agents below those that asked them."""
    lines: list[AgentLine] = []
    for run in reversed(board.runs.values()):
        lines.append(_heading(run, now))
        lines.extend(_line(board, agent, now) for agent in _by_parent(run))
    return lines


def _by_parent(run: RunShown) -> list[AgentShown]:
    """Depth first; agents in the order in which they came."""
    children: dict[str, list[AgentShown]] = {}
    for agent in run.agents.values():
        parent = agent.parent if agent.parent in run.agents else ""
        children.setdefault(parent, []).append(agent)
    found: list[AgentShown] = []
    waiting = list(reversed(children.get("", [])))
    while waiting:
        agent = waiting.pop()
        found.append(agent)
        waiting.extend(reversed(children.pop(agent.name, [])))
    return found


def _heading(run: RunShown, now: float) -> AgentLine:
    age = span((run.ended_at or now) - run.started_at)
    title = run.title or run.pattern
    if driver_words(run):
        title = f"@{run.driver.removeprefix('process ')} {title}"
    return AgentLine(
        run.run_id,
        "",
        0,
        run.status,
        title,
        age,
        run.tokens,
        run.cost_usd,
        run.tokens,
        run.cost_usd,
    )


def _line(board: Board, agent: AgentShown, now: float) -> AgentLine:
    state = board.state_of(agent)
    age = span(now - agent.since) if agent.since and state in ("busy", "WAITING") else Plain("")
    return AgentLine(
        agent.run_id,
        agent.name,
        agent.depth + 1,
        state,
        agent.doing,
        age,
        agent.tokens,
        agent.cost_usd,
        agent.all_tokens,
        agent.all_cost_usd,
    )


class AgentsPane(Lines[AgentLine]):
    """The list of runs and agents."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("agents")]
    BORDER_TITLE = "1 Agents"

    def show(self, board: Board, now: float) -> None:
        """Take over what the board says; the cursor stays with its agent."""
        before = self.selected
        rows = agent_lines(board, now)
        self.put(rows)
        if before is not None:
            key = before[:2]
            place = next((i for i, row in enumerate(rows) if row[:2] == key), self.cursor)
            self.cursor = max(0, min(place, len(rows) - 1))
        agents = sum(1 for row in rows if row.name)
        waiting = sum(1 for row in rows if row.state == "WAITING")
        title = f"1 Agents  {agents}" + (f", {waiting} waiting" if waiting else "")
        self.border_title = Content(title if rows else "1 Agents")

    def pick(self, run_id: str, agent: str = "") -> None:
        """Put the cursor on a run or one of its agents."""
        for place, row in enumerate(self.rows):
            if row.run_id == run_id and row.name == agent:
                self.move_to(place)
                return

    def empty_line(self) -> Line:
        """Before the first run."""
        return ((Plain("nothing runs yet: 6, then /run"), "dim"),)

    def spans(self, row: AgentLine, width: int) -> Line:
        """Name, state and age always; what it does, tokens and cost as there is room."""
        if not row.name:
            return _heading_spans(row, width)
        roomy = width >= 60
        name = fit(one_line("  " * (row.depth - 1) + row.name), 22 if roomy else 12)
        spans: list[Span] = [
            (Plain(" "), ""),
            (name, "agent"),
            (Plain(" "), ""),
            (fit(one_line(row.state), 8), state_role(row.state)),
            (right(Plain(row.age), 5), "dim"),
        ]
        figures = _figures(row, width)
        if roomy:
            used = 1 + 22 + 1 + 8 + 5 + sum(len(text) for text, _ in figures)
            spans.append((Plain("  " + fit(one_line(row.doing), width - used - 2)), ""))
        return spans + figures


def _heading_spans(row: AgentLine, width: int) -> Line:
    state = Plain(f" {row.state}")
    figures = _figures(row, width)
    room = width - 5 - len(state) - sum(len(text) for text, _ in figures)
    title = crop(one_line(row.doing), room - 1)
    spans: list[Span] = [
        (Plain(row.run_id[:4] + " "), "accent"),
        (title, "strong"),
        (state, state_role(row.state)),
        (Plain(" " * max(0, room - width_of(title))), ""),
    ]
    return spans + figures


def _figures(row: AgentLine, width: int) -> list[Span]:
    """Own tokens; with room also cost, and both rolled up over those it asked."""
    if width < 30:
        return []
    tokens = right(count(row.tokens) if row.tokens else Plain("-"), 7)
    if not row.name:
        tokens = Plain(tokens.lstrip() + " tok" if row.tokens else "")
    if width < 42:
        return [(tokens, "dim")]
    cost = right(money(row.cost_usd), 8)
    if width < 80 or not row.name:
        return [(tokens, "dim"), (cost, "dim")]
    rolled = Plain("")
    if row.all_tokens != row.tokens:
        rolled = Plain(f"  all {count(row.all_tokens)} {money(row.all_cost_usd)}")
    return [(tokens, "dim"), (cost, "dim"), (fit(rolled, 20), "dim")]
