"""The shipped patterns: each parameter changes what is done, and nothing is passed off as done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugins.said import ASKED, Says, agents, fails, gives, run
from tests.run.stage import acted
from workbench.agent.agent import Agent
from workbench.errors import WorkbenchError

# -- ensemble

ENSEMBLE = "task: str -> answer: str"
COMBINER = Agent("z", "task: str, answers: list[str] -> answer: str")


def says(**answers: str) -> dict[str, Says]:
    return {name: gives(answer=answer) for name, answer in answers.items()}


def joined(given: Any) -> dict[str, str]:
    return {"answer": " + ".join(given["answers"])}


@acted
async def test_an_ensemble_combines_what_each_said_without_the_others(tmp_path: Path) -> None:
    who = agents(ENSEMBLE, "ab")
    told: dict[str, Says] = {**says(a="one", b="two"), "z": joined}
    found = await run(tmp_path, "ensemble", told, agents=who, combiner=COMBINER, task="t")
    assert found == "a: one + b: two"
    assert all(inputs == {"task": "t"} for name, inputs in ASKED if name != "z")


@pytest.mark.parametrize(("need", "ends"), [(0, "only 1 of 3"), (2, "only 1 of 2"), (1, "")])
@acted
async def test_an_ensemble_needs_so_many_answers(tmp_path: Path, need: int, ends: str) -> None:
    told: dict[str, Says] = {**says(a="one", b=""), "c": fails, "z": joined}
    inputs = {"agents": agents(ENSEMBLE, "abc"), "combiner": COMBINER, "task": "t", "need": need}
    if ends:
        with pytest.raises(WorkbenchError, match=ends):
            await run(tmp_path, "ensemble", told, **inputs)
        assert "z" not in [name for name, _ in ASKED]
    else:
        assert await run(tmp_path, "ensemble", told, **inputs) == "a: one"


# -- vote

VOTE = "question: str, choices: list[str] -> choice: str"


def votes(**choices: str) -> dict[str, Says]:
    return {name: gives(choice=choice) for name, choice in choices.items()}


async def voted(folder: Path, told: Any, **more: Any) -> Any:
    who = agents(VOTE, "".join(told))
    inputs = {"agents": who, "question": "q", "choices": ["x", "y"], **more}
    return await run(folder, "vote", told, **inputs)


@acted
async def test_a_vote_is_won_by_more_than_a_share_of_all(tmp_path: Path) -> None:
    told = votes(a="x", b="x", c="y")
    assert (await voted(tmp_path, told))["choice"] == "x"
    with pytest.raises(WorkbenchError, match=r"no choice has more than 0.7 of 3 votes"):
        await voted(tmp_path, told, share=0.7)


@acted
async def test_a_vote_ends_when_it_is_decided(tmp_path: Path) -> None:
    found = await voted(tmp_path, votes(a="x", b="x", c="x", d="y", e="y"))
    assert found["votes"]["x"] == 3
    assert sum(found["votes"].values()) <= 5
    with pytest.raises(WorkbenchError, match="no choice has more than"):
        await voted(tmp_path, votes(a="x", b="y"))


@acted
async def test_who_names_no_choice_or_fails_abstains_and_counts(tmp_path: Path) -> None:
    told: dict[str, Says] = {**votes(a="x", b="neither"), "c": fails}
    with pytest.raises(WorkbenchError, match=r"more than 0\.5 of 3 votes") as raised:
        await voted(tmp_path, told)
    assert raised.value.data["votes"] == {"x": 1, "y": 0}


# -- blackboard

NOTES = "task: str, board: list[str] -> add: bool, note: str"
CLOSER = Agent("z", "task: str, board: list[str] -> answer: str")


def closes(given: Any) -> dict[str, str]:
    return {"answer": " | ".join(given["board"])}


def once(text: str) -> Says:
    """Writes a note unless it stands there."""
    return lambda given: {"add": not any(text in one for one in given["board"]), "note": text}


@acted
async def test_a_board_grows_until_nobody_adds_anything(tmp_path: Path) -> None:
    told: dict[str, Says] = {"a": once("sky"), "b": once("sea"), "z": closes}
    inputs = {"agents": agents(NOTES, "ab"), "closer": CLOSER, "task": "t"}
    assert await run(tmp_path, "blackboard", told, **inputs, rounds=9) == "a: sky | b: sea"
    assert [name for name, _ in ASKED].count("a") == 2
    # in a round nobody sees what the others write in it
    assert next(inputs["board"] for name, inputs in ASKED if name == "b") == []


@acted
async def test_a_board_takes_as_many_rounds_as_it_may_and_is_not_empty(tmp_path: Path) -> None:
    def counts(given: Any) -> dict[str, Any]:
        return {"add": True, "note": f"n{len(given['board'])}"}

    count: dict[str, Says] = {"a": counts, "z": closes}
    inputs = {"agents": agents(NOTES, "a"), "closer": CLOSER, "task": "t"}
    assert await run(tmp_path, "blackboard", count, **inputs, rounds=3) == "a: n0 | a: n1 | a: n2"
    with pytest.raises(WorkbenchError, match="nobody wrote anything"):
        await run(tmp_path, "blackboard", {"a": fails, "z": closes}, **inputs)


# -- handoff

HANDS = "task: str, notes: list[str], agents: list[str] -> answer: str, to: str, note: str"


def to(name: str, note: str = "look") -> Says:
    return gives(answer="", to=name, note=note)


def ends(text: str) -> Says:
    return gives(answer=text, to="", note="")


@acted
async def test_a_task_is_handed_over_until_somebody_answers(tmp_path: Path) -> None:
    told = {"a": to("c", "I cannot"), "b": ends("never asked"), "c": ends("done")}
    found = await run(tmp_path, "handoff", told, agents=agents(HANDS, "abc"), task="t")
    assert found == {"answer": "done", "agent": "c", "way": ["a", "c"]}
    assert ASKED[-1][1]["notes"] == ["a: I cannot"]


@acted
async def test_a_handoff_to_nobody_or_for_ever_is_a_failure(tmp_path: Path) -> None:
    who = agents(HANDS, "ab")
    with pytest.raises(WorkbenchError, match="'x', who is none of: a, b"):
        await run(tmp_path, "handoff", {"a": to("x"), "b": ends("-")}, agents=who, task="t")
    told = {"a": to("b"), "b": to("a")}
    with pytest.raises(WorkbenchError, match=r"handed over 2 times .*: a > b > a") as raised:
        await run(tmp_path, "handoff", told, agents=who, task="t", hops=2)
    assert raised.value.data["way"] == ["a", "b", "a"]


# -- map and reduce

MAPPER, REDUCER = Agent("m", "item: str -> part: str"), Agent("r", "parts: list[str] -> whole: str")
MAPS: dict[str, Says] = {
    "m": lambda given: {"part": given["item"].upper()},
    "r": lambda given: {"whole": "(" + "".join(given["parts"]) + ")"},
}


async def mapped(folder: Path, items: str, told: Any = None, **more: Any) -> Any:
    inputs = {"mapper": MAPPER, "reducer": REDUCER, "items": [*items], **more}
    return await run(folder, "map_reduce", told or MAPS, **inputs)


@acted
async def test_parts_keep_their_order_and_are_joined_until_one_is_left(tmp_path: Path) -> None:
    assert await mapped(tmp_path, "abcde", fan_in=2, at_once=3) == "(((AB)(CD))((E)))"
    assert await mapped(tmp_path, "abc") == "(ABC)"
    assert await mapped(tmp_path, "a") == "(A)"
    with pytest.raises(WorkbenchError, match="nothing to map"):
        await mapped(tmp_path, "ab", fan_in=1)


@pytest.mark.parametrize("may_fail", [0, 1])
@acted
async def test_so_many_items_may_fail(tmp_path: Path, may_fail: int) -> None:
    told: dict[str, Says] = {**MAPS, "m": lambda g: fails(g) if g["item"] == "b" else MAPS["m"](g)}
    if may_fail:
        assert await mapped(tmp_path, "abc", told, may_fail=may_fail) == "(AC)"
    else:
        with pytest.raises(WorkbenchError, match="1 of 3 items failed"):
            await mapped(tmp_path, "abc", told)


# -- tournament

ENTRY = "task: str -> entry: str"
JUDGE = "task: str, first: str, second: str -> winner: str, why: str"


def longer(given: Any) -> dict[str, str]:
    first = len(given["first"]) >= len(given["second"])
    return {"winner": "first" if first else "second", "why": "longer"}


likes_first = gives(winner="first", why="-")


@acted
async def test_the_best_entry_wins_and_who_made_none_takes_no_part(tmp_path: Path) -> None:
    made = {"a": "x", "b": "xxx", "c": "xx"}
    told = {n: gives(entry=text) for n, text in made.items()} | {"d": fails, "j": longer}
    who = {"agents": agents(ENTRY, "abcd"), "judges": agents(JUDGE, "j"), "task": "t"}
    found = await run(tmp_path, "tournament", told, **who)
    assert (found["agent"], found["entry"]) == ("b", "xxx")
    assert [end["pair"] for end in found["comparisons"]] == [["a", "b"], ["b", "c"]]


@acted
async def test_a_liking_for_the_first_evens_out_and_judges_count(tmp_path: Path) -> None:
    told: dict[str, Says] = {"a": gives(entry="x"), "b": gives(entry="yy")}
    told |= {"j": likes_first, "k": likes_first, "l": longer}
    who = {"agents": agents(ENTRY, "ab"), "task": "t"}
    found = await run(tmp_path, "tournament", told, **who, judges=agents(JUDGE, "jkl"))
    assert (found["agent"], found["comparisons"][0]["votes"]) == ("b", [1, 2])
    with pytest.raises(WorkbenchError, match="odd number of judges"):
        await run(tmp_path, "tournament", told, **who, judges=agents(JUDGE, "jk"))
    told["j"] = gives(winner="both", why="-")
    with pytest.raises(WorkbenchError, match="neither first nor second"):
        await run(tmp_path, "tournament", told, **who, judges=agents(JUDGE, "j"))


# -- reflection

WRITER = Agent("w", "task: str, before: str, critique: str -> text: str")
CRITIC = Agent("c", "task: str, text: str -> good: bool, critique: str")


@acted
async def test_a_text_is_written_anew_until_it_is_good(tmp_path: Path) -> None:
    told: dict[str, Says] = {
        "w": lambda given: {"text": given["before"] + "x"},
        "c": lambda given: {"good": given["text"] == "xxx", "critique": "longer"},
    }
    inputs = {"writer": WRITER, "critic": CRITIC, "task": "t"}
    assert await run(tmp_path, "reflection", told, **inputs) == {"text": "xxx", "rounds": 3}
    assert [given["critique"] for name, given in ASKED if name == "w"] == ["", "longer", "longer"]
    with pytest.raises(WorkbenchError, match="not good after 2 rounds: longer") as raised:
        await run(tmp_path, "reflection", told, **inputs, rounds=2)
    assert raised.value.data == {"text": "xx", "critique": "longer"}
