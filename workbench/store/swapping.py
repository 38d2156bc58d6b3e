"""Putting another file in a database's place, by a plan that whoever comes next can finish.

What was there is set aside under a name with the date, never deleted. The caller is alone with the
database, see `presence`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from workbench.store.unclean import note_of
from workbench.values import dumps, loads

_PLAN: Final = ".swap"
_NEW: Final = ".new"


def new_file(path: Path) -> Path:
    """An empty private file for what will stand in the database's place."""
    new = path.with_name(path.name + _NEW)
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{new}{suffix}").unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return new


def swap(path: Path, word: str, now: float) -> Path | None:
    """Put the new file in place; where what was there is now, or None when there was nothing.

    Args:
        path: the database; the new file is `new_file`'s.
        word: what the name of what is set aside says: ``damaged``.
        now: seconds since 1970.
    """
    _sync(path.with_name(path.name + _NEW))
    was_there = path.exists()
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.{word}-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{word}-{stamp}-{number}")
    plan = path.with_name(path.name + _PLAN)
    half = plan.with_name(f"{plan.name}{_NEW}")
    half.write_bytes(dumps({"aside": aside.name}))
    _sync(half)
    half.replace(plan)
    _sync(path.parent)
    finish(path)
    return aside if was_there else None


def finish(path: Path) -> None:
    """Do what is left of a plan, if one stands there. Can be done any number of times."""
    plan = path.with_name(path.name + _PLAN)
    if not plan.exists():
        return
    aside = path.with_name(str(loads(plan.read_bytes())["aside"]))
    new = path.with_name(path.name + _NEW)
    if new.exists():
        # The log first: a database without its log loses rows, a log without its database would
        # be taken up by the next one of this name.
        for suffix in ("-wal", "-shm", ""):
            if Path(f"{path}{suffix}").exists():
                Path(f"{path}{suffix}").replace(f"{aside}{suffix}")
        _sync(path.parent)
        new.replace(path)
    note_of(path).unlink(missing_ok=True)
    _sync(path.parent)
    plan.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
