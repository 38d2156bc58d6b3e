"""A stage for the screen: a clock turned by hand, a made-up run, a workbench that only listens."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from workbench.agent.tool import Tool
from workbench.errors import Diverged, UsageError
from workbench.journal.events import Event, agents_of
from workbench.journal.outside import Outside
from workbench.journal.overlay import words
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts
from workbench.permission.doubting import CHOICES
from workbench.permission.policy import Mode, Policy
from workbench.run.evidence import Captured, Evidence, Findings
from workbench.run.explain import choices
from workbench.run.preview import Open, Preview
from workbench.run.waiting import Answer, Waiting
from workbench.tui.app import KaizenApp
from workbench.tui.lines import Lines

NOON = 1_760_000_000.0
"""Some fixed moment; every row's time counts from it."""


TOOLS = ("bash_command", "write_file", "shell", "x")


class HandClock:
    """A clock that stands still until it is turned."""

    def __init__(self, at: float = NOON) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def ticks(self) -> float:
        return self.at

    def turn(self, seconds: float) -> None:
        self.at += seconds


class FakeStore:
    """Rows in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.listed: list[Any] = []

    def catch_up(self) -> None:
        pass

    def rows(
        self, run_id: str, *, after: int = 0, upto: int | None = None, kinds: Any = None
    ) -> Iterable[Event]:
        return [
            event
            for event in self.events
            if event.run_id == run_id
            and event.seq > after
            and (upto is None or event.seq <= upto)
            and (kinds is None or event.kind in kinds)
        ]

    def last_seq(self, run_id: str) -> int:
        return max((event.seq for event in self.events if event.run_id == run_id), default=0)

    def family(self, run_id: str) -> list[Any]:
        return []

    def family_rows(self, run_id: str, kinds: Any) -> list[Event]:
        return []

    def run(self, run_id: str) -> Any:
        return SimpleNamespace(
            run_id=run_id, steps=0, cost_usd=0.0, input_tokens=0, output_tokens=0, last_seq=0
        )

    def runs(self, *, limit: int = 100, search: str = "", session: str = "") -> list[Any]:
        return [row for row in self.listed if search in row.title][:limit]


class FakeRun:
    """Remembers what it was told."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.status = "running"
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def told(*arguments: Any, **named: Any) -> None:
            self.told.append((name, *arguments, *named.values()))

        return told

    def pause(self) -> None:
        self.status = "paused"

    def go_on(self) -> None:
        self.status = "running"


def previewed(run_id: str, at: int | None, **changes: Any) -> Preview:
    """What a fork of the typical run would be."""
    if "modle" in str(changes):
        raise UsageError("no model provider 'modle'")
    return Preview(
        source=run_id,
        cut=at or 14,
        place=at or 14,
        shared_turns=1,
        changes=words(changes),
        tokens=2400,
        cost_usd=0.0,
        unpriced_calls=0,
        steps=3,
        asked_anew=(Open("k", "model", "qwen3:4b", "critic", 13),),
        not_inherited=("what is left of the budget: the fork has its own, usd 0.5",),
        outside_after=(Outside(9, "k", "coder", "write_file", {"path": "plan.md"}, "done"),),
    )


