"""Out and in again: any run's file, taken in elsewhere and written anew, is the same file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.foreign import Returned, attempt
from workbench.journal.carried import portable
from workbench.journal.events import Event
from workbench.script.export import export_run
from workbench.script.importing import import_run
from workbench.store.memory import MemoryStore
from workbench.values import digest, dumps

_LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**80), 2**80), st.floats(), st.text(max_size=8),
    st.just("\udcff"), st.just({"$int": "1"}),
)  # fmt: skip
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def _rows(value: Any, kind: str, number: int) -> Event:
    key = f"p/{number}:ask.a\u00e9/0:tool.x"
    data: dict[str, Any] = {"effect": "tool", "fingerprint": "f", "name": "x", "result": value}
    if kind == "value.defined":
        data = {"digest": digest(dumps(value), 8), "value": value}
    elif kind == "checkpoint.taken":
        data = {"name": f"c{number}", "by": "user", "more": value}
    elif kind == "message.sent":
        data = {"to": "a", "text": value}
    elif kind == "file.changed":
        data = {"path": "x", "before": None, "after": "ab", "workspace": "/home/me"}
    elif kind == "some.news":
        data = {"what": value}
    return Event("", 0, 1.5 * number, kind, key, data)


_KINDS = (
    "step.finished", "value.defined", "checkpoint.taken", "message.sent", "file.changed",
    "some.news",
)  # fmt: skip
_RUN = st.lists(st.builds(_rows, _VALUE, st.sampled_from(_KINDS), st.integers(0, 99)), max_size=6)


def _stored(runs: list[list[Event]]) -> MemoryStore:
    """Runs in one store, each a fork of the one before it, at its last row."""
    store, seq, parent = MemoryStore(), 0, ""
    for number, rows in enumerate(runs):
        run_id = f"run-{number}"
        data: dict[str, Any] = {"pattern": "p", "arguments": {}, "workspace": "/home/me"}
        if parent:
            data |= {"parent": parent, "cut": seq}
        first = Event(run_id, seq + 1, 0.0, "run.started", "", data)
        numbered = [
            Event(run_id, seq + 2 + n, row.at, row.kind, row.key, row.data)
            for n, row in enumerate(rows)
        ]
        store.append([first, *numbered])
        store.flush()
        seq, parent = seq + 1 + len(rows), run_id
    return store


@settings(max_examples=60, deadline=None)
@given(st.lists(_RUN, min_size=1, max_size=3))
def test_a_run_taken_in_is_the_run_that_was_written_out(runs: list[list[Event]]) -> None:
    store = _stored(runs)
    run_id = f"run-{len(runs) - 1}"
    before = list(store.rows(run_id))
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one", Path(folder) / "two"
        export_run(store, run_id, one, replace=False)
        other = MemoryStore()
        told = import_run(other, one)
        assert told.run_id == run_id
        assert dumps([portable(row) for row in before]) == dumps(
            [portable(row) for row in other.rows(run_id)]
        )
        export_run(other, run_id, two, replace=False)
        assert two.read_bytes() == one.read_bytes()
        assert import_run(store, one).rows == 0
    assert dumps(list(store.rows(run_id))) == dumps(before)


@settings(max_examples=150, deadline=None)
@given(_RUN, st.data())
def test_a_file_that_was_damaged_anywhere_is_refused_or_says_the_same(
    rows: list[Event], data: st.DataObject
) -> None:
    store = _stored([rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        export_run(store, "run-0", path, replace=False)
        raw = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            del raw[place:]
        path.write_bytes(raw)
        other = MemoryStore()
        told = attempt(import_run, other, path)
        if isinstance(told, Returned):
            known = [portable(row) for row in store.rows("run-0")]
            assert dumps([portable(row) for row in other.rows(told.value.run_id)]) == dumps(known)
            return
        assert isinstance(told.error, InputError)
        assert "\n" not in str(told.error)
        assert other.runs() == []
