from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.permission.calls import call
from workbench.permission.danger import Act, Danger, Facts, Sandbox, grade
from workbench.permission.egress import is_free_egress, names_host
from workbench.permission.policy import MODES, Call, Policy, Rule, Verdict, decide

PAGE = "https://page.example:443"


def _sent(url: str = "https://sink.example/in", act: Act = "send", **facts: Any) -> Call:
    given: dict[str, Any] = {"sandbox": "full", "host": "sink.example", "untrusted": PAGE}
    given["targets"] = ("https://sink.example:443",)
    found = Facts(act, **given | facts)
    tool = {"send": "http_post", "fetch": "http_get", "erase": "http_delete"}[act]
    return call(tool, grade(found), facts=found, url=url)


def _verdict(asked: Call, *rules: str, mode: Any = "auto") -> Verdict:
    return decide(Policy(mode, tuple(map(Rule.parse, rules))), asked, now=0).verdict


@pytest.mark.parametrize("act", ["send", "fetch", "erase"])
def test_what_auto_mode_allows_is_asked_for_once_a_page_was_read(act: Act) -> None:
    assert _verdict(_sent(act=act, untrusted="")) == "allow"
    assert _verdict(_sent(act=act)) == "confirm"


def test_a_host_that_the_user_granted_is_not_asked_for() -> None:
    assert _verdict(_sent(granted=True)) == "allow"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("approve tool=http_post", "confirm"),
        ("approve tool=*", "confirm"),
        ("approve tool=http_post url=*", "confirm"),
        ("approve tool=http_post url=https://*.example/in", "confirm"),
        ("approve tool=http_post url=https://sink.example*", "confirm"),
        ("approve tool=http_post url=https://?ink.example/in", "confirm"),
        ("approve tool=http_post url=*://sink.example/in", "confirm"),
        ("approve tool=http_post url=https://sink.example/*", "allow"),
        ("approve tool=http_post url=https://sink.example/in", "allow"),
        ("approve tool=http_post digest=digest", "allow"),
        ("deny tool=http_post", "deny"),
    ],
)
def test_only_a_rule_that_spells_the_host_out_allows_it(rule: str, expected: Verdict) -> None:
    assert _verdict(_sent(), rule) == expected


def test_a_broad_rule_does_not_hide_one_that_names_the_host() -> None:
    rules = ("approve tool=http_post", "approve tool=http_post url=https://sink.example/*")
    assert _verdict(_sent(), *rules) == "allow"


def test_the_person_and_the_headless_user_are_told_why_and_what_would_allow_it() -> None:
    for mode in ("confirm", "auto"):
        asked = decide(Policy(mode), _sent(), now=0)
        assert f"this run has read {PAGE}" in asked.reason
        assert "https://sink.example:443" in asked.reason
    told = decide(Policy("auto"), _sent(), now=0, headless=True).reason
    rule = "approve " + told.partition("a rule would allow it: approve ")[2]
    assert "url=" in rule
    assert _verdict(_sent(), rule) == "allow"
    assert _verdict(_sent("https://sink.example.evil.test/in", host="x"), rule) == "confirm"


@pytest.mark.parametrize(
    ("sandbox", "simple", "free"),
    [
        ("full", False, False),
        ("reduced", False, True),
        ("none", False, True),
        ("none", True, False),
    ],
)
def test_a_command_is_egress_when_it_may_reach_the_network(
    sandbox: Sandbox, simple: bool, free: bool
) -> None:
    assert is_free_egress(Facts("run", sandbox=sandbox, simple=simple, untrusted=PAGE)) is free


def test_a_command_is_allowed_by_its_exact_words_only() -> None:
    found = Facts("run", sandbox="reduced", argv=("git", "push"), untrusted=PAGE)
    asked = call("bash_command", Danger.HIGH, facts=found, command="git push")
    assert _verdict(asked, "approve tool=bash_command") == "confirm"
    assert _verdict(asked, "approve tool=bash_command command='git *'") == "confirm"
    assert _verdict(asked, 'approve tool=bash_command argv=\'["git", "push"]\'') == "allow"


@pytest.mark.parametrize("act", ["compute", "read", "write", "delete"])
def test_what_stays_on_the_machine_is_decided_as_before(act: Act) -> None:
    for mode in MODES:
        asked = call("any", facts=Facts(act, sandbox="full"))
        marked = replace(asked, facts=replace(asked.facts, untrusted=PAGE))
        assert decide(Policy(mode), asked, now=0) == decide(Policy(mode), marked, now=0)


@pytest.mark.parametrize("url", ["", "sink.example", "https://*", "http*://a/", "https://a*/b"])
def test_a_glob_that_leaves_the_host_open_names_none(url: str) -> None:
    assert not names_host({"url": url})
