"""The inbox at the keyboard: what decides, and above all what does not."""

import random
import string
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.stage import (
    FakeBench,
    HandClock,
    Rows,
    as_waiting,
    doubt_of,
    limit_of,
    make_app,
    settled,
    shown,
    typical,
    until,
)
from workbench.journal.events import Event
from workbench.permission.doubting import UNSAID
from workbench.run.waiting import Waiting
from workbench.tui.app import KaizenApp
from workbench.tui.panes.inbox import InboxPane


class Desk:
    """An app with requests waiting, and the calm hands of somebody who uses it."""

    def __init__(
        self, app: KaizenApp, pilot: Pilot[Any], bench: FakeBench, clock: HandClock
    ) -> None:
        self.app, self.pilot, self.bench, self.clock = app, pilot, bench, clock
        self.rows = Rows()

    @property
    def inbox(self) -> InboxPane:
        found = self.app.main.area.inbox
        assert isinstance(found, InboxPane)
        return found

    async def calmly(self, *keys: str) -> None:
        for key in keys:
            self.clock.turn(1)
            await self.pilot.press(key)
            await settled(self.app, self.pilot)

    async def quickly(self, *keys: str) -> None:
        for key in keys:
            self.clock.turn(0.05)
            await self.pilot.press(key)

    async def wait_for_answers(self, number: int) -> list[tuple[str, Any]]:
        await until(self.pilot, lambda: len(self.bench.answers) >= number)
        return self.bench.answers

    async def arrive(self, event: Event, waiting: Waiting | None = None) -> None:
        self.bench.waiting.append(waiting or as_waiting(event))
        await shown(self.app, self.pilot, [event])
        self.app.wishes.complete_inbox()
        await settled(self.app, self.pilot)


@asynccontextmanager
async def desk(*dangers: str, size: tuple[int, int] = (140, 44)) -> AsyncGenerator[Desk]:
    """A desk with one request of each danger."""
    bench, clock = FakeBench(), HandClock()
    app = make_app(bench, clock)
    async with app.run_test(size=size) as pilot:
        here = Desk(app, pilot, bench, clock)
        await shown(app, pilot, typical(here.rows))
        for number, danger in enumerate(dangers):
            key = f"0:ask.planner/1:ask.coder/{number + 4}:tool.shell"
            await here.arrive(here.rows.asked(key, "shell", danger, arguments={"n": number}))
        yield here


async def typing(here: Desk, keys: list[str], *, seed: int, rounds: int = 8) -> None:
    """Type at random, up to four keys a second and faster, while requests arrive."""
    rng = random.Random(seed)
    for number in range(rounds):
        for key in rng.choices(keys, k=15):
            here.clock.turn(rng.uniform(0.01, 0.25))
            await here.pilot.press(key)
        asked = here.rows.asked(f"0:ask.coder/{number}:tool.x", "x", rng.choice(["LOW", "HIGH"]))
        here.bench.waiting.append(as_waiting(asked))
        await shown(here.app, here.pilot, [asked])


async def test_typed_letters_never_decide() -> None:
    async with desk() as here:
        await here.pilot.press("6")
        await typing(here, [*string.ascii_letters, *"0123456789", "enter", "space"], seed=7)
        assert here.bench.answers == []
        assert here.app.main.focused_pane() == "command"


async def test_no_typing_in_any_pane_ever_allows_anything() -> None:
    keys = [*"yyysenjka5", "enter", "space", "tab", "escape", "Y", "left", "right", "f2", "J"]
    async with desk("LOW", "MEDIUM") as here:
        await typing(here, keys, seed=11)
        assert [answer for _, answer in here.bench.answers if answer.verdict == "allow"] == []


async def test_a_request_takes_neither_the_focus_nor_the_text() -> None:
    async with desk() as here:
        await here.pilot.press("6", "h", "i")
        await here.arrive(here.rows.asked("0:ask.coder/9:tool.x", "x", "LOW"))
        await here.pilot.press("y")
        assert here.app.main.command.field.value == "hiy"
        assert here.app.main.focused_pane() == "command"
        assert here.bench.answers == []


async def test_y_allows_a_row_that_was_selected_and_read() -> None:
    async with desk("MEDIUM") as here:
        await here.calmly("5", "y")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.verdict, answer.scope, answer.by) == ("allow", "call", "user")


async def test_y_at_once_after_coming_in_does_nothing_and_says_why() -> None:
    async with desk("MEDIUM") as here:
        await here.calmly("5")
        await here.quickly("y")
        await settled(here.app, here.pilot)
        assert here.bench.answers == []
        assert "ignored" in here.app.notice


