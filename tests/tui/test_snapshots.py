"""Pictures of the screen: one for each state a user can be in, at each arrangement.

Whoever changes a picture looks at it: ``pytest tests/tui/test_snapshots.py --snapshot-update``,
then the SVG files beside this one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tests.tui.stage import (
    FakeBench,
    FakeRun,
    HandClock,
    Rows,
    as_waiting,
    diverged,
    doubt_of,
    limit_of,
    make_app,
    plan_of,
    plan_under_way,
    settled,
    shown,
    typical,
    waiting_rows,
)
from workbench.journal.files import Blind, FileChange
from workbench.journal.outside import Outside
from workbench.journal.said import Used
from workbench.run.restoring import Item, Refusal, Restore
from workbench.script.compare import Compared
from workbench.script.differing import DiffLine
from workbench.tui.app import KaizenApp

Compare = Callable[..., bool]

SIZES = {"wide": (160, 45), "medium": (120, 40), "narrow": (99, 32), "minimum": (80, 24)}
DIFF = "--- a/plan.md\n+++ b/plan.md\n@@ -0,0 +1,4 @@\n+# Plan\n+\n+1. build\n+2. test\n"


@pytest.fixture(autouse=True)
def still_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blinking cursor would be there in one picture and not in the next."""
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.setattr(TextArea, "cursor_blink", False)


def stage(state: str) -> tuple[KaizenApp, HandClock, Callable[[Pilot[Any]], Awaitable[None]]]:
    """An app and what brings it into a state."""
    bench, clock, rows = FakeBench(), HandClock(), Rows()
    app = make_app(bench, clock)
    events = [] if state == "empty" else typical(rows)
    if events:
        bench.runs[rows.run_id] = FakeRun(rows.run_id)
    if state == "waiting":
        asked = waiting_rows(rows)
        bench.waiting = [as_waiting(asked[0]), as_waiting(asked[1], preview=DIFF)]
        events += asked
    if state == "in doubt":
        row, doubt = doubt_of(rows)
        bench.waiting = [doubt]
        events.append(row)
    if state == "at a limit":
        row, question = limit_of(rows)
        bench.waiting = [question]
        events.append(row)
    if state == "a plan to accept":
        row, question = plan_of(rows)
        bench.waiting = [question]
        events.append(row)
    if state == "a plan under way":
        events += plan_under_way(rows)
    if state == "diverging":
        bench.diverges = diverged(rows.run_id)
    if state == "forked":
        fork = Rows("f00dcafe", seq=5)
        overlay = {"model": "ollama:qwen3:8b"}
        events.append(
            fork.row(
                "run.started", pattern="supervisor", parent=rows.run_id, cut=5, overlay=overlay
            )
        )
        events.append(fork.row("checkpoint.taken", name="second try", by="user"))
    bench.store.events += events

    async def begin(pilot: Pilot[Any]) -> None:
        await shown(app, pilot, events)
        app.wishes.complete_inbox()
        await settled(app, pilot)

    return app, clock, begin


def picture(
    compare: Compare, state: str, size: tuple[int, int], *keys: str, theme: str = ""
) -> bool:
    """Whether the screen looks as it did, after keys pressed two seconds apart."""
    app, clock, begin = stage(state)
    app.theme = theme or app.theme

    async def play(pilot: Pilot[Any]) -> None:
        await begin(pilot)
        for key in keys:
            clock.turn(2)
            await pilot.press(key)
            await settled(app, pilot)
        app.main.tick()  # ages as of now, whether or not a real second has passed meanwhile
        await settled(app, pilot)

    return compare(app, terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["empty", "typical", "waiting"])
def test_the_screen(snap_compare: Compare, state: str, size: str) -> None:
    assert picture(snap_compare, state, SIZES[size])


@pytest.mark.parametrize("size", SIZES)
def test_an_approval_being_decided(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "waiting", SIZES[size], "5")


@pytest.mark.parametrize("size", SIZES)
def test_the_past(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "waiting", SIZES[size], "3", "T", "left", "left", "left", "right")


