"""Rules: one value, one text, and no key that is silently ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UnknownName, UsageError
from workbench.permission.danger import Danger
from workbench.permission.rule import Rule, levels, rule_from
from workbench.values import copied

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SOME = TEXT.filter(bool)
RULES = st.builds(
    Rule,
    st.sampled_from(["allow", "confirm", "deny"]),
    tool=SOME,
    agent=SOME,
    arguments=st.dictionaries(TEXT.filter(lambda name: "=" not in name), TEXT, max_size=3),
    argv=st.none() | st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    danger=st.sampled_from(["*", "HIGH", "<=MEDIUM", ">=LOW", "<HIGH", ">SAFE"]),
    scope=st.sampled_from(["agent", "session", "workspace", "script", "config"]),
    run_id=TEXT,
    digest=TEXT,
    expires_at=st.none() | st.floats(0, 4e9),
    reason=TEXT,
    when=st.sampled_from(["", "agent:coder", 'danger>=HIGH "rm -r"']),
)


@given(RULES)
def test_a_rule_prints_and_reads_back(rule: Rule):
    assert Rule.parse(str(rule)) == rule


@given(RULES)
def test_a_rule_survives_a_row(rule: Rule):
    assert Rule.from_definition(copied(rule.definition())) == rule


@given(RULES, RULES)
def test_rules_that_say_the_same_have_the_same_id_and_no_others(one: Rule, other: Rule):
    assert (one.id == other.id) == (one == other)


def test_a_given_id_is_kept():
    rule = Rule("deny", tool="a", id="mine")
    assert Rule.parse(str(rule)).id == "mine"
    assert "id=mine" in str(rule)
    assert "id=" not in str(Rule("deny", tool="a"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            """approve tool=bash_command argv='["python3","check.py"]'""",
            Rule("allow", tool="bash_command", argv=("python3", "check.py")),
        ),
        (
            'deny tool=delete_file path=*.md reason="keep the notes"',
            Rule("deny", tool="delete_file", arguments={"path": "*.md"}, reason="keep the notes"),
        ),
        ("approve danger<=MEDIUM agent=coder", Rule("allow", danger="<=MEDIUM", agent="coder")),
        ("confirm danger>=HIGH", Rule("confirm", danger=">=HIGH")),
        ("deny danger>LOW", Rule("deny", danger=">LOW")),
        ("deny danger=HIGH", Rule("deny", danger="HIGH")),
        ("allow tool=http_*", Rule("allow", tool="http_*")),
        ("deny arg.tool=x", Rule("deny", arguments={"tool": "x"})),
        ("deny when='agent:x | agent:y'", Rule("deny", when="agent:x | agent:y")),
        ("deny", Rule("deny")),
    ],
)
def test_what_a_script_says(text: str, rule: Rule):
    assert Rule.parse(text) == rule


def test_words_split_at_their_equals_sign_are_understood():
    words = {"danger<": "MEDIUM", "agent": "coder", "argv": ["a", "b"], "path": "x"}
    rule = rule_from(words, "allow", scope="script")
    assert (rule.danger, rule.agent, rule.argv) == ("<=MEDIUM", "coder", ("a", "b"))
    assert rule.arguments == {"path": "x"}
    assert rule.scope == "script"
    assert rule_from({"scope": "workspace"}, "deny", scope="script").scope == "workspace"


def test_arguments_of_the_known_tools_may_stand_by_themselves():
    rule = rule_from({"city": "Graz"}, "allow", arguments={"city"})
    assert rule.arguments == {"city": "Graz"}
    with pytest.raises(UnknownName):
        rule_from({"city": "Graz"}, "allow")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deny tol=x", "Did you mean 'tool'?"), ("deny agnet=x", "Did you mean 'agent'?"),
        ("deny pth=x", "Did you mean 'path'?"), ("dney tool=x", "Did you mean 'deny'?"),
        ("aprove tool=x", "Did you mean 'approve'?"), ("deny danger=HIHG", "Did you mean 'HIGH'?"),
        ("deny danger<=X", "danger level"), ("deny scope=sesion", "Did you mean 'session'?"),
        ("deny argv=ls", "list of words"), ("deny argv=[]", "list of words"),
        ("deny argv=[1]", "words only"), ("deny tool", "not key=value"), ("deny tool='x", "parse"),
        ("", "empty"), ("deny expires_at=soon", "time in seconds"), ("allow scope=call", "digest"),
        ("allow scope=run", "run_id"), ("deny when=agnet:x", "Did you mean 'agent'?"),
        ("deny verdict=allow", "no rule key 'verdict'"), ("deny arguments=x", "no rule key"),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_that_names_the_nearest(text: str, said: str):
    with pytest.raises(UsageError) as raised:
        Rule.parse(text)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"verdict": "deny", "tols": "x"}, "Did you mean 'tool'?"), ({"tool": "x"}, "verdict"),
        ({"verdict": "maybe"}, "verdict"), ({"verdict": "deny", "tool": 3}, "tool is text"),
        ({"verdict": "deny", "arguments": "x"}, "table of globs"),
        ({"verdict": "deny", "argv": {}}, "list of words"),
    ],
)  # fmt: skip
def test_a_wrong_definition_is_refused(definition: dict[str, Any], said: str):
    with pytest.raises(UsageError) as raised:
        Rule.from_definition(definition)
    assert said in str(raised.value)


def test_arguments_in_a_file_may_be_values():
    rule = Rule.from_definition({"verdict": "deny", "arguments": {"recursive": True}})
    assert rule.arguments == {"recursive": "true"}


@pytest.mark.parametrize(
    ("danger", "low", "high"),
    [("*", 0, 4), ("HIGH", 3, 3), ("<=MEDIUM", 0, 2), (">=MEDIUM", 2, 4), ("<LOW", 0, 0),
     (">HIGH", 4, 4), ("=LOW", 1, 1), ("<=low", 0, 1), (">CRITICAL", 5, 4), ("<SAFE", 0, -1)],
)  # fmt: skip
def test_a_danger_covers_its_levels(danger: str, low: int, high: int):
    assert levels(danger) == (low, high)
    assert len(Danger) == 5