class FakeBench:
    """Satisfies `workbench.tui.front.Front`; answers and forks are only noted down."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.runs: dict[str, FakeRun] = {}
        self.waiting: list[Waiting] = []
        self.patterns: dict[str, Any] = {}
        self.agents: dict[str, Any] = {}
        self.policy = Policy()
        self.tools = {name: Tool(name, "", {"type": "object"}) for name in TOOLS}
        self.world = SimpleNamespace(fork_files="shared", clock=lambda: NOON)
        self.watchdog = SimpleNamespace(alarm=None)
        self.default_model = "playbook:tour"
        self.answers: list[tuple[str, Answer]] = []
        self.forks: list[tuple[Any, ...]] = []
        self.marks: list[tuple[Any, ...]] = []
        self.dropped: list[str] = []
        self.take_up = SimpleNamespace(drop=self.dropped.append)
        self.diverges: Diverged | None = None
        """What a resume raises."""
        self.branches = SimpleNamespace(preview=previewed)
        self._told: Callable[[Any], None] = lambda _event: None

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator["FakeBench", None]:
        yield self

    def subscribe(self, told: Callable[[Any], None]) -> Callable[[], None]:
        self._told = told
        return lambda: None

    def tell(self, *events: Any) -> None:
        for event in events:
            if isinstance(event, Event):
                self.store.events.append(event)
            self._told(event)

    async def answer(self, waiting_id: str, answer: Answer) -> None:
        self.answers.append((waiting_id, answer))

    async def fork(self, run_id: str, at: Any = None, /, **overlay: Any) -> FakeRun:
        self.forks.append((run_id, at, overlay))
        return FakeRun("f0f0")

    async def mark(self, *place: Any) -> None:
        self.marks.append(place)

    async def resume(self, run_id: str) -> FakeRun:
        if self.diverges is not None:
            raise self.diverges
        return FakeRun(run_id)

    def set_mode(self, mode: Mode) -> None:
        self.policy = self.policy.with_mode(mode)


def diverged(run_id: str) -> Diverged:
    """A run that does not fit: an argument was changed, and something else is asked too."""
    then = {"path": "notes/plan.md", "content": "first \x1b[31mwe build", "mode": "w"}
    effect = {
        "key": "supervisor/2:tool.write_file",
        "kind": "tool",
        "name": "write_file",
        "arguments": then,
        "place": "supervisor.py:31",
        "fingerprint": "1",
    }
    now = {**effect, "arguments": {**then, "content": "first we test"}, "place": "supervisor.py:33"}
    other = {**effect, "key": "supervisor/3:now", "kind": "now", "name": "", "arguments": {}}
    recorded = {
        "seq": 7, "row": "step.finished", "effect": effect, "is_exact": True, "preview": "12 bytes",
    }  # fmt: skip
    last = {**recorded, "seq": 5, "effect": other, "preview": ""}
    report = {
        "why": "other", "seq": 7, "rows": 12, "left_over": 4, "recorded": recorded,
        "asked": [now, other], "last": last, "ended": "",
        "differences": [
            {"name": "content", "recorded": '"first we build"', "asked": '"first we test"'}
        ],
    }  # fmt: skip
    return Diverged(
        "it does not fit",
        report=report,
        run_id=run_id,
        pattern="supervisor",
        cause="workflow supervisor was changed in supervisor, _carry_out",
        cut=6,
        choices=choices(run_id, "supervisor", 6, is_over=False),
    )


class Rows:
    """Writes the rows of one run, numbering them."""

    def __init__(self, run_id: str = "a41f77c0", seq: int = 0, at: float = NOON - 42) -> None:
        self.run_id = run_id
        self.seq = seq
        self.at = at

    def row(self, kind: str, key: str = "", later: float = 0.37, **data: Any) -> Event:
        self.seq += 1
        self.at += later
        return Event(self.run_id, self.seq, self.at, kind, key, data)

    def step(self, key: str, effect: str, name: str, **data: Any) -> Event:
        return self.row("step.started", key, effect=effect, name=name, **data)

    def done(self, key: str, effect: str, name: str, **data: Any) -> Event:
        return self.row("step.finished", key, effect=effect, name=name, **data)

    def asked(self, key: str, tool: str, danger: str, **data: Any) -> Event:
        asked_id = f"{self.run_id}:{key}/approval#0"
        return self.row("approval.asked", key, id=asked_id, tool=tool, danger=danger, **data)


USAGE = {"input_tokens": 900, "output_tokens": 300, "cost_usd": 0.0}


def typical(rows: Rows | None = None) -> list[Event]:
    """Three agents at work: a planner asked a coder and a critic, some steps are done."""
    r = rows or Rows()
    planner, coder, critic = (
        "0:ask.planner",
        "0:ask.planner/1:ask.coder",
        "0:ask.planner/2:ask.critic",
    )
    return [
        r.row("run.started", pattern="supervisor", title="", model="playbook:tour"),
        r.step(planner, "ask", "planner", scope=True, line="supervisor.py:31"),
        r.step(f"{planner}/0:model", "model", "qwen3:4b"),
        r.done(f"{planner}/0:model", "model", "qwen3:4b", usage=USAGE, duration_s=0.812),
        r.row("checkpoint.taken", planner, name="plan accepted", by="workflow"),
        r.step(coder, "ask", "coder", scope=True),
        r.step(critic, "ask", "critic", scope=True),
        r.step(f"{coder}/0:model", "model", "qwen3:4b"),
        r.done(
            f"{coder}/0:model",
            "model",
            "qwen3:4b",
            usage=USAGE,
            duration_s=1.31,
            result="I will clean the build folder first",
        ),
        r.step(f"{coder}/1:tool.read_file", "tool", "read_file", arguments={"path": "Makefile"}),
        r.done(
            f"{coder}/1:tool.read_file",
            "tool",
            "read_file",
            result="all:\n\tpython -m build",
            duration_s=0.0004,
        ),
        r.row("checkpoint.taken", coder, name="coder draft", by="rule"),
        r.step(f"{critic}/0:model", "model", "qwen3:4b"),
        r.row("message.sent", "", to="steer/coder", text="mind the tests", by="user"),
    ]


def waiting_rows(rows: Rows) -> list[Event]:
    """Two requests: a HIGH one of the coder, a MEDIUM one of the planner."""
    return [
        rows.asked(
            "0:ask.planner/1:ask.coder/2:tool.bash_command",
            "bash_command",
            "HIGH",
            agent="coder",
            arguments={"command": "rm -r build"},
            why="clean the build folder before the test",
            rule="mode confirm asks",
            expires_at=NOON + 288,
        ),
        rows.asked(
            "0:ask.planner/3:tool.write_file",
            "write_file",
            "MEDIUM",
            agent="planner",
            arguments={"path": "plan.md", "content": "# Plan\n\n1. build\n2. test\n"},
            rule="mode confirm asks",
        ),
    ]


def as_waiting(event: Event, **more: Any) -> Waiting:
    """The core's entry for an ``approval.asked`` row."""
    data = event.data
    facts = Facts("write", targets=("/home/me/project/build",), sandbox="full", notes=("deletes",))
    call = Call(
        tool=data["tool"],
        agents=tuple(agents_of(event.key)),
        arguments=data.get("arguments", {}),
        digest=data["id"],
        run_id=event.run_id,
        facts=facts,
        danger=Danger[data["danger"]],
    )
    return Waiting(
        call=call,
        id=data["id"],
        kind="permission",
        run_id=event.run_id,
        key=event.key,
        agent=data.get("agent", ""),
        text=data["tool"],
        asked_at=event.at,
        tool=data["tool"],
        arguments=data.get("arguments", {}),
        danger=Danger[data["danger"]],
        facts=facts,
        why=data.get("why", ""),
        rule=data.get("rule", ""),
        expires_at=data.get("expires_at"),
        choices=("allow", "deny"),
        **more,
    )


