"""Pictures of the overviews: each empty, typical and overflowing, at three sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.stage import (
    NOON,
    FakeBench,
    HandClock,
    Rows,
    make_app,
    settled,
    shown,
    typical,
    until,
    waiting_rows,
)
from tests.tui.test_snapshots import still_cursor
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelInfo
from workbench.journal.events import Event
from workbench.models.survey import Provider
from workbench.permission.doubting import doubt_rule
from workbench.permission.rule import Rule
from workbench.run.uses import InForce, Uses
from workbench.store.memory import MemoryStore
from workbench.tui.screens.agents import AgentsScreen
from workbench.workflow.pattern import pattern

__all__ = ["still_cursor"]

Compare = Callable[..., bool]

SIZES = {"wide": (160, 45), "medium": (100, 30), "minimum": (80, 24)}
STATES = ("empty", "typical", "overflowing")


def picture(compare: Compare, bench: Any, size: str, *keys: str) -> bool:
    """Whether a screen looks as it did after some keys."""
    app = make_app(bench, HandClock())

    async def play(pilot: Pilot[Any]) -> None:
        await settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settled(app, pilot)

    return compare(app, terminal_size=SIZES[size], run_before=play)


ASKED: list[tuple[str, str, str, str, dict[str, Any], dict[str, Any] | None]] = [
    ("coder", "write_file", "MEDIUM", "write the plan", {"path": "plan.md", "content": "# Plan\n"},
     {"verdict": "allow", "by": "user", "scope": "run"}),
    ("coder", "bash_command", "HIGH", "clean before the test", {"command": "rm -r build"},
     {"verdict": "deny", "by": "user", "scope": "call", "reason": "ask the planner first"}),
    ("critic", "http_request", "CRITICAL", "", {"url": "https://example.org/?q=1"},
     {"verdict": "deny", "by": "timeout", "scope": "call", "reason": "nobody answered"}),
    ("planner", "delete_file", "HIGH", "it is not used any more", {"path": "src/old.py"},
     {"verdict": "allow", "by": "rule 1f2e3d4c", "scope": "call"}),
    ("coder", "bash_command", "HIGH", "see whether it builds", {"command": "make all"}, None),
]  # fmt: skip


def asked_rows(times: int = 1, **more: Any) -> list[Event]:
    """A run with the questions above, so often."""
    rows = [Event("a41f77c0", 1, NOON, "run.started", "", {"pattern": "supervisor"})]
    for n, (agent, tool, danger, why, arguments, said) in enumerate(ASKED * times):
        key = f"0:ask.planner/{n}:ask.{agent}/0:tool.{tool}"
        asked = {"id": f"a41f77c0:{key}/approval#0", "tool": tool, "agent": agent}
        data = {**asked, "danger": danger, "arguments": {**arguments, **more}, "why": why}
        data |= {"rule": f"asked for: {danger} in confirm mode"}
        rows.append(Event("a41f77c0", len(rows) + 1, NOON + 61 * n, "approval.asked", key, data))
        if said is not None:
            at = NOON + 61 * n + 7
            rows.append(
                Event("a41f77c0", len(rows) + 1, at, "approval.answered", key, {**asked, **said})
            )
    return rows


HOSTILE = {"note": "\x1b[2J\u202e 漢字 [red]x[/] " + "and so on " * 30}


def history_of(state: str) -> FakeBench:
    """A workbench with a history."""
    bench, store = FakeBench(), MemoryStore()
    rows = {"empty": [], "typical": asked_rows(), "overflowing": asked_rows(100, **HOSTILE)}
    store.append(rows[state])
    bench.store = store  # type: ignore[assignment]
    return bench


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_the_history_of_approvals(snap_compare: Compare, state: str, size: str) -> None:
    assert picture(snap_compare, history_of(state), size, "f6", "j")


def test_a_search_of_the_history(snap_compare: Compare) -> None:
    keys = ("f6", "slash", *"deny rm")
    assert picture(snap_compare, history_of("typical"), "medium", *keys)


def test_the_audit_verified(snap_compare: Compare) -> None:
    assert picture(snap_compare, history_of("typical"), "medium", "f6", "v")


RULES = (
    InForce(
        Rule("deny", tool="delete_file", scope="config", reason="nothing is deleted here"), Uses()
    ),
    InForce(
        Rule(
            "allow",
            tool="write_file",
            arguments={"path": "docs/**"},
            danger="<=MEDIUM",
            scope="workspace",
        ),
        Uses(12, NOON - 75),
    ),
    InForce(
        Rule(
            "allow",
            tool="bash_command",
            argv=("python3", "check.py"),
            scope="run",
            run_id="a41f77c0",
        ),
        Uses(1, NOON - 5),
    ),
    InForce(
        Rule("confirm", agent="intern*", when='danger:HIGH "rm "', expires_at=NOON + 288), Uses()
    ),
    InForce(
        doubt_rule("again", {"tool": "bash_command", "command": "make*"}, scope="session"), Uses()
    ),
)


class RuledBench(FakeBench):
    """A workbench with rules."""

    def __init__(self, rules: Sequence[InForce]) -> None:
        super().__init__()
        self.in_force = list(rules)


def ruled(state: str) -> FakeBench:
    """A workbench with no, some or many rules."""
    odd = [
        InForce(Rule("allow", tool=f"tool{n}", arguments={"note": HOSTILE["note"]}), Uses(n, NOON))
        for n in range(60)
    ]
    return RuledBench({"empty": (), "typical": RULES, "overflowing": odd}[state])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_the_rules(snap_compare: Compare, state: str, size: str) -> None:
    assert picture(snap_compare, ruled(state), size, "f7", "j")


NOBODY = Provider("litellm", "no keys are set", is_remote=True)
PLAYBOOKS = Provider(
    "playbook",
    "/home/me/project, /home/me/project/examples",
    is_remote=False,
    models=tuple(
        ModelInfo(f"playbook:{name}", ("chat", "tools"), None, None, (0.0, 0.0))
        for name in ("default", "tour")
    ),
    state="answers",
)
RECORDED = Provider("recorded", "any run: model recorded:RUN answers from it", is_remote=False)
QWEN = ModelInfo("ollama:qwen3:4b", ("chat", "tools", "thinking"), 40_960, 2_600_000_000, (0, 0))
TINY = ModelInfo("ollama:all-minilm", ("embedding",), 512, 46_000_000, (0, 0))
DEAR = ModelInfo("openai/gpt-4o", ("chat", "tools", "vision"), 128_000, None, (2.5, 10.0))


class ModelBench(FakeBench):
    """A workbench with providers, which answer when they are asked."""

    model_reason = "no Ollama answers at http://127.0.0.1:11434, so answers are made up (no LLM)"

    def __init__(self, answers: Mapping[str, Sequence[ModelInfo]]) -> None:
        super().__init__()
        self.answers_of = answers
        self.asked_of: list[str] = []

    async def providers(self) -> list[Provider]:
        ollama = Provider("ollama", "http://127.0.0.1:11434", is_remote=True)
        return [ollama, NOBODY, PLAYBOOKS, RECORDED]

    async def ask_provider(self, provider: Provider) -> Provider:
        self.asked_of.append(provider.prefix)
        models = tuple(self.answers_of.get(provider.prefix, ()))
        return replace(provider, models=models, state="answers" if models else "does not answer")


def modelled(state: str) -> FakeBench:
    """Nobody was asked; some answer; one has very many, with odd names."""
    odd = [replace(QWEN, name=f"ollama:\x1b[2J漢字{n}:" + "very-long-" * 12) for n in range(80)]
    some = {"ollama": (QWEN, TINY), "litellm": (DEAR,)}
    bench = ModelBench({"empty": {}, "typical": some, "overflowing": {"ollama": odd}}[state])
    bench.agents = {"critic": Agent("critic", "text: str -> verdict: str", model="ollama:qwen3:4b")}
    return bench


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_the_models(snap_compare: Compare, state: str, size: str) -> None:
    keys = ("f8",) if state == "empty" else ("f8", "c", "g", "j")
    assert picture(snap_compare, modelled(state), size, *keys)


CODER = Agent(
    "coder",
    'task: str "what to do", files: list[str] -> patch: str, notes: list[str]',
    instructions="Write little.\n\nSay what you were unsure of.",
    tools=["read_file", "write_file", "bash_command"],
    model="ollama:qwen3:4b",
    options={"temperature": 0.2},
)
AGENTS = (
    CODER,
    Agent("critic", "patch: str -> verdict: str, reasons: list[str]"),
    Agent("planner", "goal: str -> plan: list[str]", style="chain"),
)


class AgentBench(FakeBench):
    """A workbench with agents."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        super().__init__()
        self.agents = {agent.name: agent for agent in agents}
        self.agent_plugins = {"critic": "entry point review (reviewing 1.2)"}
        self.config = SimpleNamespace(workspace=Path("/nowhere"), agents="agents")


