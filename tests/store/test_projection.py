"""The projection: kept row by row it is what a rebuild computes, however the rows are batched."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.making import NOON, event, started
from workbench.journal.events import Event
from workbench.store.memory import MemoryStore
from workbench.store.store import Store

KINDS = (
    "step.finished",
    "step.failed",
    "step.cancelled",
    "attempt.ended",
    "run.suspended",
    "run.resumed",
    "run.finished",
    "checkpoint.taken",
    "approval.asked",
    "value.defined",
)
USAGES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": st.integers(0, 10**6) | st.none(),
        "output_tokens": st.integers(0, 10**6),
        "cost_usd": st.floats(0, 10) | st.none(),
    },
)
DATA: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"usage": USAGES},
    optional={
        "effect": st.sampled_from(["model", "tool", "ask"]),
        "name": st.text(max_size=4),
        "outcome": st.sampled_from(["returned", "failed", "out_of_budget"]),
        "result": st.text() | st.integers() | st.lists(st.text(max_size=3), max_size=3),
        "error": st.fixed_dictionaries({"message": st.text(max_size=5)}),
    },
)
KEYS = st.sampled_from(["", "0:ask.judge", "0:ask.a%2Fb/1:model.x", "p/1:ask.z/0:ask.y/3:model"])


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Runs, forks of them and forks of those, their rows interleaved."""
    last: dict[str, int] = {}
    events: list[Event] = []
    for place in range(draw(st.integers(1, 25))):
        at = NOON + place * draw(st.sampled_from([0.5, 40_000]))
        choice = draw(st.integers(0, 5))
        name = draw(st.sampled_from(sorted(last))) if last else ""
        if not name or choice == 0:
            row = started(f"r{place}", title=draw(st.text(max_size=5)), session="s")
        elif choice == 1:
            cut = draw(st.integers(1, last[name]))
            row = started(f"r{place}", parent=name, cut=cut)
        else:
            data: dict[str, Any] = draw(DATA)
            kind = draw(st.sampled_from(KINDS))
            row = event(name, last[name] + 1, kind, draw(KEYS), **{"name": "n"} | data)
        events.append(Event(row.run_id, row.seq, at, row.kind, row.key, row.data))
        last[row.run_id] = row.seq
    return events


def shown(store: Store | MemoryStore) -> dict[str, Any]:
    """Everything that is known about the runs."""
    runs = sorted(store.runs(), key=lambda run: run.run_id)
    return {
        run.run_id: (
            run,
            store.usage(run.run_id),
            list(store.rows(run.run_id)),
            store.checkpoints(run.run_id),
            {child.run_id for child in store.children(run.run_id)},
        )
        for run in runs
    }


@settings(max_examples=60)
@given(logs(), st.randoms(use_true_random=False))
def test_kept_rebuilt_and_in_memory_are_the_same(log: list[Event], random: Any) -> None:
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "workbench.db", synchronous="NORMAL")
        rest = list(log)
        while rest:
            size = random.randrange(1, 5)
            store.append(rest[:size])
            memory.append(rest[:size])
            del rest[:size]
            if random.random() < 0.3:
                store.flush()
        store.flush()
        memory.flush()
        kept = shown(store)
        store.rebuild()
        rebuilt = shown(store)
        store.close()
    assert kept == rebuilt
    assert kept == shown(memory)
    memory.rebuild()
    assert kept == shown(memory)
