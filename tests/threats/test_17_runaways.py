"""A model that never stops asking stops at the ceiling, and exactly there."""

from __future__ import annotations

from tests.threats.shipped import Stage


def test_a_model_that_always_asks_for_more_stops_at_the_steps_ceiling(stage: Stage) -> None:
    (stage.work / "stage.playbook.yaml").write_text(
        "playbook: stage\nanswers:\n  - calls:\n"
        "      - {tool: write_file, arguments: {path: 'f{round}', content: x}}\n"
    )
    script = (
        'model playbook:stage\nagent define worker "task: str -> text: str"'
        " tools='[\"write_file\"]'\n"
        "approve write_file\nask worker go\n"
    )
    ended = stage.run("--script", "-", "--set", "limits.steps=9", stdin=script)
    assert ended.code == 6, ended
    done = [r for r in stage.rows("step.finished") if r.get("effect") in {"tool", "model"}]
    assert len(done) == 9
    assert len(list(stage.work.glob("f*"))) == 4
