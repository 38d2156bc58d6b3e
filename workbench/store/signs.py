"""Signs of life: whether a process of this machine is stopped, and what tells it from another.

Asked of ``/proc``, so on Linux only; elsewhere nobody knows, and only silence counts. A pid is
never trusted alone: a process with the same number that began at another moment is another one.
"""

from __future__ import annotations

import os
from pathlib import Path


def host() -> str:
    """This machine's name; a container has one of its own."""
    return os.uname().nodename


def started_ticks(pid: int) -> int:
    """When a process began, in the kernel's ticks since the machine did; 0 when nobody can say."""
    return int(fields[19]) if len(fields := _stat(pid)) > 19 else 0


def is_stopped(pid: int, started: int = 0) -> bool | None:
    """Whether a process is stopped (SIGSTOP, a debugger); None when that cannot be found out.

    Args:
        pid: the process.
        started: when it began, as `started_ticks` says; 0 to take any process of that number.
    """
    fields = _stat(pid)
    if len(fields) <= 19 or started not in (0, int(fields[19])):
        return None
    return fields[0] in ("T", "t")


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name, which may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
