"""What the past of a long run costs: the first way through it, jumps, a row back, its waterfall."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter

from tests.benchmarks.measuring import Measured, best
from tests.tui.stage import Rows
from workbench.journal.events import Event
from workbench.store.store import Store
from workbench.tui.past import PAGE_ROWS, Extent, Past
from workbench.tui.state import Board
from workbench.tui.waterfall import Waterfall

_ROWS = 100_000
_AGENTS = 20
_REPLY = {"text": "x" * 300, "calls": [{"name": "t", "arguments": {"path": "a/b.py"}}]}
_USAGE = {"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.001}


def past() -> Iterator[Measured]:
    """100,000 rows of 20 agents, from a real file; the floor is reading the rows of one page."""
    rows = _story()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "workbench.db")
        store.append(rows)
        store.flush()
        run_id = rows[0].run_id
        middle = _ROWS // 2
        page = best(lambda: [*store.rows(run_id, after=middle, upto=middle + PAGE_ROWS)]).in_ms()
        looked = Past(Extent(run_id, _ROWS))
        first = _timed(store, looked, [_ROWS])
        yield Measured("past.first_way", first[0], "ms", None, page.wall * _ROWS / PAGE_ROWS)
        chance = Random(1)
        jumps = _timed(store, looked, [chance.randrange(1, _ROWS) for _ in range(50)])
        yield Measured("past.jump.median", jumps[25], "ms", 100, page.wall)
        yield Measured("past.jump.worst", jumps[-1], "ms", 100, page.wall)
        _timed(store, looked, [_ROWS - PAGE_ROWS // 2])
        back = _timed(store, looked, [looked.at - number for number in range(1, 50)])
        yield Measured("past.row_back", back[25], "ms", 33, page.wall)
        store.close()
    yield _waterfall(rows)


def _waterfall(rows: list[Event]) -> Measured:
    board = Board()
    for row in rows:
        board.fold(row)

    def ordered() -> None:
        Waterfall(rows[0].run_id).absorb(board.trace, set(), lambda _row: True)

    took = best(ordered, 5).in_ms()
    return Measured("waterfall.50000", took.wall, "ms", 300, None, took.cpu)


def _timed(store: Store, looked: Past, goals: list[int]) -> list[float]:
    """Milliseconds of each way, ascending."""
    tooks: list[float] = []
    for goal in goals:
        began = perf_counter()
        looked.stand_before(goal)
        while looked.at < goal:
            wanted = looked.wanted(goal)
            if wanted is not None:
                found = store.rows(looked.extent.run_id, after=wanted[0], upto=wanted[1])
                looked.read(wanted[0], [*found])
            looked.fold(goal)
        tooks.append((perf_counter() - began) * 1e3)
    return sorted(tooks)


def _story() -> list[Event]:
    rows = Rows()
    found = [rows.row("run.started", pattern="p")]
    agents = [f"{number}:ask.a{number}" for number in range(_AGENTS)]
    found += [rows.step(key, "ask", key.rpartition(".")[2], scope=True) for key in agents]
    number = 0
    while len(found) < _ROWS:
        turn = f"{agents[number % _AGENTS]}/{number}"
        model, tool = f"{turn}:model", f"{turn}:tool.t"
        found += [
            rows.step(model, "model", "m"),
            rows.done(model, "model", "m", usage=_USAGE, duration_s=0.3, result=_REPLY),
            rows.step(tool, "tool", "t", arguments={"path": "a" * 50}),
            rows.done(tool, "tool", "t", result="y" * 500, duration_s=0.01),
            rows.row("checkpoint.taken", turn, name=f"c{number}", by="rule"),
        ]
        number += 1
    return found[:_ROWS]
