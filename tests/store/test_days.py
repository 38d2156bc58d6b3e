"""The ledger of days, over both stores: an intent's reservation is checked where it is stored."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.store.making import NOON, event, started
from workbench.errors import LimitReached
from workbench.journal.events import Event
from workbench.journal.ledger import Within
from workbench.journal.limits import Limits
from workbench.journal.usage import Amount, day_at
from workbench.store.memory import MemoryStore
from workbench.store.store import Store

AnyStore = Store | MemoryStore
DAY = day_at(NOON)
TEN: Within = [("", Limits(tokens=10), 0)]


def intent(run_id: str, seq: int, tokens: int, attempt: int = 1, agent: str = "critic") -> Event:
    reserved = {"tokens": tokens, "steps": 1}
    key = f"p/0:ask.{agent}/0:model"
    data: dict[str, Any] = {"effect": "model", "attempt": attempt, "reserved": reserved}
    return event(run_id, seq, "step.started", key, **data)


def outcome(run_id: str, seq: int, tokens: int, agent: str = "critic", **more: Any) -> Event:
    usage = {"input_tokens": tokens, "output_tokens": 0, "cost_usd": 0.0}
    key = f"p/0:ask.{agent}/0:model"
    return event(run_id, seq, key=key, effect="model", usage=usage, **more)


def put(store: AnyStore, row: Event, within: Within = ()) -> BaseException | None:
    told: list[BaseException | None] = []
    store.append([row], told.append, within)
    store.flush()
    return told[0]


def test_an_intent_that_fits_is_stored_and_one_that_does_not_is_told_so(either: AnyStore) -> None:
    put(either, started("a"))
    put(either, started("b"))
    assert put(either, intent("a", 2, 6), TEN) is None
    refused = put(either, intent("b", 2, 5), TEN)
    assert isinstance(refused, LimitReached)
    assert (refused.data["scope"], refused.data["limit"], refused.data["held"]) == (
        "day",
        "tokens",
        6,
    )
    (row,) = either.rows("b", after=1)
    assert (row.kind, row.seq, row.data["wanted"]) == ("budget.refused", 2, 5)
    assert put(either, intent("b", 3, 4), TEN) is None
    assert either.dues(DAY).of("")[1] == Amount(tokens=10, steps=2)
    assert either.dues(DAY).holders == {"a", "b"}


def test_what_settles_is_free_again_and_counts_as_used(either: AnyStore) -> None:
    put(either, started("a"))
    put(either, intent("a", 2, 6), TEN)
    put(either, outcome("a", 3, 3, settles=1))
    assert either.dues(DAY).of("critic") == (Amount(tokens=3, steps=1), Amount())
    assert put(either, intent("a", 4, 7, attempt=2), TEN) is None
    assert either.dues(DAY).of("")[1].tokens == 7


def test_what_nobody_knows_stays_reserved_but_its_step_is_counted_once(either: AnyStore) -> None:
    put(either, started("a"))
    put(either, intent("a", 2, 6), TEN)
    put(either, intent("a", 3, 4, attempt=2), TEN)
    assert either.dues(DAY).of("")[1] == Amount(tokens=10, steps=1)
    put(either, outcome("a", 4, 1, settles=2))
    assert either.dues(DAY).of("") == (Amount(tokens=1, steps=1), Amount(tokens=6))
    put(either, intent("a", 5, 2, attempt=3), TEN)
    key = "p/0:ask.critic/0:model"
    put(either, event("a", 6, "step.cancelled", key, effect="model", end="confirmed", unsettled=3))
    assert either.dues(DAY).of("")[1] == Amount(tokens=8)


def test_an_agents_limit_counts_the_agent_alone(either: AnyStore) -> None:
    within: Within = [("critic", Limits(tokens=5), 0)]
    put(either, started("a"))
    put(either, outcome("a", 2, 100, agent="other"))
    assert put(either, intent("a", 3, 5), within) is None
    assert isinstance(put(either, intent("a", 4, 1, attempt=2), within), LimitReached)


def test_a_price_that_is_unknown_blocks_what_costs_until_somebody_lets_it_pass(
    either: AnyStore,
) -> None:
    put(either, started("a"))
    unpriced = {"input_tokens": 1, "output_tokens": 0, "cost_usd": None}
    put(either, event("a", 2, key="p/0:model", effect="model", usage=unpriced))
    costs = event("a", 3, "step.started", "p/1:model", effect="model", attempt=1)
    costs.data["reserved"] = {"usd": 0.1}
    assert isinstance(put(either, costs, [("", Limits(usd=5.0), 0)]), LimitReached)
    costs = event("a", 4, "step.started", "p/1:model", **costs.data)
    assert put(either, costs, [("", Limits(usd=5.0), 1)]) is None


def test_a_deleted_run_gives_back_what_it_had_reserved(either: AnyStore) -> None:
    put(either, started("a"))
    put(either, intent("a", 2, 6), TEN)
    put(either, event("a", 3, "run.finished", outcome="cancelled"))
    either.delete_runs(["a"])
    assert either.dues(DAY).of("")[1] == Amount()


def test_a_day_is_the_same_when_it_is_counted_anew(either: AnyStore) -> None:
    chance = random.Random(7)
    rows: dict[str, int] = {}
    for name in "abc":
        put(either, started(name))
        rows[name] = 1
    open_: dict[str, int] = {}
    for _ in range(200):
        name = chance.choice("abc")
        rows[name] += 1
        if name in open_ and chance.random() < 0.7:
            settles = chance.random() < 0.8
            told: dict[str, Any] = {"settles": open_.pop(name)} if settles else {}
            put(either, outcome(name, rows[name], chance.randrange(9), **told))
        else:
            open_[name] = open_.get(name, 0) + 1
            put(either, intent(name, rows[name], chance.randrange(1, 9), attempt=open_[name]))
    before = either.dues(DAY)
    either.rebuild()
    assert either.dues(DAY) == before


def test_two_writers_cannot_both_take_what_is_left(path: Path) -> None:
    first, second = Store.open(path), Store.open(path)
    put(first, started("a"))
    put(second, started("b"))
    taken = {"a": 0, "b": 0}
    rows = {"a": 1, "b": 1}
    for _ in range(12):
        for name, store in (("a", first), ("b", second)):
            rows[name] += 1
            error = put(store, intent(name, rows[name], 1, attempt=rows[name]), TEN)
            taken[name] += error is None
    assert sum(taken.values()) == 10
    assert first.dues(DAY).of("")[1].tokens == 10
    first.close()
    second.close()


def test_an_older_database_is_counted_when_it_is_upgraded(path: Path) -> None:
    import sqlite3

    store = Store.open(path)
    put(store, started("a"))
    put(store, outcome("a", 2, 7))
    store.close()
    link = sqlite3.connect(path)
    link.executescript("DROP TABLE days; DROP TABLE reserved;")
    number = link.execute("PRAGMA user_version").fetchone()[0]
    name = "m008_days"
    link.execute("DELETE FROM _sqlite_migrations WHERE name = ?", (name,))
    link.execute(f"PRAGMA user_version={number - 1}")
    link.commit()
    link.close()
    store = Store.open(path)
    assert store.dues(DAY).of("critic")[0] == Amount(tokens=7, steps=1)
    store.close()
