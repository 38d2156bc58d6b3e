"""What was decided, through the program as a user runs it: audit, its proof, and approvals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.threats.shipped import Stage

WRITES = ("write_file", {"path": "note.txt", "content": "hello"})
DELETES = ("delete_file", {"path": "precious"})
RULES = 'approve write_file\ndeny delete_file reason="keep it"'


@pytest.fixture
def decided(tmp_path: Path) -> Stage:
    """A workspace in which one call was allowed by a rule and another one denied."""
    stage = Stage(tmp_path)
    (stage.work / "precious").write_text("gold")
    ended = stage.play([WRITES], [DELETES], rules=RULES)
    assert ended.code == 0, ended.err
    return stage


def listed(stage: Stage, *words: str) -> list[dict[str, Any]]:
    found = stage.run("audit", *words, "--output", "json")
    assert found.code == 0, found.err
    entries: list[dict[str, Any]] = json.loads(found.out)
    return entries


def test_the_audit_lists_decisions_and_what_they_stood_on(decided: Stage) -> None:
    entries = listed(decided)
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    kinds = {entry["kind"]: entry["data"] for entry in entries}
    assert kinds["policy.found"]["mode"] == "confirm"
    assert kinds["trust.found"]["files"] == 0
    assert kinds["sandbox.found"]["level"] in {"full", "reduced", "none"}
    (denied,) = listed(decided, "decision=deny")
    assert denied["data"]["name"] == "delete_file"
    assert "precious" not in json.dumps(entries)
    text = decided.run("audit", "list", "tool=delete_file").out
    assert "delete_file" in text
    assert "write_file" not in text


def test_what_decisions_stand_on_is_entered_once_and_again_when_it_changes(decided: Stage) -> None:
    def found(kind: str) -> list[dict[str, Any]]:
        return [entry["data"] for entry in listed(decided) if entry["kind"] == kind]

    assert decided.play([WRITES], rules=RULES).code == 0
    assert len(found("policy.found")) == len(found("trust.found")) == 1
    assert len(found("sandbox.found")) == 1

    decided.settings('mode = "edits"\n')
    (decided.work / "plugins").mkdir()
    (decided.work / "plugins" / "own.py").write_text('"""Nothing."""\n')
    assert decided.play([WRITES], rules=RULES).code == 0
    assert [data["mode"] for data in found("policy.found")] == ["confirm", "edits"]
    assert [data["trusted"] for data in found("trust.found")] == [True, False]
    assert decided.run("trust", "--yes").code == 0
    assert decided.play([WRITES], rules=RULES).code == 0
    assert [data["trusted"] for data in found("trust.found")] == [True, False, True]


def test_a_head_kept_elsewhere_shows_that_all_of_it_was_written_anew(decided: Stage) -> None:
    head = decided.run("audit", "head").out.strip()
    assert len(head) == 64
    intact = decided.run("audit", "verify", "--head", head)
    assert (intact.code, intact.err) == (0, "")
    assert "intact" in intact.out

    file = next(iter(decided.folder.rglob("workbench.db")))
    with closing(sqlite3.connect(file)) as link:
        for (name,) in link.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            link.execute(f"DROP TRIGGER {name}")
        link.execute("UPDATE audit SET data = replace(data, 'deny', 'allow')")
        link.execute("UPDATE audit SET data = '{}' WHERE kind = 'policy.found'")
        link.commit()
    broken = decided.run("audit", "verify")
    assert broken.code == 3
    assert "was altered" in broken.err
    assert broken.out == ""


def test_approvals_are_found_by_words_of_what_is_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (stage.work / "precious").write_text("gold")
    assert stage.play([WRITES], [DELETES]).code == 0  # nobody was there; the agent dealt with it
    everything = json.loads(stage.run("approvals", "--output", "json").out)
    assert {one["tool"] for one in everything} == {"write_file", "delete_file"}
    (one,) = json.loads(stage.run("approvals", "precious", "deny", "--output", "json").out)
    assert (one["tool"], one["verdict"]) == ("delete_file", "deny")
    assert "no approval fits" in stage.run("approvals", "elsewhere").out
