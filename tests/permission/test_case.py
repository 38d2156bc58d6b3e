"""No spelling goes round a rule: paths, commands, addresses and other arguments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.permission.calls import call, verdict
from workbench.permission.danger import Danger, Facts
from workbench.permission.policy import Policy, Rule

MEDIUM, HIGH, CRITICAL = Danger.MEDIUM, Danger.HIGH, Danger.CRITICAL

KEEP = Policy("auto", (Rule("deny", tool="delete_file", arguments={"path": "keep/*"}),), "/ws")


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("keep/a", "/ws/keep/a"), ("./keep/a", "/ws/keep/a"), ("x/../keep/a", "/ws/keep/a"),
        ("/ws/keep/a", "/ws/keep/a"), ("link", "/ws/keep/a"), ("keep//a", "/ws/keep/a"),
        ("keep/link", "/ws/other"), ("/ws/./keep/../keep/a", "/ws/keep/a"),
    ],
)  # fmt: skip
def test_a_denied_path_is_denied_in_every_spelling(path: str, real: str):
    facts = Facts("delete", targets=(real,), sandbox="full")
    asked = call("delete_file", facts=facts, path=path)
    assert verdict(KEEP, asked) == "deny"
    assert verdict(replace(KEEP, workspace=""), asked) == "deny"
    assert verdict(KEEP, call("delete_file", facts=facts)) == verdict(
        KEEP, call("delete_file", facts=facts, path="innocent")
    )


def test_another_path_is_not_denied():
    facts = Facts("delete", targets=("/ws/keeper/a",), sandbox="full")
    assert verdict(KEEP, call("delete_file", facts=facts, path="keeper/a")) == "allow"


@pytest.mark.parametrize("workspace", ["/ws", ""])
@pytest.mark.parametrize(
    ("path", "real", "allowed"),
    [
        ("docs/a", "/ws/docs/a", True), ("./docs/a", "/ws/docs/a", True),
        ("docs/../src/a", "/ws/src/a", False), ("docs/link", "/ws/src/a", False),
        ("docs/link", "/etc/passwd", False), ("../docs/a", "/docs/a", False),
        ("docs/a", "/other/x/a", False),
    ],
)  # fmt: skip
def test_an_allowed_path_is_the_real_one(path: str, real: str, allowed: bool, workspace: str):
    policy = Policy("confirm", (Rule("allow", arguments={"path": "docs/*"}),), workspace)
    asked = call("write_file", MEDIUM, facts=Facts("write", targets=(real,)), path=path)
    assert verdict(policy, asked) == ("allow" if allowed else "confirm")


def test_an_allowed_path_covers_every_target():
    policy = Policy("confirm", (Rule("allow", arguments={"path": "docs/*"}),), "/ws")
    facts = Facts("write", targets=("/ws/docs/a", "/ws/src/b"))
    assert verdict(policy, call("write_file", MEDIUM, facts=facts, path="docs/a")) == "confirm"


@pytest.mark.parametrize(
    "command",
    ["rm x", "rm -rf x", "/bin/rm x", "ls; rm x", "ls && rm x", "$(rm x)", "env rm x", "r\\m x",
     "'rm' x", "A=1 rm x", "bash -c 'rm x'", "find . -exec rm {} \\;", "ls | xargs rm x", "(rm x)",
     "sudo rm x", "if true; then rm x; fi", "rm\tx", "eval rm x", "rm $x", "\\rm x", "ls\nrm x"],
)  # fmt: skip
def test_a_denied_command_is_denied_wherever_it_stands(command: str):
    policy = Policy("auto", (Rule("deny", arguments={"command": "rm *"}),))
    assert verdict(policy, call(command=command)) == "deny"
    twice = policy.with_rules(Rule("allow", tool="bash_command"))
    assert verdict(twice, call(command=command)) == "deny"


@pytest.mark.parametrize(
    "command", ["$X y", "$(echo rm) x", "bash x.sh", "eval $x", "ls 'a", "r* x"]
)
def test_where_a_command_cannot_be_named_a_denial_of_commands_asks(command: str):
    rules = (Rule("deny", arguments={"command": "rm *"}), Rule("allow", tool="bash_command"))
    assert verdict(Policy("auto"), call(command=command)) == "allow"
    assert verdict(Policy("auto", rules[:1]), call(command=command)) == "confirm"
    assert verdict(Policy("auto", rules), call(command=command)) == "confirm"
    elsewhere = Rule("deny", agent="critic", arguments={"command": "rm *"})
    assert verdict(Policy("auto", (elsewhere,)), call(command=command)) == "allow"


def test_exact_words_are_trusted_even_beside_a_denial_of_other_commands():
    rules = (
        Rule("deny", arguments={"command": "rm *"}),
        Rule("allow", argv=("bash", "check.sh")),
    )
    facts = Facts("run", argv=("bash", "check.sh"))
    asked = call(danger=CRITICAL, facts=facts, command="bash check.sh")
    assert verdict(Policy("confirm", rules), asked) == "allow"


def test_denied_words_are_denied_inside_a_compound():
    policy = Policy("auto", (Rule("deny", argv=("git", "push")),))
    for command in ("git push", "ls; git push", "/usr/bin/git push", "env git push"):
        assert verdict(policy, call(command=command)) == "deny"
    assert verdict(policy, call(command="git pull")) == "allow"


@pytest.mark.parametrize(
    ("command", "allowed"),
    [("git log", True), ("git log; rm x", False), ("git log $(rm x)", False),
     ("git log > x", False),
     ("A=1 git log", False), ("git log\rx", False), ("/tmp/git log", False)],
)  # fmt: skip
def test_an_allowed_command_is_one_literal_command(command: str, allowed: bool):
    policy = Policy("confirm", (Rule("allow", arguments={"command": "git log*"}),))
    assert verdict(policy, call(command=command)) == ("allow" if allowed else "confirm")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://evil.com/x", "deny"), ("https://EVIL.com/x", "deny"),
        ("https://evil.com./x", "deny"),
        ("https://evil.com:443/x", "deny"), ("https://good.com/x", "allow"),
        ("https://good.com.evil.org/", "confirm"), ("https://good.com@evil.org/", "confirm"),
        ("http://good.com/", "confirm"), ("https://GOOD.com/", "allow"),
        ("not an address", "confirm"),
        ("https://good.com:8443/x", "confirm"),
    ],
)  # fmt: skip
def test_addresses_are_compared_in_their_canonical_form(url: str, found: str):
    rules = (
        Rule("deny", arguments={"url": "https://evil.com/*"}),
        Rule("allow", arguments={"url": "https://good.com/*"}),
    )
    asked = call("http_get", HIGH, facts=Facts("fetch"), url=url)
    assert verdict(Policy("confirm", rules), asked) == found


def test_arguments_that_are_not_text_are_compared_as_json():
    policy = Policy("confirm", (Rule("allow", arguments={"recursive": "true"}),))
    assert verdict(policy, call("other", recursive=True)) == "allow"
    assert verdict(policy, call("other", recursive=False)) == "confirm"
    assert verdict(policy, call("other")) == "confirm"
    anything = Policy("confirm", (Rule("allow", arguments={"recursive": "*"}),))
    assert verdict(anything, call("other")) == "confirm"
