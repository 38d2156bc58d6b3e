from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.calls import attempt_of, facts_of, names, use, use_undecided
from workbench.agent.probe import Probed
from workbench.errors import Denied, ToolError
from workbench.run.evidence import Findings
from workbench.tools import change, descent
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.perform import find_out, prepare
from workbench.tools.place import Limits, Place
from workbench.values import digest


def test_a_file_is_written_whole_with_its_folders(place: Place) -> None:
    result = use("write_file", place, path="new/deep/a.txt", content="héllo\n")
    assert (place.workspace / "new/deep/a.txt").read_text() == "héllo\n"
    assert result == {
        "path": "new/deep/a.txt",
        "size_bytes": 7,
        "before": None,
        "after": digest("héllo\n", 32),
    }


def test_a_rewrite_keeps_the_mode_and_leaves_no_temporary_file(place: Place) -> None:
    file = place.workspace / "run.sh"
    file.write_text("old")
    file.chmod(0o4755)
    result = use("write_file", place, path="run.sh", content="new")
    assert result["before"] == digest("old", 32)
    assert file.stat().st_mode & 0o7777 == 0o755
    assert names(place.workspace) == ["run.sh", "sessions"]


def test_a_rewrite_does_not_reach_the_other_name_of_a_file(place: Place, outside: Path) -> None:
    (outside / "a").write_text("foreign")
    os.link(outside / "a", place.workspace / "mine")
    use("write_file", place, path="mine", content="changed")
    assert (outside / "a").read_text() == "foreign"
    assert (place.workspace / "mine").read_text() == "changed"


def test_writing_through_a_link_changes_its_target_inside_only(place: Place, outside: Path) -> None:
    (place.workspace / "real.txt").write_text("old")
    (place.workspace / "in.txt").symlink_to("real.txt")
    (place.workspace / "out.txt").symlink_to(outside / "a")
    use_undecided("write_file", place, path="in.txt", content="new")
    assert (place.workspace / "in.txt").is_symlink()
    assert (place.workspace / "real.txt").read_text() == "new"
    with pytest.raises(Denied):
        use_undecided("write_file", place, path="out.txt", content="new")
    assert not (outside / "a").exists()


def test_outside_is_written_when_that_was_decided_on(place: Place, outside: Path) -> None:
    use("write_file", place, path=str(outside / "a"), content="x")
    assert (outside / "a").read_text() == "x"


def test_what_cannot_be_written_is_refused_by_name(place: Place) -> None:
    (place.workspace / "folder").mkdir()
    os.mkfifo(place.workspace / "fifo")
    (place.workspace / "locked").write_text("x")
    (place.workspace / "locked").chmod(0o444)
    for path, why in (
        ("folder", "folder"),
        ("fifo", "FIFO"),
        ("locked", "read-only"),
        (".", "itself"),
    ):
        with pytest.raises(ToolError, match=why):
            use("write_file", place, path=path, content="y")
    small = Place(place.workspace, place.state, limits=Limits(write_bytes=3))
    with pytest.raises(ToolError, match="4 bytes are more than 3"):
        use("write_file", small, path="a", content="1234")
    with pytest.raises(Denied):
        use("write_file", place, path="sessions/a", content="")


def test_an_edit_replaces_what_stands_there_once(place: Place) -> None:
    (place.workspace / "a.py").write_text("x = 1\ny = 1\n")
    use("edit_file", place, path="a.py", old_text="x = 1", new_text="x = 2")
    assert (place.workspace / "a.py").read_text() == "x = 2\ny = 1\n"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("= 1", "= 2", "stands 2 times .* first in line 1"),
        ("z = 1", "", "does not stand"),
        ("", "x", "old_text is empty"),
        ("x = 1", "x = 1", "the same"),
        ("x = 1\ny", "", "CR LF"),
    ],
)
def test_an_edit_that_is_not_exact_changes_nothing(
    place: Place, old: str, new: str, why: str
) -> None:
    file = place.workspace / "a.py"
    file.write_bytes(b"x = 1\r\ny = 1\r\n")
    with pytest.raises(ToolError, match=why):
        use("edit_file", place, path="a.py", old_text=old, new_text=new)
    assert file.read_bytes() == b"x = 1\r\ny = 1\r\n"


