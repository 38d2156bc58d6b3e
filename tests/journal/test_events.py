from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.journal import events
from workbench.journal.events import OUTCOMES, Event, agent_of, agents_of, parent_of, segment


def _row(kind: str, **data: object) -> Event:
    return Event("r", 1, 0.0, kind, "k", data)


@pytest.mark.parametrize("kind", sorted(OUTCOMES))
def test_outcomes_reach_a_workflow(kind: str) -> None:
    assert _row(kind).is_fed


def test_of_the_rest_only_scope_starts_and_the_end_of_the_run_do() -> None:
    assert _row("run.cancelled").is_fed
    assert _row("step.started", scope=True).is_fed
    assert not _row("step.started").is_fed
    kinds = re.findall(r"^    ([a-z]+\.[a-z]+) ", events.__doc__ or "", re.MULTILINE)
    assert len(kinds) > 20
    others = set(kinds) - OUTCOMES - {"run.cancelled"}
    assert not [kind for kind in others if _row(kind).is_fed]


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        _row("x").seq = 2  # type: ignore[misc]


def test_a_key_tells_its_agents_from_the_outermost() -> None:
    key = "debate/0:together/1/0:ask.lead/2:tool.x/0:ask.the sceptic/1:model"
    assert agents_of(key) == ["lead", "the sceptic"]
    assert agent_of(key) == "the sceptic"
    assert agent_of("debate/0:tool.x") == ""
    assert parent_of("a/0:b/1:c") == "a/0:b"
    assert parent_of("a") == ""


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.integers(0, 99))
def test_a_name_survives_its_way_through_a_key(name: str, ordinal: int) -> None:
    part = segment(ordinal, "ask", name)
    assert "/" not in part
    assert agent_of(f"run/{part}/0:model") == name


def test_a_segment_without_a_name_is_its_kind() -> None:
    assert segment(3, "sleep", "") == "3:sleep"
    assert segment(0, "ask", "a/b") == "0:ask.a%2Fb"
