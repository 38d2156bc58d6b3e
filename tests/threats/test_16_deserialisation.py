"""Values that other programs would make code of are data here, wherever they come from."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.threats.shipped import Stage

_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
PICKLE = "cos\nsystem\n(S'touch %s'\ntR."


@pytest.mark.parametrize(
    "text",
    [
        "playbook: stage\nanswers: !!python/object/apply:os.system ['touch {mark}']\n",
        "playbook: stage\nanswers:\n  - text: !!python/name:os.system\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nplaybook: stage\nanswers: [*c]\n",
        "playbook: stage\nanswers: " + "[" * 20_000 + "\n",
        "playbook: stage\nanswers:\n  - text: " + "x" * 40_000_000 + "\n",
    ],
    ids=["object", "name", "aliases", "deep", "huge"],
)
def test_a_hostile_playbook_is_an_error_in_bounded_time(
    stage: Stage, text: str, tmp_path: Path
) -> None:
    mark = tmp_path / "fired"
    (stage.work / "stage.playbook.yaml").write_text(text.replace("{mark}", str(mark)))
    script = 'model playbook:stage\nagent define worker "task: str -> text: str"\nask worker go\n'
    ended = stage.run("--script", "-", stdin=script)
    assert not mark.exists()
    assert ended.code in {1, 2, 3, 4}
    assert "Traceback" not in ended.err
    assert ended.err.strip()


def test_hostile_values_in_every_column_run_nothing_and_are_no_traceback(
    stage: Stage, tmp_path: Path
) -> None:
    stage.play([("write_file", {"path": "a", "content": "b"})], rules="approve write_file")
    mark = tmp_path / "fired"
    run = stage.newest
    file = next(stage.folder.rglob("workbench.db"))
    values = [PICKLE % mark, "\x80\x05hostile", "[" * 100_000, '{"a":' * 20_000]
    for value in values:
        with sqlite3.connect(file) as connection:
            for (name,) in connection.execute(_TRIGGERS).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            names = [str(row[1]) for row in connection.execute("PRAGMA table_info(events)")]
            column = "data" if "data" in names else names[-1]
            connection.execute(f"UPDATE events SET {column} = ? WHERE seq = 2", (value,))
        for words in (["runs"], ["tree", run], ["export", run, "out", "replace=true"]):
            ended = stage.run(*words)
            assert "Traceback" not in ended.err, (words, ended.err)
    assert not mark.exists()
