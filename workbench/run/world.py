"""What every run of one workbench shares: the edges, the rules, the people to be told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from workbench.agent.agent import Agent
from workbench.agent.memory import SharedMemory
from workbench.agent.tool import Tool
from workbench.errors import WorkbenchError
from workbench.journal.checkpoints import Rule
from workbench.journal.events import Event
from workbench.permission.doubting import DoubtRule
from workbench.permission.policy import Policy
from workbench.redaction import Redaction
from workbench.run.hooks import Hooks
from workbench.run.model_ports import Models
from workbench.run.ports import Log, ToolBox, Workers, WorkingCopies
from workbench.run.room import Room
from workbench.run.shared import Budgets
from workbench.run.unkept import UnkeptCopies
from workbench.run.uses import Uses
from workbench.run.waiting import Inbox
from workbench.workflow.effects import Effect
from workbench.workflow.pattern import Pattern

Performer: TypeAlias = Callable[[Effect[Any], str, str], Awaitable[Any]]
"""How a front performs effects of its own kind: ``(effect, key, idempotency key) -> result``."""


@dataclass(frozen=True, slots=True)
class Live:
    """Something happening right now that is no row: a delta, progress, a question's coming."""

    kind: Literal["delta", "progress", "started", "waiting", "notice", "room", "driver", "fenced"]
    run_id: str
    key: str
    data: dict[str, Any]


@dataclass
class World:
    """The shared surroundings. One per workbench; lives on the core's loop."""

    log: Log
    models: Models
    toolbox: ToolBox
    engine: Workers
    inbox: Inbox
    publish: Callable[[Event | Live], None]
    policy: Policy
    default_model: str
    memory: SharedMemory
    """The ``workspace`` scope of `remember` and `recall`."""
    redaction: Redaction = field(default_factory=Redaction)
    """The secrets that no row may hold."""
    copies: WorkingCopies = field(default_factory=UnkeptCopies)
    """Turns in the folders that runs work in, and what these held."""
    fork_files: Literal["shared", "own"] = "shared"
    """What a fork works in that is not told: its parent's folder, or a copy of its own."""
    hooks: Hooks = field(default_factory=Hooks)
    room: Room = field(default_factory=Room)
    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    brought: dict[str, Tool] = field(default_factory=dict[str, Tool])
    """Tools that came with agents and not from the registry, of all runs of this process."""
    missing: Callable[[str], WorkbenchError | None] = lambda _name: None
    """Why a tool is not there, when there is more to say than that."""
    patterns: dict[str, Pattern[..., Any]] = field(default_factory=dict[str, "Pattern[..., Any]"])
    performers: dict[str, Performer] = field(default_factory=dict[str, "Performer"])
    approval_timeout_s: float | None = None
    check_model: Callable[[str], None] = lambda _name: None
    """Refuses the name of a model that no provider can mean."""
    doubts: tuple[DoubtRule, ...] = ()
    """What the user wrote down about effects whose end nobody will know."""
    scripts_only_preselect: bool = False
    """In a screen, a script's ``approve`` rules, and all rules for doubts, select an answer and
    a person gives it."""
    assured: Callable[[str], Awaitable[None] | None] = lambda _run_id: None
    """Asked before something begins that leaves no intent: None while this process surely drives
    the run, else what to wait for, which raises `Fenced` when another one does."""
    uses: dict[str, Uses] = field(default_factory=dict[str, "Uses"])
    """By a rule's id."""
    add_rule: Callable[[Any, str], object] | None = None
    expire_rules: Callable[[], None] | None = None
    """Takes back the rules whose time is over."""
    clock: Callable[[], float] = time.time
    stir: Callable[[], None] = lambda: None
    """Told before code that is not ours runs on the loop: see `workbench.run.watchdog`."""
    model_attempts: int = 3
    """Of one model for one call."""
    model_timeout_s: float = 300.0
    """The most that one attempt may take."""
    model_wait_s: float = 600.0
    """The most that all attempts of a call may take together."""
    fallback: Mapping[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])
    """By model (``*`` for each): which are asked when it cannot answer."""
    checkpoints: Rule = "turn"
    """When a checkpoint is taken without being asked for."""
    budgets: Budgets = field(default_factory=Budgets)
    """What is limited beside each run's own limits, and what becomes of a run at a limit."""
    cleanup_s: float = 10.0
    """How long one effect of a cleanup may take."""
    graceful_s: float = 10.0
    """After this long a graceful interrupt says what still runs."""
    stop_s: float = 6.5
    """What does not end within this long of an immediate one is left behind."""

    def used(self, rule_id: str) -> None:
        """A rule has decided something."""
        self.uses[rule_id] = Uses(self.uses.get(rule_id, Uses()).times + 1, self.clock())


class Acks:
    """Carries the writer's word that rows are safe onto the core's loop, many at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._arrived: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def put(self, act: Callable[[], None]) -> None:
        """Have ``act`` called on the loop, in the order of the calls; from any thread."""
        self._arrived.append(act)
        if self._scheduled:
            return
        self._scheduled = True
        self._loop.call_soon_threadsafe(self._drain)

    def is_here(self) -> bool:
        """Whether this is the loop's own thread."""
        return threading.get_ident() == self._thread

    def _drain(self) -> None:
        self._scheduled = False
        while self._arrived:
            self._arrived.popleft()()
