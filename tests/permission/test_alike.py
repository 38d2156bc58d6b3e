"""Rules that are dismissed together: nothing is decided otherwise than by asking each."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.permission.calls import TOOLS
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts, grade
from workbench.permission.globs import glob, needle
from workbench.permission.policy import Policy, Rule, decide
from workbench.permission.shell import Shell

TEXTS = st.text(alphabet="ab/.*?", max_size=6)
COMMANDS = ("git status", "rm -rf a; ls b", 'eval "$X"', "/bin/rm a", "env rm b", "ls a | sh", "a")
PATHS = ("a", "./a", "a/../b", "/ws/a/b", "/b", "a//b", "")
URLS = ("https://a.b/a", "http://A.b:80", "a", "https://b/a?b=a")


GLOBS = st.sampled_from(
    ["*rm*", "rm a", "rm *", "git*", "*status", "ls b", "/ws/*", "*/b", "a", "a/b", "b", "?", "/b",
     "https://a.b/*", "*", "zz*", "no*no", "*:443/a"],
)  # fmt: skip
NAMES = st.sampled_from(["path", "command", "command", "url", "x"])


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    """A rule that is mostly about one argument, as many as it takes to make a row."""
    words = st.sampled_from([None, None, None, None, ("git", "status"), ("rm", "a")])
    other = draw(st.sampled_from([None, None, None, "x"]))
    return Rule(
        draw(st.sampled_from(["deny", "confirm", "allow"])),
        tool=draw(st.sampled_from(["*", "*", "*", "bash_command", "write_*"])),
        agent=draw(st.sampled_from(["*", "*", "*", "coder", "lead", "x*"])),
        arguments={name: draw(GLOBS)} | ({other: draw(TEXTS)} if other else {}),
        argv=draw(words),
        danger=draw(st.sampled_from(["*", "*", "*", "<=HIGH", "CRITICAL"])),
        reason=str(draw(st.integers(0, 9))),
    )


@st.composite
def calls(draw: st.DrawFn) -> Call:
    tool = draw(st.sampled_from(["bash_command", "bash_command", "write_file", "http_get"]))
    arguments = {
        "path": draw(st.sampled_from(PATHS)),
        "command": draw(st.sampled_from(COMMANDS)),
        "url": draw(st.sampled_from(URLS)),
        "x": draw(TEXTS),
    }
    argv = Shell.parse(arguments["command"]).argv if tool == "bash_command" else None
    targets = draw(st.sampled_from([(), ("/ws/a",), ("/ws/b/a", "/a")]))
    facts = Facts(TOOLS[tool], targets=targets, argv=argv, simple=draw(st.booleans()),
                  sandbox="full", granted=True, protected=draw(st.booleans()))  # fmt: skip
    agents = draw(st.sampled_from([(), ("coder",), ("lead", "coder")]))
    return Call(tool, agents, arguments, "digest", "run", facts, grade(facts))


@given(
    NAMES.flatmap(lambda name: st.lists(rules(name), min_size=3, max_size=8)),
    calls(),
    st.sampled_from(["/ws", ""]),
)
@settings(max_examples=500)
def test_many_rules_decide_as_each_of_them_would_alone(
    many: list[Rule], asked: Call, workspace: str
) -> None:
    order = ["deny", "confirm", "allow"]
    ordered = sorted(many, key=lambda rule: order.index(rule.verdict))
    alone = [decide(Policy("auto", (rule,), workspace), asked, now=0.0) for rule in ordered]
    deciding = next((one for one in alone if one.rule), decide(Policy("auto"), asked, now=0.0))
    exact = deciding.rule is not None and deciding.rule.argv is not None
    blind = any("cannot see" in one.reason for one in alone)
    found = decide(Policy("auto", tuple(many), workspace), asked, now=0.0)
    if deciding.verdict == "allow" and blind and not exact:
        assert found.verdict == "confirm"
    else:
        assert found == deciding


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=12))
def test_what_fits_a_glob_has_its_longest_piece(pattern: str, text: str) -> None:
    assert needle(pattern) in text or not glob(pattern)(text)


def test_every_rule_is_asked_of_what_is_level_critical_only_if_it_may_allow_that() -> None:
    policy = Policy("auto", tuple(Rule("allow", arguments={"x": f"{n}*"}) for n in range(9)))
    facts = Facts("write", protected=True)
    asked = Call("write_file", ("coder",), {"x": "1"}, "digest", "run", facts, Danger.CRITICAL)
    assert decide(policy, asked, now=0.0).verdict == "confirm"
    exact = policy.with_rules(Rule("allow", digest="digest"))
    assert decide(exact, asked, now=0.0).verdict == "allow"
