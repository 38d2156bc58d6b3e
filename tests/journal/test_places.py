from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import InputError, UnknownName
from workbench.journal.events import Event
from workbench.journal.fork import edited, newest_reply
from workbench.journal.places import cut_of, newest, place_of
from workbench.store.memory import MemoryStore


def _store(*rows: tuple[str, str, dict[str, Any]]) -> MemoryStore:
    store = MemoryStore()
    first = Event("r", 1, 0.0, "run.started", "", {"pattern": "p", "arguments": {}, "title": "t"})
    store.append([first])
    for seq, (kind, key, data) in enumerate(rows, 2):
        store.append([Event("r", seq, 0.0, kind, key, data)])
    store.flush()
    return store


def _model(key: str, text: str) -> tuple[str, str, dict[str, Any]]:
    data = {"effect": "model", "name": "", "fingerprint": "f", "result": {"text": text}}
    return ("step.finished", key, {**data, "duration_s": 1.0})


def _mark(name: str) -> tuple[str, str, dict[str, Any]]:
    return ("checkpoint.taken", "", {"name": name, "by": "user"})


NOW = ("step.finished", "p/0:now", {"effect": "now", "name": "", "fingerprint": "f", "result": 1})
END = ("run.finished", "", {"outcome": "returned", "result": None})


def test_without_a_place_a_fork_goes_on_from_the_newest_row() -> None:
    assert cut_of(_store(NOW, NOW), "r", None) == 3


def test_the_end_of_a_run_is_not_shared() -> None:
    store = _store(NOW, END)
    assert cut_of(store, "r", None) == 2
    assert cut_of(store, "r", 3) == 2


def test_a_cancellation_is_not_shared_either() -> None:
    store = _store(NOW, ("run.cancelled", "", {"by": "user", "reason": ""}), NOW, END)
    assert cut_of(store, "r", None) == 2


def test_a_place_is_a_row_its_number_as_text_or_a_checkpoint() -> None:
    store = _store(NOW, _mark("here"), NOW, _mark("here"), NOW)
    assert cut_of(store, "r", 2) == 2
    assert cut_of(store, "r", "2") == 2
    assert cut_of(store, "r", "here") == 5


def test_a_checkpoint_of_a_workflow_is_cut_after_its_outcome() -> None:
    taken = ("checkpoint.taken", "p/0:checkpoint.x", {"name": "x", "by": "workflow"})
    answered = ("step.finished", "p/0:checkpoint.x", {"effect": "checkpoint", "fingerprint": "f"})
    assert cut_of(_store(NOW, taken, answered, NOW), "r", "x") == 4


def test_a_place_that_is_not_there_is_named_with_what_is() -> None:
    store = _store(_mark("round 1"), _mark("round 2"))
    with pytest.raises(UnknownName, match="Did you mean 'round"):
        cut_of(store, "r", "round 3")
    for number in (0, 4, -1):
        with pytest.raises(InputError, match="It has rows 1 to 3"):
            cut_of(store, "r", number)


def test_a_place_may_be_written_as_last() -> None:
    store = _store(NOW, END)
    assert (place_of(store, "r", "last"), place_of(store, "r", None)) == (3, 3)
    assert cut_of(store, "r", "last") == 2


def test_a_checkpoint_by_the_rule_is_not_taken_for_one_of_a_workflow() -> None:
    taken = ("checkpoint.taken", "p/0:ask.coder", {"name": "coder turn 1", "by": "rule"})
    assert cut_of(_store(NOW, taken, NOW), "r", "coder turn 1") == 3


def test_a_checkpoint_of_a_workflow_that_died_before_its_outcome_ends_with_its_own_row() -> None:
    taken = ("checkpoint.taken", "p/0:checkpoint.x", {"name": "x", "by": "workflow"})
    assert cut_of(_store(NOW, taken), "r", "x") == 3
    other = ("run.resumed", "", {"by": "user"})
    assert cut_of(_store(NOW, taken, other, NOW), "r", "x") == 3


def test_a_checkpoint_on_an_earlier_row_stands_for_that_row() -> None:
    named = ("checkpoint.taken", "", {"name": "before it broke", "by": "user", "at": 2})
    assert cut_of(_store(NOW, NOW, END, named), "r", "before it broke") == 2


def test_the_newest_row_that_fits_is_found_from_behind() -> None:
    store = _store(*[_model(f"p/{number}:model", str(number)) for number in range(500)])

    def fits(row: Event) -> bool:
        return row.data["result"]["text"] == "7"

    found = newest(store, "r", 400, {"step.finished"}, fits)
    assert found is not None
    assert found.key == "p/7:model"
    assert newest(store, "r", 5, {"step.finished"}, fits) is None


def test_an_edited_reply_answers_the_newest_request_before_the_cut() -> None:
    store = _store(_model("p/0:model", "first"), _model("p/1:model", "second"), NOW)
    reply = edited(newest_reply(store, "r", 4), text="other")
    assert (reply.seq, reply.key) == (3, "p/1:model")
    assert reply.data == {
        "effect": "model",
        "name": "",
        "fingerprint": "f",
        "result": {"text": "other", "model": "edited", "finish": "stop"},
        "edited": True,
    }
    assert newest_reply(store, "r", 2).seq == 2


def test_what_an_agent_heard_before_its_reply_is_still_heard_before_the_edited_one() -> None:
    kind, key, data = _model("p/0:model", "first")
    data = {**data, "steered": ["steer/coder"], "result": {"text": "x", "steered": ["hurry"]}}
    reply = edited(newest_reply(_store((kind, key, data)), "r", 2), text="other")
    assert reply.data["steered"] == ["steer/coder"]
    assert reply.data["result"]["steered"] == ["hurry"]


def test_without_a_reply_there_is_nothing_to_edit() -> None:
    with pytest.raises(InputError, match="no model reply up to row 2"):
        newest_reply(_store(NOW), "r", 2)
