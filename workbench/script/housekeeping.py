"""Sub-commands that need no open workbench: init, trust, config, plugins, doctor."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from workbench.config import Config, load
from workbench.config.folders import make_workbench, shipped
from workbench.config.trust import distrust, standing, trust
from workbench.errors import NotTrusted, UsageError
from workbench.plain import plain
from workbench.plugins import discover, installed
from workbench.script.command import Output, said
from workbench.script.command_line import Asked
from workbench.script.doctor import examine, finding_lines
from workbench.script.output import Streams
from workbench.script.session import shown

Check: TypeAlias = Callable[[Config], object]
"""Raises ConfigError for settings that only a front can judge: keys of the screen."""


def init(asked: Asked, folder: str) -> int:
    """Make a folder one that keeps its own runs."""
    path = Path(folder or asked.workspace)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror}") from error
    made = make_workbench(path)
    lines = [f"{path.resolve()} keeps its runs in sessions/", *made]
    return _say(asked, said(*lines, data={"folder": str(path.resolve()), "made": list(made)}))


def trust_folder(asked: Asked, files: list[str], *, yes: bool, revoke: bool) -> int:
    """Show what a folder brings, and trust it if the person says so."""
    if revoke:
        there = distrust(asked.workspace, os.environ)
        what = "is not trusted any more" if there else "was not trusted"
        return _say(asked, said(f"{asked.workspace.resolve()} {what}", data={"revoked": there}))
    paths = [asked.workspace / file for file in files]
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is no file")
    stands = standing(asked.workspace, os.environ)
    new = [str(path) for path in paths]
    if stands.trusted and not new:
        told = f"{asked.workspace.resolve()}: {len(stands.files)} files, all trusted"
        return _say(asked, said(told, data={"trusted": True, "files": sorted(stands.files)}))
    lines = [f"{asked.workspace.resolve()} brings, new or changed:", *stands.lines(), *new]
    for text in lines:
        asked.err.write(f"{plain(text)}\n")
    if not yes and not _agrees(asked):
        raise NotTrusted("nothing was trusted")
    trust(asked.workspace, os.environ, paths)
    files_now = sorted(standing(asked.workspace, os.environ).files)
    return _say(asked, said("trusted", data={"trusted": True, "files": list(files_now)}))


def _agrees(asked: Asked) -> bool:
    if not sys.stdin.isatty():
        raise NotTrusted("nobody is there to agree", hint="Read the files, then add --yes")
    asked.err.write("They can act from then on. Type yes to trust them: ")
    asked.err.flush()
    return sys.stdin.readline().strip() == "yes"


def config_show(asked: Asked, check: Check) -> int:
    """Every setting, its value and where that comes from."""
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    check(config)
    rows = config.rows()
    lines = [f"{name} = {shown(value)}  ({source})" for name, value, source in rows]
    data = [{"key": name, "value": value, "source": source} for name, value, source in rows]
    for notice in config.notices:
        asked.err.write(f"{plain(notice)}\n")
    return _say(asked, Output(tuple(lines), data))


def config_keys(asked: Asked, listed: Callable[[Config], Iterable[Sequence[str]]]) -> int:
    """Every action of the screen, its keys and where those come from."""
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    rows = list(listed(config))
    lines = [f"{name} = {keys}  {title}  ({source})" for name, keys, title, source in rows]
    names = ("action", "keys", "title", "source")
    data = [dict(zip(names, row, strict=True)) for row in rows]
    return _say(asked, Output(tuple(lines), data))


def plugins(asked: Asked) -> int:
    """What was loaded, what was left out and why, and what is only installed."""
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    stands = standing(asked.workspace, os.environ)
    trusted = stands.files if stands.trusted else None
    ours = shipped("plugins")
    own = None if (asked.workspace / "plugins").resolve() == ours.resolve() else asked.workspace
    found = discover(ours, workspace=own, trusted=trusted, allowed=config.plugins)
    lines = [
        f"{one.name}  {one.version}  {one.doc.partition(chr(10))[0]}  ({one.origin})"
        for one in found.plugins
    ]
    lines += found.notices
    waiting = sorted(set(installed()) - set(config.plugins))
    lines += [f"{name}  installed, not in the setting 'plugins'" for name in waiting]
    data = [entry for one in found.plugins for entry in one.entries()]
    return _say(asked, Output(tuple(lines), {"loaded": data, "broken": dict(found.broken)}))


def doctor(asked: Asked, check: Check) -> int:
    """What works here; 0 even when something does not: it is a report, not a check."""
    found = examine(asked.workspace, os.environ, check)
    return _say(asked, Output(tuple(finding_lines(found)), [asdict(one) for one in found]))


def _say(asked: Asked, output: Output) -> int:
    Streams(asked.form, asked.out, asked.err).data(output)
    return 0
