"""The tables, as an ordered list of migrations, and the views that a person reads.

Each migration is a function, applied once, in one transaction with its record and with the
file's ``user_version``, which counts them. A released migration is never edited; a change is a
new one at the end. They run through sqlite-utils, which is imported only when one is pending:
opening an up-to-date file must not pay for it, and reading needs no more than SQL.

The layout was measured. Ordinary rows with a unique index take 1.37 bytes per byte of a 1 KB
payload, keep an order over all runs and append three times as fast as a table WITHOUT ROWID,
which moves every row over a quarter page to pages of its own (4.6 bytes per byte).
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlite_utils import Database

Execute = Callable[[str], Any]
"""What a migration gets: runs one statement inside its transaction."""

APPLICATION_ID: Final = 0x6B7A6E01
"""Says that a SQLite file is ours: ``kzn`` and 1."""

SOUGHT: Final = (
    "kind IN ('run.started','run.finished','run.suspended','run.resumed','run.cancelled',"
    "'checkpoint.taken','approval.asked','approval.answered','approval.withdrawn',"
    "'question.asked','question.answered','rule.added','rule.removed','mode.changed',"
    "'budget.changed')"
)
"""The rows that are few and looked up by kind: they have an index of their own.

Queries repeat this text word for word, or SQLite does not see that the index serves them.
"""

PLACE: Final = ""
"""The run of a row that only keeps a place: an id of the log is never given twice."""

OF_APPROVALS: Final = "kind IN ('approval.asked','approval.answered','approval.withdrawn')"
"""The entries about approvals, in the very words of their index."""

SOUGHT_KINDS: Final = frozenset(SOUGHT.partition("(")[2].rstrip(")").replace("'", "").split(","))


def m001_events(execute: Execute) -> None:
    """The log, which only grows."""
    execute(f"PRAGMA application_id={APPLICATION_ID}")
    execute("""
        CREATE TABLE events (
          id INTEGER PRIMARY KEY,  -- the order of commits over all runs
          run_id TEXT NOT NULL,
          seq INTEGER NOT NULL,    -- 1, 2, 3 ... within a run; a fork goes on from its cut
          at REAL NOT NULL,        -- seconds since 1970 UTC
          kind TEXT NOT NULL,
          key TEXT NOT NULL,       -- path of the effect, empty for the run itself
          data TEXT NOT NULL,      -- JSON
          spilled TEXT             -- fields of data that stand in blobs/, or * for all of it
        ) STRICT""")
    execute("CREATE UNIQUE INDEX events_of_run ON events(run_id, seq)")
    execute(f"CREATE INDEX events_sought ON events(kind, run_id, seq) WHERE {SOUGHT}")
    for deed in ("UPDATE", "DELETE"):
        execute(f"""
            CREATE TRIGGER events_refuse_{deed.lower()} BEFORE {deed} ON events BEGIN
              SELECT RAISE(ABORT, 'rows of the log are only ever added');
            END""")


def m002_projections(execute: Execute) -> None:
    """What can be computed from the log and is kept beside it; `Store.rebuild` makes it anew."""
    execute("""
        CREATE TABLE run_states (
          run_id TEXT PRIMARY KEY,
          title TEXT NOT NULL, pattern TEXT NOT NULL,
          status TEXT NOT NULL,    -- running suspended returned failed cancelled out_of_budget
          parent_id TEXT, cut_seq INTEGER NOT NULL,
          session_id TEXT NOT NULL,
          started_at REAL NOT NULL, ended_at REAL,
          steps INTEGER NOT NULL,
          input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL,
          model TEXT NOT NULL, result_preview TEXT NOT NULL, source TEXT NOT NULL,
          calls INTEGER NOT NULL,
          unpriced_calls INTEGER NOT NULL,  -- calls whose price nobody knows: not in cost_usd
          last_seq INTEGER NOT NULL
        ) STRICT""")
    execute("CREATE INDEX runs_by_start ON run_states(started_at)")
    execute("CREATE INDEX runs_by_session ON run_states(session_id, started_at)")
    execute("CREATE INDEX runs_by_parent ON run_states(parent_id) WHERE parent_id IS NOT NULL")
    execute("""
        CREATE TABLE spent (
          run_id TEXT NOT NULL, day TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,
          calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
          cost_usd REAL NOT NULL, unpriced_calls INTEGER NOT NULL,
          PRIMARY KEY (run_id, day, agent, model)
        ) STRICT, WITHOUT ROWID""")
    execute("CREATE INDEX spent_by_day ON spent(day, agent)")


def m003_workspace(execute: Execute) -> None:
    """What belongs to the workspace and to no run."""
    execute("""
        CREATE TABLE owners (      -- who drives a run; a higher epoch fences the one before
          run_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, pid INTEGER NOT NULL,
          claimed_at REAL NOT NULL
        ) STRICT""")
    execute("""
        CREATE TABLE catalogue (
          kind TEXT NOT NULL,      -- pattern agent plugin tool
          name TEXT NOT NULL,
          version TEXT NOT NULL, source_digest TEXT NOT NULL,
          parameters TEXT NOT NULL, -- JSON
          origin TEXT NOT NULL, doc TEXT NOT NULL, seen_at REAL NOT NULL,
          PRIMARY KEY (kind, name)
        ) STRICT, WITHOUT ROWID""")
    execute("""
        CREATE TABLE settings (
          key TEXT PRIMARY KEY, value TEXT NOT NULL, -- JSON
          changed_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID""")


def utc(column: str) -> str:
    """A time as text, for people."""
    return f"strftime('%Y-%m-%d %H:%M:%fZ', {column}, 'unixepoch')"


def part(name: str) -> str:
    """One value out of a row's data."""
    return f"json_extract(data, '$.{name}')"


def m004_views(execute: Execute) -> None:
    """The same for a person: times are text in UTC, and JSON is taken apart."""
    execute(f"""
        CREATE VIEW log AS
        SELECT id, run_id, seq, {utc("at")} AS at, kind, key, data FROM events""")
    execute(f"""
        CREATE VIEW runs AS
        SELECT run_id, title, pattern, status, {utc("started_at")} AS started_at,
               {utc("ended_at")} AS ended_at, steps, calls, input_tokens, output_tokens, cost_usd,
               unpriced_calls, model, result_preview, parent_id, cut_seq, session_id
        FROM run_states""")
    execute(f"""
        CREATE VIEW steps AS
        SELECT run_id, seq, {utc("at")} AS ended_at, key, {part("effect")} AS effect,
               {part("name")} AS name, substr(kind, 6) AS outcome,
               {part("duration_s")} AS duration_s, {part("usage.input_tokens")} AS input_tokens,
               {part("usage.output_tokens")} AS output_tokens,
               {part("usage.cost_usd")} AS cost_usd, {part("error.message")} AS error
        FROM events
        WHERE kind IN ('step.finished', 'step.failed', 'step.denied', 'step.cancelled')""")
    execute(f"""
        CREATE VIEW checkpoints AS
        SELECT run_id, seq, {utc("at")} AS taken_at, {part("name")} AS name, {part("by")} AS by, key
        FROM events WHERE kind = 'checkpoint.taken' AND {SOUGHT}""")
    execute("""
        CREATE VIEW usage AS
        SELECT s.day, s.run_id, r.title, s.agent, s.model, s.calls, s.input_tokens,
               s.output_tokens, s.cost_usd, s.unpriced_calls
        FROM spent s LEFT JOIN run_states r USING (run_id)""")
    _view_approvals(execute)


def _view_approvals(execute: Execute) -> None:
    execute(f"""
        CREATE VIEW approvals AS
        WITH asked AS (SELECT *, {part("id")} AS approval FROM events
                       WHERE kind = 'approval.asked' AND {SOUGHT}),
             ended AS (SELECT *, {part("id")} AS approval FROM events
                       WHERE kind IN ('approval.answered', 'approval.withdrawn') AND {SOUGHT})
        SELECT a.run_id, a.seq, a.approval AS id, {utc("a.at")} AS asked_at,
               json_extract(a.data, '$.agent') AS agent, json_extract(a.data, '$.tool') AS tool,
               json_extract(a.data, '$.danger') AS danger, json_extract(a.data, '$.why') AS why,
               {utc("e.at")} AS answered_at,
               CASE WHEN e.kind = 'approval.withdrawn' THEN 'withdrawn'
                    ELSE json_extract(e.data, '$.verdict') END AS verdict,
               json_extract(e.data, '$.by') AS by, json_extract(e.data, '$.scope') AS scope,
               json_extract(e.data, '$.reason') AS reason
        FROM asked a LEFT JOIN ended e ON e.run_id = a.run_id AND e.approval = a.approval""")


def m005_requests(execute: Execute) -> None:
    """What other processes ask of a run's owner, and on which machine that one is."""
    execute("ALTER TABLE owners ADD COLUMN host TEXT NOT NULL DEFAULT ''")
    execute("""
        CREATE TABLE requests (
          number INTEGER PRIMARY KEY,  -- the order in which they were made
          id TEXT NOT NULL UNIQUE,
          run_id TEXT NOT NULL, kind TEXT NOT NULL,
          data TEXT NOT NULL,          -- JSON
          by TEXT NOT NULL,            -- user@pid
          made_at REAL NOT NULL,
          outcome TEXT NOT NULL,       -- empty while it waits; taken refused late
          told TEXT NOT NULL,          -- a sentence for the requester
          settled_at REAL
        ) STRICT""")
    execute("CREATE INDEX requests_open ON requests(number) WHERE settled_at IS NULL")
    execute("CREATE INDEX requests_settled ON requests(settled_at) WHERE settled_at IS NOT NULL")


def m006_named(execute: Execute) -> None:
    """Checkpoints by name: finding the newest costs the same however many there are.

    A table and not an index on the expression: SQLite calls that unsafe in a schema it is told
    not to trust.
    """
    execute("""
        CREATE TABLE named (
          run_id TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL,
          PRIMARY KEY (run_id, name, seq)
        ) STRICT, WITHOUT ROWID""")
    execute(f"""
        INSERT INTO named SELECT run_id, coalesce({part("name")}, ''), seq FROM events
        WHERE kind = 'checkpoint.taken' AND {SOUGHT}""")


def m007_keeping(execute: Execute) -> None:
    """What shows damage, what was lost to it, and what was deleted on purpose.

    A run leaves the log as a whole, and only when its tombstone stands: the trigger holds that.
    """
    execute("ALTER TABLE events ADD COLUMN sum INTEGER")  # of the row; NULL in older rows
    execute("""
        CREATE TABLE losses (      -- runs that lost rows: they are read, and forked before that
          run_id TEXT PRIMARY KEY,
          first_seq INTEGER NOT NULL, rows INTEGER NOT NULL,
          why TEXT NOT NULL, found_at REAL NOT NULL
        ) STRICT""")
    execute("""
        CREATE TABLE deleted (     -- runs that were deleted; their ids are not used again
          run_id TEXT PRIMARY KEY, title TEXT NOT NULL, pattern TEXT NOT NULL,
          status TEXT NOT NULL, started_at REAL NOT NULL,
          rows INTEGER NOT NULL, digest TEXT NOT NULL, -- over the sums of its rows
          by TEXT NOT NULL, deleted_at REAL NOT NULL
        ) STRICT""")
    execute("CREATE TABLE pinned (run_id TEXT PRIMARY KEY, pinned_at REAL NOT NULL) STRICT")
    execute("DROP TRIGGER events_refuse_delete")
    execute(f"""
        CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events
        WHEN OLD.run_id <> '{PLACE}' AND OLD.run_id NOT IN (SELECT run_id FROM deleted) BEGIN
          SELECT RAISE(ABORT, 'rows of the log are only ever added');
        END""")


def m008_days(execute: Execute) -> None:
    """What limits over many runs are checked against, without reading the runs."""
    execute("""
        CREATE TABLE days (        -- what each agent used on each UTC day, over all runs
          day TEXT NOT NULL, agent TEXT NOT NULL,
          usd REAL NOT NULL, tokens INTEGER NOT NULL, steps INTEGER NOT NULL,
          unpriced INTEGER NOT NULL,
          PRIMARY KEY (day, agent)
        ) STRICT, WITHOUT ROWID""")
    execute("""
        CREATE TABLE reserved (    -- for attempts that are open, or of which nobody knows
          run_id TEXT NOT NULL, key TEXT NOT NULL, attempt INTEGER NOT NULL,
          day TEXT NOT NULL, agent TEXT NOT NULL,
          usd REAL NOT NULL, tokens INTEGER NOT NULL, steps INTEGER NOT NULL,
          PRIMARY KEY (run_id, key, attempt)
        ) STRICT, WITHOUT ROWID""")
    execute("CREATE INDEX reserved_on_day ON reserved(day)")


def m009_files(execute: Execute) -> None:
    """Changes of files over all runs, in the order of commits: what a restore walks back along."""
    execute("CREATE INDEX events_of_files ON events(id) WHERE kind = 'file.changed'")


def m010_audit(execute: Execute) -> None:
    """Decisions as a chain, see `workbench.journal.audit`; where it stands is kept beside it."""
    execute("""
        CREATE TABLE audit (
          number INTEGER PRIMARY KEY,  -- 1, 2, 3 ... without a hole
          at REAL NOT NULL, kind TEXT NOT NULL,
          run_id TEXT NOT NULL, seq INTEGER NOT NULL,  -- the row it stands for; 0 for none
          row TEXT NOT NULL,           -- that row's digest
          data TEXT NOT NULL,          -- JSON
          before TEXT NOT NULL,        -- the hash of the entry before
          hash TEXT NOT NULL
        ) STRICT""")
    execute("""
        CREATE TABLE audit_head (
          one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, hash TEXT NOT NULL
        ) STRICT""")
    for deed in ("UPDATE", "DELETE"):
        execute(f"""
            CREATE TRIGGER audit_refuses_{deed.lower()} BEFORE {deed} ON audit BEGIN
              SELECT RAISE(ABORT, 'entries of the audit are only ever added');
            END""")


def m011_found(execute: Execute) -> None:
    """What was found at an opening is compared with what the last entry of its kind says."""
    execute("CREATE INDEX audit_of_no_run ON audit (kind, number) WHERE run_id = ''")


def m012_lists(execute: Execute) -> None:
    """What lists read backwards, a page at a time, however long they have become."""
    execute(f"CREATE INDEX audit_of_approvals ON audit(number) WHERE {OF_APPROVALS}")
    execute("CREATE INDEX audit_of_rows ON audit(run_id, seq)")


def m013_memory(execute: Execute) -> None:
    """What the runs of a workspace remember, a row a key, and the words it is found by."""
    execute("""
        CREATE TABLE memories (
          id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of writes
          key TEXT NOT NULL UNIQUE,
          cold INTEGER NOT NULL,                 -- 1: the value is compressed (zlib)
          value BLOB NOT NULL,                   -- canonical JSON
          written_at REAL NOT NULL
        ) STRICT""")
    execute("CREATE INDEX memories_warm ON memories (written_at) WHERE NOT cold")
    execute("""
        CREATE VIRTUAL TABLE memory_words
        USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')""")


Migration = Callable[[Execute], None]

MIGRATIONS: Final[tuple[Migration, ...]] = (
    m001_events,
    m002_projections,
    m003_workspace,
    m004_views,
    m005_requests,
    m006_named,
    m007_keeping,
    m008_days,
    m009_files,
    m010_audit,
    m011_found,
    m012_lists,
    m013_memory,
)

VERSION: Final = len(MIGRATIONS)

AUDITED_SINCE: Final = MIGRATIONS.index(m010_audit) + 1
"""The first version with an audit."""


def upgrade(
    connection: sqlite3.Connection,
    path: Path,
    migrations: tuple[Migration, ...] = MIGRATIONS,
    count_anew: Callable[[], None] = lambda: None,
) -> None:
    """Apply what is pending, all or nothing; a file that holds runs is backed up first.

    ``count_anew`` computes, in the same transaction, what a version keeps beside an older log.
    The caller holds the file's write lock, so no other workbench upgrades at the same time.
    """
    from sqlite_utils import Database, Migrations  # noqa: PLC0415  110 ms, only when needed

    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version:
        back_up(connection, path.with_name(f"{path.name}.before-{len(migrations)}"))
    known = Migrations("workbench")
    for number, migration in enumerate(migrations, 1):
        known(name=migration.__name__)(_numbered(migration, number))
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Plugins of sqlite-utils are other people's code and have no business here.
        known.apply(Database(connection, execute_plugins=False))
        if version:
            count_anew()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _numbered(migration: Migration, number: int) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        execute: Execute = db.conn.execute
        migration(execute)
        execute(f"PRAGMA user_version={number}")

    return apply


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy through SQLite; a file of that name is an earlier try's and is replaced."""
    target.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
