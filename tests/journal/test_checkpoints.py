from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import InputError
from workbench.journal.checkpoints import Taking, check_given_name, check_name
from workbench.journal.events import Event

TURN = "p/0:ask.coder"


def _row(kind: str, key: str = TURN, effect: str = "ask") -> Event:
    data: dict[str, Any] = {"effect": effect}
    return Event("r", 1, 0.0, kind, key, data)


def test_each_turn_of_an_agent_is_counted_by_itself() -> None:
    taking = Taking("turn")
    told = [
        taking.after(_row("step.finished")),
        taking.after(_row("step.failed", "p/1:ask.critic")),
        taking.after(_row("step.finished", "p/2:ask.coder")),
    ]
    assert told == ["coder turn 1", "critic turn 1", "coder turn 2"]


def test_a_turn_that_was_refused_or_not_wanted_is_none() -> None:
    taking = Taking("turn")
    assert taking.after(_row("step.denied")) == taking.after(_row("step.cancelled")) == ""
    assert taking.after(_row("step.finished", f"{TURN}/0:model", "model")) == ""
    assert taking.after(_row("step.finished")) == "coder turn 1"


def test_every_so_many_steps_counts_every_outcome() -> None:
    taking = Taking(3)
    told = [taking.after(_row("step.finished", f"p/{n}:now", "now")) for n in range(7)]
    assert told == ["", "", "step 3", "", "", "step 6", ""]


def test_switched_off_none_is_taken() -> None:
    assert Taking("off").after(_row("step.finished")) == ""


def test_a_label_holds_nothing_a_model_said() -> None:
    row = _row("step.finished")
    row.data["result"] = {"text": "rm -rf /"}
    assert Taking("turn").after(row) == "coder turn 1"


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "\udc80"])
def test_a_name_is_short_text(name: str) -> None:
    with pytest.raises(InputError):
        check_name(name)


@pytest.mark.parametrize("name", ["12", "last", "٣"])
def test_a_person_cannot_give_a_name_that_reads_as_another_place(name: str) -> None:
    check_name(name)
    with pytest.raises(InputError, match="already names a place"):
        check_given_name(name)


@pytest.mark.parametrize("name", ["plan accepted", "a@b", "\x1b[2J", "-1", "1.5", "ready?"])
def test_any_other_text_is_a_name(name: str) -> None:
    check_given_name(name)
