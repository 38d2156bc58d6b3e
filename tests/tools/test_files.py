from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from tests.tools.calls import facts_of, use, use_undecided
from workbench.errors import Denied, ToolError
from workbench.tools.place import Limits, Place


def test_a_file_is_read_with_its_size_and_lines(place: Place) -> None:
    (place.workspace / "a.txt").write_text("one\ntwo\nthree")
    assert use("read_file", place, path="a.txt") == {
        "text": "one\ntwo\nthree",
        "truncated": False,
        "size_bytes": 13,
        "lines": 3,
    }


def test_a_part_of_a_file_is_read_by_lines(place: Place) -> None:
    (place.workspace / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 101)))
    part = use("read_file", place, path="a.txt", offset=40, limit=2)
    assert (part["text"], part["truncated"], part["lines"]) == ("line 40\nline 41\n", True, 2)
    last = use("read_file", place, path="a.txt", offset=100)
    assert (last["text"], last["truncated"]) == ("line 100\n", False)
    assert use("read_file", place, path="a.txt", offset=101)["text"] == ""


def test_line_ends_come_as_they_are(place: Place) -> None:
    (place.workspace / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    assert use("read_file", place, path="a.txt")["text"] == "one\r\ntwo\r\n"


def test_a_cut_never_leaves_half_a_character(place: Place) -> None:
    small = Place(place.workspace, place.state, limits=Limits(read_bytes=10))
    (place.workspace / "a.txt").write_text("aé€😀" * 9)
    for size in range(5, 15):
        small = Place(place.workspace, place.state, limits=Limits(read_bytes=size))
        read = use("read_file", small, path="a.txt")
        assert "�" not in read["text"]
        assert read["truncated"]
        assert size - 3 <= len(read["text"].encode()) <= size


def test_a_huge_file_costs_only_what_is_returned(place: Place) -> None:
    with (place.workspace / "huge").open("wb") as file:
        file.write(b"x\n" * 1000)
        file.truncate(50 * 1024**3)
    began = time.monotonic()
    with pytest.raises(ToolError, match="binary"):
        use("read_file", place, path="huge", offset=990)
    assert use("read_file", place, path="huge", limit=3)["text"] == "x\nx\nx\n"
    with pytest.raises(ToolError, match="beyond the first"):
        use("read_file", place, path="huge", offset=5000)
    assert time.monotonic() - began < 2


def test_what_is_not_a_file_is_refused_at_once(place: Place) -> None:
    os.mkfifo(place.workspace / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(place.workspace)
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()
    began = time.monotonic()
    for name, kind in (("fifo", "FIFO"), ("socket", "socket"), (".", "folder")):
        with pytest.raises(ToolError, match=f"is a {kind}"):
            use("read_file", place, path=name)
    assert time.monotonic() - began < 1
    assert use("file_exists", place, path="fifo") == {"exists": True, "kind": "FIFO"}


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/kmsg", "/dev/zero", "/dev/tty"])
def test_the_kernels_own_files_are_refused(place: Place, path: str) -> None:
    with pytest.raises(ToolError, match="file system of the kernel"):
        use("read_file", place, path=path)


def test_a_binary_file_is_named_as_one(place: Place) -> None:
    (place.workspace / "a.bin").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(ToolError, match="binary file of 6 bytes"):
        use("read_file", place, path="a.bin")


def test_a_missing_file_names_the_nearest_one(place: Place) -> None:
    (place.workspace / "docs").mkdir()
    (place.workspace / "docs" / "readme.md").touch()
    with pytest.raises(ToolError, match=r"Did you mean 'docs/readme.md'"):
        use("read_file", place, path="docs/raedme.md")


@pytest.mark.parametrize("path", ["", "a\0b", "~/x", "x" * 5000])
def test_what_is_no_path_is_refused(place: Place, path: str) -> None:
    with pytest.raises(ToolError):
        use_undecided("read_file", place, path=path)


def test_outside_is_read_only_when_it_was_decided_on(place: Place, outside: Path) -> None:
    (outside / "a").write_text("foreign")
    path = str(outside / "a")
    assert facts_of("read_file", place, path=path).outside
    assert use("read_file", place, path=path)["text"] == "foreign"
    for spelling in (path, "../outside/a"):
        with pytest.raises(Denied, match="out of the workspace"):
            use_undecided("read_file", place, path=spelling)


def test_a_link_is_where_it_leads(place: Place, outside: Path) -> None:
    (outside / "a").write_text("foreign")
    (place.workspace / "real").mkdir()
    (place.workspace / "real" / "b").write_text("own")
    (place.workspace / "out").symlink_to(outside)
    (place.workspace / "in").symlink_to("real")
    assert use_undecided("read_file", place, path="in/b")["text"] == "own"
    assert facts_of("read_file", place, path="out/a").outside
    with pytest.raises(Denied):
        use_undecided("read_file", place, path="out/a")


def test_a_link_in_a_circle_ends(place: Place) -> None:
    (place.workspace / "a").symlink_to("b")
    (place.workspace / "b").symlink_to("a")
    with pytest.raises((ToolError, Denied)):
        use("read_file", place, path="a")
    with pytest.raises((ToolError, Denied)):
        use("read_file", place, path="a/c")


def test_the_state_folder_is_refused_under_each_of_its_names(place: Place) -> None:
    (place.workspace / "link").symlink_to("sessions")
    os.link(place.state / "workbench.db", place.workspace / "twin.db")
    for path in ("sessions/workbench.db", "./link/workbench.db", str(place.state), "link"):
        for tool in ("read_file", "file_exists", "list_directory", "delete_file"):
            if (tool, path) == ("delete_file", "link"):
                continue
            with pytest.raises(Denied):
                use(tool, place, path=path)
    with pytest.raises(Denied, match="workbench's own"):
        use("read_file", place, path="twin.db")
    assert (place.state / "workbench.db").read_text() == "the log"


def test_a_file_with_two_names_counts_as_outside(place: Place, outside: Path) -> None:
    (outside / "a").write_text("foreign")
    os.link(outside / "a", place.workspace / "mine")
    found = facts_of("read_file", place, path="mine")
    assert found.outside
    assert "names" in found.notes[0]
    with pytest.raises(Denied, match="2 names"):
        use_undecided("read_file", place, path="mine")
    assert use("read_file", place, path="mine")["text"] == "foreign"


def test_a_folder_is_listed_with_kinds_and_sizes(place: Place) -> None:
    (place.workspace / "b.txt").write_text("12345")
    (place.workspace / "a").mkdir()
    (place.workspace / "c").symlink_to("nowhere")
    listed = use("list_directory", place)
    found = [(e["name"], e["kind"]) for e in listed["entries"]]
    assert found == [("a", "folder"), ("b.txt", "file"), ("c", "link"), ("sessions", "folder")]
    assert listed["entries"][1]["size_bytes"] == 5
    assert not listed["truncated"]


def test_a_long_list_is_cut_and_says_so(place: Place) -> None:
    short = Place(place.workspace, place.state, limits=Limits(entries=3))
    for n in range(5):
        (place.workspace / f"f{n}").touch()
    listed = use("list_directory", short)
    assert [e["name"] for e in listed["entries"]] == ["f0", "f1", "f2"]
    assert listed["truncated"]


def test_whether_something_exists(place: Place) -> None:
    (place.workspace / "a").touch()
    (place.workspace / "dangling").symlink_to("nowhere")
    assert use("file_exists", place, path="a") == {"exists": True, "kind": "file"}
    assert use("file_exists", place, path=".") == {"exists": True, "kind": "folder"}
    for path in ("b", "b/c", "a/b", "dangling"):
        assert use("file_exists", place, path=path) == {"exists": False, "kind": None}
