"""Files put back: as they were at a place, never over anybody's edits, all or none."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import acted, opened, rows_of
from workbench.bench import Workbench
from workbench.errors import Denied, StepFailed, UnknownName, UsageError
from workbench.run import restoring
from workbench.run.restoring import Restore, Wanted
from workbench.run.run import Run
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import use
from workbench.workspace.git import find_git

needs_git = pytest.mark.skipif(find_git() is None, reason="needs git")
RULES: dict[str, Any] = {
    "rules": [
        {"verdict": "allow", "tool": "write_file"},
        {"verdict": "allow", "tool": "delete_file"},
        {"verdict": "allow", "tool": "edit_file"},
    ]
}


@pattern
async def in_turn(calls: list[Any]) -> list[Any]:
    return [await use(name, **arguments) for name, arguments in calls]


def write(path: str, content: str) -> tuple[str, dict[str, str]]:
    return "write_file", {"path": path, "content": content}


def shell(command: str) -> tuple[str, dict[str, str]]:
    return "bash_command", {"command": command}


async def _ran(bench: Workbench, *calls: Any) -> Run:
    run = await bench.start(in_turn, calls=list(calls))
    ended = asyncio.ensure_future(run.finished())
    told = asyncio.Event()
    stop = bench.subscribe(lambda _event: told.set())
    from workbench.run.waiting import Answer

    while not ended.done():
        told.clear()
        for one in bench.waiting:
            await bench.answer(one.id, Answer("allow"))
        waits = asyncio.ensure_future(told.wait())
        await asyncio.wait({ended, waits}, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
    stop()
    await run.result()
    return run


async def _plan(bench: Workbench, run: Run | str, at: int | None = 1, **more: Any) -> Restore:
    run_id = run if isinstance(run, str) else run.run_id
    wanted = Wanted(run_id, at, **more)
    return await restoring.plan(bench.store, bench.world, bench.runs, wanted)


async def _restored(bench: Workbench, run: Run | str, at: int | None = 1, **more: Any) -> Run:
    made = await _plan(bench, run, at, **more)
    done = await restoring.begin(bench, made)
    await done.result()
    return done


def _tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def _deeds(made: Restore) -> dict[str, str]:
    return {item.path: item.deed for item in made.items}


@acted
async def test_files_are_put_back_and_that_is_taken_back_in_turn(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        (work / "kept").write_text("mine")
        (work / "edited").write_text("before\n")
        (work / "edited").chmod(0o755)
        (work / "gone").write_text("g")
        before = _tree(work)
        run = await _ran(
            bench,
            write("edited", "after\n"),
            write("new/file", "n"),
            ("delete_file", {"path": "gone"}),
        )
        after = _tree(work)
        made = await _plan(bench, run)
        assert _deeds(made) == {"edited": "changed", "gone": "created", "new/file": "deleted"}
        assert "-after" in made.diff
        assert "+before" in made.diff
        assert _tree(work) == after
        done = await _restored(bench, run)
        assert _tree(work) == before
        changed = [row.data["path"] for row in rows_of(bench, done, "file.changed")]
        assert sorted(changed) == ["edited", "gone", "new/file"]
        await _restored(bench, done)
        assert _tree(work) == after
        await _restored(bench, run)
        assert _tree(work) == before
        with pytest.raises(UsageError, match="are as they were"):
            await _restored(bench, run)


@needs_git
@acted
async def test_what_a_command_did_is_put_back_too_and_listed_as_done_outside(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        (work / "p").write_text("a file")
        (work / "d").mkdir()
        (work / "d" / "x").write_text("inside")
        (work / "run").write_text("#!")
        before = _tree(work)
        command = (
            "rm p; mkdir p; echo 1 > p/y; rm -r d; echo file > d; chmod +x run;"
            " printf '\\033]0;x\\007' > \"$(printf 'odd\\n\\033name')\"; echo b > run"
        )
        run = await _ran(bench, shell(command), write("note", "n"))
        assert (work / "p" / "y").exists()
        made = await _plan(bench, run)
        assert [one.what for one in made.outside] == ["bash_command"]
        await _restored(bench, run)
        assert _tree(work) == before
        assert (work / "run").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("kind", ["edited", "deleted", "folder", "link", "between"])
def test_a_users_own_edit_is_refused_by_name_and_nothing_at_all_is_changed(
    tmp_path: Path, kind: str
) -> None:
    @acted
    async def refused() -> None:
        work = tmp_path / "work"
        async with opened(tmp_path, **RULES) as bench:
            (work / "a").write_text("a0")
            (work / "b").write_text("b0")
            run = await _ran(bench, write("a", "a1"), write("b", "b1"))
            (work / "b").unlink()
            match kind:
                case "edited":
                    (work / "b").write_text("mine")
                case "folder":
                    (work / "b").mkdir()
                case "link":
                    (work / "b").symlink_to("a")
                case "between":
                    (work / "b").write_text("mine")
                    await _ran(bench, write("b", "b2"))
                case _:
                    pass
            stands = _tree(work)
            made = await _plan(bench, run)
            assert [one.path for one in made.refused] == ["b"]
            with pytest.raises(Denied, match="nothing was changed: b: "):
                await restoring.begin(bench, made)
            assert _tree(work) == stands
            await _restored(bench, run, paths=("a",))
            assert (work / "a").read_text() == "a0"
            if kind in {"edited", "deleted", "between"}:
                done = await _restored(bench, run, force=("b",))
                assert (work / "b").read_text() == "b0"
                await _restored(bench, done)
                assert (work / "b").exists() is (kind != "deleted")
                if kind != "deleted":
                    assert (work / "b").read_text() == {"edited": "mine"}.get(kind, "b2")

    refused()


@acted
async def test_an_edit_between_the_plan_and_the_deed_is_refused_with_nothing_changed(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        run = await _ran(bench, write("a", "a1"), write("b", "b1"))
        made = await _plan(bench, run)
        (work / "b").write_text("mine")
        done = await restoring.begin(bench, made)
        with pytest.raises(StepFailed, match="b was edited since"):
            await done.result()
        assert (work / "a").read_text() == "a1"
        assert (work / "b").read_text() == "mine"


@acted
async def test_what_was_not_kept_is_refused(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        (work / ".env").write_text("KEY=1")
        (work / "big").write_bytes(b"x" * (16 * 1024**2 + 1))
        run = await _ran(bench, write(".env", "KEY=2"), write("big", "small"))
        made = await _plan(bench, run)
        assert {one.path: one.can_force for one in made.refused} == {".env": False, "big": False}
        assert "KEY" not in "".join(str(one) for one in made.items)


@acted
async def test_nothing_is_put_back_while_a_run_works_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(in_turn, calls=[write("a", "x")])
        made = await _plan(bench, run)
        assert any("interrupt it first" in one.why for one in made.refused)
        run.cancel(by="user")
        await run.finished()


@needs_git
@acted
async def test_another_branch_being_checked_out_is_refused_unless_told(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        (work / ".git").mkdir()
        (work / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        run = await _ran(bench, write("a", "x"))
        (work / ".git" / "HEAD").write_text("ref: refs/heads/other\n")
        made = await _plan(bench, run)
        assert any("main and is other now" in one.why for one in made.refused)
        await _restored(bench, run, moved=True)
        assert not (work / "a").exists()


@acted
async def test_places_paths_and_runs_are_told_apart(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        run = await _ran(bench, write("d/a", "1"), write("d/a", "2"), write("b", "1"))
        second = rows_of(bench, run, "file.changed")[1].seq
        assert _deeds(await _plan(bench, run, second - 1)) == {"d/a": "changed", "b": "deleted"}
        other = await _ran(bench, write("b", "2"))
        made = await _plan(bench, run, second)
        assert _deeds(made) == {"b": "deleted"}
        assert len(made.items[0].by) == 2
        with pytest.raises(UnknownName, match="no file that was changed since"):
            await _plan(bench, run, paths=("d/b",))
        await _restored(bench, run, paths=("d",))
        assert not (work / "d" / "a").exists()
        assert (work / "b").read_text() == "2"
        await _restored(bench, other)
        assert (work / "b").read_text() == "1"


@acted
async def test_a_deny_rule_and_what_is_protected_still_count(tmp_path: Path) -> None:
    async with opened(tmp_path, **RULES) as bench:
        run = await _ran(bench, write(".github/workflows/ci.yml", "x"))
        done = await _restored(bench, run)
        assert done.status == "returned"
    denying: dict[str, Any] = {
        "rules": [*RULES["rules"], {"verdict": "deny", "tool": "restore_files"}]
    }
    async with opened(tmp_path, **denying) as bench:
        done = await restoring.begin(bench, await _plan(bench, done))
        with pytest.raises(StepFailed, match="denied by rule"):
            await done.result()
        assert not (tmp_path / "work" / ".github" / "workflows" / "ci.yml").exists()


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests import test_restoring as t
from tests.run.stage import opened
from workbench.run import restoring
from workbench.tools import replacing
count, at, folder = 0, int(sys.argv[2]), Path(sys.argv[1])
real = replacing.apply
def apply(wanted, descriptor, place):
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGKILL)
    real(wanted, descriptor, place)
async def main():
    async with opened(folder, **t.RULES) as bench:
        run = await t._ran(bench, *(t.write(name, name * 2) for name in "abcd"))
        from workbench.tools import putting_back
        putting_back.apply = apply
        made = await t._plan(bench, run)
        done = await restoring.begin(bench, made, "restoring")
        await done.result()
asyncio.run(main())
"""


