"""Scratch folders: a script that says ``scratch NAME`` works on a copy, never on yours.

The copy lies in the user's data folder under a name made of the line's own key: a line that is
done again after a crash finds its folder, and two scripts at once have two. Runs started from
then on work there; their log is where the script's is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from workbench.config.folders import data_folder, shipped
from workbench.errors import ConfigError, UnknownName
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.session import Session
from workbench.values import digest


async def _scratch(session: Session, call: Call) -> Output:
    name = call.text("example")
    folder = data_folder(os.environ) / "scratch" / f"{name}-{digest(call.key, 4)}"
    if not folder.is_dir():
        _make(name, folder)
    session.scratch = folder
    return said(f"working in {folder}", data={"workspace": str(folder)})


def _make(name: str, folder: Path) -> None:
    examples = shipped("examples")
    known = [path.name for path in examples.iterdir() if path.is_dir()] if examples.is_dir() else []
    if name not in known:
        raise UnknownName("example folder", name, known)
    half = folder.with_name(f".{folder.name}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if half.exists():
            shutil.rmtree(half)
        shutil.copytree(examples / name, half, ignore=shutil.ignore_patterns("__pycache__"))
        half.rename(folder)
    except OSError as error:
        raise ConfigError(
            f"the scratch folder {folder} cannot be made: {error.strerror}"
        ) from error


COMMAND = Command(
    "scratch",
    "Let the runs that follow work in a fresh copy of an example's folder.",
    _scratch,
    (Parameter("example", "a folder of the shipped examples", required=True),),
)
