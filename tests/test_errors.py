from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from workbench import errors
from workbench.errors import (
    Cancelled,
    ConfigError,
    Denied,
    Diverged,
    InDoubt,
    InputError,
    LimitReached,
    ModelUnreachable,
    ReplyError,
    RunOwned,
    StepFailed,
    StoreError,
    UnknownName,
    UsageError,
    WorkbenchError,
    describe,
    nearest,
)

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, WorkbenchError)
]


def test_every_error_stands_in_the_drawing_and_every_name_drawn_exists() -> None:
    drawn = set(re.findall(r"^ *[│├└─ ]+(\w+)  ", errors.__doc__ or "", re.MULTILINE))
    named = {kind.__name__ for kind in TREE} - {"WorkbenchError"}
    assert drawn == named
    assert "Cancelled (BaseException)" in (errors.__doc__ or "")


def test_codes_are_words_of_their_own() -> None:
    codes = [kind.code for kind in TREE]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (WorkbenchError, 1),
        (UsageError, 2),
        (RunOwned, 2),
        (ConfigError, 3),
        (StoreError, 3),
        (ModelUnreachable, 4),
        (Denied, 5),
        (LimitReached, 6),
        (InDoubt, 7),
        (InputError, 2),
        (ReplyError, 1),
    ],
)
def test_the_exit_code_says_who_must_act(kind: type[WorkbenchError], exit_code: int) -> None:
    assert kind.exit_code == exit_code


def test_a_hint_follows_the_message() -> None:
    error = WorkbenchError("it broke", hint="Mend it", part="wheel")
    assert str(error) == "it broke. Mend it"
    assert error.message == "it broke"
    assert error.data == {"part": "wheel"}
    assert str(WorkbenchError("it broke")) == "it broke"


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (["reader", "writer"], "Did you mean 'writer'?"),
        (["apple", "pear"], "Known: apple, pear"),
        ([f"n{i}" for i in range(10)], "Known: n0, n1, n2, n3, n4, n5, n6, n7 and 2 more"),
        ([], "There is no agent at all yet"),
    ],
)
def test_an_unknown_name_says_what_is_known(known: list[str], hint: str) -> None:
    error = UnknownName("agent", "writr", known)
    assert str(error) == f"no agent 'writr'. {hint}"
    assert error.data["name"] == "writr"


def test_the_nearest_name_is_none_when_nothing_is_near() -> None:
    assert nearest("xyz", ["abc"]) is None
    assert nearest("abd", ["abc", "xyz"]) == "abc"


def test_an_error_becomes_a_row_and_the_row_a_step_failed() -> None:
    error = UnknownName("tool", "x", ["y"])
    row = describe(error)
    assert row == {
        "code": "unknown_name",
        "type": "UnknownName",
        "message": "no tool 'x'. Known: y",
        "data": {"what": "tool", "name": "x", "nearest": None},
    }
    failed = StepFailed(row, key="run/0:tool.x")
    assert (failed.error_code, failed.type_name, failed.key) == (
        "unknown_name",
        "UnknownName",
        "run/0:tool.x",
    )
    assert describe(failed) == row


def test_a_foreign_error_is_told_by_its_type() -> None:
    assert describe(ZeroDivisionError("by zero")) == {
        "code": "error",
        "type": "ZeroDivisionError",
        "message": "by zero",
        "data": {},
    }


def test_a_row_that_says_little_is_still_a_step_failed() -> None:
    empty: dict[str, Any] = {}
    assert StepFailed(empty).error_code == "error"


def test_cancelled_passes_by_whoever_catches_exceptions() -> None:
    assert not issubclass(Cancelled, Exception)
    assert Cancelled("race").reason == "race"


def test_a_divergence_says_what_stood_where_and_what_to_do() -> None:
    error = Diverged("no", report={"seq": 7})
    assert describe(error)["data"] == {"report": {"seq": 7}}
    assert "Fork before this point" in str(error)