@pytest.mark.parametrize("resumed", [True, False])
def test_a_kill_in_the_middle_leaves_whole_files_and_a_second_try_finishes(
    tmp_path: Path, resumed: bool
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for name in "abcd":
        (work / name).write_text(name)
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), "3"],
        cwd=Path(__file__).parents[1], capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert [(work / name).read_text() for name in "abcd"] == ["a", "b", "cc", "dd"]

    @acted
    async def again() -> None:
        async with opened(tmp_path, **RULES) as bench:
            first = next(row.run_id for row in bench.store.runs() if row.pattern == "in_turn")
            if resumed:
                arguments = rows_of(bench, "restoring")[0].data["arguments"]
                restoring.permit(
                    bench, "restoring", first, arguments["place"], arguments["changes"]
                )
                await (await bench.resume("restoring")).result()
                changed = rows_of(bench, "restoring", "file.changed")
                assert sorted(row.data["path"] for row in changed) == ["a", "b", "c", "d"]
            else:
                await _restored(bench, first)
            assert [(work / name).read_text() for name in "abcd"] == list("abcd")

    again()


@needs_git
@acted
async def test_a_fork_with_files_of_its_own_works_on_them_as_they_were_at_the_cut(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        (work / "kept").write_text("k")
        (work / ".gitignore").write_text("ignored\n")
        (work / "ignored").write_text("i")
        run = await _ran(
            bench, write("a", "a1"), write("a", "a2"), shell("echo x > b"), write("a", "a3")
        )
        stands = _tree(work)
        for number, expected in ((1, {}), (2, {"a": b"a2"}), (4, {"a": b"a3", "b": b"x\n"})):
            ends = [row.seq for row in rows_of(bench, run, "step.finished")]
            cut = ends[number - 1] if number > 1 else 1
            fork = await bench.fork(run.run_id, cut, files="own")
            folder = Path(fork.header.workspace)
            run_folder = Path(os.environ["XDG_DATA_HOME"])
            assert folder.is_relative_to(run_folder)
            assert not folder.is_relative_to(tmp_path / "state")
            kept = {"kept": (b"k", False), ".gitignore": (b"ignored\n", False)}
            wanted = {name: (data, False) for name, data in expected.items()}
            assert _tree(folder) == kept | wanted
            await _settled(bench, fork)
            assert _tree(work) == stands
            assert (folder / "a").read_text() == "a3"
        copies = bench.world.copies
        assert {one.run_id for one in copies.copies()} >= {fork.run_id}  # type: ignore[attr-defined]


async def _settled(bench: Workbench, run: Run) -> None:
    from workbench.run.waiting import Answer

    ended = asyncio.ensure_future(run.finished())
    while not ended.done():
        for one in bench.waiting:
            await bench.answer(one.id, Answer("allow"))
        await asyncio.wait({ended}, timeout=0.05)
    await run.result()


@needs_git
@acted
async def test_a_fork_of_a_fork_stays_in_its_parents_copy_and_one_without_stays_in_the_folder(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, **RULES) as bench:
        run = await _ran(bench, write("a", "1"), write("a", "2"))
        own = await bench.fork(run.run_id, 1, files="own")
        await _settled(bench, own)
        below = await bench.fork(own.run_id, 2)
        assert below.header.workspace == own.header.workspace
        await _settled(bench, below)
        shared = await bench.fork(run.run_id, 1)
        assert shared.header.workspace == str(tmp_path / "work")
        await _settled(bench, shared)
    async with opened(tmp_path, **RULES, fork_files="own") as bench:
        bench.world.patterns["in_turn"] = in_turn
        asked = await bench.fork(run.run_id, 1)
        assert asked.header.workspace.endswith(asked.run_id)
        await _settled(bench, asked)
