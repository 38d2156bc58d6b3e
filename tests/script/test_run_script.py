"""Scripts: lines as effects, ends as exit codes, going on after an interruption."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.script.conftest import AGENTS, Opened
from workbench.bench import Workbench
from workbench.errors import Diverged, UnknownName, UsageError
from workbench.script.answering import Answering
from workbench.script.command import Output
from workbench.script.ended import Ended, from_store
from workbench.script.language import Line
from workbench.script.run_script import resumable, run_script, runs_of


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Output]] = []
        self.notices: list[str] = []

    def begun(self, line: Line) -> None:
        pass

    def done(self, line: Line, output: Output) -> None:
        self.said.append((line.name, output))

    def notice(self, text: str) -> None:
        self.notices.append(text)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.said]


def played(opened: Opened, text: str, *, resume: bool = False) -> tuple[int, Kept, Ended]:
    """Run a script to its end; its exit code, what it said, and its run."""

    async def play() -> tuple[int, Kept, Ended]:
        kept = Kept()
        async with opened() as bench, Answering(bench, notice=kept.notice):
            code = await run_script(bench, AGENTS + text, "test.kz", kept, resume=resume)
            return code, kept, from_store(bench.store, newest_script(bench))

    return asyncio.run(play())


def newest_script(bench: Workbench) -> str:
    return next(row.run_id for row in bench.store.runs() if row.pattern == "script")


def test_a_script_runs_its_lines_in_order(opened: Opened):
    code, kept, ended = played(
        opened, "ask critic Is it good?\nexpect output.verdict~*ship* steps<=5\n"
    )
    assert (code, ended.outcome) == (0, "returned")
    assert ended.result == {"verdict": "ship it"}
    assert kept.names[-2:] == ["ask", "expect"]
    assert kept.said[-2][1].lines == ("verdict: ship it",)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("output.verdict=no", "expected output.verdict=no, got ship it"),
        ("steps<=0", "expected steps<=0, got 1"),
        ("outcome=failed", "expected outcome=failed, got returned"),
        ("output.nothing=1", "there is no 'nothing' in"),
        ("file note.txt exists", "expected a file 'note.txt', and there is none"),
        ("denied=1", "expected denied=1, got 0"),
    ],
)
def test_a_false_claim_ends_the_script_and_says_what_was(opened: Opened, claim: str, message: str):
    code, kept, ended = played(opened, f"ask critic x\nexpect {claim}\nask critic never\n")
    assert code == 1
    assert message in ended.message
    assert ended.message.startswith("test.kz:7: ")
    assert kept.names.count("ask") == 1


def test_a_failed_run_ends_the_script_with_its_own_code(opened: Opened):
    code, _, ended = played(opened, "ask broken x\nask critic never\n")
    assert code == 4
    assert ended.outcome == "failed"


def test_a_claim_about_the_outcome_lets_a_run_fail(opened: Opened):
    code, kept, _ = played(
        opened, "ask broken x\nexpect outcome=failed error=model_unreachable\nask critic on\n"
    )
    assert code == 0
    assert kept.names[-1] == "ask"


def test_what_is_not_approved_is_denied_and_the_agent_hears_it(opened: Opened, workspace: Path):
    code, kept, ended = played(opened, "ask writer now\nexpect denied=1 output.report~*not*\n")
    assert code == 0, ended.message
    assert not (workspace / "note.txt").exists()
    assert "denied: writer" in kept.notices[0]


def test_an_approve_rule_lets_it_happen(opened: Opened, workspace: Path):
    code, _, ended = played(
        opened,
        "approve write_file path=*.txt danger<=MEDIUM\nask writer now\n"
        "expect denied=0 output.report=written\nexpect file note.txt contains hello\n",
    )
    assert code == 0, ended.message
    assert (workspace / "note.txt").read_text(encoding="utf-8") == "hello"


def test_a_deny_rule_beats_an_approve_rule(opened: Opened, workspace: Path):
    code, _, ended = played(
        opened, "approve write_file\ndeny write_file path=note.*\nask writer now\nexpect denied=1\n"
    )
    assert code == 0, ended.message
    assert not (workspace / "note.txt").exists()


def test_a_scripts_rules_end_with_it(opened: Opened):
    async def play() -> list[str]:
        async with opened() as bench:
            await run_script(bench, "approve write_file", "rules.kz")
            return [str(rule) for rule in bench.policy.rules]

    assert asyncio.run(play()) == []


def test_background_runs_are_waited_for(opened: Opened):
    code, kept, _ = played(
        opened,
        "ask critic one as=first &\nask critic two &\nwait\nshow first\n"
        "wait state:done run=first\n",
    )
    assert code == 0
    assert kept.names[-5:] == ["ask", "wait", "show", "wait", "wait"]


def test_a_background_run_that_fails_fails_the_script(opened: Opened):
    code, _, ended = played(opened, "ask broken x &\nask critic y\n")
    assert code == 4
    assert "model" in ended.message or "answer" in ended.message


def test_a_limit_is_an_exit_code_of_its_own(opened: Opened):
    code, _, ended = played(opened, "budget steps=0\nask critic x\n")
    assert code == 6
    assert "limit" in ended.message


def test_wrong_scripts_are_refused_before_anything_runs(opened: Opened):
    async def play(text: str) -> int:
        async with opened() as bench:
            try:
                await run_script(bench, text, "wrong.kz")
            finally:
                assert bench.store.runs() == []
        return 0

    with pytest.raises(UnknownName, match=r"no command 'aks'\. Did you mean 'ask'"):
        asyncio.run(play("help\naks critic x"))
    with pytest.raises(UsageError, match="needs 'agent'"):
        asyncio.run(play("ask"))
    with pytest.raises(UnknownName, match="no argument of 'mode' 'nam'"):
        asyncio.run(play("mode nam=plan"))
    with pytest.raises(UnknownName, match=r"Did you mean 'confirm'"):
        asyncio.run(play("mode confrim"))


def test_a_fork_changes_the_last_reply(opened: Opened):
    code, kept, ended = played(
        opened,
        'ask critic x\nfork last reply={"verdict": "stop"}\nexpect output.verdict=stop\ndiff\n',
    )
    assert code == 0, ended.message
    assert any("verdict" in line for line in kept.said[-1][1].lines)


def test_runs_can_be_looked_at_and_exported(opened: Opened, workspace: Path):
    code, kept, ended = played(
        opened,
        "ask critic x\nshow\nruns\ntrace kind:model state:done\ncheckpoints\n"
        "export last out.jsonl\n",
    )
    assert code == 0, ended.message
    said = dict(kept.said)
    assert any("verdict: ship it" in line for line in said["show"].lines)
    assert len(said["trace"].data) == 1
    rows = (workspace / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"format":"kaizen-tui run"' in rows[0]
    assert len(rows) == said["export"].data["rows"] + 2  # a header and an end


def interrupted(opened: Opened, text: str, when: str) -> int:
    """Run a script and interrupt everything as soon as a row of kind ``when`` is recorded."""

    async def play() -> int:
        async with opened() as bench:

            def told(event: object) -> None:
                if getattr(event, "kind", "") == when:
                    for run in list(bench.runs.values()):
                        run.interrupt("immediate", by="test")

            unsubscribe = bench.subscribe(told)
            code = await run_script(bench, AGENTS + text, "test.kz", Kept())
            unsubscribe()
            return code

    return asyncio.run(play())


RESUMED = "ask critic one\napprove write_file\nask writer now\nexpect output.report=written\n"


@pytest.mark.parametrize("when", ["step.started", "step.finished", "value.defined", "run.finished"])
def test_an_interrupted_script_goes_on_and_repeats_nothing(
    opened: Opened, workspace: Path, when: str
):
    interrupted(opened, RESUMED, when)
    code, kept, ended = played(opened, RESUMED, resume=True)
    assert code == 0, ended.message
    assert (workspace / "note.txt").exists()
    assert kept.names[-1] == "expect"

    async def look() -> tuple[list[str], list[str]]:
        async with opened() as bench:
            titles = [row.title for row in bench.store.runs()]
            return titles, runs_of(bench, newest_script(bench))

    titles, children = asyncio.run(look())
    assert sorted(titles) == ["ask critic", "ask writer", "script test.kz"]
    assert len(children) == 2


def test_an_edited_script_does_not_go_on(opened: Opened):
    interrupted(opened, RESUMED, "value.defined")
    with pytest.raises(Diverged, match=r"test\.kz:6 was changed"):
        played(opened, RESUMED.replace("one", "two"), resume=True)


def test_there_is_nothing_to_resume_when_it_ended_or_never_began(opened: Opened):
    with pytest.raises(UsageError, match="never run here"):
        played(opened, "help", resume=True)
    played(opened, "help")
    with pytest.raises(UsageError, match="nothing to resume"):
        played(opened, "help", resume=True)


def test_the_newest_run_of_a_script_is_the_one_resumed(opened: Opened):
    interrupted(opened, RESUMED, "value.defined")

    async def look() -> bool:
        async with opened() as bench:
            return resumable(bench, "test.kz") == newest_script(bench)

    assert asyncio.run(look())
