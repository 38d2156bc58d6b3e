"""The whole program as a process of its own: on pipes, or on a terminal that can be closed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BOUND_S = 40.0
"""The longest anything is waited for; the machine may be busy."""
PAUSE = threading.Event()
"""Never set: between two looks at another process."""

PLUGIN = '''\
"""Things that take long."""
import time
from workbench import call, pattern, question, together, use


def block(seconds: float) -> str:
    """Block a thread."""
    time.sleep(seconds)
    return "slept"


@pattern
async def blocked(seconds: float = 1000.0) -> str:
    """Block a thread."""
    return await call(block, seconds)


@pattern
async def crowd(reading: int, threads: int, command: str) -> list[str]:
    """Have many things go on beside each other: commands that read, one that writes, threads."""
    one = [use("bash_command", command="cat pipe", timeout_s=500) for _ in range(reading)]
    one += [call(block, 1000.0) for _ in range(threads)]
    return [str(found) for found in await together(*one, use("bash_command", command=command))]


def add(line: str) -> str:
    """Append a line; takes a moment."""
    with open("lines", "a") as file:
        print(line, file=file)
    time.sleep(0.05)
    return line


@pattern
async def lines(name: str, count: int) -> int:
    """Append lines to a file, one after the other."""
    for number in range(count):
        await call(add, f"{name} {number}")
    return count


@pattern
async def asking() -> str:
    """Ask somebody."""
    return await question("well?", ["yes", "no"])


@pattern
async def deleting() -> str:
    """Delete something, which is asked about."""
    return str(await use("delete_file", path="precious"))


@pattern
async def spinning(seconds: float = 2.0) -> str:
    """Block the workflow itself."""
    time.sleep(seconds)
    return "spun"
'''


def workspace(folder: Path) -> dict[str, str]:
    """A trusted folder ``work`` with the plugin above; the environment of its programs."""
    work = folder / "work"
    (work / "plugins").mkdir(parents=True)
    (work / "plugins" / "long.py").write_text(PLUGIN, encoding="utf-8")
    (work / "precious").write_text("gold", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    environment |= {"LANG": "C.UTF-8", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "workbench", "trust", "--yes", "--workspace", str(work)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment


def runs(folder: Path) -> list[tuple[str, str]]:
    """Id and state of each run in the database of a workspace, oldest first."""
    with sqlite3.connect(f"file:{_database(folder)}?mode=ro", uri=True) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok"
        found = connection.execute("SELECT run_id, status FROM run_states ORDER BY rowid")
        return [(str(run_id), str(status)) for run_id, status in found]


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The data of a workspace's rows of a kind."""
    with sqlite3.connect(f"file:{_database(folder)}?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT data FROM log WHERE kind = ? ORDER BY id", (kind,))
        return [json.loads(data) for (data,) in found]


def _database(folder: Path) -> Path:
    (file,) = folder.glob(".local/share/kaizen-tui/workspaces/*/workbench.db")
    return file


def marked(mark: str) -> list[int]:
    """Processes that have a mark among their arguments and are no reaper or sandbox of one."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if mark.encode() in words and not any(b"reaper.py" in word for word in words):
                found.append(int(path.parent.name))
    return found


def until_it_heeds(pid: int) -> None:
    """Wait until a program catches SIGTERM: before that Python itself is still starting."""

    def heeds() -> bool:
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    until(heeds, "heeded signals")


def is_in(pid: int, folder: Path) -> bool:
    """Whether a process works in a folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False


def until(found: Callable[[], bool], what: str) -> None:
    """Wait until something is so that only looking can tell."""
    end = time.monotonic() + BOUND_S
    while not found():
        assert time.monotonic() < end, f"never {what}"
        PAUSE.wait(0.05)


class Headless:
    """The program on pipes."""

    def __init__(self, folder: Path, environment: dict[str, str], *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workbench", *words],
            cwd=folder / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self) -> tuple[int, float, str, str]:
        """Exit code, seconds that it took to end from now, and what it said on both streams."""
        began = time.monotonic()
        try:
            out, err = self.process.communicate(timeout=BOUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("it never ended") from None
        return self.process.returncode, time.monotonic() - began, out, err


class Terminal:
    """A program on a pseudo-terminal that it owns, or that was merely handed to it."""

    def __init__(
        self, folder: Path, environment: dict[str, str], *words: str, owns: bool = True
    ) -> None:
        self.folder = folder
        self.text = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.modes: list[Any] = termios.tcgetattr(slave)
        self.pid = os.fork()
        if self.pid == 0:
            self._become(slave, environment, words, owns)
        self._slave: int | None = slave
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _become(self, slave: int, environment: dict[str, str], words: Any, owns: bool) -> None:
        os.setsid()
        if owns:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(slave, descriptor)
        os.closerange(3, 256)
        os.chdir(self.folder / "work")
        command = [sys.executable, "-m", "workbench", *words]
        os.execve(sys.executable, command, environment)

    def _read(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if ready:
                try:
                    self.text += os.read(self.master, 65536)
                except OSError:
                    return

    def until(self, wanted: str, since: int = 0) -> None:
        """Wait until something was printed, since so many bytes."""
        end = time.monotonic() + BOUND_S
        while wanted.encode() not in self.text[since:]:
            if time.monotonic() > end:
                raise AssertionError(f"{wanted!r} never came:\n{self.text[-3000:]!r}")
            PAUSE.wait(0.02)

    def until_state(self, letter: str) -> None:
        """Wait until the kernel says that the process is in a state: ``T`` is stopped."""
        end = time.monotonic() + BOUND_S
        stat = Path(f"/proc/{self.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != letter:
            assert time.monotonic() < end
            PAUSE.wait(0.01)

    def until_runs(self, *states: str) -> None:
        """Wait until the newest runs have these states in the database."""
        end = time.monotonic() + BOUND_S
        while [state for _, state in self._runs()][-len(states) :] != list(states):
            if time.monotonic() > end:
                raise AssertionError(f"the runs are {self._runs()}:\n{self.text[-3000:]!r}")
            PAUSE.wait(0.05)

    def _runs(self) -> list[tuple[str, str]]:
        try:
            return runs(self.folder)
        except (ValueError, sqlite3.OperationalError):
            return []

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the terminal."""
        self._over.set()
        self._reader.join()
        self._let_go()
        os.close(self.master)

    def _let_go(self) -> None:
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    def ended(self) -> tuple[int, float]:
        """Exit code (negative for a signal) and seconds that it took to end from now."""
        began = time.monotonic()
        while time.monotonic() - began < BOUND_S:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status), time.monotonic() - began
            PAUSE.wait(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"it never ended:\n{self.text[-3000:]!r}")

    def is_given_back(self) -> bool:
        """Whether the terminal's modes are what they were, and the screen's were switched off."""
        assert self._slave is not None
        PAUSE.wait(0.1)  # the last bytes are on their way through the kernel
        same = termios.tcgetattr(self._slave) == self.modes
        off = ("[?1049l", "[?25h", "[?2004l", "[?1000l")
        return same and all(self._is_last(words) for words in off)

    def _is_last(self, words: str) -> bool:
        """Whether this is the last that was said of a mode, if anything was."""
        other = words[:-1] + {"l": "h", "h": "l"}[words[-1]]
        return self.text.rfind(words.encode()) >= self.text.rfind(other.encode())
