"""Lines about files, done again with the same key as a resumed script does them."""

from __future__ import annotations

from pathlib import Path

from tests.run.stage import acted, opened
from tests.test_restoring import RULES, in_turn, write
from workbench.run import restoring
from workbench.run.restoring import Wanted
from workbench.script.execute import perform
from workbench.script.language import parse_line
from workbench.script.session import Session


@acted
async def test_a_line_that_is_done_again_finds_what_it_did(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        run = await bench.start(in_turn, calls=[write("a", "x")])
        await run.result()
        line = parse_line(f"restore {run.run_id}@1 yes=true")
        assert line is not None
        first = await perform(Session(bench), line, "the same")
        (work / "a").write_text("mine")
        again = await perform(Session(bench), line, "the same")
        assert first.data["run_id"] == again.data["run_id"]
        assert (work / "a").read_text() == "mine"
        assert not [rule for rule in bench.policy.rules if rule.tool == "restore_files"]


@acted
async def test_a_line_goes_on_with_the_restore_it_began(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        run = await bench.start(in_turn, calls=[write("a", "x")])
        await run.result()
        made = await restoring.plan(bench.store, bench.world, bench.runs, Wanted(run.run_id, 1))
        session = Session(bench)
        line = parse_line(f"restore {run.run_id}@1 yes=true")
        assert line is not None
        from workbench.script.command import Call

        begun = session.start_id(Call(line, {}, {}, "the same"))
        stopped = await restoring.begin(bench, made, begun)
        stopped.interrupt("immediate", by="test")
        assert (await stopped.finished()).outcome == "suspended"
        restoring.settle(bench, begun)
        done = await perform(session, line, "the same")
        assert done.data["run_id"] == begun
        assert not (work / "a").exists()
