"""The grade: its starting points, and that nothing ever lowers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.permission.danger import Act, Danger, Facts, Sandbox, grade

SAFE, LOW, MEDIUM, HIGH, CRITICAL = Danger

STARTING_POINTS = [
    (Facts("compute"), SAFE),
    (Facts("read"), SAFE),
    (Facts("read", outside=True), LOW),
    (Facts("read", protected=True), CRITICAL),
    (Facts("write"), MEDIUM),
    (Facts("write", exists=True), MEDIUM),
    (Facts("write", outside=True), CRITICAL),
    (Facts("write", protected=True), CRITICAL),
    (Facts("delete"), HIGH),
    (Facts("delete", outside=True), CRITICAL),
    (Facts("delete", protected=True), CRITICAL),
    (Facts("fetch", granted=True), LOW),
    (Facts("fetch"), HIGH),
    (Facts("send", granted=True), MEDIUM),
    (Facts("send"), HIGH),
    (Facts("erase", granted=True), HIGH),
    (Facts("erase"), HIGH),
    (Facts("talk"), HIGH),
    (Facts("talk", granted=True), HIGH),
    (Facts("run", simple=True, sandbox="full"), LOW),
    (Facts("run", simple=True, sandbox="reduced"), MEDIUM),
    (Facts("run", simple=True, sandbox="none"), CRITICAL),
    (Facts("run", sandbox="full"), HIGH),
    (Facts("run", sandbox="reduced"), CRITICAL),
    (Facts("run", sandbox="none"), CRITICAL),
    (Facts("run", simple=True, outside=True, sandbox="full"), HIGH),
    (Facts("read", floor=MEDIUM), MEDIUM),
    (Facts("write", floor=LOW), MEDIUM),
    (Facts("run", simple=True, sandbox="reduced", floor=HIGH), CRITICAL),
]


@pytest.mark.parametrize(("facts", "level"), STARTING_POINTS, ids=str)
def test_each_starting_point_has_its_level(facts: Facts, level: Danger):
    assert grade(facts) is level


ACTS = st.sampled_from(get_args(Act))
FACTS = st.builds(
    Facts,
    ACTS,
    outside=st.booleans(),
    protected=st.booleans(),
    exists=st.booleans(),
    simple=st.booleans(),
    granted=st.booleans(),
    sandbox=st.sampled_from(get_args(Sandbox)),
    floor=st.sampled_from(Danger),
)
WORSE: list[dict[str, Any]] = [
    {"outside": True},
    {"protected": True},
    {"exists": True},
    {"simple": False},
    {"granted": False},
    {"sandbox": "none"},
    {"floor": CRITICAL},
    {"notes": ("a note",)},
    {"targets": ("/somewhere",)},
]


@given(FACTS, st.lists(st.sampled_from(WORSE), max_size=len(WORSE)))
def test_adding_a_fact_never_lowers_the_level(facts: Facts, worse: list[dict[str, Any]]):
    levels = [grade(facts)]
    for change in worse:
        facts = replace(facts, **change)
        levels.append(grade(facts))
    assert levels == sorted(levels)


@given(FACTS, st.sampled_from(Danger))
def test_a_floor_holds_and_a_higher_floor_never_lowers(facts: Facts, floor: Danger):
    raised = replace(facts, floor=max(floor, facts.floor))
    assert grade(raised) >= max(grade(facts), raised.floor)


@given(FACTS)
def test_a_weaker_sandbox_never_lowers(facts: Facts):
    levels = [grade(replace(facts, sandbox=sandbox)) for sandbox in get_args(Sandbox)]
    assert levels == sorted(levels)


@given(FACTS)
def test_without_a_sandbox_every_command_is_critical(facts: Facts):
    assert grade(replace(facts, act="run", sandbox="none")) is CRITICAL
