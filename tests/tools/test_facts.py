from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools.calls import facts_of
from workbench.agent.tool import Tool
from workbench.errors import Denied, InputError
from workbench.permission.danger import Danger, grade
from workbench.tools.facts import facts
from workbench.tools.place import Place


def _grade(name: str, place: Place, **arguments: object) -> Danger:
    return grade(facts_of(name, place, **arguments))


def test_levels_follow_from_where_a_file_lies(place: Place, outside: Path) -> None:
    (place.workspace / "a").touch()
    assert _grade("read_file", place, path="a") is Danger.SAFE
    assert _grade("read_file", place, path=str(outside / "a")) is Danger.LOW
    assert _grade("write_file", place, path="a", content="") is Danger.MEDIUM
    assert _grade("delete_file", place, path="a") is Danger.HIGH
    assert _grade("write_file", place, path=str(outside / "a"), content="") is Danger.CRITICAL
    assert _grade("write_file", place, path=".git/config", content="") is Danger.CRITICAL
    assert _grade("read_file", place, path=".env") is Danger.CRITICAL


def test_a_link_is_judged_by_where_it_leads(place: Place, outside: Path) -> None:
    (place.workspace / "harmless.txt").symlink_to(outside / "a")
    (place.workspace / "notes.txt").symlink_to(".env")
    found = facts_of("write_file", place, path="harmless.txt", content="")
    assert found.targets == (str(outside / "a"),)
    assert found.outside
    assert facts_of("read_file", place, path="notes.txt").protected
    assert not facts_of("delete_file", place, path="harmless.txt").outside


def test_whether_something_would_be_replaced(place: Place) -> None:
    (place.workspace / "a").touch()
    assert facts_of("write_file", place, path="a", content="").exists
    assert not facts_of("write_file", place, path="b", content="").exists


def test_the_state_folder_is_no_question(place: Place) -> None:
    for command in ("cat sessions/workbench.db", "head -n 1 sessions/workbench.db"):
        with pytest.raises(Denied, match="workbench's own"):
            facts_of("bash_command", place, command=command)
    with pytest.raises(Denied):
        facts_of("read_file", place, path="sessions/workbench.db")


def test_a_command_is_simple_only_when_all_of_it_is_proven(place: Place, outside: Path) -> None:
    (place.workspace / "a").touch()
    (place.workspace / "out").symlink_to(outside)
    simple = facts_of("bash_command", place, command="ls -la a")
    assert simple.simple
    assert simple.argv == ("ls", "-la", "a")
    for command in ("ls -la out", "ls; ls", "cat ../outside/a", "ls > a", "rm a", "./a", "/bin/ls"):
        found = facts_of("bash_command", place, command=command)
        assert not found.simple, command
        assert found.notes, command


def test_a_program_planted_beside_our_own_interpreter_is_not_simple(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = place.workspace / ".venv/bin"
    own.mkdir(parents=True)
    (own / "basename").write_text("")
    (own / "basename").chmod(0o755)
    monkeypatch.setattr("workbench.tools.shell._FOLDERS", ())
    monkeypatch.setattr("workbench.tools.shell._OWN", str(own))
    found = facts_of("bash_command", place, command="basename x")
    assert not found.simple
    assert "lies in the workspace" in found.notes[0]


def test_without_a_sandbox_every_command_is_critical(place: Place) -> None:
    assert _grade("bash_command", place, command="ls") is Danger.CRITICAL


def test_a_host_is_graded_by_its_grant(place: Place) -> None:
    granted = Place(place.workspace, place.state, grants=("example.org:443", "127.0.0.1:8080"))
    assert _grade("http_get", granted, url="https://Example.ORG/a") is Danger.LOW
    assert _grade("http_get", granted, url="https://example.com/") is Danger.HIGH
    assert _grade("http_post", granted, url="https://example.org/") is Danger.MEDIUM
    assert _grade("http_delete", granted, url="https://example.org/") is Danger.HIGH
    assert _grade("http_get", granted, url="http://127.0.0.1:8080/") is Danger.LOW
    assert facts_of("http_get", granted, url="https://example.org/x").targets == (
        "https://example.org:443",
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1:8080/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest",
    ],
)
def test_an_address_of_ours_is_no_question_without_a_grant(place: Place, url: str) -> None:
    with pytest.raises(Denied, match="Grant"):
        facts_of("http_get", place, url=url)


def test_an_address_that_is_none_says_why(place: Place) -> None:
    for url in ("file:///etc/passwd", "example.org", "http://user:pw@example.org/"):
        with pytest.raises(InputError):
            facts_of("http_get", place, url=url)


def test_a_users_tool_has_its_declared_facts(place: Place) -> None:
    tool = Tool("mine", "", {"type": "object"}, floor=Danger.HIGH, function=os.getcwd)
    found = facts(tool, {}, place)
    assert (found.act, found.floor, grade(found)) == ("compute", Danger.HIGH, Danger.HIGH)
