"""Text of agents, tools and files is nothing that can be clicked, wherever it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.stage import (
    FakeBench,
    FakeRun,
    HandClock,
    Rows,
    as_waiting,
    make_app,
    settled,
    shown,
)

SIZES = {"wide": (160, 45), "minimum": (80, 24)}
CLICK = "[@click=app.quit]x[/] [@click=app.leave]y[/] [link=http://pwned]z[/link]"
HOSTILE = f"{CLICK} [bold red]w[/] \x1b]8;;http://pwned\x1b\\link\x1b]8;;\x1b\\ javascript:pwned"


def hostile(rows: Rows) -> list[Any]:
    """A run every word of which a stranger wrote."""
    turn = f"0:ask.{CLICK}"
    file: dict[str, Any] = {"path": HOSTILE, "deed": "changed", "size_bytes": 1}
    return [
        rows.row("run.started", pattern=HOSTILE, title=HOSTILE, model=HOSTILE),
        rows.step(turn, "ask", CLICK, scope=True, line=HOSTILE, arguments={"task": HOSTILE}),
        rows.step(f"{turn}/0:model", "model", HOSTILE),
        rows.done(f"{turn}/0:model", "model", HOSTILE, result={"text": HOSTILE}, duration_s=0.1),
        rows.step(f"{turn}/1:tool.x", "tool", HOSTILE, arguments={HOSTILE: HOSTILE}),
        rows.done(f"{turn}/1:tool.x", "tool", HOSTILE, result={HOSTILE: [HOSTILE]}),
        rows.row("file.changed", f"{turn}/1:tool.x", **file),
        rows.row("checkpoint.taken", turn, name=HOSTILE, by=HOSTILE),
        rows.asked(f"{turn}/2:tool.y", HOSTILE, "HIGH", arguments={HOSTILE: HOSTILE}, agent=HOSTILE,
                   why=HOSTILE, rule=HOSTILE),
    ]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
async def test_no_cell_of_what_strangers_wrote_does_anything(size: str) -> None:
    bench, rows = FakeBench(), Rows()
    events = hostile(rows)
    bench.runs[rows.run_id] = FakeRun(rows.run_id)
    bench.waiting = [as_waiting(events[-1], preview=HOSTILE)]
    bench.store.events += events
    app = make_app(bench, HandClock())
    async with app.run_test(size=SIZES[size]) as pilot:
        await shown(app, pilot, events)
        app.wishes.complete_inbox()
        await settled(app, pilot)
        for keys in ((), ("3", "j", "j", "j", "j"), ("5",), ("4",), ("z",), ("2",), ("1",)):
            for key in keys:
                await pilot.press(key)
            await settled(app, pilot)
            for y in range(SIZES[size][1]):
                for x in range(SIZES[size][0]):
                    style = app.screen.get_style_at(x, y)
                    assert "@click" not in style.meta, (x, y, style.meta)
                    assert style.link is None, (x, y, style.link)
        seen = "\n".join(
            "".join(segment.text for segment in strip)
            for strip in app.screen._compositor.render_strips()
        )
        assert "@click" in seen  # it stands there, as text
