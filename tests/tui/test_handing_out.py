"""What leaves the screen on request: copied within bounds, written once, clean."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.tui.stage import shown, until
from tests.tui.test_past_screen import there
from tests.tui.test_screen import Bench, bench
from workbench.errors import UsageError
from workbench.tui.handing_out import MOST_BYTES, Text, _cut, write


def files_in(folder: Path) -> list[Path]:
    return [*folder.iterdir()]


async def copied(stage: Bench) -> str:
    await until(stage.pilot, lambda: "copied" in stage.app.notice)
    return stage.app.clipboard


async def test_y_copies_a_row_in_full_and_the_detail_unwrapped() -> None:
    async with bench() as stage:
        long = "word " * 200
        rows = [stage.rows.row("message.sent", "", to="coder", text=long + "\x1b[2Jend")]
        stage.bench.store.events += rows
        await shown(stage.app, stage.pilot, rows)
        await stage.press("3", "y")
        text = await copied(stage)
        assert "message.sent #15" in text
        assert long.strip() in text
        assert "\x1b" not in text
        stage.app.notice = ""
        await stage.press("enter", "y")
        assert await copied(stage) == text


async def test_what_is_too_long_for_a_clipboard_is_cut_and_that_is_said() -> None:
    async with bench() as stage:
        rows = [stage.rows.row("message.sent", "", to="coder", text="\u4e2d" * 17_000)]
        stage.bench.store.events += rows
        await shown(stage.app, stage.pilot, rows)
        await stage.press("3", "y")
        assert len((await copied(stage)).encode()) <= MOST_BYTES
        assert "the first" in stage.app.notice


@given(some.text(), some.integers(0, 40))
def test_a_cut_ends_with_a_whole_character(text: str, most: int) -> None:
    kept = _cut(text, most)
    assert len(kept.encode()) <= most
    assert text.encode(errors="replace").decode().startswith(kept)


async def test_e_writes_the_filtered_rows_to_a_new_file_and_never_over_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with bench() as stage:
        await stage.press("3", "slash")
        await stage.type("kind:model")
        await stage.press("enter", "e")
        assert stage.app.main.command.field.value == "trace.txt"
        await stage.press("enter")
        await until(stage.pilot, lambda: "wrote 3 lines" in stage.app.notice)
        written = (tmp_path / "trace.txt").read_text().splitlines()
        assert all("model" in line and "qwen3:4b" in line for line in written)
        await stage.press("e", "enter")
        await until(stage.pilot, lambda: "is there already" in stage.app.notice)
        await stage.press("e")
        stage.app.main.command.field.value = "rows.jsonl"
        await stage.press("enter")
        await until(stage.pilot, lambda: "rows.jsonl" in stage.app.notice)
        rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
        assert [row["kind"] for row in rows] == ["model"] * 3
        assert stage.run.told == []


async def test_e_in_the_detail_writes_what_is_shown_and_a_text_in_the_line_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with bench() as stage:
        await stage.press("6")
        await stage.type("hello")
        await stage.press("escape", "3", "enter", "e")
        assert stage.app.main.command.field.value.endswith("14.txt")
        await stage.press("enter")
        await until(stage.pilot, lambda: "wrote" in stage.app.notice)
        assert "mind the tests" in (tmp_path / "a41f-14.txt").read_text()
        assert stage.pane == "detail"
        await stage.press("6")
        assert stage.app.main.command.field.value == "hello"


async def test_capital_o_without_a_terminal_says_so() -> None:
    async with bench() as stage:
        for pane in ("3", "4"):
            await stage.press("3", "enter", pane)
            stage.app.notice = ""
            await stage.press("O")
            assert "no pager here" in stage.app.notice


async def test_in_the_past_one_copies_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with bench() as stage:
        await stage.press("3", "T")
        await there(stage)
        await stage.press("3", "e", "enter", "escape")
        await stage.press("3", "T")
        await there(stage)
        await stage.press("4", "y")
        assert "mind the tests" in await copied(stage)
        assert not files_in(tmp_path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        write(str(tmp_path / "nowhere" / "x.txt"), Text("x", lambda: iter(["x"])))