def doubt_of(rows: Rows, selected: str = "") -> tuple[Event, Waiting]:
    """A command of the coder that was running when the program was killed."""
    key = "0:ask.planner/1:ask.coder/2:tool.bash_command"
    printed = "building\nuploading \x1b[2J\x1b[31m12 of 40\x1b[0m\n" + "\n".join(
        f"file {number}" for number in range(12)
    )
    evidence = Evidence(
        attempt=1,
        repeat="unsafe",
        began_at=NOON - 130,
        line="supervisor.py:31",
        found=Findings(captured=Captured(4711, None, printed, len(printed))),
    )
    waiting = Waiting(
        id=f"{rows.run_id}:{key}/doubt#1",
        kind="in_doubt",
        run_id=rows.run_id,
        key=key,
        agent="coder",
        text="did bash_command happen? it was begun and its end is not recorded",
        asked_at=NOON,
        tool="bash_command",
        arguments={"command": "make deploy TARGET=live"},
        choices=CHOICES,
        selected=selected,
        evidence=evidence,
        presumed={"exit_code": None, "output": printed, "truncated": False},
    )
    return rows.row("question.asked", key, **waiting.asked_data()), waiting


def limit_of(rows: Rows) -> tuple[Event, Waiting]:
    """The money of a run is used up, and the coder wants to go on."""
    key = "0:ask.planner/1:ask.coder/3:model"
    lines = (
        "extend: 2.5 usd more, or as many as you say: extend NUMBER",
        "continue: without this limit",
        "stop: the run ends; its cleanups still run",
    )
    waiting = Waiting(
        id=f"{rows.run_id}:budget/run.usd#0",
        kind="budget",
        run_id=rows.run_id,
        key=key,
        agent="coder",
        text="the run's limit of 2.5 usd is reached (2.4931 used)",
        asked_at=NOON,
        why="coder wants 0.041 usd",
        preview="\n".join(lines),
        choices=("continue", "extend", "stop"),
    )
    told: dict[str, Any] = {"agent": "coder", "why": waiting.why, "preview": waiting.preview}
    return rows.row("question.asked", key, **{**waiting.asked_data(), **told}), waiting


