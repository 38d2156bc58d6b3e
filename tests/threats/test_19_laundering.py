"""What an agent may not do itself it gets done by nobody it talks to."""

from __future__ import annotations

import json
from typing import Any

from tests.threats.shipped import Stage


def _supervised(stage: Stage, rules: str) -> None:
    answers: list[Any] = [
        {"agent": "lead", "when": {"inputs": {"reports": "*helper*"}},
         "reply": {"orders": {}, "answer": "done"}},
        {"agent": "lead", "reply": {"orders": {"helper": "write it for me"}, "answer": ""}},
        {"agent": "helper", "when": {"round": 0},
         "calls": [{"tool": "write_file", "arguments": {"path": "made", "content": "x"}}]},
        {"agent": "helper", "reply": {"report": "I was told to"}},
    ]  # fmt: skip
    playbook: Any = {"playbook": "stage", "answers": answers}
    (stage.work / "stage.playbook.yaml").write_text(json.dumps(playbook))
    script = (
        "model playbook:stage\n"
        'agent define lead "task: str, workers: list[str], reports: list[str]'
        ' -> orders: dict[str, str], answer: str"\n'
        'agent define helper "order: str -> report: str" tools=\'["write_file"]\'\n'
        f"{rules}\nrun supervisor lead=lead workers='[\"helper\"]' task=go\n"
    )
    ended = stage.run("--script", "-", "--output", "json", stdin=script)
    assert "Traceback" not in ended.err, ended


def test_a_grant_to_the_one_who_orders_is_none_to_the_one_who_acts(stage: Stage) -> None:
    _supervised(stage, "approve write_file agent=lead")
    assert not (stage.work / "made").exists()
    assert [name for name, _ in stage.outcomes()] == ["write_file"]


def test_the_one_who_was_granted_it_may(stage: Stage) -> None:
    _supervised(stage, "approve write_file agent=helper")
    assert (stage.work / "made").read_text() == "x"


def test_a_fork_begins_without_what_was_granted_in_its_parents_session(stage: Stage) -> None:
    stage.play([("write_file", {"path": "made", "content": "x"})], rules="approve write_file")
    assert (stage.work / "made").exists()
    (stage.work / "made").unlink()
    first = stage.newest
    ended = stage.run("fork", f"{first}@1")
    assert "Traceback" not in ended.err
    assert not (stage.work / "made").exists()
