"""A run in a file: out of one workbench, into another, and what is refused on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.run.stage import (
    WRITER,
    Scripted,
    acted,
    calling,
    in_turn,
    opened,
    rows_of,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.bench import Workbench
from workbench.errors import InputError, UsageError
from workbench.journal.carried import Chain
from workbench.run.waiting import Answer
from workbench.script.compare import compare, contents_in
from workbench.script.differing import lines_of, text_of
from workbench.script.export import export_run
from workbench.script.importing import import_run
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, checkpoint, question


@pattern
async def two_turns() -> list[str]:
    first = (await ask(WRITER, task="one")).text
    await checkpoint("between")
    return [first, (await ask(WRITER, task="x" * 50_000)).text, await question("and?")]


async def _ran(bench: Workbench, answer: str = "yes") -> str:
    run = await bench.start(two_turns)
    (one,) = await waiting(bench)
    await bench.answer(one.id, Answer(answer=answer))
    await run.result()
    return run.run_id


async def _forked(bench: Workbench, run_id: str, **changes: Any) -> str:
    fork = await bench.fork(run_id, "between", **changes)
    (one,) = await waiting(bench)
    await bench.answer(one.id, Answer(answer="no"))
    await fork.result()
    return fork.run_id


def _written(folder: Path, fork: bool = True) -> tuple[Path, str, list[str]]:
    """A run (or a fork of it) in a file; its id and those of its line."""
    told: list[Any] = []
    folder.mkdir()

    @acted
    async def write() -> None:
        async with opened(folder, in_turn("done")) as bench:
            root = await _ran(bench)
            run_id = await _forked(bench, root, model="playbook:default") if fork else root
            export_run(bench.store, run_id, folder / "run.jsonl", replace=False)
            told.extend((run_id, [root, run_id] if fork else [root]))

    write()
    return folder / "run.jsonl", told[0], told[1]


def test_a_run_with_its_parents_is_shown_forked_and_exported_again_elsewhere(
    tmp_path: Path,
) -> None:
    path, run_id, line = _written(tmp_path / "one")

    @acted
    async def elsewhere() -> None:
        (tmp_path / "two").mkdir()
        async with opened(tmp_path / "two", in_turn("anew")) as bench:
            bench.world.patterns["two_turns"] = two_turns
            told = import_run(bench.store, path)
            assert (told.run_id, told.renamed) == (run_id, {})
            assert [row.run_id for row in bench.store.family(run_id)] == line
            assert bench.store.run(run_id).status == "returned"
            export_run(bench.store, run_id, tmp_path / "again.jsonl", replace=False)
            fork = await bench.fork(run_id, "between")
            assert fork.header.workspace == ""
            (one,) = await waiting(bench)
            await bench.answer(one.id, Answer(answer="well"))
            assert await fork.result() == ["done", "anew", "well"]

    elsewhere()
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


def test_a_running_run_is_exported_as_far_as_it_is_committed_and_goes_on_elsewhere(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    path = tmp_path / "run.jsonl"

    @acted
    async def run_twice() -> None:
        async with opened(tmp_path / "one", in_turn("done")) as bench:
            run = await bench.start(two_turns)
            (here,) = await waiting(bench)
            export_run(bench.store, run.run_id, path, replace=False)
            async with opened(tmp_path / "two", in_turn("done")) as other:
                told = import_run(other.store, path)
                assert other.store.run(told.run_id).status == "suspended"
                again = await other.resume(told.run_id, what=two_turns)
                (there,) = await waiting(other)
                assert there.id == here.id
                await other.answer(there.id, Answer(answer="there"))
                assert (await again.result())[2] == "there"
            await bench.answer(here.id, Answer(answer="here"))
            assert (await run.result())[2] == "here"

    run_twice()


@acted
async def test_the_same_file_twice_is_recognised_and_another_run_of_that_name_is_kept(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    paths = [folder / "run.jsonl" for folder in folders]
    for folder, path in zip(folders[:2], paths, strict=False):
        async with opened(folder, in_turn(folder.name)) as bench:
            run = await bench.start(two_turns, run_id="same")
            (one,) = await waiting(bench)
            await bench.answer(one.id, Answer(answer="yes"))
            await run.result()
            fork = await bench.fork("same", "between", as_id="heir")
            (one,) = await waiting(bench)
            await bench.answer(one.id, Answer(answer="yes"))
            await fork.result()
            export_run(bench.store, "heir", path, replace=False)
    async with opened(folders[2]) as bench:
        first = import_run(bench.store, paths[0])
        again = import_run(bench.store, paths[0])
        assert (first.run_id, again.run_id) == ("heir", "heir")
        assert (again.rows, again.known) == (0, first.rows)
        other = import_run(bench.store, paths[1])
        assert set(other.renamed) == {"same", "heir"}
        assert other.run_id == other.renamed["heir"]
        assert bench.store.run(other.run_id).parent_id == other.renamed["same"]
        once_more = import_run(bench.store, paths[1])
        assert (once_more.run_id, once_more.rows) == (other.run_id, 0)
        assert len(bench.store.runs()) == 4
        results = [rows_of(bench, name)[-1].data["result"][0] for name in ("heir", other.run_id)]
        assert results == ["one", "two"]


@acted
async def test_a_parent_that_is_here_already_stays_the_parent(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        root = await _ran(bench)
        fork = await _forked(bench, root)
        export_run(bench.store, fork, tmp_path / "fork.jsonl", replace=False)
        export_run(bench.store, root, tmp_path / "root.jsonl", replace=False)
    (tmp_path / "two").mkdir()
    async with opened(tmp_path / "two", in_turn("done")) as bench:
        whole = import_run(bench.store, tmp_path / "root.jsonl")
        told = import_run(bench.store, tmp_path / "fork.jsonl")
        assert told.known == bench.store.run(fork).cut_seq
        assert bench.store.run(fork).parent_id == root
        assert bench.store.run(root).last_seq == whole.rows
    (tmp_path / "three").mkdir()
    async with opened(tmp_path / "three", in_turn("done")) as bench:
        # The fork's file has its parent up to the cut; the parent's own brings the rest of it.
        import_run(bench.store, tmp_path / "fork.jsonl")
        assert bench.store.run(root).status == "suspended"
        import_run(bench.store, tmp_path / "root.jsonl")
        assert bench.store.run(root).status == "returned"
        bench.store.rebuild()
        assert bench.store.run(root).status == "returned"


def _lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def _sealed(lines: list[Any]) -> bytes:
    """The lines with sums that fit: as somebody makes them who wants to be believed."""
    chain = Chain()
    out: list[bytes] = []
    for value in lines:
        kept = {k: v for k, v in value.items() if k != "sum"}
        out.append(orjson.dumps({**kept, "sum": chain.next(kept)}))
    return b"\n".join(out) + b"\n"


def _refused(folder: Path, content: bytes, said: str) -> None:
    """Importing this says so, in one sentence, and keeps nothing."""
    path = folder / "bad.jsonl"
    path.write_bytes(content)

    @acted
    async def refuse() -> None:
        async with opened(folder) as bench:
            with pytest.raises(InputError, match=said) as caught:
                import_run(bench.store, path)
            assert "\n" not in str(caught.value)
            assert bench.store.runs() == []
            assert bench.store.last_place() == 0

    refuse()


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("carried") / "one", fork=True)[0]


def test_an_altered_line_is_named_and_a_cut_file_is_seen(carried: Path, tmp_path: Path) -> None:
    raw = carried.read_bytes()
    lines = raw.splitlines(keepends=True)
    altered = [*lines[:4], lines[4].replace(b"writer", b"reader", 1), *lines[5:]]
    assert altered != lines
    _refused(tmp_path, b"".join(altered), "line 5 of bad.jsonl was altered")
    _refused(tmp_path, b"".join(lines[:-1]), f"was cut off after line {len(lines) - 1}")
    _refused(tmp_path, raw[: len(raw) // 2], "is no JSON|was cut off")
    _refused(tmp_path, b"".join([*lines[:6], *lines[7:]]), "line 7 of bad.jsonl was altered")
    _refused(tmp_path, raw + lines[3], "stands after the end")
    _refused(tmp_path, b"", "cut off after line 0")
    _refused(tmp_path, b"\n" + raw, "line 1 of bad.jsonl is no JSON")


def test_a_file_that_was_only_laid_out_anew_is_the_same_file(carried: Path, tmp_path: Path) -> None:
    spaced = b"".join(
        orjson.dumps(dict(reversed(line.items()))).replace(b'":', b'": ') + b"\r\n"
        for line in _lines(carried)
        if "base64" not in line
    )
    path = tmp_path / "spaced.jsonl"
    path.write_bytes(spaced)

    @acted
    async def take() -> None:
        async with opened(tmp_path) as bench:
            import_run(bench.store, path)
            assert import_run(bench.store, carried).rows == 0

    take()


Change = Callable[[list[Any]], None]


def _header(**changes: Any) -> Change:
    return lambda lines: lines[0].update(changes)


def _row(kind: str, /, **changes: Any) -> Change:
    def change(lines: list[Any]) -> None:
        next(line for line in lines if line.get("kind") == kind).update(changes)

    return change


def _data(kind: str, /, **changes: Any) -> Change:
    def change(lines: list[Any]) -> None:
        next(line for line in lines if line.get("kind") == kind)["data"].update(changes)

    return change


def _everywhere(run_id: Any) -> Change:
    def change(lines: list[Any]) -> None:
        old = lines[0]["run"]
        lines[0]["run"] = lines[0]["runs"][-1] = run_id
        for line in lines:
            if line.get("run_id") == old:
                line["run_id"] = run_id

    return change


def _add(**line: Any) -> Change:
    return lambda lines: lines.insert(-1, line)


def _without_beginning(lines: list[Any]) -> None:
    del lines[1]


def _end(**changes: Any) -> Change:
    return lambda lines: lines[-1].update(changes)


def _circle(lines: list[Any]) -> None:
    first = next(line for line in lines if line.get("kind") == "run.started")
    first["data"] |= {"parent": lines[0]["run"], "cut": 4}
    first["seq"] = 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_header(version=3), "of format version 3, and this program reads up to 2"),
        (_header(version="2"), "names the version"),
        (_header(format="something"), "does not begin an exported run"),
        (_header(runs=[]), "does not name its runs"),
        (_header(runs="abc"), "does not name its runs"),
        (_everywhere("../../etc/passwd"), "may not be called"),
        (_everywhere("a\x1b[2Jb"), "may not be called"),
        (_everywhere("a" * 500), "may not be called"),
        (_everywhere(""), "may not be called"),
        (_everywhere({"a": 1}), "may not be called"),
        (_circle, "begins run"),
        (_row("step.finished", seq=99), "is row 99 where"),
        (_row("step.finished", seq=True), "has 'True' as 'seq'"),
        (_row("step.finished", at="noon"), "has 'noon' as 'at'"),
        (_row("step.finished", kind=7), "has '7' as 'kind'"),
        (_row("step.finished", kind="a\nb"), "has the kind"),
        (_row("step.finished", data=[]), "as 'data'"),
        (_row("step.finished", more=1), "is no row"),
        (_data("step.finished", fingerprint=None), "'fingerprint' of step.finished"),
        (_data("step.finished", usage={"input_tokens": "x"}), "as 'usage'"),
        (_data("step.finished", usage={"input_tokens": -1, "output_tokens": 0}), "as 'usage'"),
        (_data("run.started", cut="x"), "as 'cut'"),
        (_data("run.started", parent="nobody", cut=3), "begins run"),
        (_data("run.started", arguments=None), "as 'arguments'"),
        (_data("run.started", overlay=[]), "as 'overlay'"),
        (_data("checkpoint.taken", at=10**6), "which it does not come after"),
        (_data("checkpoint.taken", name=None), "as 'name'"),
        (_data("value.defined", value={"other": 1}), "not what its digest says"),
        (_without_beginning, "does not begin run"),
        (_add(blob="../x", base64=""), "may not be called"),
        (_add(blob="0" * 64, base64="eA=="), "not what its name"),
        (_end(rows=3), "is no end"),
    ],
)
def test_a_hostile_file_is_refused_by_its_line_and_nothing_of_it_is_kept(
    carried: Path, tmp_path: Path, change: Change, said: str
) -> None:
    lines = _lines(carried)
    change(lines)
    _refused(tmp_path, _sealed(lines), said)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"$int": "x"}',
        b'{"a": {"$object": [1, 2]}}',
        b'{"a": {"$text": "zz"}}',
        b'{"a": {"$float": "much"}}',
        b"\xff\xfe",
        b"null",
        b"3",
        b'{"format": NaN}',
    ],
)
def test_a_line_that_is_no_value_is_refused(tmp_path: Path, line: bytes) -> None:
    _refused(tmp_path, line + b"\n", "line 1 of bad.jsonl (is|does|was|has|names)")


def test_a_line_without_end_is_refused_before_it_is_all_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: reading it all would never end

    @acted
    async def refuse() -> None:
        async with opened(tmp_path) as bench:
            with pytest.raises(InputError, match=r"line 1 of bad\.jsonl is longer than"):
                import_run(bench.store, path)

    refuse()


@pytest.mark.parametrize("what", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_a_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)

    @acted
    async def refuse() -> None:
        async with opened(tmp_path) as bench:
            with pytest.raises(UsageError, match=r"cannot be read|is no file"):
                import_run(bench.store, path)

    refuse()


@acted
async def test_the_folder_of_another_machine_is_not_taken_over(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        run_id = await _ran(bench)
        export_run(bench.store, run_id, tmp_path / "run.jsonl", replace=False)
    assert str(tmp_path) not in (tmp_path / "run.jsonl").read_text()
    lines = _lines(tmp_path / "run.jsonl")
    next(line for line in lines if line.get("kind") == "run.started")["data"]["workspace"] = "/"
    (tmp_path / "run.jsonl").write_bytes(_sealed(lines))
    (tmp_path / "two").mkdir()
    async with opened(tmp_path / "two") as bench:
        import_run(bench.store, tmp_path / "run.jsonl")
        first = rows_of(bench, run_id)[0]
        assert first.data["imported"] is True
        assert "workspace" not in first.data


@acted
async def test_an_export_replaces_a_file_only_when_told_and_leaves_nothing_else(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        run_id = await _ran(bench)
        path = tmp_path / "out" / "run.jsonl"
        path.parent.mkdir()
        export_run(bench.store, run_id, path, replace=False)
        with pytest.raises(UsageError, match="there already"):
            export_run(bench.store, run_id, path, replace=False)
        export_run(bench.store, run_id, path, replace=True)
        assert [one.name for one in path.parent.iterdir()] == ["run.jsonl"]
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(UsageError, match="cannot be written"):
            export_run(bench.store, run_id, tmp_path / "nowhere" / "x", replace=False)


IMPORTING = """
import sys
from pathlib import Path
from workbench.script.importing import import_run
from workbench.store.store import Store