def test_a_deletion_takes_one_file_or_one_link(place: Place, outside: Path) -> None:
    (outside / "a").write_text("foreign")
    (place.workspace / "link").symlink_to(outside / "a")
    (place.workspace / "b").write_text("own")
    use_undecided("delete_file", place, path="link")
    result = use("delete_file", place, path="b")
    assert (result["before"], result["after"]) == (digest("own", 32), None)
    assert (outside / "a").exists()
    assert names(place.workspace) == ["sessions"]
    with pytest.raises(ToolError, match="no such file"):
        use("delete_file", place, path="b")
    (place.workspace / "folder").mkdir()
    with pytest.raises(ToolError, match="is a folder"):
        use("delete_file", place, path="folder")


def test_a_decision_to_create_is_none_to_replace(place: Place) -> None:
    decided = facts_of("write_file", place, path="a", content="mine")
    (place.workspace / "a").write_text("theirs")
    with pytest.raises(Denied, match="appeared"):
        change.change("write_file", {"path": "a", "content": "mine"}, place, decided)
    assert (place.workspace / "a").read_text() == "theirs"


def test_a_decision_is_for_where_the_path_led_then(place: Place, outside: Path) -> None:
    folder = place.workspace / "folder"
    folder.mkdir()
    decided = facts_of("write_file", place, path="folder/a", content="x")
    folder.rmdir()
    folder.symlink_to(outside)
    with pytest.raises(Denied, match="now leads to"):
        change.change("write_file", {"path": "folder/a", "content": "x"}, place, decided)
    assert names(outside) == []


def test_somebody_elses_change_in_between_is_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.workspace / "a"
    file.write_text("old")
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        file.write_text("theirs, just now")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(Denied, match="changed by somebody else"):
        use("write_file", place, path="a", content="mine")
    assert file.read_text() == "theirs, just now"
    assert names(place.workspace) == ["a", "sessions"]


def test_a_folder_swapped_with_a_link_lets_nothing_out(place: Place, outside: Path) -> None:
    inside, trap = place.workspace / "d", place.workspace / "trap"
    inside.mkdir()
    trap.symlink_to(outside)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            _exchange(inside, trap)

    swapper = threading.Thread(target=swap)
    swapper.start()
    written = 0
    try:
        for n in range(500):
            arguments = {"path": f"d/f{n % 7}", "content": "secret"}
            try:
                change.change("write_file", arguments, place, None)
                written += 1
            except (Denied, ToolError):
                pass
    finally:
        over.set()
        swapper.join()
    assert names(outside) == []
    assert written > 0
    folder = trap if inside.is_symlink() else inside
    assert [name for name in names(folder) if name.startswith(".writing")] == []


def test_a_file_swapped_with_a_link_is_never_written_or_read_through(
    place: Place, outside: Path
) -> None:
    (outside / "a").write_text("foreign")
    file, trap = place.workspace / "f", place.workspace / "trap"
    file.write_text("own")
    over = threading.Event()
    arguments = {"path": "f", "content": "own", "old_text": "foreign", "new_text": "gone"}

    def swap() -> None:
        while not over.is_set():
            trap.symlink_to(outside / "a")
            trap.rename(file)
            trap.write_text("own")
            trap.rename(file)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            for name in ("write_file", "edit_file"):
                with suppress(Denied, ToolError):
                    change.change(name, arguments, place, None)
    finally:
        over.set()
        swapper.join()
    assert (outside / "a").read_text() == "foreign"


def test_a_folder_moved_away_while_writing_is_noticed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.workspace / "d"
    folder.mkdir()
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        if folder.exists():
            folder.rename(place.workspace / "elsewhere")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(Denied, match="moved meanwhile"):
        use("write_file", place, path="d/a", content="x")
    assert names(place.workspace / "elsewhere") == []


