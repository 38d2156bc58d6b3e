"""Write a run out as one file: a line of JSON for the run, then one for each of its rows.

A fork's file holds its parents' rows up to the cut, so it needs no other file. The payloads that
the store keeps aside are in their rows.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from workbench.errors import UsageError
from workbench.script.rows import data_of
from workbench.store.memory import MemoryStore
from workbench.store.store import Store
from workbench.values import dumps

FORMAT = "kaizen-tui run"
VERSION = 1


def export_run(store: Store | MemoryStore, run_id: str, path: Path, *, replace: bool) -> int:
    """Write a run to a file that only its owner can read; returns the number of rows.

    Raises:
        UsageError: the file is there and ``replace`` is false, or it cannot be written.
    """
    store.catch_up()
    header = {"format": FORMAT, "version": VERSION, "run": asdict(store.run(run_id))}
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already", hint="Say replace=true to write over it")
    new = path.with_name(f".{path.name}.new")
    count = 0
    try:
        # Written aside and renamed: a broken export never looks like a whole one.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(dumps(header) + b"\n")
            for row in store.rows(run_id):
                file.write(dumps(data_of(row)) + b"\n")
                count += 1
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return count
