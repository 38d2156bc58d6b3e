"""The status bar, the tabs and the hint line: three rows of text made from the board.

The bar drops its parts from the right as the terminal gets narrower; what waits and the mode are
never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, crop, width_of
from workbench.tui.clock import count, money, span
from workbench.tui.following import driver_words
from workbench.tui.grades import state_role
from workbench.tui.keymap import keyed, short
from workbench.tui.keys import HINT, KEYS, Place
from workbench.tui.layout import PANES, SINGLE, TABBED, Mode, PaneName
from workbench.tui.shown import RunShown
from workbench.tui.state import Board


@dataclass(frozen=True, slots=True)
class Around:
    """What the status bar shows besides the run: told by the workbench, or as yet unknown."""

    mode: str = ""
    model: str = ""
    """``ollama qwen3:4b`` or ``playbook · no LLM``."""
    sandbox: str = ""
    closing: bool = False


def status_line(board: Board, run_id: str, around: Around, now: float, width: int) -> Line:
    """One row: who, which run, how far, at what cost, what waits, how careful, by which model."""
    run = board.runs.get(run_id)
    waiting = len(board.inbox)
    parts: list[tuple[int, Span]] = [(0, (Plain("kaizen"), "accent"))]
    if around.closing:
        parts.append((0, (Plain("saving and leaving..."), "warn")))
    if not board.has_room:
        parts.append((0, (Plain("NO ROOM ON DISK"), "bad")))
    if run is None:
        parts.append((1, (Plain("no run yet"), "dim")))
    else:
        parts += run_parts(run, now)
    tail: list[tuple[int, Span]] = []
    if waiting:
        tail.append((0, (Plain(f"! {waiting} waiting"), "warn")))
    if around.mode:
        tail.append((0, (one_line(around.mode), _mode_role(around.mode))))
    if around.model:
        tail.append((2, (one_line(around.model), "")))
    if around.sandbox and around.sandbox != "full":
        tail.append((3, (one_line(f"sandbox {around.sandbox}"), "warn")))
    return spread(parts, tail, width)


def run_parts(run: RunShown, now: float) -> list[tuple[int, Span]]:
    """A run in a few words, each with how soon it may be left out."""
    clock = span((run.ended_at or now) - run.started_at)
    agents = len(run.agents)
    return [
        *([(0, (Plain(_stopping(run)), "warn"))] if _stopping(run) else []),
        (1, (one_line(f"run {run.run_id[:4]}"), "")),
        *([(1, (one_line(driven), "warn"))] if (driven := driver_words(run)) else []),
        (3, (crop(one_line(run.pattern or run.title), 24), "strong")),
        (1, (one_line(f"{run.status.upper()} {clock}"), state_role(run.status) or "accent")),
        (5, (Plain(f"{agents} agent{'' if agents == 1 else 's'}"), "")),
        (4, (Plain(f"{count(run.tokens)} tok"), "")),
        (2, (money(run.cost_usd), "")),
    ]


def _stopping(run: RunShown) -> str:
    """What a run does about an order to stop, and how to go further; empty without one."""
    if run.is_over or (not run.stopping and run.status != "paused"):
        return ""
    running = f"{run.performing} running" if run.performing else "nothing running"
    if run.stopping == "immediate":
        return f"stopping now: {running}"
    if run.stopping:
        return keyed(f"stopping: {running}, {{screen.escape}} again to stop now")
    return keyed(f"paused: {running}, {{screen.pause}} goes on")


def _mode_role(mode: str) -> Role:
    roles: dict[str, Role] = {"plan": "good", "confirm": "accent", "edits": "warn", "auto": "bad"}
    return roles.get(mode, "")


def spread(left: list[tuple[int, Span]], tail: list[tuple[int, Span]], width: int) -> Line:
    """Left and right parts with the gap between them; the least important go first."""
    gap = 2
    while _taken(left, gap) + _taken(tail, gap) + 1 > width:
        worst = max((importance for importance, _ in [*left, *tail]), default=0)
        if worst == 0:
            break
        left = [part for part in left if part[0] != worst]
        tail = [part for part in tail if part[0] != worst]
    spans: list[Span] = [(Plain(" "), "")]
    for _, part in left:
        spans.extend((part, (Plain(" " * gap), "")))
    room = width - sum(width_of(text) for text, _ in spans) - _taken(tail, gap)
    spans.append((Plain(" " * max(0, room)), ""))
    for _, part in tail:
        spans.extend((part, (Plain(" " * gap), "")))
    return spans


def _taken(parts: list[tuple[int, Span]], gap: int) -> int:
    return sum(width_of(text) + gap for _, (text, _role) in parts)


def tab_panes(mode: Mode) -> tuple[PaneName, ...]:
    """Which panes the strip of tabs offers."""
    return TABBED if mode == "medium" else SINGLE


def tabs_line(mode: Mode, shown: PaneName, board: Board) -> Line:
    """The strip of tabs; the one in front stands out."""
    offered = tab_panes(mode)
    front = shown if shown in offered else "trace"
    waiting = any(agent.waiting for run in board.runs.values() for agent in run.agents.values())
    spans: list[Span] = []
    for name in offered:
        number = PANES.index(name) + 1
        mark = "!" if name == "agents" and waiting else ""
        text = f" {number} {name.title()}{mark} "
        spans.append(
            (Plain(f"[{text.strip()}]" if name == front else text), _tab_role(name, front))
        )
    return spans


def _tab_role(name: str, front: str) -> Role:
    return "accent" if name == front else "dim"


def hint_line(
    places: Iterable[Place],
    notice: str,
    width: int,
    lead: tuple[str, str] = ("", "panes"),
) -> Line:
    """The keys that matter where the focus is, or for a while what there is to say.

    The key in ``lead`` comes before those of the places; without one, those of the panes.
    """
    if notice:
        return [(Plain(" "), ""), (crop(one_line(notice), width - 2), "warn")]
    first = lead[0] or _pane_keys()
    spans: list[Span] = [(Plain(f" {first}"), "accent"), (Plain(f" {lead[1]}"), "dim")]
    wanted = set(places)
    for key in KEYS:
        if key.show != HINT or key.place not in wanted:
            continue
        keys = Plain(short(key.id))
        title = Plain(key.title.lower())
        taken = sum(width_of(text) for text, _ in spans)
        if taken + len(keys) + len(title) + 3 > width:
            break
        spans.append((Plain(f"  {keys}"), "accent"))
        spans.append((Plain(f" {title}"), "dim"))
    return spans


def _pane_keys() -> str:
    """The keys of the six panes: ``1-6`` unless they were moved."""
    names = [short(f"screen.{pane}") for pane in PANES]
    return "1-6" if names == list("123456") else " ".join(names)
