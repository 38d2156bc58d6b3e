"""Pictures of the overviews: each empty, typical and overflowing, at three sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.stage import NOON, FakeBench, HandClock, make_app, settled
from tests.tui.test_snapshots import still_cursor
from workbench.journal.events import Event
from workbench.permission.doubting import doubt_rule
from workbench.permission.rule import Rule
from workbench.run.uses import InForce, Uses
from workbench.store.memory import MemoryStore

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
