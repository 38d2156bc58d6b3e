"""Decisions: the table of tools, modes, levels and rules, and every way around a rule."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench.permission
from tests.permission.calls import TOOLS, call, verdict
from workbench.errors import UnknownName
from workbench.permission.danger import Danger, Facts
from workbench.permission.policy import MODES, Mode, Policy, Rule, Verdict, decide

SAFE, LOW, MEDIUM, HIGH, CRITICAL = Danger

# The table: what each mode says with a full sandbox, inside the workspace, from SAFE to CRITICAL.
A, C, D = "allow", "confirm", "deny"
BY_MODE: dict[Mode, tuple[str, ...]] = {
    "plan": (A, D, D, D, D),
    "confirm": (A, A, C, C, C),
    "edits": (A, A, C, C, C),
    "auto": (A, A, A, A, C),
}


def by_mode(tool: str, mode: Mode, danger: Danger) -> str:
    if mode == "edits" and danger == MEDIUM and TOOLS[tool] == "write":
        return A
    return BY_MODE[mode][danger]


@pytest.mark.parametrize("danger", Danger, ids=lambda level: level.name)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tool", TOOLS)
def test_tool_by_mode_by_level_by_rule(tool: str, mode: Mode, danger: Danger):
    asked = call(tool, danger, facts=Facts(TOOLS[tool], sandbox="full", argv=("x", "y")))
    plain = Policy(mode)
    default = by_mode(tool, mode, danger)
    assert verdict(plain, asked) == default
    assert verdict(plain.with_rules(Rule("deny", tool=tool)), asked) == "deny"
    assert verdict(plain.with_rules(Rule("confirm", tool=tool)), asked) == "confirm"
    allowed = default if danger == CRITICAL else "allow"
    assert verdict(plain.with_rules(Rule("allow", tool=tool)), asked) == allowed
    assert verdict(plain.with_rules(Rule("allow", tool=tool, argv=("x", "y"))), asked) == "allow"
    assert verdict(plain.with_rules(Rule("allow", tool=tool, digest="digest")), asked) == "allow"
    for other in (
        Rule("allow", tool="other"), Rule("allow", tool=tool, argv=("x",)),
        Rule("allow", tool=tool, digest="another"), Rule("deny", tool="other"),
        Rule("deny", tool=tool, agent="critic"), Rule("deny", tool=tool, run_id="another"),
    ):  # fmt: skip
        assert verdict(plain.with_rules(other), asked) == default, other


@pytest.mark.parametrize("sandbox", ["reduced", "none"])
@pytest.mark.parametrize("danger", Danger, ids=lambda level: level.name)
def test_auto_without_a_full_sandbox_is_confirm(sandbox: Any, danger: Danger):
    asked = call(danger=danger, facts=Facts("run", sandbox=sandbox))
    assert verdict(Policy("auto"), asked) == verdict(Policy("confirm"), asked)


@pytest.mark.parametrize("change", [{"outside": True}, {"protected": True}, {"act": "delete"}])
def test_edits_are_only_writes_inside_that_are_not_protected(change: dict[str, Any]):
    asked = call("write_file", MEDIUM, facts=replace(Facts("write"), **change))
    assert verdict(Policy("edits"), asked) == "confirm"


VERDICTS = st.sampled_from(["allow", "confirm", "deny"])


@given(
    st.lists(VERDICTS, min_size=1, max_size=8),
    st.sampled_from(MODES),
    st.sampled_from(list(Danger)[:-1]),
)
def test_deny_beats_confirm_beats_allow_wherever_they_stand(
    verdicts: list[Verdict], mode: Mode, danger: Danger
):
    rules = tuple(Rule(v, tool="bash_command", reason=str(i)) for i, v in enumerate(verdicts))
    strongest = next(v for v in ("deny", "confirm", "allow") if v in verdicts)
    assert verdict(Policy(mode, rules), call(danger=danger)) == strongest
    assert verdict(Policy(mode, rules[::-1]), call(danger=danger)) == strongest


def test_a_decision_says_why_and_by_which_rule():
    rule = Rule("deny", tool="delete_file", reason="keep the notes")
    found = decide(Policy(rules=(rule,)), call("delete_file"), now=0.0)
    assert found.rule is rule
    assert found.reason == f"denied by rule {rule.id}: keep the notes"
    found = decide(Policy(), call("delete_file"), now=0.0)
    assert found.rule is None
    assert found.reason == "asked for: HIGH in confirm mode"


def test_headless_changes_no_verdict_but_says_what_would_have_allowed_it():
    for asked in (call(), call(danger=CRITICAL), call(facts=Facts("run", argv=("make", "it")))):
        live = decide(Policy(), asked, now=0.0)
        headless = decide(Policy(), asked, now=0.0, headless=True)
        assert headless.verdict == live.verdict
        assert headless.reason.startswith(live.reason + "; nobody is there to ask")
    assert """argv='["make","it"]'""" in headless.reason


# — authority along a chain of agents —


def test_a_restriction_of_anyone_on_the_way_binds_the_child():
    for agents in (("boss",), ("boss", "coder"), ("top", "boss", "coder")):
        for rule in (Rule("deny", agent="boss"), Rule("confirm", agent="bo*")):
            asked = call(danger=SAFE, agents=agents)
            assert verdict(Policy("auto", (rule,)), asked) == rule.verdict


def test_a_grant_to_a_parent_is_no_grant_to_its_child():
    granted = Policy("confirm", (Rule("allow", agent="boss"),))
    assert verdict(granted, call(agents=("boss",))) == "allow"
    assert verdict(granted, call(agents=("boss", "coder"))) == "confirm"
    assert verdict(granted, call(agents=("coder", "boss"))) == "allow"
    assert verdict(granted, call(agents=())) == "confirm"


def test_a_rule_for_everybody_is_for_the_pattern_as_well():
    assert verdict(Policy("confirm", (Rule("allow"),)), call(agents=())) == "allow"
    assert verdict(Policy("confirm", (Rule("deny", agent="x"),)), call(agents=())) == "confirm"


# — limits of a rule —


def test_a_rule_ends_when_it_expires():
    policy = Policy("confirm", (Rule("allow", expires_at=100.0),))
    assert verdict(policy, call(), now=99.9) == "allow"
    assert verdict(policy, call(), now=100.0) == "confirm"


def test_a_rule_of_a_run_is_not_inherited_by_a_fork():
    policy = Policy("confirm", (Rule("allow", scope="run", run_id="run"),))
    assert verdict(policy, call()) == "allow"
    assert verdict(policy, replace(call(), run_id="fork")) == "confirm"


def test_a_filter_in_a_rule_sees_the_call():
    rule = Rule("deny", when='name:bash_* danger>=HIGH "rm -r"')
    policy = Policy("auto", (rule,))
    assert verdict(policy, call(command="rm -r x")) == "deny"
    assert verdict(policy, call(command="ls")) == "allow"
    named = Policy("auto", (Rule("deny", when="agent:boss"),))
    assert verdict(named, call(agents=("boss", "coder"))) == "deny"
    granted = Policy("confirm", (Rule("allow", when="agent:boss"),))
    assert verdict(granted, call(agents=("boss", "coder"))) == "confirm"


# — the policy as a value —


def test_rules_are_found_by_name_and_by_glob():
    policy = Policy("confirm", (Rule("deny", tool="http_*"), Rule("deny", tool="x")))
    for tool in ("http_get", "http_new", "x"):
        assert verdict(policy, call(tool)) == "deny"
    assert verdict(policy, call("y")) == "confirm"


def test_a_change_of_rules_is_a_new_policy():
    first, second = Rule("deny", tool="a"), Rule("deny", tool="b")
    policy = Policy().with_rules(first, second)
    assert policy.rules == (first, second)
    assert Policy().rules == ()
    assert policy.without(first.id).rules == (second,)
    assert policy.with_rules(replace(first, reason="new")).rules[-1].reason == "new"
    assert len(policy.with_rules(first).rules) == 2
    assert policy.with_mode("plan").rules == policy.rules
    assert policy.with_mode("plan") != policy
    assert policy == Policy().with_rules(first, second)


def test_unknown_modes_and_rules_are_errors_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'confirm'"):
        Policy("confrim")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="no rule 'x'"):
        Policy().without("x")


HUNDRED = (
    *(Rule("allow", tool=f"tool_{i}", danger="<=LOW") for i in range(90)),
    Rule("deny", tool="read_file", arguments={"path": "secret/*"}),
    Rule("deny", tool="read_file", agent="critic"),
    Rule("deny", tool="read_file", digest="another"),
    Rule("deny", tool="read_*", agent="guest*"),
    Rule("confirm", tool="read_file", danger="HIGH"),
    Rule("confirm", tool="read_file", run_id="another", scope="run"),
    Rule("confirm", tool="read_file", agent="plan*"),
    Rule("allow", tool="read_file", agent="boss", danger="<=LOW"),
    Rule("allow", tool="read_file", arguments={"path": "docs/*"}),
    Rule("allow", tool="read_file", danger="<=LOW"),
)


def test_rules_of_other_tools_and_levels_are_not_asked():
    policy = Policy("confirm", HUNDRED, "/ws")
    assert len(policy.rules) == 100
    assert sum(len(row.entries) for row in policy.rules_about("read_file", LOW)) == 9
    assert policy.rules_about("another", LOW) == ()
    facts = Facts("read", targets=("/ws/src/a.py",), sandbox="full")
    asked = call("read_file", LOW, agents=("boss", "coder"), facts=facts, path="src/a.py")
    assert decide(policy, asked, now=0.0).rule == HUNDRED[-1]


# — the room —


def test_the_room_does_no_io_and_has_no_clock():
    forbidden = {"os", "subprocess", "asyncio", "time", "socket", "sqlite3", "random", "pathlib"}
    for file in Path(workbench.permission.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not {name.partition(".")[0] for name in names} & forbidden, file


def test_the_grammar_is_loaded_at_first_use():
    script = (
        "import sys, workbench.permission.policy as p\n"
        "assert 'tree_sitter' not in sys.modules\n"
        "p.Policy('auto').with_rules(p.Rule.parse('deny command=rm*'))\n"
        "assert 'tree_sitter' not in sys.modules\n"
        "import workbench.permission.shell as s\n"
        "assert s.Shell.parse('ls').simple and 'tree_sitter' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
