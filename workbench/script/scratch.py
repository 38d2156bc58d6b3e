"""Scratch folders: a script that begins with ``scratch NAME`` works on a copy, never on yours.

The copy is made before the workbench opens, because a workbench has one workspace. It has a fixed
place in the user's data folder, so that an interrupted script finds it again; starting the script
anew makes it anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.config.folders import data_folder, shipped
from workbench.errors import ConfigError, UnknownName, UsageError
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.language import Line
from workbench.script.session import Session


def workspace_for(lines: Sequence[Line], workspace: Path, *, resume: bool) -> Path:
    """Where a script works: the folder given, or its scratch folder, made anew unless resumed."""
    if not lines or lines[0].name != "scratch":
        return workspace
    name = COMMAND.bind(lines[0]).text("example")
    folder = _folder(name)
    if not resume or not folder.is_dir():
        _make(name, folder)
    return folder


def _folder(name: str) -> Path:
    return data_folder(os.environ) / "scratch" / name


def _make(name: str, folder: Path) -> None:
    examples = shipped("examples")
    known = [path.name for path in examples.iterdir() if path.is_dir()] if examples.is_dir() else []
    if name not in known:
        raise UnknownName("example folder", name, known)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(examples / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise ConfigError(
            f"the scratch folder {folder} cannot be made: {error.strerror}"
        ) from error


async def _scratch(session: Session, call: Call) -> Output:
    folder = _folder(call.text("example"))
    if session.workspace.resolve() != folder.resolve():
        raise UsageError(
            "'scratch' changes where a script works, so it can only be its first command",
            hint="Run it with: kaizen-tui --script FILE",
        )
    return said(f"working in {folder}", data={"workspace": str(folder)})


COMMAND = Command(
    "scratch",
    "Work in a fresh copy of an example's folder: the first command of a script.",
    _scratch,
    (Parameter("example", "a folder of the shipped examples", required=True),),
    is_setting=True,
)