@pytest.mark.parametrize("size", ["wide", "minimum"])
def test_a_request_of_the_past(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "waiting", SIZES[size], "3", "T", "left", "5")


@pytest.mark.parametrize("size", ["wide", "minimum"])
def test_the_waterfall(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "waiting", SIZES[size], "3", "W", "g", "j", "plus")


@pytest.mark.parametrize("size", ["wide", "minimum"])
def test_a_used_up_limit_being_answered(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "at a limit", SIZES[size], "5", "right", "right")


@pytest.mark.parametrize("size", ["medium", "minimum"])
def test_a_plan_to_be_accepted(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "a plan to accept", SIZES[size], "5", "J", "right")


@pytest.mark.parametrize("size", ["medium", "minimum"])
def test_a_plan_under_way(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "a plan under way", SIZES[size], "3", "G", "enter")


@pytest.mark.parametrize("size", SIZES)
def test_a_doubt_being_answered(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "in doubt", SIZES[size], "5")


def test_a_doubt_read_to_its_end(snap_compare: Compare) -> None:
    assert picture(snap_compare, "in doubt", SIZES["minimum"], "5", "J", "J", "J", "right")


def test_the_result_of_a_doubt_being_typed(snap_compare: Compare) -> None:
    keys = ("5", "J", "J", "J", "right", "enter", *"sent")
    assert picture(snap_compare, "in doubt", SIZES["minimum"], *keys)


def test_a_change_to_be_approved_and_its_scopes(snap_compare: Compare) -> None:
    assert picture(snap_compare, "waiting", SIZES["wide"], "5", "j", "J", "s", "j")


def test_the_arguments_being_edited(snap_compare: Compare) -> None:
    assert picture(snap_compare, "waiting", SIZES["medium"], "5", "e")


def test_a_reason_being_typed(snap_compare: Compare) -> None:
    assert picture(snap_compare, "waiting", SIZES["medium"], "5", "d", "n", "o")


def test_the_tree_after_a_fork(snap_compare: Compare) -> None:
    assert picture(snap_compare, "forked", SIZES["wide"], "2")


def test_the_agents_zoomed(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["medium"], "1", "z", "j")


def test_a_filter_being_typed(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["medium"], "slash", *"agent")


def test_the_help(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["medium"], "question_mark")


def test_the_fork_form(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["medium"], "2", "j", "f")


@pytest.mark.parametrize("size", ["wide", "medium", "minimum"])
def test_a_run_that_does_not_fit(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "diverging", SIZES[size], "2", "r")


def test_the_detail_of_a_step(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["narrow"], "g", *["j"] * 7, "enter")


def test_a_terminal_that_is_too_small(snap_compare: Compare) -> None:
    assert picture(snap_compare, "waiting", (70, 20))


