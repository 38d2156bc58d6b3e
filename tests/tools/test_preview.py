from __future__ import annotations

from tests.tools.calls import use
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.perform import preview
from workbench.tools.place import Limits, Place


def _write(place: Place, path: str, content: str) -> str:
    return preview(BUILT_IN["write_file"], {"path": path, "content": content}, place)


def test_a_new_file_is_shown_whole(place: Place) -> None:
    assert _write(place, "a", "one\ntwo") == (
        "--- /dev/null\n+++ a\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ no line end\n"
    )


def test_an_edit_is_shown_as_a_difference(place: Place) -> None:
    use("write_file", place, path="a", content="one\ntwo\nthree\n")
    arguments = {"path": "a", "old_text": "two", "new_text": "2\r"}
    shown = preview(BUILT_IN["edit_file"], arguments, place)
    assert "-two\n+2\r\n" in shown
    assert (place.workspace / "a").read_text() == "one\ntwo\nthree\n"


def test_nothing_to_change_is_said(place: Place) -> None:
    use("write_file", place, path="a", content="x")
    assert _write(place, "a", "x") == "Changes nothing."


def test_what_will_fail_is_said_beforehand(place: Place) -> None:
    use("write_file", place, path="a", content="x")
    arguments = {"path": "a", "old_text": "y", "new_text": "z"}
    assert "will fail" in preview(BUILT_IN["edit_file"], arguments, place)


def test_what_is_too_large_or_not_text_is_said_in_numbers(place: Place) -> None:
    (place.workspace / "a").write_bytes(b"\0" * 10)
    assert _write(place, "a", "x") == "Replaces 10 bytes by 1; not text.\n"
    small = Place(place.workspace, place.state, limits=Limits(write_bytes=5))
    assert "too large" in _write(small, "a", "x")
    assert "too many" in _write(place, "b", "x\n" * 30_000)


def test_other_tools_have_no_preview(place: Place) -> None:
    assert preview(BUILT_IN["bash_command"], {"command": "ls"}, place) == ""
