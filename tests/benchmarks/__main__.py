"""The command: ``python -m tests.benchmarks [--json] [NAMES…]``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import orjson

from tests.benchmarks.acting import sandbox, tools
from tests.benchmarks.crowds import crowd
from tests.benchmarks.files import files
from tests.benchmarks.growth import growth
from tests.benchmarks.keeping import durable, stored
from tests.benchmarks.long_runs import long_runs
from tests.benchmarks.mcp_calls import mcp_calls
from tests.benchmarks.measuring import Measured
from tests.benchmarks.passing import gate, hooks, turn
from tests.benchmarks.past import past
from tests.benchmarks.permitting import audit, permit, plained
from tests.benchmarks.places import checkpoints
from tests.benchmarks.screen import screen
from tests.benchmarks.starting import importing
from tests.benchmarks.streaming import streams

BENCHMARKS: dict[str, Callable[[], Iterator[Measured]]] = {
    "import": importing,
    "gate": gate,
    "turn": turn,
    "hooks": hooks,
    "permit": permit,
    "plain": plained,
    "tools": tools,
    "sandbox": sandbox,
    "mcp": mcp_calls,
    "audit": audit,
    "durable": durable,
    "bytes": stored,
    "crowd": crowd,
    "long": long_runs,
    "files": files,
    "growth": growth,
    "past": past,
    "checkpoints": checkpoints,
    "screen": screen,
    "streams": streams,
}

_HEAD = ("name", "value", "target", "floor", "CPU", "unit", "")


def main(arguments: Sequence[str]) -> int:
    """Measure what is named, or everything."""
    names = [word for word in arguments if not word.startswith("-")]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or set(arguments) - set(names) - {"--json"}:
        sys.stderr.write(f"python -m tests.benchmarks [--json] [{'|'.join(BENCHMARKS)}] …\n")
        return 2
    as_json = "--json" in arguments
    if not as_json:
        _line(_HEAD)
    for name in names or BENCHMARKS:
        for measured in BENCHMARKS[name]():
            _write(measured, as_json=as_json)
    return 0


def _write(measured: Measured, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(orjson.dumps(measured.to_json()).decode() + "\n")
        sys.stdout.flush()
        return
    numbers = (measured.value, measured.target, measured.floor, measured.cpu)
    shown = ("" if number is None else f"{number:.4g}" for number in numbers)
    _line((measured.name, *shown, measured.unit, measured.verdict))


def _line(words: Sequence[str]) -> None:
    name, value, target, floor, cpu, unit, verdict = words
    text = f"{name:22} {value:>10} {target:>8} {floor:>9} {cpu:>9} {unit:8} {verdict}"
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