PLAN: list[dict[str, Any]] = [
    {
        "id": "look",
        "do": "Read shop.py and the notes",
        "criterion": "the report names what is wrong",
        "tools": ["read_file"],
    },
    {
        "id": "mend",
        "do": "Mend total() in shop.py",
        "criterion": "the checks pass",
        "tools": ["write_file", "bash_command"],
        "depends_on": ["look"],
        "check": {"command": "python3 check.py", "contains": "3 checks passed"},
    },
    {
        "id": "tell",
        "do": "Say in one sentence what was wrong",
        "criterion": "it is one sentence",
        "depends_on": ["mend"],
    },
]
MASON = "1:ask.mason"


def plan_of(rows: Rows) -> tuple[Event, Waiting]:
    """A plan of the mason that is put to a person."""
    waiting = Waiting(
        id=f"{rows.run_id}:{MASON}/2:review.plan/review#0",
        kind="plan",
        run_id=rows.run_id,
        key=f"{MASON}/2:review.plan",
        agent="mason",
        text="run this plan of 3 items?",
        asked_at=NOON,
        arguments={"items": PLAN, "tools": ["read_file", "write_file", "bash_command"]},
        choices=("accept", "refuse"),
    )
    return rows.row("question.asked", waiting.key, **waiting.asked_data()), waiting


def plan_under_way(rows: Rows) -> list[Event]:
    """The mason carries that plan out: one item is done, one has failed, one is left."""
    plan, look, mend = (f"{MASON}/{part}" for part in ("1:follow.plan", "3", "4"))
    look, mend = f"{look}:follow.item look", f"{mend}:follow.item mend"
    failed = {"code": "unverified", "message": "item 'mend' is not done: the check ended with 1"}
    return [
        rows.step(MASON, "ask", "mason", scope=True),
        rows.step(plan, "follow", "plan", scope=True),
        rows.done(plan, "follow", "plan", result=PLAN),
        rows.step(look, "follow", "item look", scope=True),
        rows.done(look, "follow", "item look", result={"result": "quantities are forgotten"}),
        rows.step(mend, "follow", "item mend", scope=True),
        rows.row("step.failed", mend, effect="follow", name="item mend", error=failed),
    ]


def make_app(bench: FakeBench | None = None, clock: HandClock | None = None) -> KaizenApp:
    """The app over a fake workbench and a clock that stands still."""
    return KaizenApp((bench or FakeBench()).opened, clock=clock or HandClock())


async def shown(app: KaizenApp, pilot: Any, events: Iterable[Event]) -> None:
    """Put rows on the board and wait until they are painted."""
    for event in events:
        app.board.fold(event)
    app.show_news()
    await settled(app, pilot)


async def settled(app: KaizenApp, pilot: Any) -> None:
    """Wait until the core has answered everything and the screen has painted it."""
    await until(pilot, lambda: app.around.mode != "")
    await asyncio.wrap_future(app.core.call(_nothing))
    await pilot.pause()
    await until(pilot, lambda: not any(lines.is_painting for lines in app.screen.query(Lines[Any])))


async def until(pilot: Any, holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(seconds):
        while not holds():
            await pilot.pause()


async def _nothing(_bench: Any) -> None:
    return None