def prepared_of(name: str, place: Place, **arguments: Any) -> Any:
    return asyncio.run(prepare(BUILT_IN[name], arguments, place))


def probed(name: str, place: Place, prepared: Any) -> Probed:
    looking = find_out(BUILT_IN[name], {}, prepared, place, attempt_of())
    found = asyncio.run(looking).probed
    assert found is not None
    return found


def test_an_attempt_can_be_probed(place: Place) -> None:
    file = place.workspace / "a"
    prepared = prepared_of("write_file", place, path="a", content="new")
    assert probed("write_file", place, prepared).verdict == "not_done"
    file.write_text("new")
    assert probed("write_file", place, prepared).verdict == "done"
    file.write_text("something else")
    assert probed("write_file", place, prepared).verdict == "unknown"
    edit = {"path": "a", "old_text": "else", "new_text": "more"}
    prepared = prepared_of("edit_file", place, **edit)
    assert probed("edit_file", place, prepared).verdict == "not_done"
    use("edit_file", place, **edit)
    assert probed("edit_file", place, prepared).verdict == "done"
    prepared = prepared_of("delete_file", place, path="a")
    assert probed("delete_file", place, prepared).verdict == "not_done"
    file.unlink()
    assert probed("delete_file", place, prepared).verdict == "done"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("write_file", {"path": "d/a", "content": "new"}),
        ("edit_file", {"path": "a", "old_text": "old", "new_text": "new"}),
        ("delete_file", {"path": "a"}),
    ],
)
def test_a_probe_recalls_the_very_result_that_performing_returned(
    place: Place, name: str, arguments: dict[str, Any]
) -> None:
    (place.workspace / "a").write_text("old")
    prepared = prepared_of(name, place, **arguments)
    result = use(name, place, **arguments)
    assert probed(name, place, prepared).result == result


def test_a_probe_in_a_world_turned_over_says_unknown(place: Place, outside: Path) -> None:
    folder = place.workspace / "d"
    folder.mkdir()
    prepared = prepared_of("write_file", place, path="d/a", content="x")
    folder.rmdir()
    folder.symlink_to(outside)
    (outside / "a").write_text("x")
    found = probed("write_file", place, prepared)
    assert found.verdict == "unknown"
    assert "leads somewhere else" in found.said
    with pytest.raises(ToolError, match="no digests"):
        probed("write_file", place, None)


def test_a_probe_says_what_it_found_of_a_file_that_somebody_changed(place: Place) -> None:
    file = place.workspace / "a"
    file.write_text("old")
    prepared = prepared_of("write_file", place, path="a", content="new")
    file.unlink()
    assert "is not there" in probed("write_file", place, prepared).said
    file.write_text("mine")
    assert "holds something else" in probed("write_file", place, prepared).said
    file.unlink()
    file.mkdir()
    assert probed("write_file", place, prepared).verdict == "unknown"


def test_tools_that_need_no_probe_have_none(place: Place) -> None:
    assert prepared_of("read_file", place, path="a") is None
    looking = find_out(BUILT_IN["http_post"], {"url": "x"}, None, place, attempt_of())
    assert asyncio.run(looking) == Findings()


@given(st.text(max_size=60).filter(lambda text: "\0" not in text))
def test_no_spelling_of_a_path_leaves_the_workspace(tmp_path_factory: object, text: str) -> None:
    workspace = Path("/nonexistent/workspace")
    place = Place(workspace, workspace / "state")
    try:
        target = descent.locate(text, place)
    except ToolError:
        return
    if not target.outside:
        assert target.path.is_relative_to(workspace)
        assert ".." not in target.parts
    else:
        with pytest.raises(Denied):
            descent.admit(target, place, None)


def _exchange(one: Path, other: Path) -> None:
    """Let two names change places in one step (Linux: renameat2 with RENAME_EXCHANGE)."""
    libc = ctypes.CDLL(None)
    libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)
