"""Tool by mode by danger by rule: what is let through, proven by what became of the world.

The table is written down here, from what the modes and levels are said to mean, and not asked of
the product. Nobody is there to answer, so what is to be confirmed does not happen either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.threats.canaries import one_by_one
from tests.threats.shipped import Listening, Stage
from tests.tools.sandbox.bwrap import needs_bwrap

MODES = ("plan", "confirm", "edits", "auto")
RULES = ("none", "approve", "confirm", "deny")

LET_THROUGH: Mapping[str, frozenset[str]] = {
    "plan": frozenset({"SAFE"}),
    "confirm": frozenset({"SAFE", "LOW"}),
    "edits": frozenset({"SAFE", "LOW", "MEDIUM write"}),
    "auto": frozenset({"SAFE", "LOW", "MEDIUM write", "HIGH run"}),
}
"""Without a rule. `auto` lets through what a full sandbox holds, and what changes files as that
could; requests leave the machine whatever holds commands."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call, and how to see whether it was performed."""

    tool: str
    arguments: Mapping[str, Any]
    level: str
    proof: str
    """``file TEXT`` and ``no file`` in `where`, ``heard METHOD /PATH``, or ``told TEXT``."""
    where: Path = Path()

    @property
    def kind(self) -> str:
        """The level, and the deed where a mode looks at it."""
        if self.tool in {"bash_command", "delete_file"} and self.level == "HIGH":
            return "HIGH run"
        wrote = self.tool in {"write_file", "edit_file"} and self.level == "MEDIUM"
        return "MEDIUM write" if wrote else self.level


def cases(stage: Stage, site: Listening) -> list[Case]:
    """Every tool, at every level that it can have."""
    work, out = stage.work, stage.folder / "outside"
    (out / "deep").mkdir(parents=True)
    for folder in (work, out):
        (folder / "read.txt").write_text(f"content-of-{folder.name}")
        (folder / "edit.txt").write_text("old")
        (folder / "delete.txt").write_text("x")
    (work / ".env").write_text("KEY=content-of-env")
    (work / ".bashrc").write_text("old")
    return [
        Case("read_file", {"path": "read.txt"}, "SAFE", "told content-of-work"),
        Case("read_file", {"path": f"{out}/read.txt"}, "LOW", "told content-of-outside"),
        Case("read_file", {"path": ".env"}, "CRITICAL", "told content-of-env"),
        Case("list_directory", {"path": "."}, "SAFE", "told read.txt"),
        Case("list_directory", {"path": str(out)}, "LOW", "told deep"),
        Case("file_exists", {"path": "read.txt"}, "SAFE", "told true"),
        Case("file_exists", {"path": f"{out}/deep"}, "LOW", "told true"),
        Case("search_files", {"pattern": "content-of"}, "SAFE", "told content-of-work"),
        Case("search_files", {"pattern": "old", "path": str(out)}, "LOW", "told edit.txt"),
        Case("write_file", {"path": "w", "content": "new"}, "MEDIUM", "file new", work / "w"),
        Case("write_file", {"path": f"{out}/w", "content": "new"}, "CRITICAL",
             "file new", out / "w"),
        Case("write_file", {"path": ".git/hooks/post-commit", "content": "new"}, "CRITICAL",
             "file new", work / ".git/hooks/post-commit"),
        Case("edit_file", {"path": "edit.txt", "old_text": "old", "new_text": "new"}, "MEDIUM",
             "file new", work / "edit.txt"),
        Case("edit_file", {"path": f"{out}/edit.txt", "old_text": "old", "new_text": "new"},
             "CRITICAL", "file new", out / "edit.txt"),
        Case("edit_file", {"path": ".bashrc", "old_text": "old", "new_text": "new"}, "CRITICAL",
             "file new", work / ".bashrc"),
        Case("delete_file", {"path": "delete.txt"}, "HIGH", "no file", work / "delete.txt"),
        Case("delete_file", {"path": f"{out}/delete.txt"}, "CRITICAL",
             "no file", out / "delete.txt"),
        Case("bash_command", {"command": "cat read.txt"}, "LOW", "told content-of-work"),
        Case("bash_command", {"command": "touch touched"}, "HIGH", "file ", work / "touched"),
        Case("bash_command", {"command": "touch a; rm a; touch b"}, "HIGH", "file ", work / "b"),
        Case("http_get", {"url": f"{site.url}/get"}, "LOW", "heard GET /get"),
        Case("http_post", {"url": f"{site.url}/post"}, "MEDIUM", "heard POST /post"),
        Case("http_put", {"url": f"{site.url}/put"}, "MEDIUM", "heard PUT /put"),
        Case("http_delete", {"url": f"{site.url}/delete"}, "HIGH", "heard DELETE /delete"),
        Case("fetch_url", {"url": f"{site.url}/page"}, "LOW", "heard GET /page"),
        Case("extract_links", {"url": f"{site.url}/links"}, "LOW", "heard GET /links"),
    ]  # fmt: skip


def happened(case: Case, result: str, site: Listening) -> bool:
    """Whether the world shows it."""
    verb, _, rest = case.proof.partition(" ")
    match verb:
        case "file":
            return case.where.exists() and case.where.read_text() == rest
        case "no":
            return not case.where.exists()
        case "heard":
            return any(heard.startswith(f"{rest} ") for heard in site.heard)
        case _:
            return rest in result


@needs_bwrap
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mode", MODES)
def test_what_a_mode_and_a_rule_let_through_happens_and_nothing_else(
    stage: Stage, site: Listening, mode: str, rule: str
) -> None:
    site.pages |= {f"/{name}": (200, {}, b"<a href='/x'>x</a>") for name in ("page", "links")}
    stage.settings(f'mode = "{mode}"\ngrants = ["{site.place}"]\n')
    asked = cases(stage, site)
    assert len({case.tool for case in asked}) == 14
    tools = sorted({case.tool for case in asked})
    rules = "" if rule == "none" else "\n".join(f"{rule} {tool}" for tool in tools)
    calls = [(case.tool, case.arguments) for case in asked]
    outcomes = one_by_one(stage, calls, rules)
    wrong: list[str] = []
    for case, row in zip(asked, outcomes, strict=True):
        let = {
            "none": case.kind in LET_THROUGH[mode],
            "approve": case.level != "CRITICAL",
        }.get(rule, False)
        done = happened(case, json.dumps(row.get("result")), site)
        if done != let or row["danger"] != case.level:
            wrong.append(f"{case.tool} {case.arguments} at {row['danger']}: {done}, not {let}")
    assert not wrong, "\n".join(wrong)
