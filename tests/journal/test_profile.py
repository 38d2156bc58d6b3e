"""`workbench.journal.profile`: the path that a made-up run's end waited for is the known one."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workbench.journal.events import Event
from workbench.journal.flow import flows
from workbench.journal.profile import profile


class Made:
    """Rows with their times, written as a run would."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.row(0.0, "run.started", pattern="team")

    def row(self, at: float, kind: str, key: str = "", **data: Any) -> None:
        self.rows.append(Event("r", len(self.rows) + 1, 100.0 + at, kind, key, data))

    def step(self, key: str, start: float, end: float, effect: str = "tool", **data: Any) -> None:
        """Both rows of a step, to be sorted by time."""
        name = key.rpartition("/")[2].partition(".")[2] or "m"
        end_kind = data.pop("ends", "step.finished")
        self.row(start, "step.started", key, effect=effect, name=name, **data.pop("begins", {}))
        self.row(end, end_kind, key, effect=effect, name=name, **data)

    def sorted(self) -> list[Event]:
        ordered = sorted(self.rows, key=lambda row: row.at)
        return [Event(r.run_id, n, r.at, r.kind, r.key, r.data) for n, r in enumerate(ordered, 1)]


def team() -> Made:
    """Two agents beside each other, then one that needs both; one call waits for a person."""
    made = Made()
    made.step("t/0:together/0/0:ask.fast", 0.0, 2.0, "ask", result={"report": "what fast found"})
    made.step("t/0:together/0/0:ask.fast/0:model", 0.0, 1.9, "model", usage={"input_tokens": 7})
    made.step("t/0:together/1/0:ask.slow", 0.0, 5.0, "ask", result={"report": "what slow found"})
    made.step("t/0:together/1/0:ask.slow/0:model", 0.5, 2.0, "model")
    key = "t/0:together/1/0:ask.slow/1:tool.bash"
    made.row(2.0, "approval.asked", key, id="a", tool="bash")
    made.row(4.0, "approval.answered", key, id="a")
    made.step(key, 4.0, 5.0)
    inputs = {"begins": {"arguments": {"inputs": {"reports": ["slow: what slow found"]}}}}
    made.step("t/1:ask.judge", 5.0, 6.0, "ask", result={}, **inputs)
    made.step("t/1:ask.judge/0:model", 5.25, 6.0, "model")
    made.row(6.0, "run.finished", outcome="returned")
    return made


def test_the_critical_path_goes_through_what_the_end_waited_for() -> None:
    told = profile(team().sorted())
    path = [(part.kind, part.span.name, round(part.seconds, 6)) for part in told.path]
    assert path == [
        ("workbench", "slow", 0.5),
        ("model", "m", 1.5),
        ("tool", "bash", 3.0),
        ("workbench", "judge", 0.25),
        ("model", "m", 0.75),
    ]
    by_kind = {kind: round(spent, 6) for kind, spent in told.by_kind.items()}
    assert by_kind == {"model": 2.25, "person": 2.0, "tool": 1.0, "workbench": 0.75}


def test_agents_and_who_used_whom_are_added_up() -> None:
    told = profile(team().sorted())
    slow = next(agent for agent in told.agents if agent.name == "slow")
    assert (slow.turns, slow.calls, slow.tools) == (1, 1, 1)
    assert isclose(slow.waited_s, 2.0, abs_tol=1e-6)
    assert isclose(slow.worked_s, 2.5, abs_tol=1e-6)
    assert [(link.source, link.kind, link.target) for link in told.links] == [
        ("team", "ask", "fast"),
        ("team", "ask", "slow"),
        ("slow", "tool", "bash"),
        ("team", "ask", "judge"),
    ]
    fast = next(agent for agent in told.agents if agent.name == "fast")
    assert fast.tokens == 7


def test_words_are_found_where_they_went() -> None:
    went, is_whole = flows(team().sorted())
    assert is_whole
    assert [(f.source, f.source_field, f.target, f.target_field) for f in went] == [
        ("slow", "report", "judge", "reports")
    ]