store = Store.open(Path(sys.argv[1]))
def moved(done, total):
    if done > total * 0.75:
        print("storing", flush=True)
        sys.stdin.readline()
import_run(store, Path(sys.argv[2]), moved=moved)
"""


def test_an_import_that_is_killed_while_it_stores_leaves_nothing(tmp_path: Path) -> None:
    path, run_id, _ = _written(tmp_path / "one")
    database = tmp_path / "state" / "workbench.db"
    database.parent.mkdir()
    words = [sys.executable, "-c", IMPORTING, str(database), str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "storing\n"
        child.send_signal(signal.SIGKILL)
        child.wait(20)

    async def look() -> None:
        async with Workbench.open(database, workspace=tmp_path) as bench:
            assert bench.store.runs() == []
            assert bench.store.last_place() == 0
            assert import_run(bench.store, path).run_id == run_id

    asyncio.run(look())


@acted
async def test_contents_of_files_travel_with_the_run_and_a_difference_shows_them(
    tmp_path: Path,
) -> None:
    agent = Agent("hand", "task: str -> text: str", tools=["write_file"])

    def wish(content: str) -> Any:
        return in_turn(calling(("write_file", {"path": "a.txt", "content": content})), "done")

    @pattern
    async def writing() -> str:
        return (await ask(agent, task="write")).text

    async with opened(tmp_path, wish("first\nline\n"), mode="edits") as bench:
        run = await bench.start(writing)
        await run.result()
        cut = rows_of(bench, run, "step.started")[0].seq
        bench.world.models = Scripted(wish("second\nline\n"))
        fork = await bench.fork(run.run_id, cut)
        await fork.result()
        told = export_run(bench.store, fork.run_id, tmp_path / "run.jsonl", replace=False)
        assert (told.blobs, told.left_out) == (2, 0)
        found = compare(bench.store, (run.run_id, None), (fork.run_id, None))
        lines = text_of(lines_of(found, contents_in(bench.world.copies.read)))
        assert "- first" in lines
        assert "+ second" in lines
    assert str(tmp_path) not in (tmp_path / "run.jsonl").read_text()
    (tmp_path / "two").mkdir()
    async with opened(tmp_path / "two") as bench:
        import_run(bench.store, tmp_path / "run.jsonl")
        (change,) = rows_of(bench, fork.run_id, "file.changed")
        assert bench.world.copies.read(change.data["after"]) == b"second\nline\n"
        export_run(bench.store, fork.run_id, tmp_path / "again.jsonl", replace=False)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "run.jsonl").read_bytes()
