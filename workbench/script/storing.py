"""Sub-commands about the database file itself: repair, compact, check and restore a backup.

They open no workbench: the file may be one that cannot be opened.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from workbench.config import load
from workbench.config.folders import state_folder
from workbench.errors import StoreDamaged, StoreError, UsageError
from workbench.plain import plain
from workbench.script.amounts import shown
from workbench.script.command import Output, said
from workbench.script.command_line import Asked
from workbench.script.output import Streams
from workbench.script.shell import look
from workbench.store import backup, salvage
from workbench.store.checking import Checked, check
from workbench.store.compacting import compact
from workbench.store.connection import Readers
from workbench.store.presence import alone
from workbench.store.salvage import Report
from workbench.store.store import Store


def stored(asked: Asked, args: Namespace) -> int:
    """One of the sub-commands about the database; the exit code."""
    match args.command:
        case "backup" if args.check:
            return check_backup(asked, args.file)
        case "backup" if args.restore:
            return restore(asked, args.file, replace=args.replace)
        case "backup":
            return look(asked, "backup", [args.file] if args.file else [])
        case "gc":
            names = ("older_than", "keep", "max_size")
            given = [f"{n.replace('_', '-')}={v}" for n in names if (v := getattr(args, n))]
            return look(asked, "gc", [*given, *(["dry-run=true"] if args.dry_run else [])])
        case "compact":
            return compacted(asked)
        case _:
            return repair(asked, only_check=args.check, yes=args.yes)


def repair(asked: Asked, *, only_check: bool, yes: bool) -> int:
    """Look for damage, and save what can be saved. 0 when nothing is wrong any more, else 3."""
    path = _database(asked)
    with _progress(asked) as progress:
        found = _examined(path, progress)
    if not found.faults and not found.stale:
        return _say(
            asked, said(f"{path}: nothing is damaged, {found.rows} rows", data={"ok": True})
        )
    data = {"ok": False, "faults": found.faults, "stale": found.stale}
    lines = [*found.faults, *(f"run {run_id}: its figures are wrong" for run_id in found.stale)]
    if only_check:
        _say(asked, Output(tuple(lines), data))
        return StoreError.exit_code
    for text in lines:
        asked.err.write(f"{plain(text)}\n")
    if not found.faults:
        store = Store.open(path)
        store.rebuild()
        store.close()
        return _say(asked, said("the figures were computed anew from the rows", data=data))
    _agree(asked, path, yes=yes)
    with _progress(asked) as progress, alone(path, "repaired"):
        report = salvage.salvage(path, time.time(), progress)
    return _say(asked, Output(tuple(report_lines(report)), asdict(report)))


def _examined(path: Path, progress: Callable[[str], None]) -> Checked:
    """What is wrong, with what keeps it from being opened first."""
    if not path.exists() and not Path(f"{path}.swap").exists():
        raise StoreError(f"there is no database at {path}")
    try:
        store = Store.open(path)
    except StoreDamaged as error:
        return Checked(faults=[error.message])
    readers = Readers(path, 10.0)
    try:
        return check(path, readers, progress)
    finally:
        readers.close()
        with suppress(StoreError):
            store.close()


def _agree(asked: Asked, path: Path, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise StoreDamaged(f"{path} is damaged", hint="Repair it with: kaizen-tui repair --yes")
    asked.err.write(
        "A new database gets all rows that can be read; the damaged one is set aside and kept.\n"
        "Type yes to do that: "
    )
    asked.err.flush()
    if sys.stdin.readline().strip() != "yes":
        raise UsageError("nothing was changed")


def report_lines(report: Report) -> list[str]:
    """What a repair saved and what it could not."""
    lines = [f"{report.rows} rows of {report.runs} runs were saved; the old file is {report.aside}"]
    for loss in report.losses:
        count = f"{loss.rows} rows are lost" if loss.rows else "newest rows may be lost"
        lines.append(f"run {loss.run_id}: {count}, from row {loss.first_seq} on ({loss.why})")
    if report.is_cut:
        lines.append("the end of the file was lost: runs that stood only there are not known")
    lines += [f"the table {table} could not be read to its end" for table in report.tables]
    if any(loss.first_seq > 1 for loss in report.losses):
        lines.append("those runs are only read; fork one before its loss to go on from there")
    return lines


def compacted(asked: Asked) -> int:
    """Give the room of deleted rows back to the disk."""
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    path = _database(asked)
    found = compact(path, config.synchronous)
    told = f"{path}: {shown(found.before_bytes)} before, {shown(found.after_bytes)} now"
    return _say(asked, said(told, data=asdict(found)))


def check_backup(asked: Asked, file: str) -> int:
    """Read a backup from beginning to end."""
    found = backup.check_backup(Path(file))
    told = f"{file}: {found.runs} runs, {found.rows} rows, {found.blobs} blobs; whole"
    return _say(asked, said(told, data=asdict(found)))


def restore(asked: Asked, file: str, *, replace: bool) -> int:
    """Put a backup in the database's place."""
    path = _database(asked)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not replace:
        raise UsageError(
            f"there is a database at {path}", hint="With --replace it is set aside and kept"
        )
    with _progress(asked) as progress, alone(path, "replaced"):
        aside = backup.restore(Path(file), path, time.time(), progress)
    told = f"{path} is what {file} holds"
    more = f"; what was there is {aside}" if aside else ""
    return _say(asked, said(told + more, data={"file": str(path), "aside": str(aside or "")}))


def _database(asked: Asked) -> Path:
    return state_folder(asked.workspace, os.environ) / "workbench.db"


@contextmanager
def _progress(asked: Asked) -> Generator[Callable[[str], None]]:
    """A line on a terminal's stderr that says how far it is."""
    if not asked.err.isatty():
        yield lambda _: None
        return

    def told(text: str) -> None:
        asked.err.write(f"\r\x1b[K{plain(text)}")
        asked.err.flush()

    try:
        yield told
    finally:
        asked.err.write("\r\x1b[K")
        asked.err.flush()


def _say(asked: Asked, output: Output) -> int:
    Streams(asked.form, asked.out, asked.err).data(output)
    return 0
