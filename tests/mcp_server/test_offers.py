"""Which tools there are, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from workbench import Agent, ask, pattern
from workbench.errors import Denied, InputError, UnknownName
from workbench.mcp_server.offers import Offers, schemas
from workbench.permission.roles import Caller, Role
from workbench.workflow.pattern import Pattern

CRITIC = Agent("critic", "draft: str -> verdict: str")


class Odd:
    """Nothing that JSON could give."""


@pattern
async def good(
    lead: Agent,
    agents: Sequence[Agent],
    how: Literal["a", "b"],
    n: int = 1,
    spare: Agent | None = None,
) -> dict[str, int]:
    """Do something.

    Args:
        how: in which way.
    """
    await ask(lead)
    return {how: n + len(agents) + (spare is not None)}


@pattern
async def optional(text: str, odd: Odd | None = None) -> Odd:
    """Take something that JSON cannot give, or leave it out."""
    return odd or Odd()


@pattern
async def odd(thing: Odd) -> str:
    """Take what JSON cannot give."""
    return str(thing)


@pattern
async def by_name(agents: Mapping[str, Agent]) -> str:
    """Take agents by a name of one's own."""
    return str(agents)


@pattern
async def many(*texts: str) -> str:
    """Take any number."""
    return "".join(texts)


PATTERNS: dict[str, Pattern[..., Any]] = {
    one.name: one for one in (good, optional, odd, by_name, many)
}
OWNER = Caller("kim", "owner", "a1")


def offers() -> Offers:
    return Offers.of({"critic": CRITIC}, PATTERNS)


def test_a_pattern_is_offered_when_json_can_say_all_that_it_needs() -> None:
    names = {name for name in offers().by_name if name.startswith("follow_")}
    assert names == {"follow_good", "follow_optional"}
    takes, gives = schemas(offers().by_name["follow_good"])
    assert takes["properties"]["how"] == {
        "type": "string", "enum": ["a", "b"], "description": "in which way.",
    }  # fmt: skip
    assert takes["properties"]["lead"]["enum"] == ["critic"]
    assert takes["properties"]["agents"]["items"]["enum"] == ["critic"]
    assert takes["required"] == ["lead", "agents", "how"]
    assert gives["required"] == ["result"]
    assert set(schemas(offers().by_name["follow_optional"])[0]["properties"]) == {"text"}


def test_without_an_agent_no_pattern_that_needs_one_is_offered() -> None:
    assert "follow_good" not in Offers.of({}, PATTERNS).by_name


def test_an_agent_is_given_by_its_name_and_in_no_other_way() -> None:
    signature = offers().by_name["follow_good"].signature
    given = {"lead": "critic", "agents": ["critic"], "how": "a"}
    assert signature.read_inputs(given)["lead"] == "critic"
    for lead in ("critik", {"$agent": CRITIC.definition()}, None):
        with pytest.raises(InputError):
            signature.read_inputs({**given, "lead": lead})


def test_tools_that_would_have_one_name_have_two() -> None:
    agents = {name: Agent(name, "x: str -> y: str") for name in ("a_b", "a-b")}
    found = Offers.of(agents, {})
    assert {"ask_a_b", "ask_a-b"} <= set(found.by_name)
    assert all(len(name) <= 64 for name in found.by_name)


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        ("viewer", {"list_runs", "show_run"}),
        ("approver", {"list_runs", "show_run", "list_waiting", "answer_waiting"}),
    ],
)
def test_who_may_start_nothing_is_shown_nothing_that_starts(role: Role, sees: set[str]) -> None:
    caller = Caller("kim", role, "a1")
    assert {offer.name for offer in offers().for_(caller)} == sees
    with pytest.raises(Denied):
        offers().find("ask_critic", caller)


@pytest.mark.parametrize("role", ["runner", "owner"])
def test_who_starts_runs_has_no_tool_that_approves(role: Role) -> None:
    caller = Caller("kim", role, "a1")
    assert not any("waiting" in offer.name for offer in offers().for_(caller))
    with pytest.raises((UnknownName, Denied)):
        offers().find("answer_waiting", caller)


def test_a_tool_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'follow_good'"):
        offers().find("follow_god", OWNER)
