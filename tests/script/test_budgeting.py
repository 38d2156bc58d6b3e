"""The command `budget`, and what scripts do at a limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.script.conftest import AGENTS, Opened
from tests.script.test_run_script import played
from workbench.errors import UnknownName, UsageError, WorkbenchError
from workbench.script.command import Output
from workbench.script.execute import execute
from workbench.script.session import Session

TWICE = 'run sequential agents=["twice", "twice"] task=x\n'
TWICE_AGENT = 'agent define twice "task: str -> answer: str"\n'


def said(opened: Opened, *lines: str) -> Output:
    """What the last of some lines says."""

    async def say() -> Output:
        async with opened() as bench:
            session, output = Session(bench), Output()
            for line in [*AGENTS.strip().splitlines(), TWICE_AGENT.strip(), *lines]:
                try:
                    output = await execute(session, line)
                except WorkbenchError:
                    if line is lines[-1]:
                        raise
            return output

    return asyncio.run(say())


def test_it_says_limit_used_reserved_and_left_of_everything(opened: Opened):
    output = said(
        opened,
        "budget usd=1.5 tokens=9000 day.steps=40 session.tokens=8000 agent.critic.usd=2",
        "ask critic x",
        "budget",
    )
    run = output.data["run"]
    assert run["usd"] == {"limit": 1.5, "used": 0.0, "reserved": 0.0, "left": 1.5}
    used = run["tokens"]["used"]
    assert run["tokens"] == {"limit": 9000, "used": used, "reserved": 0, "left": 9000 - used}
    assert run["depth"] == {"limit": 32}
    assert output.data["day"]["steps"] == {"limit": 40, "used": 1, "reserved": 0, "left": 39}
    assert output.data["session"]["tokens"]["left"] == 8000 - used
    assert output.data["agent.critic"]["usd"]["limit"] == 2
    assert output.data["on_limit"] == "rest"
    text = "\n".join(output.lines)
    assert "agent.critic" in text
    assert "reserved" in text


def test_none_lifts_a_limit_of_the_settings(opened: Opened):
    output = said(opened, "budget steps=0", "budget steps=none", "ask critic x", "budget")
    assert output.data["run"]["steps"]["limit"] is None


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("budget token=3", UnknownName, "Did you mean 'tokens'"),
        ("budget day.token=3", UnknownName, "Did you mean 'tokens'"),
        ("budget week.usd=3", UnknownName, "no limit 'week.usd'"),
        ("budget day.seconds=3", UnknownName, "no limit 'seconds'"),
        ("budget agent.critic=3", UnknownName, "no limit 'agent.critic'"),
        ("budget usd=-1", UsageError, "'usd' is a number"),
        ("budget usd=NaN", UsageError, "'usd' is a number"),
        ("budget steps=1.5", UsageError, "not a whole number"),
        ("budget depth=0", UsageError, "1 or more"),
        ("budget agent.critic.tokens=x", UsageError, "'agent.critic.tokens' is a number"),
        ("budget on_limit=explode", UnknownName, "no on_limit 'explode'"),
        ("budget 5", UsageError, "no place for '5'"),
    ],
)
def test_a_limit_that_is_none_names_the_nearest(
    opened: Opened, line: str, error: type[WorkbenchError], message: str
):
    with pytest.raises(error, match=message):
        said(opened, line)


def test_a_refused_line_changes_nothing(opened: Opened):
    output = said(opened, "budget steps=3 day.steps=4 usd=x", "budget")
    assert "steps" not in output.data["run"]
    assert "steps" not in output.data["day"]


def test_a_script_rests_at_a_limit_and_goes_on_with_a_higher_one(opened: Opened):
    text = TWICE_AGENT + "budget steps=1\n" + TWICE + "expect steps=2\n"
    text = text.replace("expect", "mode confirm\nexpect")  # a claim would end the run there
    code, _, ended = played(opened, text)
    assert (code, ended.outcome, ended.rests) == (6, "out_of_budget", True)
    assert "limit of 1 steps" in ended.message
    code, _, ended = played(opened, text, resume=True)
    assert code == 6

    async def raise_it() -> None:
        async with opened() as bench:
            (run,) = [row.run_id for row in bench.store.runs() if row.pattern == "sequential"]
            resumed = await bench.resume(run)
            await resumed.finished()

    async def raised() -> None:
        async with opened() as bench:
            (run,) = [row.run_id for row in bench.store.runs() if row.pattern == "sequential"]
            bench.budgets.on_limit = "extend"
            await (await bench.resume(run)).result()

    asyncio.run(raise_it())
    asyncio.run(raised())
    code, _, ended = played(opened, text, resume=True)
    assert (code, ended.outcome) == (0, "returned")


def test_a_claim_about_the_outcome_makes_a_limit_the_end_of_its_line(opened: Opened):
    text = TWICE_AGENT + "budget steps=1\n" + TWICE + "expect outcome=out_of_budget steps=1\n"
    code, kept, ended = played(opened, text + "ask critic x\n")
    assert (code, ended.outcome) == (0, "returned")
    assert kept.names[-2:] == ["expect", "ask"]


@pytest.mark.parametrize(
    ("choice", "code", "outcome"),
    [("stop", 6, "failed"), ("extend", 0, "returned"), ("rest", 6, "out_of_budget")],
)
def test_a_script_says_beforehand_what_becomes_of_a_run(
    opened: Opened, choice: str, code: int, outcome: str
):
    text = TWICE_AGENT + f"budget steps=1 on_limit={choice}\n" + TWICE
    got, _, ended = played(opened, text)
    assert (got, ended.outcome) == (code, outcome)


def test_what_a_script_says_of_its_runs_does_not_drop_the_settings_own_limits(
    opened: Opened, tmp_path: Any
):
    from workbench.bench import Workbench

    async def limits() -> dict[str, Any]:
        config = {"limits": {"usd": 3, "tokens": 900}}
        async with Workbench.open(":memory:", workspace=tmp_path, config=config) as bench:
            session = Session(bench)
            for line in (*AGENTS.strip().splitlines()[:-1], "budget tokens=500 steps=9"):
                await execute(session, line)
            await execute(session, "ask critic x")
            return dict(bench.runs[session.last].header.limits)

    assert asyncio.run(limits()) == {"usd": 3, "tokens": 500, "steps": 9}
