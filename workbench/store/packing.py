"""An event as a database row and back.

Of a payload that is too big for a row, the big fields go to blobs and the small ones stay: a
person, a view and a sum still find the effect's name and its usage. Which fields stand in a blob
is said in a column of its own, so no value of a user can be mistaken for a reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

from workbench.errors import StoreDamaged, StoreError
from workbench.journal.events import Event
from workbench.store.blobs import Blobs
from workbench.values import dumps, loads

INLINE_BYTES: Final = 32 * 1024
"""The most that a row's data takes in the database."""

_KEPT_BYTES: Final = 1024
"""Fields up to this size never leave the row on their own."""

ALL: Final = "*"
"""In place of field names: the whole of ``data`` stands in one blob."""

COLUMNS: Final = "run_id, seq, at, kind, key, data, spilled, sum"

INSERT: Final = f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608

Row = tuple[str, int, float, str, str, str, "str | None", "int | None"]

HINT: Final = "Look with: kaizen-tui repair --check"


def pack(event: Event, blobs: Blobs) -> Row:
    """The row of an event; its blobs are on disk when this returns.

    Raises:
        NotAValue: ``data`` holds something that JSON cannot carry.
        StoreError: a time that is none, or a name that is not text.
    """
    if not math.isfinite(event.at):
        raise StoreError(f"row {event.seq} of run {event.run_id} has the time {event.at}")
    try:
        f"{event.run_id}{event.kind}{event.key}".encode()
    except UnicodeEncodeError:
        raise StoreError(
            f"row {event.seq} has a run, kind or key that is not text: {event.key!r}"
        ) from None
    encoded, spilled = dumps(event.data), None
    if len(encoded) > INLINE_BYTES:
        encoded, spilled = _spill(event.data, encoded, blobs)
    row = (event.run_id, event.seq, float(event.at), event.kind, event.key, encoded.decode())
    return (*row, spilled, sum_of(*row, spilled))


def unpack(row: Sequence[Any], blobs: Blobs) -> Event:
    """The event of a row.

    Raises:
        StoreDamaged: it is not what was written, or a blob it needs is missing or changed.
    """
    run_id, seq, at, kind, key, encoded, spilled, _ = row
    try:
        _check_sum(row)
        data = loads(encoded)
        for name, blob in spilled_in(data, spilled).items():
            if name == ALL:
                data = loads(blobs.read(blob))
            else:
                data[name] = loads(blobs.read(blob))
        return Event(run_id, seq, at, kind, key, data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreDamaged(f"row {seq} of run {run_id} is damaged: {error}", hint=HINT) from error


def blobs_of(rows: Sequence[Row]) -> set[str]:
    """The blobs that some rows stand in."""
    return {
        name
        for row in rows
        if row[6] is not None
        for name in spilled_in(loads(row[5]), row[6]).values()
    }


def _check_sum(row: Sequence[Any]) -> None:
    if row[7] is not None and row[7] != sum_of(*row[:7]):
        raise ValueError("its sum does not fit")


def spilled_in(data: Any, spilled: str | None) -> dict[str, str]:
    """The blobs that a row's data stand in, by field."""
    if spilled is None:
        return {}
    if spilled == ALL:
        return {ALL: data["$blob"]}
    return {name: data[name]["$blob"] for name in loads(spilled)}


def sum_of(*columns: Any) -> int:
    """What is kept beside a row to see whether it is still what was written."""
    run_id, seq, at, kind, key, encoded, spilled = columns
    text = f"{run_id}\x1f{seq}\x1f{at!r}\x1f{kind}\x1f{key}\x1f{spilled or ''}\x1f{encoded}"
    return crc32(text.encode())


def _spill(data: dict[str, Any], encoded: bytes, blobs: Blobs) -> tuple[bytes, str]:
    """The row's data with its biggest fields moved out, and the names of those."""
    fields = sorted(((dumps(value), name) for name, value in data.items()), key=_size, reverse=True)
    small, names, left = dict(data), list[str](), len(encoded)
    for content, name in fields:
        if left <= INLINE_BYTES or len(content) <= _KEPT_BYTES:
            break
        small[name] = _reference(content, blobs)
        names.append(name)
        left -= len(content)
    kept = dumps(small)
    if names and len(kept) <= INLINE_BYTES:
        return kept, dumps(sorted(names)).decode()
    return dumps(_reference(encoded, blobs)), ALL


def _size(field: tuple[bytes, str]) -> int:
    return len(field[0])


def _reference(content: bytes, blobs: Blobs) -> dict[str, Any]:
    return {"$blob": blobs.write(content), "size_bytes": len(content)}
