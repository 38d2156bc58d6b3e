"""What the gate does around effects that change files: turns, snapshots, and the rows of both."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.run.stage import Ledger, acted, opened, rows_of, seen, until, waiting
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import SnapshotFailed, StepFailed
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import together, use
from workbench.workspace import listing
from workbench.workspace.copies import Copies
from workbench.workspace.git import find_git

needs_git = pytest.mark.skipif(find_git() is None, reason="needs git")
ALLOWED: dict[str, Any] = {"rules": [{"verdict": "allow", "tool": "*"}]}


@pattern
async def in_turn(calls: list[Any]) -> list[Any]:
    return [await use(name, **arguments) for name, arguments in calls]


async def _ran(bench: Workbench, *calls: tuple[str, dict[str, Any]]) -> Run:
    """Run calls one after the other; permission is given to all."""
    run = await bench.start(in_turn, calls=list(calls))
    answering = asyncio.ensure_future(_allow_everything(bench))
    try:
        await run.finished()
    finally:
        answering.cancel()
    return run


async def _allow_everything(bench: Workbench) -> None:
    while True:
        for one in await waiting(bench):
            await bench.answer(one.id, Answer("allow"))
        await asyncio.sleep(0)


def _changes(bench: Workbench, run: Run) -> list[dict[str, Any]]:
    return [row.data for row in rows_of(bench, run, "file.changed")]


def _brief(data: Mapping[str, Any]) -> tuple[str, bool, bool]:
    return data["path"], data["before"] is not None, data["after"] is not None


def _intent(bench: Workbench, run: Run) -> dict[str, Any]:
    return rows_of(bench, run, "step.started")[-1].data


@acted
async def test_a_file_tools_change_is_a_row_and_both_contents_are_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        (tmp_path / "work" / "a.txt").write_text("old")
        run = await _ran(
            bench,
            ("write_file", {"path": "a.txt", "content": "new"}),
            ("write_file", {"path": "b/c.txt", "content": "made"}),
            ("delete_file", {"path": "a.txt"}),
        )
        await run.result()
        changes = _changes(bench, run)
        assert [_brief(one) for one in changes] == [
            ("a.txt", True, True), ("b/c.txt", False, True), ("a.txt", True, False),
        ]  # fmt: skip
        read = bench.store.blobs.read
        assert read(changes[0]["before"]) == b"old"
        assert read(changes[0]["after"]) == read(changes[2]["before"]) == b"new"
        assert (changes[0]["before_bytes"], changes[0]["size_bytes"]) == (3, 3)
        assert all(one["restorable"] for one in changes)
        assert changes[0]["workspace"] == str(tmp_path / "work")
        rows = rows_of(bench, run)
        kinds = [row.kind for row in rows if row.key.endswith("0:tool.write_file")]
        assert kinds[-2:] == ["file.changed", "step.finished"]


@acted
async def test_a_secret_and_what_is_too_large_are_recorded_and_not_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        work = tmp_path / "work"
        (work / ".env").write_text("KEY=canary")
        (work / "big").write_bytes(b"x" * (16 * 1024**2 + 1))
        run = await _ran(
            bench,
            ("write_file", {"path": ".env", "content": "KEY=other"}),
            ("write_file", {"path": "big", "content": "small"}),
        )
        await run.result()
        secret, big = _changes(bench, run)
        assert (secret["restorable"], secret["limit"]) == (False, "its name is one of a secret's")
        assert (big["restorable"], big["before_bytes"]) == (False, 16 * 1024**2 + 1)
    for path in (tmp_path / "state" / "blobs").iterdir():
        assert b"canary" not in path.read_bytes()


@needs_git
@acted
async def test_what_a_command_changed_becomes_rows_between_two_snapshots(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        work = tmp_path / "work"
        (work / "old").write_text("x")
        (work / "edited").write_text("before")
        command = "rm old; echo after > edited; mkdir d; echo y > d/new; chmod +x d/new"
        run = await _ran(bench, ("bash_command", {"command": command}))
        await run.result()
        found = {one["path"]: one for one in _changes(bench, run)}
        assert {_brief(one) for one in found.values()} == {
            ("old", True, False), ("edited", True, True), ("d/new", False, True),
        }  # fmt: skip
        intent = _intent(bench, run)
        assert intent["act"] == "run"
        assert len(intent["snapshot"]["tree"]) == 40
        assert intent["snapshot"]["duration_s"] > 0
        (taken,) = rows_of(bench, run, "snapshot.taken")
        assert taken.data["before"] == intent["snapshot"]["tree"]
        assert taken.data["changed"] == 3
        copies = bench.world.copies
        assert isinstance(copies, Copies)
        assert copies.read(found["edited"]["before"]) == b"before"
        assert copies.read(found["d/new"]["after"]) == b"y\n"
        assert found["d/new"]["mode"] == 0o100755


@needs_git
@acted
async def test_a_command_that_fails_or_is_stopped_is_recorded_with_what_it_did(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await _ran(
            bench, ("bash_command", {"command": "echo x > a; sleep 60", "timeout_s": 0.5})
        )
        with pytest.raises(StepFailed):
            await run.result()
        assert [_brief(one) for one in _changes(bench, run)] == [("a", False, True)]


@needs_git
@acted
async def test_reading_takes_no_snapshot_and_does_not_wait(tmp_path: Path) -> None:
    gate, began = asyncio.Event(), Ledger()

    @tool(act="write", danger="SAFE")
    async def slow() -> None:
        """Write something, slowly."""
        began.append("slow")
        await gate.wait()

    @pattern
    async def writing() -> None:
        await use(slow)

    async with opened(tmp_path, **ALLOWED) as bench:
        (tmp_path / "work" / "a").write_text("x")
        run = await bench.start(writing)
        await began.has("slow")
        reading = await _ran(
            bench, ("read_file", {"path": "a"}), ("bash_command", {"command": "cat a"})
        )
        assert (await reading.result())[1]["output"] == "x"
        assert _intent(bench, reading)["proven_reading"] is True
        assert "snapshot" not in _intent(bench, reading)
        gate.set()
        await run.result()
        assert "tree" in _intent(bench, run)["snapshot"]


@acted
async def test_writers_of_one_folder_take_turns_and_say_whom_they_wait_for(
    tmp_path: Path,
) -> None:
    busy, most = 0, 0
    said: list[str] = []

    @tool(act="write", danger="SAFE")
    async def careful(number: int) -> int:
        """Be alone."""
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        return number

    @pattern
    async def crowd() -> list[int]:
        return await together(use(careful, number=n) for n in range(6))

    async with opened(tmp_path, **ALLOWED) as bench:
        bench.subscribe(
            lambda e: None if isinstance(e, Event) else said.append(str(e.data.get("text")))
        )
        run = await bench.start(crowd)
        assert await run.result() == [0, 1, 2, 3, 4, 5]
        assert most == 1
        assert any(text.startswith("waits for careful of run") for text in said)


@acted
async def test_a_tool_that_uses_tools_in_the_same_folder_does_not_wait_for_itself(
    tmp_path: Path,
) -> None:
    benches: list[Workbench] = []

    @pattern
    async def inner() -> Any:
        return await use("write_file", path="inner", content="x")

    @tool(act="write", danger="SAFE")
    async def outer() -> Any:
        """Run another workflow."""
        return await (await benches[0].start(inner)).result()

    @pattern
    async def calling() -> Any:
        return await use(outer)

    async with opened(tmp_path, **ALLOWED) as bench:
        benches.append(bench)
        found = await (await bench.start(calling)).result()
        assert found["path"] == "inner"


@acted
async def test_a_tree_too_large_is_said_in_the_request_and_in_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_FILES", 3)
    async with opened(tmp_path) as bench:
        for number in range(5):
            (tmp_path / "work" / str(number)).write_text("x")

        @pattern
        async def calling() -> Any:
            return await use("bash_command", command="echo x > 0")

        run = await bench.start(calling)
        (one,) = await waiting(bench)
        assert one.facts is not None
        assert "no snapshot of the files: the folder has more than 3 files" in one.facts.notes
        await bench.answer(one.id, Answer("allow"))
        await run.result()
        assert _intent(bench, run)["snapshot"] == {"none": "the folder has more than 3 files"}


@acted
async def test_without_git_effects_run_and_rows_say_that_there_is_no_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.workspace.copies.find_git", lambda: None)
    async with opened(tmp_path) as bench:
        run = await _ran(
            bench,
            ("bash_command", {"command": "echo x > a"}),
            ("write_file", {"path": "b", "content": "y"}),
        )
        await run.result()
        assert (tmp_path / "work" / "a").exists()
        rows = rows_of(bench, run, "step.started")
        assert rows[0].data["snapshot"] == {"none": "git is not installed"}
        assert [one["path"] for one in _changes(bench, run)] == ["b"]


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_a_failed_snapshot_is_put_to_a_person_before_anything_happens(
    tmp_path: Path, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: Copies, folder: str) -> NoReturn:
        raise SnapshotFailed(f"the snapshot of {folder} failed: no space left on device")

    monkeypatch.setattr(Copies, "snapshot", full)

    @pattern
    async def calling() -> Any:
        return await use("bash_command", command="echo x > a")

    @acted
    async def asked() -> None:
        async with opened(tmp_path, rules=[{"verdict": "allow", "argv": ["x"]}]) as bench:
            run = await bench.start(calling)
            (one,) = await waiting(bench)
            await bench.answer(one.id, Answer("allow"))
            await seen(bench, "approval.answered")
            (two,) = await waiting(bench)
            assert two.id.endswith("/approval#bare")
            assert "no space left" in two.rule
            assert not (tmp_path / "work" / "a").exists()
            await bench.answer(two.id, Answer(verdict))  # type: ignore[arg-type]
            outcome = await run.finished()
            assert (tmp_path / "work" / "a").exists() is (verdict == "allow")
            assert outcome.outcome == ("returned" if verdict == "allow" else "failed")
            if verdict == "allow":
                assert "no space left" in _intent(bench, run)["snapshot"]["none"]

    asked()


@needs_git
@acted
async def test_damaged_snapshots_are_set_aside_and_begun_anew_and_that_is_said(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        work, snapshots = tmp_path / "work", tmp_path / "state" / "snapshots"
        (work / "a").write_text("x")
        await (await _ran(bench, ("bash_command", {"command": "echo 1 > a"}))).result()
        for index in snapshots.glob("index-*"):
            index.write_bytes(b"DIRC nonsense")
        said: list[str] = []
        bench.subscribe(
            lambda e: None if isinstance(e, Event) else said.append(str(e.data.get("text")))
        )
        run = await _ran(bench, ("bash_command", {"command": "echo 2 > a"}))
        await run.result()
        assert "set aside" in _intent(bench, run)["snapshot"]["anew"]
        assert any("begin anew" in text for text in said)
        assert [one["path"] for one in _changes(bench, run)] == ["a"]
        assert list(snapshots.parent.glob("snapshots.damaged-*"))


_OTHER = """
import asyncio, sys
from pathlib import Path
from workbench.workspace.turns import Turns
async def main():
    who = {"run_id": "f00dcafe", "name": "bash_command"}
    async with Turns(Path(sys.argv[1])).turn(sys.argv[2], who, lambda who: None):
        print("holding", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
asyncio.run(main())
"""


def test_what_another_program_writes_is_waited_for_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    words = [sys.executable, "-c", _OTHER, str(tmp_path / "state" / "locks")]
    with subprocess.Popen(
        [*words, str(tmp_path / "work")],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"holding\n"

        @acted
        async def waiting_for_it() -> None:
            said: list[str] = []
            async with opened(tmp_path, **ALLOWED) as bench:
                bench.subscribe(
                    lambda e: None if isinstance(e, Event) else said.append(str(e.data.get("text")))
                )
                run = await bench.start(in_turn, calls=[("write_file", _A)])
                reading = await _ran(bench, ("file_exists", {"path": "a"}))
                assert await reading.result() == [{"exists": False, "kind": None}]
                await until(bench, lambda: any("(process " in text for text in said))
                assert not rows_of(bench, run, "step.started")
                other.kill()
                await run.result()
                assert str(other.pid) in "".join(said)

        waiting_for_it()


_A = {"path": "a", "content": "x"}
