from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.tools.calls import use, use_undecided
from workbench.errors import Denied, ToolError
from workbench.tools.place import Limits, Place


@pytest.fixture
def tree(place: Place) -> Place:
    for name, text in (
        ("a.py", "alpha\nbeta alpha\n"),
        ("sub/b.md", "Alpha\n"),
        (".git/config", "alpha"),
        (".env", "alpha"),
        ("node_modules/x.js", "alpha"),
        ("sessions/log", "alpha"),
    ):
        path = place.workspace / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (place.workspace / "bin").write_bytes(b"alpha\0")
    return place


def _found(result: dict[str, list[dict[str, object]]]) -> list[tuple[object, object]]:
    return [(match["path"], match["line"]) for match in result["matches"]]


def test_a_text_is_found_by_line_and_secrets_and_state_are_passed_over(tree: Place) -> None:
    result = use("search_files", tree, pattern="alpha")
    assert _found(result) == [("a.py", 1), ("a.py", 2)]
    assert result["matches"][1]["text"] == "beta alpha"
    assert not result["truncated"]


def test_case_names_and_folders_narrow_a_search(tree: Place) -> None:
    assert _found(use("search_files", tree, pattern="ALPHA", ignore_case=True, glob="*.md")) == [
        ("sub/b.md", 1)
    ]
    assert _found(use("search_files", tree, pattern="Alpha", path="sub")) == [("sub/b.md", 1)]
    assert _found(use("search_files", tree, pattern="Alpha", path="sub/b.md")) == [("sub/b.md", 1)]
    assert _found(use("search_files", tree, pattern="l", glob="sub/*")) == [("sub/b.md", 1)]


def test_a_regular_expression_finds_the_same_way(tree: Place) -> None:
    result = use("search_files", tree, pattern=r"^[aA]l\w+$", regex=True)
    assert _found(result) == [("a.py", 1), ("sub/b.md", 1)]


def test_a_text_is_not_taken_for_an_expression(tree: Place) -> None:
    assert use("search_files", tree, pattern=r"^[aA]l\w+$")["matches"] == []


def test_an_expression_that_takes_forever_is_ended(place: Place) -> None:
    (place.workspace / "a").write_text("a" * 40 + "b")
    began = time.monotonic()
    with pytest.raises(ToolError, match="took longer than 1 s"):
        use("search_files", place, pattern="(a+)+$", regex=True)
    assert time.monotonic() - began < 5


def test_an_expression_that_is_none_says_why(place: Place) -> None:
    with pytest.raises(ToolError, match="not a regular expression"):
        use("search_files", place, pattern="(", regex=True)
    with pytest.raises(ToolError, match="empty"):
        use("search_files", place, pattern="")


def test_a_search_is_cut_at_its_bound(place: Place) -> None:
    short = Place(place.workspace, place.state, limits=Limits(matches=3))
    (place.workspace / "a").write_text("x\n" * 10)
    result = use("search_files", short, pattern="x")
    assert len(result["matches"]) == 3
    assert result["truncated"]


@pytest.mark.parametrize("regex", [False, True])
def test_a_search_stays_inside(place: Place, outside: Path, regex: bool) -> None:
    (outside / "a").write_text("secret")
    (place.workspace / "link").symlink_to(outside)
    os.link(outside / "a", place.workspace / "twin")
    os.mkfifo(place.workspace / "fifo")
    assert use("search_files", place, pattern="secret", regex=regex)["matches"] == []
    for path in ("link", "../outside", "sessions"):
        with pytest.raises(Denied):
            use_undecided("search_files", place, pattern="secret", path=path, regex=regex)
    with pytest.raises(ToolError, match="no such file"):
        use("search_files", place, pattern="secret", path="missing", regex=regex)
    found = use("search_files", place, pattern="secret", path=str(outside), regex=regex)
    assert _found(found) == [(str(outside / "a"), 1)] or found["matches"] == []
