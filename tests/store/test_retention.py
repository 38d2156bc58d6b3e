"""Which runs may go: whatever the runs and the wishes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.store.making import event, started
from workbench.store.daily import clean_up
from workbench.store.memory import MemoryStore
from workbench.store.projection import RunRow
from workbench.store.retention import ENDED, Retention, doomed

DAY_S = 86_400.0
NOW = 100 * DAY_S


def run(name: str, age_days: float, status: str = "returned", parent: str | None = None) -> RunRow:
    at = NOW - age_days * DAY_S
    return RunRow(name, "", "", status, parent, 1, "", at, at, 0, 0, 0, 0.0, "", "", "")


def going(runs: list[RunRow], wanted: Retention, **more: object) -> str:
    return "".join(sorted(one.run_id for one in doomed(runs, wanted, NOW, **more)))  # type: ignore[arg-type]


TEN = [run(name, age) for age, name in enumerate("abcdefghij")]


def test_by_age_number_and_size() -> None:
    assert going(TEN, Retention(older_than_s=6.5 * DAY_S)) == "hij"
    assert going(TEN, Retention(keep=4)) == "efghij"
    assert going(TEN, Retention(older_than_s=0.5 * DAY_S, keep=8)) == "ij"
    sizes = dict.fromkeys("abcdefghij", 10)
    assert going(TEN, Retention(max_bytes=75), sizes=sizes) == "hij"
    assert going(TEN, Retention(max_bytes=75, keep=9), sizes=sizes) == "j"
    assert going(TEN, Retention(max_bytes=75, older_than_s=4.5 * DAY_S), sizes=sizes) == "fghij"
    assert going(TEN, Retention()) == ""


def test_what_rests_runs_or_is_pinned_stays() -> None:
    runs = [*TEN, run("r", 50, "running"), run("s", 50, "suspended"), run("p", 50)]
    assert going(runs, Retention(keep=0), pinned={"p"}) == "abcdefghij"


def test_parents_of_what_stays_stay() -> None:
    runs = [run("a", 9), run("b", 8, parent="a"), run("c", 1, parent="b"), run("d", 9, parent="a")]
    assert going(runs, Retention(older_than_s=5 * DAY_S)) == "d"
    assert going(runs, Retention(older_than_s=0.5 * DAY_S)) == "abcd"


@st.composite
def families(draw: st.DrawFn) -> list[RunRow]:
    runs: list[RunRow] = []
    for number in range(draw(st.integers(0, 12))):
        parent = draw(st.none() | st.sampled_from(runs)) if runs else None
        status = draw(st.sampled_from([*sorted(ENDED), "running", "suspended"]))
        made = run(f"r{number}", draw(st.floats(0, 90)), status)
        runs.append(replace(made, parent_id=parent.run_id if parent else None))
    return runs


@given(
    families(),
    st.none() | st.floats(0, 90),
    st.none() | st.integers(0, 12),
    st.none() | st.integers(0, 100),
)
def test_whatever_goes_nothing_that_is_needed_goes(
    runs: list[RunRow], days: float | None, keep: int | None, most: int | None
) -> None:
    wanted = Retention(None if days is None else days * DAY_S, keep, most)
    pinned = {one.run_id for one in runs[::5]}
    sizes = {one.run_id: 10 for one in runs}
    found = doomed(runs, wanted, NOW, pinned=pinned, sizes=sizes)
    gone = {one.run_id for one in found}
    assert not gone & pinned
    assert all(one.status in ENDED for one in found)
    assert all(one.parent_id not in gone for one in runs if one.run_id not in gone)
    places = {one.run_id: place for place, one in enumerate(found)}
    newest = sorted(runs, key=lambda one: (one.started_at, one.run_id), reverse=True)
    assert not gone & {one.run_id for one in newest[: keep or 0]}
    assert len(places) == len(found)


def test_a_clean_up_by_itself_is_done_once_a_day() -> None:
    store = MemoryStore()
    wanted = Retention(keep=0)

    def add(name: str) -> None:
        store.append([started(name), event(name, 2, "run.finished", outcome="returned")])

    add("a")
    freed = clean_up(store, wanted, NOW)
    assert freed is not None
    assert freed.runs == ["a"]
    add("b")
    assert clean_up(store, wanted, NOW + DAY_S - 1) is None
    assert clean_up(store, Retention(), NOW + DAY_S) is None
    again = clean_up(store, wanted, NOW + DAY_S)
    assert again is not None
    assert again.runs == ["b"]
