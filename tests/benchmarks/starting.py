"""What it costs to begin: importing the front door and making an agent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import orjson

from tests.benchmarks.measuring import Measured, Took, least, timed

HEAVY = ("textual", "litellm", "mcp", "ollama", "prompt_toolkit", "sqlite_utils")

_PEAK = """
import sys
status = open("/proc/self/status").read()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
print('{"peak_kb": %s, "modules": [%s]}' % (peak, ",".join('"%s"' % m for m in sys.modules)))
"""
_FRONT = 'from workbench import Agent; Agent("critic", "draft: str -> verdict: str")'


def importing() -> Iterator[Measured]:
    """The front door and one agent, above what bare Python takes."""
    bare, ours = _times("pass"), _times(_FRONT)
    above = Took(ours.wall - bare.wall, ours.cpu - bare.cpu).in_ms()
    yield Measured("import.time", above.wall, "ms", 100, bare.in_ms().wall, above.cpu)
    bare_mb, _ = _seen("pass")
    ours_mb, modules = _seen(_FRONT)
    yield Measured("import.memory", ours_mb - bare_mb, "MB", 40, bare_mb)
    loaded = [name for name in HEAVY if name in modules]
    yield Measured("import.heavy", len(loaded), "modules", 0, 0)


def _times(code: str) -> Took:
    argv = [sys.executable, "-c", code]
    return least(_one(argv) for _ in range(8))


def _one(argv: list[str]) -> Took:
    before = _child_cpu_s()
    took = timed(lambda: subprocess.run(argv, check=True))
    return Took(took.wall, _child_cpu_s() - before)


def _child_cpu_s() -> float:
    from resource import RUSAGE_CHILDREN, getrusage

    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seen(code: str) -> tuple[float, set[str]]:
    argv = [sys.executable, "-c", f"{code}\n{_PEAK}"]
    ended = subprocess.run(argv, check=True, capture_output=True)
    told = orjson.loads(ended.stdout)
    return told["peak_kb"] / 1024, set(told["modules"])
