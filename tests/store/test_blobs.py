"""Payloads that are too big for a row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.making import event, started
from workbench.errors import StoreDamaged
from workbench.journal.events import Event
from workbench.store.blobs import Blobs
from workbench.store.packing import INLINE_BYTES, pack, unpack
from workbench.store.store import Store
from workbench.values import copied, loads

BIG = "x" * 40_000


def test_a_big_field_goes_aside_and_the_small_ones_stay_readable(store: Store, path: Path) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "cost_usd": 0.5}
    row = event("a", 2, effect="model", name="m", result=BIG, usage=usage)
    store.append([started("a"), row])
    store.flush()
    assert list(store.rows("a", after=1)) == [row]
    link = sqlite3.connect(path)
    data = loads(link.execute("SELECT data FROM events WHERE seq = 2").fetchone()[0])
    assert data["usage"] == usage
    assert data["result"]["size_bytes"] == 40_002
    (blob,) = (path.parent / "blobs").iterdir()
    assert blob.name == data["result"]["$blob"]
    assert link.execute("SELECT input_tokens, name FROM steps").fetchone() == (3, "m")
    link.close()


def test_the_same_content_is_stored_once(store: Store, path: Path) -> None:
    rows = [event("a", seq, result=BIG, other=BIG) for seq in range(2, 5)]
    store.append([started("a"), *rows])
    store.flush()
    assert len(list((path.parent / "blobs").iterdir())) == 1
    assert list(store.rows("a", after=1)) == rows


def test_a_missing_blob_is_damage_that_names_it(store: Store, path: Path) -> None:
    store.append([started("a"), event("a", 2, result=BIG), event("a", 3)])
    store.flush()
    (blob,) = (path.parent / "blobs").iterdir()
    blob.unlink()
    with pytest.raises(StoreDamaged, match=blob.name):
        list(store.rows("a"))
    assert [e.seq for e in store.rows("a", after=2)] == [3]


def test_a_changed_blob_is_damage(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = blobs.write(b"content")
    (tmp_path / name).write_bytes(b"contend")
    with pytest.raises(StoreDamaged, match="is not what was written"):
        blobs.read(name)


def test_half_a_blob_that_a_crash_left_is_written_again(tmp_path: Path) -> None:
    name = Blobs(tmp_path).write(b"content")
    (tmp_path / name).write_bytes(b"cont")
    again = Blobs(tmp_path)
    assert again.write(b"content") == name
    assert again.read(name) == b"content"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_blob_that_cannot_be_written_refuses_its_event_alone(store: Store, path: Path) -> None:
    (path.parent / "blobs").touch()
    told: list[BaseException | None] = []
    store.append([started("a")], told.append)
    store.append([event("a", 2, result=BIG)], told.append)
    store.flush()
    assert told[0] is None
    assert told[1] is not None
    (path.parent / "blobs").unlink()
    store.append([event("a", 2, result=BIG)], told.append)
    store.flush()
    assert told[2] is None


VALUES = st.one_of(
    st.integers(min_value=0, max_value=3 * INLINE_BYTES).map(lambda n: "x" * n),
    st.integers(),
    st.dictionaries(st.sampled_from(["$blob", "$int", "a"]), st.text(max_size=3), max_size=2),
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6))
def test_whatever_the_sizes_an_event_comes_back(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "blobs")
    row = pack(Event("a", 1, 1.0, "step.finished", "", data), blobs)
    assert len(row[5].encode()) <= INLINE_BYTES
    assert unpack(row, blobs).data == copied(data)
