"""What belongs to the workspace and to no run: the catalogue and the settings.

The catalogue mirrors what is loaded (patterns, agents, plugins, tools), so that a person and other
programs can look it up in the database. Settings are small values kept between sessions.
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from workbench.errors import UnknownName, UsageError
from workbench.values import Json, copied, dumps, loads

Kind = Literal["pattern", "agent", "plugin", "tool"]

FIELDS: Final = ("name", "version", "source_digest", "parameters", "origin", "doc")
"""Of a catalogue entry; all but the name may be missing."""


def read_entries(entries: Sequence[Mapping[str, Any]], at: float) -> list[dict[str, Any]]:
    """The entries in their full form, by name.

    Raises:
        UnknownName: an entry has a field that is none.
        UsageError: an entry has no name, or two have the same.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for field in entry:
            if field not in FIELDS:
                raise UnknownName("field of a catalogue entry", field, FIELDS)
        name = str(entry.get("name") or "")
        if not name or name in found:
            raise UsageError(
                f"the catalogue has two entries {name!r}" if name else "an entry has no name"
            )
        full = {field: str(entry.get(field) or "") for field in FIELDS}
        full |= {"parameters": copied(entry.get("parameters")), "seen_at": at}
        found[name] = full
    return [found[name] for name in sorted(found)]


def replace_catalogue(
    connection: sqlite3.Connection, kind: Kind, entries: Sequence[Mapping[str, Any]]
) -> None:
    """Write what there is of a kind, in place of what there was; inside a transaction."""
    connection.execute("DELETE FROM catalogue WHERE kind = ?", (kind,))
    connection.executemany(
        "INSERT INTO catalogue (kind, name, version, source_digest, parameters, origin, doc, "
        "seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (kind, *({**entry, "parameters": dumps(entry["parameters"]).decode()}.values()))
            for entry in entries
        ],
    )


def catalogued(connection: sqlite3.Connection, kind: Kind) -> list[dict[str, Any]]:
    """The entries of a kind, by name."""
    found = connection.execute(
        f"SELECT {', '.join(FIELDS)}, seen_at FROM catalogue WHERE kind = ? ORDER BY name", (kind,)
    ).fetchall()
    entries = [dict(zip((*FIELDS, "seen_at"), row, strict=True)) for row in found]
    return [entry | {"parameters": loads(entry["parameters"])} for entry in entries]


def write_setting(connection: sqlite3.Connection, key: str, value: Json, at: float) -> None:
    """Keep a value; inside a transaction."""
    connection.execute(
        "INSERT INTO settings (key, value, changed_at) VALUES (?, ?, ?) ON CONFLICT (key) "
        "DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at",
        (key, dumps(value).decode(), at),
    )


def read_setting(connection: sqlite3.Connection, key: str) -> Json:
    """A setting's value, None when it was never set."""
    found = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return loads(found[0]) if found else None