CHANGED = [
    DiffLine("pair", "a41f77c0@12", "f00dcafe@19"),
    DiffLine("both", "5 rows in common"),
    DiffLine("head", "coder  supervisor/0:ask.planner/1:ask.coder"),
    DiffLine("gap", "2 entries the same"),
    DiffLine("pair", "assistant: I will clean the build folder first, then run " + "all of it " * 9,
             "assistant: Nothing is to be cleaned."),
    DiffLine("left", '  calls bash_command {"command":"rm -r build"}'),
    DiffLine("head", "files"),
    DiffLine("pair", "plan.md: 3f2a9c (changed)", "plan.md: absent"),
    DiffLine("right", "", "a line with \x1b[2J and \u202e in it"),
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_what_differs(snap_compare: Compare, size: str) -> None:
    app, _clock, begin = stage("typical")

    async def play(pilot: Pilot[Any]) -> None:
        await begin(pilot)
        app.open_diff("a41f77c0@12  f00dcafe", CHANGED)
        await settled(app, pilot)

    assert compare_at(snap_compare, app, size, play)


@pytest.mark.parametrize("size", SIZES)
def test_branches_side_by_side(snap_compare: Compare, size: str) -> None:
    app, _clock, begin = stage("typical")
    used = Used(steps=12, tokens=12_400, cost_usd=0.031)
    one = Compared("a41f77c0", "supervisor", "", "returned", "ship it", "", 0, used, 12_400, 0.031,
                   42.0, ("plan.md",))  # fmt: skip
    other = replace(one, run_id="f00dcafe", overlay="model ollama:qwen3:8b", status="failed",
                    parent="a41f77c0", parts_at=5, result={"message": "no answer"})  # fmt: skip

    async def play(pilot: Pilot[Any]) -> None:
        await begin(pilot)
        app.open_compare([one, other])
        await pilot.press("d", "j")
        await settled(app, pilot)

    assert compare_at(snap_compare, app, size, play)


TO_PUT_BACK = Restore(
    "a41f77c0",
    7,
    "/home/me/project",
    (
        Item("notes/plan.md", "changed", "b1", "b0", 0o100644, ("coder in run a41f77c0",)),
        Item("src/odd \x1b[2J name.py", "deleted", "b2", None, None, ("coder in run a41f77c0",)),
        Item("old.txt", "created", None, "b3", 0o100644, ("bash_command in run f00dcafe",)),
    ),
    (),
    (Outside(12, "k", "coder", "bash_command", {"command": "git push"}, "done"),),
    (Blind("a41f77c0", 15, "k", "bash_command", {"command": "make"}, "git is not installed"),),
    DIFF,
)
REFUSED = (
    Refusal("", "run a41f77c0 works there: interrupt it first"),
    Refusal("notes/plan.md", "it was edited by somebody else since", can_force=True),
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["possible", "refused"])
def test_a_plan_to_put_files_back(snap_compare: Compare, size: str, state: str) -> None:
    app, _clock, begin = stage("typical")
    made = TO_PUT_BACK if state == "possible" else replace(TO_PUT_BACK, refused=REFUSED)

    async def play(pilot: Pilot[Any]) -> None:
        await begin(pilot)
        app.open_restore(made)
        await settled(app, pilot)

    assert compare_at(snap_compare, app, size, play)


@pytest.mark.parametrize("size", SIZES)
def test_the_files_a_run_changed(snap_compare: Compare, size: str) -> None:
    app, _clock, begin = stage("typical")
    key = "supervisor/0:ask.coder/2:tool.write_file"
    one = FileChange("notes/plan.md", "/w", None, "b1", size_bytes=57, seq=9, key=key)
    changes = [
        one,
        replace(one, path="src/odd \x1b[2J name.py", before="b0", seq=12, name="bash_command"),
        replace(one, path=".env", before="b2", after=None, seq=14, restorable=False),
    ]

    async def play(pilot: Pilot[Any]) -> None:
        await begin(pilot)
        app.wishes.places.file_diff = lambda change, then: then(DIFF)
        app.open_files("a41f77c0", changes, ["bash_command make: git is not installed"])
        await pilot.press("j")
        await settled(app, pilot)

    assert compare_at(snap_compare, app, size, play)


def test_the_fork_form_on_a_small_screen(snap_compare: Compare) -> None:
    assert picture(snap_compare, "typical", SIZES["narrow"], "2", "j", "f")


def compare_at(compare: Compare, app: Any, size: str, play: Any) -> bool:
    """Whether the screen looks as it did, at a size by name."""
    return compare(app, terminal_size=SIZES[size], run_before=play)


@pytest.mark.parametrize("theme", ["gruvbox", "solarized-light", "ansi-light"])
def test_an_approval_in_other_colours(snap_compare: Compare, theme: str) -> None:
    assert picture(snap_compare, "waiting", SIZES["wide"], "5", theme=theme)


def test_an_approval_without_colours(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(snap_compare, "waiting", SIZES["wide"], "5")


@pytest.mark.parametrize("size", ["wide", "minimum"])
def test_the_settings(snap_compare: Compare, size: str) -> None:
    assert picture(snap_compare, "typical", SIZES[size], "f12", "j", "j")
