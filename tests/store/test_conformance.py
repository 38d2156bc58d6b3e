"""What any store does: the same tests over the file and over the one in memory."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.store.making import NOON, called, event, started, whole_run
from workbench.errors import NotAValue, RunOwned, StoreError, UnknownName, UsageError
from workbench.journal.approvals import asked_in
from workbench.store.collecting import collect
from workbench.store.memory import MemoryStore
from workbench.store.projection import UsageRow
from workbench.store.retention import Retention
from workbench.store.store import Store

AnyStore = Store | MemoryStore


def keep(store: AnyStore, *events: Any) -> None:
    store.append(list(events))
    store.flush()


def refusal(store: AnyStore, *events: Any) -> BaseException | None:
    told: list[BaseException | None] = []
    store.append(list(events), told.append)
    store.flush()
    (error,) = told
    return error


def test_rows_come_back_as_they_were_appended(either: AnyStore) -> None:
    rows = [*whole_run("a", 5), event("a", 6, "step.failed", "k/é", error={"message": "no"})]
    keep(either, *rows)
    assert list(either.rows("a")) == rows


def test_special_values_survive(either: AnyStore) -> None:
    odd = {"big": 2**80, "none": None, "name": "\udcff", "inf": float("inf"), "of": {"$int": "1"}}
    keep(either, started("a"), event("a", 2, result=odd, other={"$blob": "x", "size_bytes": 1}))
    (row,) = either.rows("a", after=1)
    assert row.data == {"result": odd, "other": {"$blob": "x", "size_bytes": 1}}


def test_a_row_is_a_copy_of_what_was_given(either: AnyStore) -> None:
    given: dict[str, Any] = {"result": ("a", "b")}
    keep(either, started("a"), event("a", 2, **given))
    assert next(either.rows("a", after=1)).data == {"result": ["a", "b"]}


def test_rows_can_be_cut_at_both_ends_and_by_kind(either: AnyStore) -> None:
    keep(either, *whole_run("a", 9), event("a", 10, "checkpoint.taken", name="x"))
    assert [e.seq for e in either.rows("a", after=3, upto=6)] == [4, 5, 6]
    assert [e.seq for e in either.rows("a", kinds={"run.started", "checkpoint.taken"})] == [1, 10]
    assert [e.seq for e in either.rows("a", kinds={"step.finished"}, after=7)] == [8, 9]
    assert list(either.rows("a", kinds=())) == []
    assert list(either.rows("a", after=10)) == []


def test_rows_of_an_unknown_run_name_the_nearest(either: AnyStore) -> None:
    keep(either, started("debate-17"))
    with pytest.raises(UnknownName, match="Did you mean 'debate-17'"):
        either.rows("debate-71")


def test_done_is_called_in_order_with_none(either: AnyStore) -> None:
    told: list[int] = []
    for row in whole_run("a", 50):
        either.append([row], lambda error, seq=row.seq: told.append(seq if error is None else -1))
    either.flush()
    assert told == list(range(1, 51))


def test_an_empty_append_is_acknowledged(either: AnyStore) -> None:
    assert refusal(either) is None


def test_a_gap_is_refused_and_everything_after_it(either: AnyStore) -> None:
    keep(either, *whole_run("a", 3))
    error = refusal(either, called("a", 5))
    assert isinstance(error, StoreError)
    assert "row 5 of run a would leave a gap: its next row is 4" in str(error)
    assert isinstance(refusal(either, called("a", 6)), StoreError)
    assert refusal(either, called("a", 4)) is None
    assert either.last_seq("a") == 4


def test_a_row_that_is_there_is_refused(either: AnyStore) -> None:
    keep(either, *whole_run("a", 3))
    assert "is there already" in str(refusal(either, called("a", 3)))


def test_a_run_begins_with_its_header(either: AnyStore) -> None:
    assert "cannot begin with step.finished" in str(refusal(either, called("a", 1)))
    assert refusal(either, started("a"), called("a", 2)) is None


def test_an_append_is_stored_whole_or_not_at_all(either: AnyStore) -> None:
    keep(either, started("a"))
    assert refusal(either, called("a", 2), started("b"), called("a", 4)) is not None
    assert either.last_seq("a") == 1
    assert either.last_seq("b") == 0
    with pytest.raises(UnknownName):
        either.run("b")


def test_a_refusal_concerns_nobody_else(either: AnyStore) -> None:
    told: list[bool] = []
    keep(either, started("a"), started("b"))
    for row in (called("a", 9), called("b", 2), called("a", 2)):
        either.append([row], lambda error: told.append(error is None))
    either.flush()
    assert told == [False, True, True]


def test_what_json_cannot_carry_is_refused_by_name(either: AnyStore) -> None:
    keep(either, started("a"))
    error = refusal(either, event("a", 2, result=object()))
    assert isinstance(error, NotAValue)
    assert refusal(either, called("a", 2)) is None


def test_an_error_that_nobody_was_told_is_raised_by_flush(either: AnyStore) -> None:
    either.append([called("a", 7)])
    with pytest.raises(StoreError, match="cannot begin"):
        either.flush()
    either.flush()


def test_a_fork_reads_its_parent_up_to_the_cut(either: AnyStore) -> None:
    keep(either, *whole_run("a", 9), started("b", parent="a", cut=4), called("b", 6))
    keep(either, called("a", 10))
    assert [(e.run_id, e.seq) for e in either.rows("b")] == [
        *(("a", seq) for seq in (1, 2, 3, 4)),
        *(("b", seq) for seq in (5, 6)),
    ]
    assert [e.seq for e in either.rows("b", after=3, upto=5)] == [4, 5]


def test_a_fork_of_a_fork_may_be_cut_in_the_grandparents_part(either: AnyStore) -> None:
    keep(either, *whole_run("a", 9), started("b", parent="a", cut=6), called("b", 8))
    keep(either, started("c", parent="b", cut=3), started("d", parent="b", cut=8))
    assert [(e.run_id, e.seq) for e in either.rows("c")] == [
        *(("a", seq) for seq in (1, 2, 3)),
        ("c", 4),
    ]
    assert [e.run_id for e in either.rows("d")] == [*"aaaaaa", "b", "b", "d"]
    assert [run.run_id for run in either.children("b")] == ["d", "c"]
    assert either.children("d") == []


def test_a_fork_of_nothing_is_refused(either: AnyStore) -> None:
    keep(either, *whole_run("a", 3))
    assert "no such run" in str(refusal(either, started("b", parent="z", cut=1)))
    assert "has rows up to 3" in str(refusal(either, started("b", parent="a", cut=4)))
    assert "has rows up to 3" in str(refusal(either, started("b", parent="a", cut=0)))


def test_a_run_and_its_fork_can_begin_in_one_append(either: AnyStore) -> None:
    assert refusal(either, *whole_run("a", 3), started("b", parent="a", cut=3)) is None
    assert len(list(either.rows("b"))) == 4


def test_a_run_shows_what_its_rows_say(either: AnyStore) -> None:
    keep(
        either,
        started("a", session="s1", source="d1"),
        called("a", 2),
        called("a", 3, cost_usd=None),
    )
    keep(either, event("a", 4, "run.finished", outcome="returned", result={"verdict": "yes"}))
    run = either.run("a")
    assert (run.status, run.title, run.pattern, run.model) == (
        "returned",
        "about a",
        "debate",
        "playbook:tour",
    )
    assert (run.session_id, run.source, run.parent_id, run.cut_seq) == ("s1", "d1", None, 0)
    assert (run.started_at, run.ended_at, run.last_seq) == (NOON + 1, NOON + 4, 4)
    assert (run.steps, run.calls, run.input_tokens, run.output_tokens) == (2, 2, 20, 10)
    assert (run.cost_usd, run.unpriced_calls) == (0.1, 1)
    assert run.result_preview == '{"verdict":"yes"}'


def test_a_runs_status_follows_its_rows(either: AnyStore) -> None:
    keep(either, started("a"))
    assert either.run("a").status == "suspended", "nobody drives it"
    either.claim("a")
    seen = [either.run("a").status]
    for row in (
        event("a", 2, "run.suspended", by="user"),
        event("a", 3, "run.resumed", by="user"),
        event("a", 4, "run.cancelled", by="user"),
        event("a", 5, "run.finished", outcome="cancelled", error={"message": "stopped"}),
    ):
        keep(either, row)
        seen.append(either.run("a").status)
    assert seen == ["running", "suspended", "running", "running", "cancelled"]
    assert either.run("a").result_preview == "stopped"


def test_a_run_is_found_by_the_beginning_of_its_id(either: AnyStore) -> None:
    keep(either, started("abc1"), started("abc2"), started("abc"), started("x%_"))
    assert either.run("abc1").run_id == "abc1"
    assert either.run("abc").run_id == "abc"
    assert either.run("x").run_id == "x%_"
    with pytest.raises(UsageError, match=r"abc1.*Write more"):
        either.run("ab")
    for nothing in ("", "%", "zz"):
        with pytest.raises(UnknownName):
            either.run(nothing)


def test_runs_are_listed_newest_first_and_searched(either: AnyStore) -> None:
    for n, title in enumerate(["Tea", "coffee 100%", "green tea"]):
        row = started(f"r{n}", title=title, session="s" if n else "t")
        keep(either, type(row)(row.run_id, 1, NOON + n, row.kind, "", row.data))
    assert [run.run_id for run in either.runs()] == ["r2", "r1", "r0"]
    assert [run.run_id for run in either.runs(limit=1)] == ["r2"]
    assert [run.run_id for run in either.runs(search="tea")] == ["r2", "r0"]
    assert [run.run_id for run in either.runs(search="0%")] == ["r1"]
    assert [run.run_id for run in either.runs(search="_ea")] == []
    assert [run.run_id for run in either.runs(session="s", search="tea")] == ["r2"]


def test_usage_is_summed_by_agent_and_model_without_the_scopes(either: AnyStore) -> None:
    sums = {"input_tokens": 20, "output_tokens": 10, "cost_usd": 0.2}
    keep(either, started("a"), called("a", 2), called("a", 3, "judge", input_tokens=1))
    keep(either, event("a", 4, effect="ask", name="judge", usage=sums))
    keep(either, event("a", 5, "attempt.ended", usage={"input_tokens": 7, "cost_usd": None}))
    usage = either.usage("a")
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (3, 18, 10)
    assert usage.unpriced_calls == 1
    assert usage.by_agent["judge"] == UsageRow(1, 1, 5, 0.1, 0)
    assert usage.by_agent[""] == UsageRow(1, 7, 0, 0.0, 1)
    assert usage.by_model["ollama:small"].calls == 2
    assert either.usage("none") == UsageRow()


def test_a_fork_pays_for_itself_only(either: AnyStore) -> None:
    keep(either, *whole_run("a", 5), started("b", parent="a", cut=5), called("b", 7))
    assert either.usage("b").calls == 1
    assert either.run("b").steps == 1


def test_checkpoints_include_the_parents(either: AnyStore) -> None:
    keep(either, started("a"), event("a", 2, "checkpoint.taken", name="x"), called("a", 3))
    keep(either, event("a", 4, "checkpoint.taken", name="y"), started("b", parent="a", cut=3))
    keep(either, event("b", 5, "checkpoint.taken", name="z"))
    assert [e.data["name"] for e in either.checkpoints("b")] == ["x", "z"]


def test_approvals_are_listed_for_one_run_and_for_all(either: AnyStore) -> None:
    keep(either, started("a"), event("a", 2, "approval.asked", id="1"), started("b"))
    keep(
        either, event("b", 2, "approval.asked", id="2"), event("a", 3, "approval.answered", id="1")
    )
    assert [(e.run_id, e.seq) for _, e in either.approvals()] == [("a", 3), ("b", 2), ("a", 2)]
    assert [e.seq for _, e in either.approvals("a")] == [3, 2]


def test_approvals_are_read_back_page_by_page(either: AnyStore) -> None:
    keep(either, started("a"), started("b"))
    keep(either, *(event("ab"[n % 2], n // 2 + 2, "approval.asked", id=str(n)) for n in range(6)))
    newest = either.approvals(limit=4)
    oldest = either.approvals(before=newest[-1][0], limit=4)
    assert [e.data["id"] for _, e in [*newest, *oldest]] == ["5", "4", "3", "2", "1", "0"]
    of_one = either.approvals("a", before=newest[-1][0])
    assert [e.data["id"] for _, e in of_one] == ["0"]
    assert either.approvals(before=oldest[-1][0]) == []


def test_of_a_deleted_run_the_decisions_are_left_and_once_each_when_it_comes_back(
    either: AnyStore,
) -> None:
    said: dict[str, Any] = {
        "id": "1",
        "tool": "rm",
        "danger": "HIGH",
        "arguments": {"path": "secret"},
    }
    rows = [
        started("a"),
        event("a", 2, "approval.asked", **said),
        event("a", 3, "approval.answered", id="1", verdict="deny", by="user"),
        event("a", 4, "run.finished", outcome="returned"),
    ]
    keep(either, *rows, started("b"), event("b", 2, "approval.asked", id="2"))
    either.delete_runs(["a"])
    other, answer, asked = (row for _, row in either.approvals())
    assert (other.run_id, answer.run_id, asked.run_id) == ("b", "a", "a")
    assert answer.data == {"id": "1", "verdict": "deny", "by": "user", "deleted": True}
    assert asked.data == {"id": "1", "tool": "rm", "danger": "HIGH", "deleted": True}
    assert [row.seq for _, row in either.approvals("a")] == [3, 2]
    (one,) = asked_in([answer, asked])
    assert (one.tool, one.verdict, one.deleted, one.ends) == ("rm", "deny", True, (3,))
    either.take_in(iter(rows))
    back = [row for _, row in either.approvals()]
    assert back[:2] == [rows[2], rows[1]]
    assert len(back) == 3


def test_the_audit_entries_of_some_rows_are_found(either: AnyStore) -> None:
    keep(either, started("a"), event("a", 2, "approval.asked", id="1", tool="rm"), event("a", 3))
    keep(either, event("a", 4, "approval.answered", id="1", verdict="deny"))
    found = either.audit.of_rows("a", [4, 2, 3, 0])
    assert [(entry.seq, entry.kind) for entry in found] == [
        (2, "approval.asked"), (4, "approval.answered")
    ]  # fmt: skip
    assert either.audit.of_rows("b", [2]) == []


def test_the_tail_goes_over_all_runs_in_order_of_commit(either: AnyStore) -> None:
    keep(either, started("a"), started("b"))
    place = either.last_place()
    keep(either, called("b", 2), called("a", 2))
    assert [(e.run_id, e.seq) for _, e in either.tail(place)] == [("b", 2), ("a", 2)]
    ((first, row),) = either.tail(limit=1)
    assert (row.run_id, len(either.tail(first))) == ("a", 3)


def test_the_catalogue_says_what_there_is_now(either: AnyStore) -> None:
    either.catalogue("pattern", [{"name": "old"}])
    either.catalogue("tool", [{"name": "read_file"}])
    either.catalogue(
        "pattern", [{"name": "vote"}, {"name": "debate", "parameters": {"rounds": 2}, "doc": "d"}]
    )
    debate, vote = either.catalogued("pattern")
    assert (debate["name"], debate["parameters"], debate["doc"]) == ("debate", {"rounds": 2}, "d")
    assert (vote["name"], vote["version"], vote["parameters"]) == ("vote", "", None)
    assert vote["seen_at"] > NOON
    assert [e["name"] for e in either.catalogued("tool")] == ["read_file"]


def test_a_catalogue_entry_with_a_wrong_field_is_refused(either: AnyStore) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'version'"):
        either.catalogue("pattern", [{"name": "x", "versoin": "1"}])
    with pytest.raises(UsageError, match="two entries 'x'"):
        either.catalogue("pattern", [{"name": "x"}, {"name": "x"}])


def test_settings_keep_values(either: AnyStore) -> None:
    assert either.get_setting("rules") is None
    either.set_setting("rules", [{"verdict": "deny", "n": 2**70}])
    either.set_setting("mode", "plan")
    assert either.get_setting("rules") == [{"verdict": "deny", "n": 2**70}]
    either.set_setting("rules", [])
    assert either.get_setting("rules") == []


def test_a_run_is_claimed_once_and_each_claim_has_a_higher_epoch(either: AnyStore) -> None:
    first = either.claim("a")
    assert either.owner("a") == os.getpid()
    with pytest.raises(RunOwned) as caught:
        either.claim("a")
    assert caught.value.data["pid"] == os.getpid()
    either.release("a")
    either.release("a")
    assert either.owner("a") is None
    assert either.claim("a") > first


def test_a_deleted_run_is_gone_as_a_whole_and_its_id_with_it(either: AnyStore) -> None:
    keep(either, *whole_run("a", 5), *whole_run("b", 3))
    freed = either.delete_runs(["a"])
    assert (freed.runs, freed.rows) == (["a"], 5)
    assert [run.run_id for run in either.runs()] == ["b"]
    assert either.usage("a") == UsageRow()
    assert either.last_seq("a") == 0
    with pytest.raises(UnknownName):
        either.rows("a")
    assert "was deleted, and its id is not used again" in str(refusal(either, started("a")))
    assert len(list(either.rows("b"))) == 3


def test_whoever_reads_the_tail_misses_nothing_when_the_newest_run_is_deleted(
    either: AnyStore,
) -> None:
    keep(either, *whole_run("a", 2), *whole_run("b", 3))
    place = either.last_place()
    either.delete_runs(["b"])
    keep(either, started("c"))
    assert [(row.run_id, row.seq) for _, row in either.tail(place)] == [("c", 1)]
    assert [row.run_id for _, row in either.tail()] == ["a", "a", "c"]
    either.delete_runs(["c"])
    keep(either, started("d"))
    either.rebuild()
    assert [row.run_id for _, row in either.tail(place)] == ["d"]
    assert [run.run_id for run in either.runs()] == ["d", "a"]


def test_a_parent_of_a_living_fork_is_not_deleted(either: AnyStore) -> None:
    keep(either, *whole_run("a", 5), started("b", parent="a", cut=3))
    with pytest.raises(UsageError, match="run a has the fork b"):
        either.delete_runs(["a"])
    either.delete_runs(["b", "a"])
    assert either.runs() == []


def test_a_run_that_is_driven_or_pinned_is_not_deleted(either: AnyStore) -> None:
    keep(either, *whole_run("a", 5))
    either.claim("a")
    with pytest.raises(RunOwned):
        either.delete_runs(["a"])
    either.release("a")
    either.pin("a")
    assert either.pinned() == {"a"}
    with pytest.raises(UsageError, match="run a is pinned"):
        either.delete_runs(["a"])
    either.pin("a", pinned=False)
    with pytest.raises(UnknownName):
        either.delete_runs(["nothing"])
    either.delete_runs(["a"])


def test_a_clean_up_takes_what_its_rules_say_and_nothing_else(either: AnyStore) -> None:
    for number in range(6):
        name = f"r{number}"
        keep(either, started(name), event(name, 2, "run.finished", outcome="returned"))
    keep(either, started("rests"), started("fork", parent="r1", cut=1))
    keep(either, event("fork", 3, "run.suspended", by="user"))
    either.pin("r2")
    freed = collect(either, Retention(older_than_s=60), NOON + 10_000)
    assert sorted(freed.runs) == ["r0", "r3", "r4", "r5"]
    assert {run.run_id for run in either.runs()} == {"r1", "r2", "rests", "fork"}
    assert collect(either, Retention(), NOON + 10_000).runs == []


def test_nothing_can_be_appended_after_close(either: AnyStore) -> None:
    keep(either, started("a"))
    either.close()
    with pytest.raises(StoreError):
        either.append([called("a", 2)])
    either.close()
