from __future__ import annotations

from typing import Any, cast

import pytest

from workbench.agent.agent import Agent
from workbench.errors import InputError, UsageError
from workbench.workflow.pattern import pattern
from workbench.workflow.source import source_of


@pattern
async def debate(agents: list[Agent], question: str, rounds: int = 2) -> str:
    """Let agents argue.

    Args:
        agents: two or more, in the
            order in which they speak.
        question: put to everyone.

    Returns:
        what they said.
    """
    return f"{agents} {question} {rounds}"


def test_a_pattern_knows_its_parameters_types_and_docs() -> None:
    assert debate.name == "debate"
    assert debate.doc.startswith("Let agents argue.")
    agents, question, rounds = debate.parameters
    assert (agents.name, agents.type, agents.is_required) == ("agents", "list[Agent]", True)
    assert agents.doc == "two or more, in the order in which they speak."
    assert question.doc == "put to everyone."
    assert (rounds.default, rounds.is_required, rounds.doc) == (2, False, "")


def test_a_pattern_can_have_another_name_and_version() -> None:
    @pattern(name="other", version="2")
    async def one() -> None: ...

    assert (one.name, one.version) == ("other", "2")
    assert one.origin == __file__


def test_only_an_async_function_is_a_pattern() -> None:
    def plain() -> None: ...

    with pytest.raises(UsageError, match="not an async function"):
        pattern(cast("Any", plain))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"agnts": []}, "Did you mean 'agents'"),
        ({"zzz": 1}, "It takes: agents, question, rounds"),
        ({"agents": []}, r"needs 'question' \(str\)"),
    ],
)
def test_inputs_that_are_unknown_or_missing_are_refused(inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        debate.check(inputs)


def test_inputs_that_fit_pass() -> None:
    debate.check({"agents": [], "question": "x"})


def test_calling_a_pattern_does_nothing_until_it_is_driven() -> None:
    coroutine = debate(agents=[], question="x")
    coroutine.close()


def _one(text: str) -> Any:
    async def same() -> str:
        """One docstring."""
        return text  # and a comment

    return same


def _two(text: str) -> Any:
    async def same() -> str:
        """Another docstring."""

        return text

    return same


def _three(text: str) -> Any:
    async def same() -> str:
        return text + "!"

    return same


def test_the_digest_is_about_what_the_code_does() -> None:
    one, two, three = (source_of(made("")).digest for made in (_one, _two, _three))
    assert one == two
    assert one != three
