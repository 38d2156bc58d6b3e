"""The tree, the fork form, differences and branches side by side, at the keyboard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.run.stage import WRITER, in_turn, opened, waiting
from tests.tui.stage import HandClock, Rows, make_app, settled, shown, typical, until
from tests.tui.test_screen import RUN, bench
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.journal.family import Branch, Mark
from workbench.run.waiting import Answer
from workbench.script.differing import DiffLine
from workbench.tui.app import KaizenApp
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.screens.compare import BranchesList, CompareScreen
from workbench.tui.screens.diff import DiffScreen, below, beside
from workbench.tui.screens.fork import ForkScreen
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, checkpoint, question


def _text(rows: Any) -> list[str]:
    return ["".join(part for part, _ in row) for row in rows]


def test_a_pair_stands_side_by_side_or_below_and_nothing_of_it_is_cut() -> None:
    line = DiffLine("pair", "left " * 30, "right")
    wide = _text(beside(line, 80))
    assert wide[0].startswith("- left")
    assert "| + right" in wide[0]
    assert "".join(wide).count("left") == 30
    assert max(map(len, wide)) <= 80
    narrow = _text(below(line, 40))
    assert "".join(narrow).count("left") == 30
    assert narrow[-1] == "+ right"


def test_hostile_text_in_a_difference_is_spelled_out() -> None:
    line = DiffLine("pair", "\x1b[2J[@click=app.quit]x[/]", "a\u202eb")
    for row in (*_text(beside(line, 120)), *_text(below(line, 80))):
        assert "\x1b" not in row
        assert "\u202e" not in row


async def test_the_form_stays_open_with_what_is_wrong_and_forks_with_everything_else() -> None:
    async with bench() as here:
        await here.press("2", "j", "f")
        form = here.app.screen
        assert isinstance(form, ForkScreen)
        await until(here.pilot, lambda: bool(form.query_one("#fork-preview").rows))  # type: ignore[attr-defined]
        await here.type("modle:x")
        await here.press("f5")
        assert "no model provider" in str(form.query_one("#fork-form").border_subtitle)
        form.query_one("#fork-model").value = "ollama:x"  # type: ignore[attr-defined]
        form.query_one("#fork-tools").value = "read_file, edit_file"  # type: ignore[attr-defined]
        form.query_one("#fork-arguments").value = "nonsense"  # type: ignore[attr-defined]
        await here.press("ctrl+s")
        assert "is not JSON" in str(form.query_one("#fork-form").border_subtitle)
        assert here.bench.forks == []
        form.query_one("#fork-arguments").value = '{"path": "x"}'  # type: ignore[attr-defined]
        await here.press("ctrl+s")
        await until(here.pilot, lambda: bool(here.bench.forks))
        changes = {"model": "ollama:x", "tools": ["read_file", "edit_file"]}
        assert here.bench.forks == [(RUN, 6, {**changes, "arguments": {"path": "x"}})]
        await until(here.pilot, lambda: here.app.screen is here.app.main)


async def test_m_on_a_line_names_that_line() -> None:
    async with bench() as here:
        await here.press("2", "j", "m")
        await here.type("good")
        await here.press("enter")
        await until(here.pilot, lambda: bool(here.bench.marks))
        assert here.bench.marks == [(RUN, "good", 5)]


async def test_a_hides_what_the_rule_took() -> None:
    async with bench() as here:
        pane = here.app.main.area.checkpoints
        await here.press("2")
        assert any("coder draft" in row.label for row in pane.rows)
        await here.press("a")
        assert not any("coder draft" in row.label for row in pane.rows)
        assert any("plan accepted" in row.label for row in pane.rows)
        await here.press("a")
        assert any("coder draft" in row.label for row in pane.rows)


async def test_hundreds_of_forks_and_thousands_of_checkpoints_are_a_list_like_any() -> None:
    family = {"root": Branch("root", label="root", status="returned")}
    for number in range(400):
        name = f"fork{number:04}"
        marks = [Mark(n, f"turn {n}", "rule", n, 0.0, n) for n in range(number + 2, number + 14)]
        family[name] = Branch(name, "root", number + 1, status="returned", checkpoints=marks)
        family["root"].children.append(name)
    app = make_app()
    async with app.run_test(size=(140, 44)) as pilot:
        rows = Rows("root")
        await shown(app, pilot, [rows.row("run.started", pattern="p")])
        app.board.adopt(family)
        app.show_news()
        await settled(app, pilot)
        pane = app.main.area.checkpoints
        assert len(pane.rows) == 2 + 400 * 14
        await pilot.press("2", "G")
        assert pane.cursor == len(pane.rows) - 1


@pattern
async def two_turns() -> str:
    await ask(WRITER, task="one")
    await checkpoint("between")
    await question("and?")
    return (await ask(WRITER, task="two")).text


async def _made(bench: Workbench) -> list[str]:
    """A run and a fork of it, in a session of their own."""
    run = await bench.start(two_turns)
    await waiting(bench)
    fork = await bench.fork(run.run_id, "between", instructions="Be brief.")
    for one in await waiting(bench, 2):
        await bench.answer(one.id, Answer(answer="yes" if one.run_id == run.run_id else "no"))
    await run.result()
    await fork.result()
    return [run.run_id, fork.run_id]


@asynccontextmanager
async def looking(
    folder: Path, size: tuple[int, int]
) -> AsyncGenerator[tuple[KaizenApp, Pilot[Any], list[str]]]:
    """A real workbench behind the screen, with runs of an earlier session in its log."""
    async with opened(folder, in_turn("done")) as bench:
        runs = await _made(bench)

    def again() -> Any:
        return opened(folder, in_turn("done"))

    app = KaizenApp(again, clock=HandClock())
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        app.wishes.open_run(runs[0])
        await until(pilot, lambda: app.main.run_id == runs[0])
        await until(pilot, lambda: len(app.board.branches) == 2)
        await settled(app, pilot)
        yield app, pilot, runs


async def test_the_tree_of_an_opened_run_has_the_forks_of_every_session(tmp_path: Path) -> None:
    async with looking(tmp_path, (140, 44)) as (app, pilot, runs):
        pane = app.main.query_one(CheckpointsPane)
        await until(pilot, lambda: any(row.run_id == runs[1] for row in pane.rows))
        assert any("other instructions" in row.label for row in pane.rows)


async def test_d_twice_shows_what_differs_and_c_all_branches(tmp_path: Path) -> None:
    async with looking(tmp_path, (140, 44)) as (app, pilot, runs):
        pane = app.main.query_one(CheckpointsPane)
        await pilot.press("2", "g", "d", "G", "d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        assert pane.marked is None
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        rows = app.screen.query_one(BranchesList).rows
        assert [row.run_id for row in rows] == runs
        await pilot.press("d", "j", "d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen))


def test_a_fork_made_elsewhere_while_one_looks_joins_the_tree() -> None:
    from workbench.tui.state import Board

    board = Board()
    for event in typical(Rows(RUN)):
        board.fold(event)
    row = Event("f00d", 6, 0.0, "run.started", "", {"pattern": "p", "parent": RUN, "cut": 5})
    board.fold(row)
    board.adopt({RUN: Branch(RUN, label="x"), "other": Branch("other", RUN, 3)})
    assert board.branches[RUN].children == ["f00d"]
    assert board.branches[RUN].tokens == 2400
    assert len(board.branches[RUN].checkpoints) == 2
