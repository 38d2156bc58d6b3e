"""Migrations, the rules that the file itself keeps, and the views that a person reads."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.making import called, event, started, whole_run
from workbench.errors import StoreError
from workbench.store import schema
from workbench.store.connection import connect
from workbench.store.schema import SOUGHT_KINDS, Execute, upgrade
from workbench.store.store import Store


def shell(path: Path) -> sqlite3.Connection:
    """What a person with any SQLite tool has."""
    return sqlite3.connect(path, isolation_level=None)


def test_rows_of_the_log_cannot_be_changed_or_removed(store: Store, path: Path) -> None:
    store.append(whole_run("a", 3))
    store.flush()
    link = shell(path)
    link.execute("PRAGMA recursive_triggers=ON")
    for deed in (
        "UPDATE events SET data = '{}'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events VALUES (9, 'a', 1, 0, 'k', '', '{}', NULL, NULL)",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            link.execute(deed)
    link.close()
    assert len(list(store.rows("a"))) == 3


def test_the_writer_itself_cannot_replace_a_row(path: Path) -> None:
    Store.open(path).close()
    store = Store.open(path)
    store.append(whole_run("a", 3))
    assert store._writer is not None
    replace = "INSERT OR REPLACE INTO events SELECT * FROM events"
    with pytest.raises(StoreError, match="only ever added"):
        store._writer.perform(lambda link: link.execute(replace))
    store.close()


def test_a_migration_is_recorded_with_its_number(store: Store, path: Path) -> None:
    link = shell(path)
    names = [name for (name,) in link.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert names == [migration.__name__ for migration in schema.MIGRATIONS]
    assert names == sorted(names)
    assert link.execute("PRAGMA user_version").fetchone() == (len(names),)
    assert link.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    link.close()
    assert store.runs() == []


def m005_more(execute: Execute) -> None:
    """A later version's change."""
    execute("ALTER TABLE settings ADD COLUMN more TEXT")


def m006_wrong(execute: Execute) -> None:
    """A later version's mistake."""
    execute("CREATE TABLE other (x)")
    execute("SELECT nonsense")


def upgraded(path: Path, *more: schema.Migration) -> None:
    link = connect(path, mode="rw", patience_s=1)
    try:
        upgrade(link, path, (*schema.MIGRATIONS, *more))
    finally:
        link.close()


def test_an_upgrade_backs_up_and_applies_what_is_pending(path: Path) -> None:
    store = Store.open(path)
    store.append(whole_run("a", 3))
    store.close()
    upgraded(path, m005_more)
    link = shell(path)
    assert link.execute("PRAGMA user_version").fetchone() == (schema.VERSION + 1,)
    link.execute("SELECT more FROM settings")
    link.close()
    backup = path.with_name(f"workbench.db.before-{schema.VERSION + 1}")
    assert backup.stat().st_mode & 0o777 == 0o600
    old = Store.open(backup, readonly=True)
    assert len(list(old.rows("a"))) == 3
    old.close()


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    Store.open(path).close()
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        upgraded(path, m005_more, m006_wrong)
    store = Store.open(path)
    store.append(whole_run("a", 3))
    store.close()
    link = shell(path)
    assert link.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert link.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (schema.VERSION,)
    link.close()


def test_opening_an_up_to_date_file_does_not_import_sqlite_utils(path: Path) -> None:
    Store.open(path).close()
    code = (
        "import sys; from pathlib import Path; from workbench.store.store import Store; "
        "Store.open(Path(sys.argv[1])).close(); print('sqlite_utils' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(path)]
    assert subprocess.check_output(command, text=True) == "False\n"


def test_the_views_are_readable(store: Store, path: Path) -> None:
    store.append([started("a", session="s"), called("a", 2)])
    store.append([event("a", 3, "step.failed", "k", error={"message": "no such file"}, name="ls")])
    store.append([event("a", 4, "checkpoint.taken", name="before", by="user")])
    asked = {"id": "p1", "agent": "judge", "tool": "bash_command", "danger": "HIGH"}
    store.append([event("a", 5, "approval.asked", **asked)])
    store.append([event("a", 6, "approval.answered", id="p1", verdict="deny", by="user")])
    store.append([event("a", 7, "approval.asked", **asked | {"id": "p2"})])
    store.append([event("a", 8, "run.finished", outcome="returned", result="done")])
    store.flush()
    link = shell(path)

    def read(query: str) -> list[tuple[object, ...]]:
        return link.execute(query).fetchall()

    assert read("SELECT run_id, status, started_at, ended_at, steps FROM runs") == [
        ("a", "returned", "2025-11-20 12:00:01.000Z", "2025-11-20 12:00:08.000Z", 2)
    ]
    assert read("SELECT seq, outcome, name, input_tokens, error FROM steps ORDER BY seq") == [
        (2, "finished", "ollama:small", 10, None),
        (3, "failed", "ls", None, "no such file"),
    ]
    assert read("SELECT seq, name, by, taken_at FROM checkpoints") == [
        (4, "before", "user", "2025-11-20 12:00:04.000Z")
    ]
    assert read("SELECT id, tool, verdict, answered_at FROM approvals ORDER BY seq") == [
        ("p1", "bash_command", "deny", "2025-11-20 12:00:06.000Z"),
        ("p2", "bash_command", None, None),
    ]
    assert read("SELECT day, title, agent, model, calls, cost_usd FROM usage") == [
        ("2025-11-20", "about a", "skeptic", "ollama:small", 1, 0.1)
    ]
    assert read("SELECT at, kind FROM log WHERE seq = 1") == [
        ("2025-11-20 12:00:01.000Z", "run.started")
    ]
    link.close()


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT * FROM events WHERE kind IN (?, ?) AND {schema.SOUGHT} ORDER BY id DESC",
        f"SELECT * FROM events WHERE run_id = ? AND kind IN (?) AND {schema.SOUGHT} ORDER BY seq",
        "SELECT * FROM checkpoints",
        "SELECT * FROM approvals",
    ],
)
def test_rows_that_are_sought_are_found_by_their_index(
    store: Store, path: Path, query: str
) -> None:
    store.flush()
    link = shell(path)
    values = ("x",) * query.count("?")
    plan = " ".join(row[3] for row in link.execute(f"EXPLAIN QUERY PLAN {query}", values))
    link.close()
    assert "events_sought" in plan
    assert "SCAN events" not in plan.replace("SCAN events USING INDEX", "")


def test_the_kinds_that_are_sought_are_those_of_the_index() -> None:
    assert {"run.started", "checkpoint.taken", "budget.changed"} < SOUGHT_KINDS
    assert all(kind.count(".") == 1 and kind.strip() == kind for kind in SOUGHT_KINDS)
