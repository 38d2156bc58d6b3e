from __future__ import annotations

from typing import Any

import pytest

from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.errors import NotAValue
from workbench.workflow import verbs
from workbench.workflow.effects import Effect, Join, Repeat
from workbench.workflow.keyed import IdempotencyKey
from workbench.workflow.pattern import pattern


def plain(number: int) -> int:
    return number


@tool(repeat="keyed")
def pay(amount: int, key: IdempotencyKey) -> str:
    """Pay."""
    return f"{amount} {key}"


@pattern
async def quiet() -> None:
    """Do nothing."""


AGENT = Agent("w", "task: str -> text: str")


@pytest.mark.parametrize(
    ("effect", "said", "arguments", "repeat"),
    [
        (verbs.ask(AGENT, task="x"), "ask.w", {"inputs": {"task": "x"}}, "pure"),
        (verbs.ask("w", name="n"), "ask.w", {"inputs": {"name": "n"}}, "pure"),
        (verbs.follow(quiet, number=1), "follow.quiet", {"inputs": {"number": 1}}, "pure"),
        (verbs.use(pay, amount=1), "tool.pay", {"amount": 1}, "keyed"),
        (verbs.use("bash_command", command="x"), "tool.bash_command", {"command": "x"}, "unsafe"),
        (verbs.question("why?", ["a"]), "question", {"text": "why?", "choices": ["a"]}, "pure"),
        (verbs.send("b", 1), "send.b", {"message": 1}, "keyed"),
        (verbs.receive("b"), "receive.b", {}, "pure"),
        (verbs.recall("k"), "recall.k", {"key": "k", "scope": "run"}, "pure"),
        (verbs.sleep(1.5), "sleep", {"seconds": 1.5}, "pure"),
        (verbs.checkpoint("c"), "checkpoint.c", {}, "pure"),
    ],
)
def test_a_verb_makes_an_effect_that_has_not_happened(
    effect: Effect[Any], said: str, arguments: dict[str, Any], repeat: str
) -> None:
    assert str(effect) == said
    assert effect.arguments == arguments
    assert effect.repeat == repeat


def test_a_call_names_its_function_so_that_a_later_run_finds_it() -> None:
    effect = verbs.call(plain, 1, repeat="pure")
    assert effect.name == f"{__name__}.plain"
    assert effect.arguments == {"arguments": [1], "named": {}}
    assert effect.repeat is Repeat.PURE


def test_a_function_that_no_later_run_could_find_is_refused() -> None:
    def local() -> None: ...

    with pytest.raises(NotAValue, match="not a module-level function"):
        verbs.call(local)
    with pytest.raises(NotAValue, match="not a module-level function"):
        verbs.call(lambda: None)


def test_combinators_take_parts_or_one_iterable_of_them() -> None:
    one, two = verbs.now(), verbs.random()
    assert verbs.together(one, two).branches == (one, two)
    assert verbs.together([one, two]).branches == (one, two)
    assert verbs.race(part for part in (one, two)).branches == (one, two)
    assert verbs.race(one).branches == (one,)
    assert verbs.together([]).branches == ()


def test_within_is_a_part_beside_a_clock() -> None:
    part = verbs.now()
    join = verbs.within(3, part)
    assert isinstance(join, Join)
    assert join.branches[0] is part
    clock = join.branches[1]
    assert isinstance(clock, Effect)
    assert clock.arguments == {"seconds": 3}


def test_awaiting_an_effect_yields_the_effect_itself() -> None:
    effect = verbs.now()

    async def workflow() -> Any:
        return await effect

    coroutine = workflow()
    assert coroutine.send(None) is effect
    with pytest.raises(StopIteration) as returned:
        coroutine.send("answer")
    assert returned.value.value == "answer"
