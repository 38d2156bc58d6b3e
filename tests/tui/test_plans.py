"""Plans on the screen: read before they run, edited there, and followed while they do."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from textual.widgets import TextArea

from tests.tui.stage import MASON, PLAN, Rows, plan_of, plan_under_way
from tests.tui.test_inbox import Desk, desk
from workbench.tui.plans import Plans, PlanShown, plan_lines


@asynccontextmanager
async def reviewing() -> AsyncGenerator[Desk]:
    """A desk with a plan on it, read to its end."""
    async with desk() as here:
        event, waiting = plan_of(here.rows)
        await here.arrive(event, waiting)
        await here.calmly("5", "J", "J", "J")
        yield here


async def _typed(here: Desk, plan: Any) -> None:
    await here.calmly("e")
    here.app.main.query_one("#inbox-edit", TextArea).text = json.dumps(plan)
    await here.calmly("ctrl+s")


async def test_a_plan_is_accepted_with_left_right_and_enter() -> None:
    async with reviewing() as here:
        await here.calmly("right", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.answer, answer.arguments) == ("accept", None)


async def test_an_edited_plan_is_what_is_accepted() -> None:
    async with reviewing() as here:
        edited = {"items": PLAN[:1]}
        await _typed(here, edited)
        assert here.bench.answers == []
        await here.calmly("J", "J", "right", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.answer, answer.arguments) == ("accept", edited)


async def test_a_plan_that_is_none_stays_in_the_editor_and_says_why() -> None:
    async with reviewing() as here:
        wrong = [{**PLAN[0], "tools": ["red_file"]}, *PLAN[1:]]
        await _typed(here, {"items": wrong})
        assert here.inbox.state.step == "edit"
        assert "item 'look' wants the tool 'red_file'" in here.app.notice
        assert "read_file" in here.app.notice


async def test_refusing_sends_no_edits() -> None:
    async with reviewing() as here:
        await _typed(here, {"items": PLAN[:1]})
        await here.calmly("J", "J", "right", "right", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.answer, answer.arguments) == ("refuse", None)


def test_the_states_of_items_follow_their_rows() -> None:
    plans, rows = Plans(), Rows()
    events = plan_under_way(rows)
    found: list[str] = []
    for event in events:
        plans.take(event)
        plan = plans.at(rows.run_id, f"{MASON}/9:model")
        found.append(plan.states.get("look", "open") if plan else "")
    assert found == ["", "", "open", "running", "done", "done", "done"]
    plan = plans.at(rows.run_id, MASON)
    assert plan is not None
    assert plan.states == {"look": "done", "mend": "failed"}
    assert plan.words == "plan: 1 of 3 items done"


def test_what_a_plan_says_reaches_the_screen_as_text_and_whole() -> None:
    item = {"id": "a\x1b[2J", "do": "x " * 300 + "\x1b]0;t\x07end", "criterion": "[red]c[/]"}
    lines = [*plan_lines([item], 40, PlanShown([item]))]
    text = "\n".join("".join(part for part, _ in line) for line in lines)
    assert "\x1b" not in text
    assert "end" in text
    assert "[red]c[/]" in text
