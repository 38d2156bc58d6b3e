"""Changed code as a user meets it at the shell: check, resume, fork, drop, and plugins check."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import ran

STORY = '''"""A story."""

from workbench import now, pattern, question, use


@pattern
async def story(name: str) -> str:
    """Tell it."""
    await use("write_file", path="one.txt", content=name)
    await now()
    said = await question("go on?", ["yes", "no"])
    await use("write_file", path="two.txt", content=said)
    return said
'''


@pytest.fixture
def told(tmp_path: Path) -> tuple[Path, str]:
    """A folder with a plugin, and a run of it that waits for a person."""
    folder = tmp_path / "work"
    (folder / "plugins").mkdir(parents=True)
    assert ran(folder, "init", ".").returncode == 0
    changed(folder)
    words = ("--mode", "edits", "--model", "playbook:default", "--output", "json")
    done = ran(folder, *words, "run", "story", "name=ann")
    assert done.returncode == 5, done.stderr
    return folder, json.loads(done.stdout)["run_id"]


def changed(folder: Path, was: str = "", now: str = "") -> None:
    """Change the plugin, and trust it again."""
    text = STORY.replace(was, now) if was else STORY
    (folder / "plugins" / "story.py").write_text(text, encoding="utf-8")
    assert ran(folder, "trust", "--yes").returncode == 0


def rows(folder: Path) -> list[Any]:
    base = sqlite3.connect(f"file:{folder}/sessions/workbench.db?mode=ro", uri=True)
    found = base.execute("SELECT * FROM events ORDER BY id").fetchall()
    owners = base.execute("SELECT * FROM owners").fetchall()
    base.close()
    return [found, owners]


def test_a_run_that_fits_is_checked_and_nothing_is_claimed_or_written(
    told: tuple[Path, str],
) -> None:
    folder, run = told
    before = rows(folder)
    done = ran(folder, "check", run)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"run {run} fits" in done.stdout
    assert "goes on with question" in done.stdout
    assert rows(folder) == before


def test_what_does_not_fit_is_said_in_short_with_commands_that_work(
    told: tuple[Path, str],
) -> None:
    folder, run = told
    changed(folder, "content=name", 'content=name + "\\x1b[31m"')
    before = rows(folder)[0]
    done = ran(folder, "resume", run)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "with other arguments now (content)" in lines[0]
    assert lines[1].startswith("  recorded  tool write_file content='ann'")
    assert "at story.py:9" in lines[1]
    assert "\\x1b" in lines[2]
    assert "\x1b" not in done.stderr
    assert lines[3] == "  because   workflow story was changed"
    assert [line.split()[1] for line in lines[5:]] == ["fork", "resume", "show", "drop"]
    assert rows(folder)[0] == before

    fork = next(line for line in lines if "kaizen-tui fork" in line).split()[2]
    done = ran(folder, "--mode", "edits", "--output", "json", "fork", fork)
    assert json.loads(done.stdout)["outcome"] == "suspended", done.stderr
    assert (folder / "one.txt").read_text(encoding="utf-8") == "ann\x1b[31m"
    changed(folder)
    assert "fits" in ran(folder, "check", run).stdout


def test_a_program_gets_the_whole_report(told: tuple[Path, str]) -> None:
    folder, run = told
    changed(folder, "    await now()\n", "")
    for command in ("check", "resume"):
        done = ran(folder, command, run, "--output", "json")
        assert done.returncode == 1
        found = json.loads(done.stdout)
        assert (found["run_id"], found["outcome"], found["fits"]) == (run, "diverged", False)
        data = found["error"]["data"]
        assert data["report"]["why"] == "unasked"
        assert data["report"]["recorded"]["effect"]["kind"] == "now"
        assert data["report"]["asked"][0]["kind"] == "question"
        assert data["report"]["last"]["effect"]["name"] == "write_file"
        assert {one["choice"] for one in data["choices"]} == {"fork", "resume", "look", "drop"}


def test_a_run_is_dropped_once(told: tuple[Path, str]) -> None:
    folder, run = told
    assert "its rows stay" in ran(folder, "drop", run).stdout
    again = ran(folder, "drop", run)
    assert (again.returncode, "has ended already" in again.stderr) == (2, True)
    assert "cancelled" in ran(folder, "show", run).stdout
    assert ran(folder, "check", run).returncode == 0
    assert ran(folder, "resume", run).returncode == 1  # it was cancelled, and is not begun again


def test_a_script_that_was_changed_goes_on_as_it_was_if_one_wants(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    assert ran(folder, "init", ".").returncode == 0
    script = folder / "a.kz"
    script.write_text('model playbook:default\nask nobody "x"\n', encoding="utf-8")
    ran(folder, "--script", "a.kz")
    script.write_text("interrupt\n", encoding="utf-8")
    done = ran(folder, "--script", "a.kz", "--resume")
    assert done.returncode == 2  # it failed at once, so there is nothing to resume
    run = ran(folder, "runs", "--output", "json").stdout
    name = json.loads(run)[0]["run_id"]
    assert f"run {name} fits" in ran(folder, "check", name).stdout


PLUGIN = '''"""Patterns that read what no row records, and one that does not."""

import os
import time

from workbench import Agent, ask, now, pattern, together


@pattern
async def clock() -> str:
    return await ask("someone", at=time.time_ns())


@pattern
async def order(words: list[str]) -> list[str]:
    return await together(ask("someone", word=word) for word in {*words, "ann", "ben", "cem"})


@pattern
async def reading(path: str) -> str:
    with open("/etc/passwd", encoding="utf-8") as file:
        return await ask("someone", text=file.read())


@pattern
async def surroundings() -> str:
    return await ask("someone", who=os.environ["SOMEBODY"])


@pattern
async def steady(agents: list[Agent], often: int) -> list[str]:
    """Steady.

    Args:
        agents: with ``question: str -> answer: str, score: int``.
        often: how often.
    """
    await now()
    found = [await ask(one, question="x" * often) for one in agents]
    return [one.answer for one in found if one.score > 0]
'''


def test_patterns_that_read_what_no_row_records_are_named_by_file_and_line(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "work"
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "odd.py").write_text(PLUGIN, encoding="utf-8")
    assert ran(folder, "trust", "--yes").returncode == 0
    done = ran(folder, "plugins", "check", "odd", "--output", "json", SOMEBODY="ann")
    assert done.returncode == 1, done.stderr
    found = {one["pattern"]: one for one in json.loads(done.stdout)}
    assert {name for name in found if found[name]["steady"]} == {"steady"}
    assert found["steady"]["effects"] == 3
    assert not found["steady"]["failed"]
    assert found["clock"]["difference"]["one"]["place"] == "odd.py:11"
    assert found["clock"]["suspects"] == ["odd.py:11 calls time.time_ns()"]
    assert found["order"]["suspects"] == ["odd.py:16 goes through a set in its order"]
    assert found["reading"]["refused"] == ["odd.py:21 does open /etc/passwd"]
    assert found["surroundings"]["difference"]["two"]["arguments"] == {"inputs": {"who": "ann-"}}
    assert ran(folder, "plugins", "check", "steady").returncode == 0
    assert "Did you mean 'steady'" in ran(folder, "plugins", "check", "stedy").stderr


def test_the_shipped_patterns_are_steady(tmp_path: Path) -> None:
    done = ran(tmp_path, "plugins", "check")
    assert done.returncode == 0, done.stdout
    assert "NOT STEADY" not in done.stdout
