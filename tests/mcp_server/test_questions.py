"""What a client's person reads before answering, and what their answer means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.mcp_server.questions import (
    MOST_CHARS,
    answer_schema,
    is_too_long,
    question_text,
    read_answer,
)
from workbench.permission.danger import Danger
from workbench.plain import plain
from workbench.run.waiting import Waiting


def permission(danger: Danger = Danger.HIGH, **more: Any) -> Waiting:
    given: dict[str, Any] = {"text": "", "asked_at": 0.0, "tool": "write_file", "danger": danger}
    given |= {"choices": ("allow", "deny"), "agent": "coder"} | more
    return Waiting("r:k/approval#0", "permission", "r", "k", **given)


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text()), st.text(), st.text(), st.text())
def test_nothing_that_an_agent_wrote_steers_or_looks_like_a_line_of_ours(
    agent: str, arguments: dict[str, str], why: str, tool: str, rule: str
) -> None:
    asked = permission(agent=agent, arguments=arguments, why=why, tool=tool, rule=rule)
    text = question_text(asked)
    assert plain(text) == text
    lines = text.split("\n")
    assert sum(line.startswith("Danger: ") for line in lines) == 1
    assert sum(line.startswith("  ") for line in lines) == len(arguments)


def test_the_whole_of_each_argument_is_shown_or_nobody_is_asked() -> None:
    long = permission(arguments={"content": "x" * (MOST_CHARS - 400)})
    assert "x" * (MOST_CHARS - 400) in question_text(long)
    assert not is_too_long(question_text(long))
    assert is_too_long(question_text(permission(arguments={"content": "x" * MOST_CHARS})))


@pytest.mark.parametrize(
    ("action", "content", "verdict"),
    [
        ("accept", {"answer": "allow"}, "allow"),
        ("accept", {"answer": "Allow"}, "deny"),
        ("accept", {"answer": True}, "deny"),
        ("accept", {"answer": ["allow"]}, "deny"),
        ("accept", None, "deny"),
        ("decline", {"answer": "allow"}, "deny"),
        ("cancel", {"answer": "allow"}, "deny"),
        ("nonsense", {"answer": "allow"}, "deny"),
    ],
)
def test_only_an_accepted_allow_is_a_yes(
    action: str, content: dict[str, Any] | None, verdict: str
) -> None:
    answer = read_answer(permission(), action, content, "kim")
    assert answer is not None
    assert (answer.verdict, answer.by, answer.scope) == (verdict, "kim", "call")


def test_what_is_critical_needs_the_tools_name_as_well() -> None:
    asked = permission(Danger.CRITICAL)
    assert set(answer_schema(asked)["required"]) == {"answer", "tool"}
    for content in ({"answer": "allow"}, {"answer": "allow", "tool": "write"}):
        answer = read_answer(asked, "accept", content, "kim")
        assert answer is not None
        assert answer.verdict == "deny"
    answer = read_answer(asked, "accept", {"answer": "allow", "tool": "write_file"}, "kim")
    assert answer is not None
    assert answer.verdict == "allow"


def test_a_question_that_nobody_answers_has_no_answer() -> None:
    asked = Waiting("r:k", "question", "r", "k", "", "well?", 0.0, choices=("yes", "no"))
    assert answer_schema(asked)["properties"]["answer"]["enum"] == ["yes", "no"]
    assert read_answer(asked, "decline", {"answer": "yes"}, "kim") is None
    assert read_answer(asked, "accept", {"answer": 1}, "kim") is None
    answer = read_answer(asked, "accept", {"answer": "yes"}, "kim")
    assert answer is not None
    assert answer.answer == "yes"