def defined(state: str) -> FakeBench:
    """A workbench with no, some or many agents, of which some are at work."""
    odd = [
        Agent(
            f"agent \x1b[2J漢字 {n} " + "long " * 8, f"a{n}: str -> b: str", tools=["x"] * (n > 3)
        )
        for n in range(60)
    ]
    return AgentBench({"empty": (), "typical": AGENTS, "overflowing": odd}[state])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_the_agents_that_are_defined(snap_compare: Compare, state: str, size: str) -> None:
    bench = defined(state)
    app = make_app(bench, HandClock())

    async def play(pilot: Pilot[Any]) -> None:
        rows = Rows()
        events = [*typical(rows), *waiting_rows(rows)] if state == "typical" else []
        await shown(app, pilot, events)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, AgentsScreen))
        await settled(app, pilot)

    assert snap_compare(app, terminal_size=SIZES[size], run_before=play)


@pattern
async def debate(question: str, rounds: int = 2) -> str:
    """Agents argue in rounds; a judge decides.

    Args:
        question: what they argue about.
        rounds: how often everyone speaks.
    """
    return question * rounds


@pytest.mark.parametrize("size", SIZES)
def test_the_patterns(snap_compare: Compare, size: str) -> None:
    bench = FakeBench()
    bench.patterns = {"debate": replace(debate, origin="plugins/debate.py")}
    assert picture(snap_compare, bench, size, "f4")