def test_the_hours_in_which_nobody_drove_it_are_no_time_of_the_run() -> None:
    made = Made()
    made.step("t/0:tool.one", 0.0, 1.0)
    made.row(1.0, "run.suspended")
    made.row(5000.0, "run.resumed")
    made.step("t/1:tool.two", 5000.0, 5002.0)
    made.row(5002.0, "run.finished", outcome="returned")
    made.row(9000.0, "checkpoint.taken", name="named a day later")
    told = profile(made.sorted())
    assert isclose(told.whole.took_s, 3.0, abs_tol=1e-6)
    assert isclose(told.rested_s, 4999.0, abs_tol=1e-6)
    assert [part.span.name for part in told.path] == ["one", "two"]


def test_the_loser_of_a_race_is_on_no_path_although_it_ended_last() -> None:
    made = Made()
    made.step("t/0:race/0/0:tool.winner", 0.0, 1.0)
    made.step("t/0:race/1/0:tool.loser", 0.0, 1.5, ends="step.cancelled")
    made.row(2.0, "run.finished", outcome="returned")
    told = profile(made.sorted())
    assert [(p.kind, round(p.seconds, 6)) for p in told.path] == [("tool", 1.0), ("workbench", 1.0)]


def test_what_a_run_waits_for_now_is_on_its_path() -> None:
    made = Made()
    made.step("t/0:tool.one", 0.0, 1.0)
    made.row(1.0, "step.started", "t/1:ask.coder", effect="ask", name="coder")
    made.row(1.0, "approval.asked", "t/1:ask.coder/0:tool.bash", id="a", tool="bash")
    made.row(4.0, "checkpoint.taken", name="now")
    told = profile(made.sorted())
    assert [(part.kind, part.span.name, round(part.seconds, 6)) for part in told.path] == [
        ("tool", "one", 1.0),
        ("tool", "bash", 3.0),
    ]
    assert {kind: round(spent, 6) for kind, spent in told.by_kind.items()} == {
        "person": 3.0,
        "tool": 1.0,
    }


def test_a_run_that_has_only_begun_has_an_account() -> None:
    told = profile(Made().rows)
    assert (told.path, told.agents, told.links, told.whole.took_s) == ((), (), (), 0.0)
    assert told.to_json()["critical_path"] == []


@st.composite
def trees(draw: st.DrawFn) -> list[Event]:
    """Scopes in scopes at any times, ends after beginnings, children within their parents."""
    made = Made()

    def inside(key: str, start: float, end: float, depth: int) -> None:
        for number in range(draw(st.integers(0, 3))):
            marks = draw(st.lists(st.floats(0, 1), min_size=2, max_size=2))
            first, last = sorted(start + (end - start) * mark for mark in marks)
            own = f"{key}/{number}:{'ask' if depth < 3 else 'tool'}.n{number}"
            made.step(own, first, last, "ask" if depth < 3 else "tool")
            if depth < 3:
                inside(own, first, last, depth + 1)

    inside("t", 0.0, 10.0, 0)
    made.row(10.0, "run.finished", outcome="returned")
    return made.sorted()


@given(trees())
def test_the_path_and_its_kinds_add_up_to_the_run(rows: list[Event]) -> None:
    told = profile(rows)
    assert isclose(sum(part.seconds for part in told.path), told.whole.took_s, abs_tol=1e-6)
    assert isclose(sum(told.by_kind.values()), told.whole.took_s, abs_tol=1e-6)
    assert all(part.seconds > 0 for part in told.path)


def many(asks: int) -> Iterator[Event]:
    for number in range(asks):
        text = f"the {number}th answer of all"
        yield Event(
            "r", number, 0.0, "step.finished", "", {"effect": "ask", "name": "a", "result": text}
        )
        arguments = {"inputs": {"text": "x" * 20}}
        data = {"effect": "ask", "name": "a", "arguments": arguments}
        yield Event("r", number, 0.0, "step.started", "", data)


def test_looking_for_words_is_bounded_and_says_so() -> None:
    assert flows(many(100))[1]
    assert not flows(many(2000))[1]
