"""Write a run out as one file that needs no other: its rows, its parents' up to each cut, contents.

The format is `workbench.journal.carried`; here is the file around it. A run that is running is
written as far as its rows are committed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench import __version__
from workbench.agent.media import references
from workbench.errors import StoreDamaged, UsageError
from workbench.journal.carried import LONGEST_LINE, Writing
from workbench.journal.events import Event
from workbench.store.memory import MemoryStore
from workbench.store.store import Store

Moved = Callable[[int, int], None]
"""Told how much of how much is done; a total of 0 is not known."""

_MOST_CONTENT = LONGEST_LINE // 2
"""Bytes of a file's content that a line carries: base64 takes a third more."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    rows: int
    blobs: int
    left_out: int
    """Contents that are too big for a line, not kept any more, or in a snapshot's own store."""


def export_run(
    store: Store | MemoryStore,
    run_id: str,
    path: Path,
    *,
    replace: bool,
    moved: Moved = lambda _done, _total: None,
) -> Exported:
    """Write a run to a file that only its owner can read.

    Raises:
        UsageError: the file is there and ``replace`` is false, or it cannot be written.
        StoreDamaged: a row cannot be read; nothing is left behind.
    """
    store.flush()
    last = store.last_seq(run_id)
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already", hint="Say replace=true to write over it")
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        # Written aside and renamed: a broken export never looks like a whole one.
        with os.fdopen(os.open(new, _FLAGS, 0o600), "wb") as file:
            writing, left_out = Writing(), 0
            wanted: dict[str, None] = {}
            file.write(writing.header(run_id, runs_of_line(store, run_id), __version__))
            for row in store.rows(run_id, upto=last):
                file.write(writing.row(row))
                wanted |= dict.fromkeys(_contents(row))
                moved(row.seq, last)
            for name in wanted:
                content = content_of(store, name)
                if content is None or len(content) > _MOST_CONTENT:
                    left_out += 1
                else:
                    file.write(writing.blob(name, content))
            file.write(writing.end())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return Exported(writing.rows, writing.blobs, left_out)


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def runs_of_line(store: Store | MemoryStore, run_id: str) -> list[str]:
    """A run and its parents, root first."""
    found = [run_id]
    while parent := store.run(found[-1]).parent_id:
        found.append(parent)
    return found[::-1]


def _contents(row: Event) -> Iterator[str]:
    """The digests of contents that a row names."""
    if row.kind == "file.changed":
        for name in (row.data.get("before"), row.data.get("after")):
            # What a link or a device looked like is all in its name.
            if isinstance(name, str) and not name.startswith(("stat:", "link:")):
                yield name
    for medium in references(row.data):
        yield from (str(medium[part]) for part in ("digest", "text") if part in medium)


def content_of(store: Store | MemoryStore, name: str) -> bytes | None:
    """A content that is kept as a blob under its digest, or None."""
    if ":" in name:
        return None
    try:
        return store.blobs.read(name)
    except StoreDamaged:
        return None
