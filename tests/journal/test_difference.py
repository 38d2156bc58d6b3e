"""The difference of two places: empty for the same, mirrored from the other side, and readable."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workbench.journal.difference import difference, mirrored
from workbench.journal.events import Event
from workbench.script.differing import lines_of, text_of

ASK = "p/0:ask.coder"


class Log:
    """Rows as the gate writes them."""

    def __init__(self, run_id: str = "a", rows: list[Event] | None = None) -> None:
        self.run_id = run_id
        self.rows = list(rows or [])
        if not rows:
            self.add("run.started", "", pattern="p", arguments={})

    def add(self, kind: str, key: str, **data: Any) -> Log:
        seq = len(self.rows) + 1
        self.rows.append(Event(self.run_id, seq, float(seq), kind, key, data))
        return self

    def turn(self, key: str = ASK, **inputs: Any) -> Log:
        return self.add(
            "step.started",
            key,
            effect="ask",
            name="coder",
            scope=True,
            arguments={"inputs": inputs},
        )

    def model(self, key: str, text: str, *calls: dict[str, Any], said: Any = ()) -> Log:
        arguments = {"agent": "coder", "head": "", "said": list(said)}
        self.add("step.started", key, effect="model", arguments=arguments)
        usage = {"input_tokens": 2, "output_tokens": 1, "cost_usd": 0.5}
        result = {"text": text, "calls": list(calls)} if calls else {"text": text}
        return self.add("step.finished", key, effect="model", result=result, usage=usage)

    def tool(self, key: str, name: str, result: Any, **more: Any) -> Log:
        return self.add("step.finished", key, effect="tool", name=name, result=result, **more)

    def fork(self, cut: int, run_id: str = "b") -> Log:
        log = Log(run_id, self.rows[:cut])
        return log.add("run.started", "", pattern="p", arguments={}, parent=self.run_id, cut=cut)


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments, "id": "x"}


def _read(left: Log, right: Log) -> str:
    return "\n".join(text_of(lines_of(difference(left.rows, right.rows))))


def test_a_call_with_other_arguments_and_another_result_is_told_with_both() -> None:
    root = Log().turn(task="look").model(f"{ASK}/0:model", "so", _call("read", path="a.txt"))
    root.tool(f"{ASK}/1:tool.read", "read", "content of a")
    other = root.fork(3).model(f"{ASK}/0:model", "so", _call("read", path="b.txt"))
    other.tool(f"{ASK}/1:tool.read", "read", "content of b")
    found = difference(root.rows, other.rows)
    assert found.shared_rows == 3
    (step,) = found.steps
    assert step.left is not None
    assert step.right is not None
    assert (step.left.arguments, step.right.arguments) == ({"path": "a.txt"}, {"path": "b.txt"})
    (turn,) = found.turns
    assert (turn.agent, turn.same) == ("coder", 1)
    assert [message.role for message in turn.left] == ["assistant", "tool"]
    text = _read(root, other)
    assert '- with {"path":"a.txt"}' in text
    assert '+ with {"path":"b.txt"}' in text


def test_results_of_calls_stand_in_the_order_of_the_calls_whoever_came_first() -> None:
    calls = (_call("x"), _call("y"))
    beside = f"{ASK}/1:together"
    one = Log().turn().model(f"{ASK}/0:model", "", *calls)
    one.tool(f"{beside}/0/0:tool.x", "x", "1").tool(f"{beside}/1/0:tool.y", "y", "2")
    two = Log("b").turn().model(f"{ASK}/0:model", "", *calls)
    two.tool(f"{beside}/1/0:tool.y", "y", "2").tool(f"{beside}/0/0:tool.x", "x", "1")
    assert difference(one.rows, two.rows).is_none


def test_what_a_person_said_is_told_once_though_the_next_request_repeats_it() -> None:
    def heard(log: Log) -> Log:
        log.turn().add("step.started", f"{ASK}/0:model", effect="model", arguments={})
        result = {"text": "a", "steered": ["hurry"]}
        log.add("step.finished", f"{ASK}/0:model", effect="model", result=result)
        return log.model(f"{ASK}/1:model", "b", said=["hurry", "mend it"])

    found = difference(heard(Log()).rows, Log("b").turn().rows)
    told = [(message.role, message.text) for message in found.turns[0].left]
    assert told == [("user", "hurry"), ("assistant", "a"), ("user", "mend it"), ("assistant", "b")]


def test_files_are_told_by_what_became_of_them_since_the_two_parted() -> None:
    root = Log().add("file.changed", "", path="x", before=None, after="d1")
    left = root.fork(2).add("file.changed", "", path="x", before="d1", after="d2")
    right = root.fork(2, "c").add("file.changed", "", path="y", before="e1", after=None)
    found = difference(left.rows, right.rows)
    assert [(f.path, f.left, f.right) for f in found.files] == [
        ("x", "d2", "d1"),
        ("y", "e1", None),
    ]
    text = "\n".join(text_of(lines_of(found, {"d1": "old\nline", "d2": "new\nline"}.get)))
    assert "- new" in text
    assert "+ old" in text
    assert "its contents are not kept" in text


def test_use_and_what_was_done_outside_are_told() -> None:
    left = Log().model("p/0:model", "x")
    right = left.fork(1)
    right.add(
        "step.started", "p/1:tool.rm", effect="tool", name="rm", repeat="unsafe", arguments={}
    )
    found = difference(left.rows, right.rows)
    assert {name: (a, b) for name, a, b in found.used()}["cost_usd"] == (0.5, 0.0)
    assert [(o.what, o.state) for o in found.right.outside] == [("rm", "unknown")]


_KEYS = (
    "p/0:ask.coder",
    "p/0:ask.coder/0:model",
    "p/0:ask.coder/1:tool.read",
    "p/1:call.f",
    "p/2:now",
)
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(
            ["step.started", "step.finished", "step.failed", "file.changed", "run.finished"]
        ),
        st.sampled_from(_KEYS),
        st.sampled_from(["a", "b", ""]),
    ),
    max_size=12,
)


def _made(
    run_id: str, rows: list[tuple[str, str, str]], shared: list[Event] | None = None
) -> list[Event]:
    log = Log(run_id, shared)
    for kind, key, text in rows:
        effect = key.rpartition("/")[2].partition(":")[2].partition(".")[0]
        data: dict[str, Any] = {"effect": effect, "name": "n"}
        if kind == "file.changed":
            data = {"path": key, "before": text or None, "after": "z" + text}
        elif kind == "run.finished":
            data = {"outcome": "returned", "result": text}
        elif kind == "step.started":
            data |= {"arguments": {"inputs": {"x": text}, "said": [text]}, "repeat": "unsafe"}
        elif kind == "step.failed":
            data["error"] = {"code": "tool", "message": text}
        elif effect == "model":
            data["result"] = {"text": text, "calls": [_call("read", at=text)]}
        else:
            data["result"] = text
        log.add(kind, key, **data)
    return log.rows


@given(_ROWS)
def test_a_place_does_not_differ_from_itself(rows: list[tuple[str, str, str]]) -> None:
    made = _made("a", rows)
    assert difference(made, made).is_none
    again = _made("b", rows)
    assert difference(made, again).is_none


@given(_ROWS, _ROWS, _ROWS)
def test_a_difference_is_the_mirror_of_the_one_from_the_other_side(
    shared: list[tuple[str, str, str]],
    left: list[tuple[str, str, str]],
    right: list[tuple[str, str, str]],
) -> None:
    common = _made("a", shared)
    one, other = _made("a", left, common), _made("b", right, common)
    found = difference(one, other)
    assert difference(other, one) == mirrored(found)
    assert mirrored(mirrored(found)) == found
    list(text_of(lines_of(found)))
