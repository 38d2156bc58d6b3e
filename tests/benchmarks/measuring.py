"""What a measurement is, and how time, memory and bytes are taken.

Wall and CPU time are both the least of several runs: what else the machine does can only add to
either, so the least is the nearest to what the code costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Measured:
    """One number with what it should be and what it could be at best."""

    name: str
    value: float
    unit: str
    target: float | None = None
    floor: float | None = None
    """The same work in bare asyncio, bare SQLite or bare Python, measured in the same run."""
    cpu: float | None = None
    """The process's CPU time in the same unit, all threads together."""
    better: Literal["lower", "higher"] = "lower"

    def to_json(self) -> dict[str, Any]:
        """The object of one line."""
        return asdict(self)

    @property
    def verdict(self) -> str:
        """Whether the target is met, in a word."""
        if self.target is None:
            return ""
        met = self.value <= self.target if self.better == "lower" else self.value >= self.target
        return "met" if met else "missed"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of wall and of CPU."""

    wall: float
    cpu: float

    def per(self, count: float) -> Took:
        """The share of one of ``count``."""
        return Took(self.wall / count, self.cpu / count)

    def in_us(self) -> Took:
        """In microseconds."""
        return Took(self.wall * 1e6, self.cpu * 1e6)

    def in_ms(self) -> Took:
        """In milliseconds."""
        return Took(self.wall * 1e3, self.cpu * 1e3)


def least(tooks: Iterable[Took]) -> Took:
    """The best of several runs, wall and CPU each by itself."""
    found = list(tooks)
    return Took(min(t.wall for t in found), min(t.cpu for t in found))


def timed(act: Callable[[], Any]) -> Took:
    """How long a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


async def awaited(work: Awaitable[Any]) -> Took:
    """How long an awaitable takes on the loop that runs."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def best(act: Callable[[], Any], times: int = 5) -> Took:
    """The best of several calls."""
    return least(timed(act) for _ in range(times))


def best_of(act: Callable[[], Awaitable[Took]], times: int = 5) -> Took:
    """The best of several runs that measure themselves, each on a loop of its own."""

    async def once() -> Took:
        return await act()

    return least(asyncio.run(once()) for _ in range(times))


def median(values: list[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def bytes_in(folder: Path) -> int:
    """Everything in a folder, as far as files are long."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def peak_mb(pid: str = "self") -> float:
    """The most memory a process has had. Of this address space alone, unlike ``ru_maxrss``."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