async def test_y_held_down_never_gets_through() -> None:
    async with desk("MEDIUM") as here:
        await here.pilot.press("5")
        await here.quickly(*["y"] * 25)
        assert here.bench.answers == []


async def test_n_denies_without_any_wait() -> None:
    async with desk("MEDIUM") as here:
        await here.quickly("5", "n")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.verdict == "deny"


async def test_d_sends_the_reason_that_was_typed() -> None:
    async with desk("MEDIUM") as here:
        await here.quickly("5", "d", *"not now", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.verdict, answer.reason) == ("deny", "not now")


async def test_escape_leaves_the_reason_then_the_inbox_and_decides_nothing() -> None:
    async with desk("MEDIUM") as here:
        await here.quickly("5", "d", *"no")
        await here.calmly("escape")
        assert here.app.main.focused_pane() == "inbox"
        await here.calmly("escape")
        assert here.app.main.focused_pane() == "trace"
        assert here.bench.answers == []


async def test_enter_on_a_high_request_denies_and_on_a_lower_one_does_nothing() -> None:
    async with desk("HIGH") as here:
        await here.calmly("5", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.verdict == "deny"
    async with desk("MEDIUM") as here:
        await here.calmly("5", "enter")
        assert here.bench.answers == []
        assert "nothing is preselected" in here.app.notice


async def test_a_script_preselects_and_a_person_takes_it_with_enter_under_the_guard() -> None:
    async with desk() as here:
        asked = here.rows.asked("0:ask.coder/9:tool.x", "x", "LOW")
        await here.arrive(asked, replace(as_waiting(asked), selected="allow"))
        await here.pilot.press("5")
        await here.quickly("enter")
        assert here.bench.answers == []
        await here.calmly("enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.verdict == "allow"


async def test_critical_needs_the_tools_name_typed() -> None:
    async with desk("CRITICAL") as here:
        await here.calmly("5", "y")
        await here.quickly(*"shel", "enter")
        await settled(here.app, here.pilot)
        assert here.bench.answers == []
        await here.quickly("l", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.verdict == "allow"


async def test_an_action_that_does_not_fit_is_allowed_only_after_its_end_was_seen() -> None:
    async with desk() as here:
        long = "\n".join(f"line {number}" for number in range(80))
        asked = here.rows.asked("0:ask.coder/9:tool.x", "x", "LOW", arguments={"text": long})
        await here.arrive(asked)
        await here.calmly("5", "y")
        assert here.bench.answers == []
        assert "end of the action" in here.app.notice
        await here.calmly(*["J"] * 12, "y")
        assert len(await here.wait_for_answers(1)) == 1


async def test_the_scope_step_shows_what_it_would_release_and_sends_the_scope() -> None:
    async with desk("MEDIUM", "MEDIUM") as here:
        await here.calmly("5", "s")
        await here.calmly("j")
        assert len(here.inbox.state.released()) == 1
        await here.calmly("y")
        ((_, answer),) = await here.wait_for_answers(1)
        assert (answer.verdict, answer.scope) == ("allow", "agent")


async def test_edited_arguments_are_sent_only_by_another_y() -> None:
    async with desk("MEDIUM") as here:
        await here.calmly("5", "e")
        here.app.main.query_one("#inbox-edit").text = '{"n": 7}'  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        await here.calmly("ctrl+s")
        assert here.bench.answers == []
        await here.calmly("J", "y")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.arguments == {"n": 7}


async def test_arguments_that_are_no_json_stay_in_the_editor() -> None:
    async with desk("MEDIUM") as here:
        await here.calmly("5", "e")
        here.app.main.query_one("#inbox-edit").text = "{"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        await here.calmly("ctrl+s")
        assert here.inbox.state.step == "edit"
        assert "not JSON" in here.app.notice


async def test_marked_rows_are_decided_together_after_a_list_of_them() -> None:
    async with desk("MEDIUM", "LOW", "CRITICAL") as here:
        await here.calmly("5", "space", "j", "space", "j", "space")
        assert len(here.inbox.state.marked) == 2
        await here.calmly("Y", "y")
        answers = await here.wait_for_answers(2)
        assert [answer.verdict for _, answer in answers] == ["allow", "allow"]


async def test_a_question_takes_one_of_its_choices() -> None:
    async with desk() as here:
        asked = here.rows.row(
            "question.asked", "0:question", id="q1", text="Go on?", choices=["yes", "no"]
        )
        await shown(here.app, here.pilot, [asked])
        await here.calmly("5", "right", "right", "enter")
        ((waiting_id, answer),) = await here.wait_for_answers(1)
        assert (waiting_id, answer.answer) == ("q1", "no")


async def test_a_question_without_choices_takes_a_text() -> None:
    async with desk() as here:
        asked = here.rows.row("question.asked", "0:question", id="q1", text="Which name?")
        await shown(here.app, here.pilot, [asked])
        await here.calmly("5", "right", "enter")
        await here.quickly(*"Ada", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.answer == "Ada"


@pytest.mark.parametrize(
    ("keys", "typed", "answer"),
    [
        (("right", "right", "enter"), "5", "extend 5"),
        (("right", "right", "enter"), "", "extend"),
        (("right", "enter"), None, "continue"),
        (("right", "right", "right", "enter"), None, "stop"),
    ],
)
async def test_a_used_up_limit_is_extended_lifted_or_the_end(
    keys: tuple[str, ...], typed: str | None, answer: str
) -> None:
    async with desk() as here:
        await here.arrive(*limit_of(here.rows))
        await here.calmly("5", *keys)
        if typed is not None:
            assert here.bench.answers == []
            here.inbox.query_one("#inbox-field", Input).value = typed
            await here.calmly("enter")
        ((waiting_id, said),) = await here.wait_for_answers(1)
        assert waiting_id.endswith(":budget/run.usd#0")
        assert said.answer == answer


async def test_a_doubt_has_no_default() -> None:
    async with desk() as here:
        await here.arrive(*doubt_of(here.rows))
        await here.calmly("5", "J", "J", "J", "enter", "y", "n", "d", "space", "Y")
        assert here.bench.answers == []


async def test_a_doubt_is_answered_only_when_its_evidence_was_read_to_the_end() -> None:
    async with desk() as here:
        await here.arrive(*doubt_of(here.rows))
        await here.calmly("5", "right", "right", "enter")
        assert here.bench.answers == []
        assert "scroll to the end" in here.app.notice
        await here.calmly("J", "J", "J", "J", "enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.answer == "not done"


@pytest.mark.parametrize(
    ("typed", "result"), [("", UNSAID), ("sent", "sent"), ('["a"]', ["a"]), ("7", 7)]
)
async def test_done_comes_with_a_result_that_is_typed_or_taken(typed: str, result: Any) -> None:
    async with desk() as here:
        await here.arrive(*doubt_of(here.rows))
        await here.calmly("5", "J", "J", "J", "J", "right", "enter")
        assert here.bench.answers == []
        here.inbox.query_one("#inbox-field", Input).value = typed
        await here.calmly("enter")
        ((waiting_id, answer),) = await here.wait_for_answers(1)
        assert waiting_id.endswith("/doubt#1")
        assert (answer.answer, answer.result) == ("done", result)


async def test_leaving_the_result_of_a_doubt_answers_nothing() -> None:
    async with desk() as here:
        await here.arrive(*doubt_of(here.rows))
        await here.calmly("5", "J", "J", "J", "J", "right", "enter", "a", "escape")
        assert here.bench.answers == []
        assert here.inbox.state.step == "list"


async def test_a_rule_only_preselects_the_answer_to_a_doubt() -> None:
    async with desk() as here:
        await here.arrive(*doubt_of(here.rows, "run again"))
        await here.calmly("5", "J", "J", "J", "J")
        assert here.bench.answers == []
        await here.calmly("enter")
        ((_, answer),) = await here.wait_for_answers(1)
        assert answer.answer == "run again"


async def test_a_request_that_is_withdrawn_under_ones_hands_cannot_be_allowed() -> None:
    async with desk("MEDIUM", "MEDIUM") as here:
        await here.calmly("5")
        first = here.inbox.state.rows[0]
        gone = here.rows.row("approval.withdrawn", first.key, id=first.id, reason="cancelled")
        here.bench.waiting = here.bench.waiting[1:]
        await shown(here.app, here.pilot, [gone])
        assert here.inbox.state.selected_id == first.id
        await here.calmly("y")
        assert here.bench.answers == []
        assert "gone" in here.app.notice


async def test_the_list_does_not_jump_when_a_graver_request_arrives() -> None:
    async with desk("LOW") as here:
        await here.calmly("5")
        before = here.inbox.state.selected_id
        await here.arrive(here.rows.asked("0:ask.coder/9:tool.x", "x", "CRITICAL"))
        assert here.inbox.state.selected_id == before
        assert here.inbox.state.rows[0].id == before


async def test_after_the_last_decision_the_keys_are_where_they_were() -> None:
    async with desk("MEDIUM") as here:
        await here.calmly("1", "5", "n")
        await here.wait_for_answers(1)
        assert here.app.main.focused_pane() == "agents"


async def test_the_inbox_works_on_the_smallest_screen() -> None:
    async with desk("MEDIUM", size=(80, 24)) as here:
        await here.calmly("f2", "y")
        assert len(await here.wait_for_answers(1)) == 1
