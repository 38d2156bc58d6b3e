"""What a tool's call costs in this process, and a sandbox beside none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.benchmarks.measuring import Measured
from workbench.redaction import Redaction
from workbench.run.ports import Attempt
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.facts import facts
from workbench.tools.perform import perform
from workbench.tools.place import Place
from workbench.tools.sandbox.detect import detect

_MEMORY = Path("/dev/shm")
_TIMES = 200
_COMMANDS = 25
_FILES = 100
_TEXT = "x = 1\n" * 500
_SEALED = ("--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "--new-session")


@dataclass(frozen=True, slots=True)
class _Use:
    """Calls of a tool, by their number, and the same without any of our care."""

    tool: str
    arguments: Callable[[int], dict[str, Any]]
    bare: Callable[[Path], object]


_USES = {
    "read": _Use("read_file", lambda _: {"path": "src/f1.py"},
                 lambda src: (src / "f1.py").read_bytes()),
    "list": _Use("list_directory", lambda _: {"path": "src"},
                 lambda src: sorted((e.name, e.stat().st_size) for e in os.scandir(src))),
    "exists": _Use("file_exists", lambda _: {"path": "src/f1.py"},
                   lambda src: (src / "f1.py").exists()),
    "write": _Use("write_file", lambda n: {"path": "src/f2.py", "content": f"{_TEXT}{n}"},
                  lambda src: _replaced(src / "f2.py")),
    "edit": _Use("edit_file",
                 lambda n: {"path": "src/f3.py", "old_text": f"n{n}.", "new_text": f"n{n + 1}."},
                 lambda src: _replaced(src / "f4.py")),
}  # fmt: skip


def tools() -> Iterator[Measured]:
    """Looking at a call and performing it, without gate and log: the best of many.

    In memory where that can be had, because a disk's syncs are not this process's time. The floor
    of a change is a synced file that is renamed, with its folder synced.
    """
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        place = _made(Path(folder))
        for name, use in _USES.items():
            took, floor = asyncio.run(_in_turn(use, place))
            yield Measured(f"tool.{name}", took * 1e3, "ms", 1, floor * 1e3)


def _made(folder: Path) -> Place:
    place = Place(folder / "work", folder / "state")
    src = place.workspace / "src"
    src.mkdir(parents=True)
    for number in range(_FILES):
        (src / f"f{number}.py").write_text(f"n0.\n{_TEXT}", encoding="utf-8")
    return place


async def _in_turn(use: _Use, place: Place) -> tuple[float, float]:
    """Seconds of ours and of the bare act, one after the other each time."""
    ours, bare = list[float](), list[float]()
    for number in range(_TIMES):
        ours.append(await _took(lambda n=number: _used(use.tool, use.arguments(n), place)))
        began = perf_counter()
        use.bare(place.workspace / "src")
        bare.append(perf_counter() - began)
    return min(ours), min(bare)


async def _took(act: Callable[[], Awaitable[object]]) -> float:
    began = perf_counter()
    await act()
    return perf_counter() - began


async def _used(name: str, arguments: dict[str, Any], place: Place) -> Any:
    tool = BUILT_IN[name]
    decided = facts(tool, arguments, place)
    attempt = Attempt("run", "run/0:tool", "", lambda _text: None, Redaction())
    return await perform(tool, arguments, place, attempt, decided)


def _replaced(path: Path) -> None:
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(_TEXT.encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def sandbox() -> Iterator[Measured]:
    """The command ``true`` without a sandbox, and what a full one adds; the floors are bare.

    Nothing where there is no full sandbox.
    """
    report = detect()
    if report.level != "full":
        return
    with tempfile.TemporaryDirectory() as folder:
        place = _made(Path(folder))
        took = asyncio.run(_commands(place, replace(place, sandbox=report)))
    plain, sealed, bare, bare_sealed = (min(one) * 1e3 for one in took)
    yield Measured("command.plain", plain, "ms", None, bare)
    yield Measured("command.sandbox", sealed - plain, "ms", 15, bare_sealed - bare)


async def _commands(plain: Place, sealed: Place) -> list[list[float]]:
    """Seconds of each way, taken in turn, so that what else the machine does is in all of them."""
    found: list[list[float]] = [[], [], [], []]
    program = sealed.sandbox.program
    for _ in range(_COMMANDS):
        for own, place in zip(found[:2], (plain, sealed), strict=True):
            own.append(await _took(lambda p=place: _used("bash_command", {"command": "true"}, p)))
        for own, argv in zip(found[2:], ((), (program, *_SEALED)), strict=True):
            own.append(_ran(*argv, "/bin/true"))
    return found


def _ran(*argv: str) -> float:
    began = perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return perf_counter() - began
