from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from workbench.journal.events import Event
from workbench.journal.family import Branch, family_of, parting
from workbench.journal.tree import WIDEST, tree


def _run(run_id: str, parent: str = "", cut: int = 0, tokens: int = 1) -> Any:
    return SimpleNamespace(
        run_id=run_id, title=f"title of {run_id}", status="returned", parent_id=parent or None,
        cut_seq=cut, last_seq=cut + 10, steps=1, input_tokens=tokens, output_tokens=0,
        cost_usd=tokens / 10, unpriced_calls=0, result_preview="",
    )  # fmt: skip


def _mark(run_id: str, seq: int, name: str, by: str = "user", **more: Any) -> Event:
    return Event(run_id, seq, 0.0, "checkpoint.taken", "", {"name": name, "by": by, **more})


def _started(run_id: str, **data: Any) -> Event:
    return Event(run_id, 1, 0.0, "run.started", "", data)


def _shown(branches: dict[str, Branch], run_id: str, **how: Any) -> list[str]:
    return [f"{row.stem}{row.mark} {row.label}" for row in tree(branches, run_id, **how)]


def test_forks_of_forks_and_siblings_stand_in_one_tree_from_wherever_one_looks() -> None:
    runs = [_run("root"), _run("one", "root", 4), _run("two", "root", 8), _run("deep", "one", 6)]
    rows = [
        _mark("root", 3, "early"),
        _mark("root", 6, "late"),
        _started("one", overlay={"model": "m"}),
        _started("deep", overlay={"tools": []}, edit="reply"),
    ]
    branches = family_of(runs, rows)
    lines = _shown(branches, "deep")
    assert lines == _shown(branches, "root")
    assert lines == [
        "* title of root",
        "├─o c3 early",
        "├─* fork one at 4 (model m)",
        "│ ├─* fork deep at 6 (reply edited, tools none)",
        "│ │ ╰─@ returned",
        "│ ╰─@ returned",
        "├─o c6 late",
        "├─* fork two at 8",
        "│ ╰─@ returned",
        "╰─@ returned",
    ]


def test_what_the_rule_took_can_be_left_out() -> None:
    rows = [_mark("root", 2, "coder turn 1", "rule"), _mark("root", 4, "mine")]
    branches = family_of([_run("root")], rows)
    assert "├─. c2 coder turn 1" in _shown(branches, "root")
    assert not any("coder" in line for line in _shown(branches, "root", all_marks=False))


def test_a_workflows_own_is_forked_after_its_outcome_and_a_later_name_at_its_row() -> None:
    rows = [_mark("root", 4, "own", "workflow"), _mark("root", 9, "seen later", at=2)]
    rows.append(_mark("root", 10, "cut off", "workflow"))
    marks = family_of([_run("root")], rows)["root"].checkpoints
    assert [(mark.row, mark.place) for mark in marks] == [(4, 5), (2, 2), (10, 10)]
    assert [row.seq for row in tree(family_of([_run("root")], rows), "root")][1:-1] == [2, 4, 10]


def test_cost_is_a_branchs_own_and_rolled_up() -> None:
    runs = [_run("root", tokens=1), _run("one", "root", 4, 10), _run("two", "one", 5, 100)]
    branches = family_of(runs, [])
    assert [branches[name].all_tokens for name in ("root", "one", "two")] == [111, 110, 100]
    assert round(branches["root"].all_cost_usd, 3) == 11.1


def test_where_two_of_a_family_part_is_the_last_row_both_have() -> None:
    runs = [_run("root"), _run("one", "root", 4), _run("two", "root", 8), _run("deep", "one", 6)]
    branches = family_of(runs, [])
    assert parting(branches, "deep", "two") == parting(branches, "two", "deep") == 4
    assert parting(branches, "one", "deep") == 6
    assert parting(branches, "deep", "root") == 4
    assert parting(branches, "root", "nobody") == 0


def test_a_chain_of_two_thousand_forks_is_a_tree_too() -> None:
    runs = [_run("r0")] + [_run(f"r{n}", f"r{n - 1}", n) for n in range(1, 2000)]
    branches = family_of(runs, [])
    rows = tree(branches, "r1999")
    assert len(rows) == 4000
    assert max(len(row.stem) for row in rows) <= WIDEST
    assert branches["r0"].all_tokens == 2000


def test_a_family_that_was_damaged_into_a_circle_ends() -> None:
    one, two = Branch("one", "two", 3), Branch("two", "one", 3)
    one.children, two.children = ["two"], ["one"]
    assert len(tree({"one": one, "two": two}, "one")) <= 8
