"""What the screen costs: its first frame, its first answered key, a long trace, and doing nothing.

The first three are taken on a pseudo-terminal, each beside the barest Textual program there is.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.measuring import Measured, peak_mb

_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("first frame")
    def on_key(self, event):
        self.query_one(Static).update("Every" + "where")
Bare().run()
"""
_BOUND_S = 60.0
_TIMES = 5
_IDLE_S = 10.0
_ROWS = 100_000


def screen() -> Iterator[Measured]:
    """First and usable frame, idle CPU, 100,000 rows of a trace."""
    with tempfile.TemporaryDirectory() as folder:
        bare = [_opened(Path(folder), ["-c", _BARE], "first frame") for _ in range(_TIMES)]
        ours = [_opened(Path(folder), ["-m", "workbench"], "6 >") for _ in range(_TIMES)]
    for number, (name, most) in enumerate((("first", 1.4), ("usable", 2.5))):
        floor = min(took[number] for took in bare)
        value = min(took[number] for took in ours)
        yield Measured(f"screen.{name}", value * 1e3, "ms", most * floor * 1e3, floor * 1e3)
    idle = 100 * min(took[2] for took in ours)
    yield Measured("screen.idle", idle, "% CPU", 1, 100 * min(took[2] for took in bare))
    seconds, mb = asyncio.run(_loaded())
    yield Measured("screen.rows", seconds * 1e3, "ms", 1_000)
    yield Measured("screen.rows.memory", mb, "MB", 60)


def _opened(home: Path, words: Sequence[str], wanted: str) -> tuple[float, float, float]:
    """Seconds to the first frame and to an answered key, and the share of a core when idle."""
    began = time.perf_counter()
    pid, master = pty.fork()
    if pid == 0:
        _become(home, words)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
    try:
        _until(master, wanted.encode())
        first = time.perf_counter() - began
        os.write(master, b"?")
        _until(master, b"Everywhere")
        usable = time.perf_counter() - began
        return first, usable, _idle(pid, master)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)


def _become(home: Path, words: Sequence[str]) -> None:
    os.chdir(home)
    root = str(Path(__file__).parents[2])
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": root}
    environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    os.execve(sys.executable, [sys.executable, *words], environment)


def _until(master: int, wanted: bytes) -> None:
    seen, end = b"", time.monotonic() + _BOUND_S
    while wanted not in seen:
        if time.monotonic() > end:
            raise TimeoutError(f"{wanted!r} never came")
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65_536)


def _idle(pid: int, master: int) -> float:
    """Nothing happens for some seconds; what is drawn is read all the same."""
    before, began = _cpu_s(pid), time.monotonic()
    while time.monotonic() - began < _IDLE_S:
        if select.select([master], [], [], 0.2)[0]:
            with suppress(OSError):
                os.read(master, 65_536)
    return (_cpu_s(pid) - before) / (time.monotonic() - began)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _loaded() -> tuple[float, float]:
    """Seconds and memory until the trace of a long run is on the screen."""
    from tests.tui.stage import FakeBench, HandClock, Rows, make_app

    rows = Rows()
    made = [rows.row("run.started", pattern="long", title="")]
    for number in range(_ROWS // 2):
        key = f"0:ask.worker/{number}:tool.echo"
        made.append(rows.step(key, "tool", "echo", arguments={"text": f"step {number}"}))
        made.append(rows.done(key, "tool", "echo", result="x", duration_s=0.001))
    app = make_app(FakeBench(), HandClock())
    async with app.run_test(size=(160, 45)) as pilot:
        loaded = asyncio.Event()
        before, began = peak_mb(), time.perf_counter()
        app.load(made, loaded.set)
        await asyncio.wait_for(loaded.wait(), _BOUND_S)
        await pilot.pause()
        return time.perf_counter() - began, peak_mb() - before
