"""From a row to its checkpoint and its approval and from each back, at the keyboard."""

from tests.tui.stage import shown, until
from tests.tui.test_past_screen import there
from tests.tui.test_screen import RUN, Bench, bench
from workbench.tui.screens.past import PastScreen


def line(stage: Bench, number: int = 0) -> str:
    return stage.app.main.area.detail.render_line(number).text


async def answered(stage: Bench) -> None:
    """The coder's request is denied and its call with it."""
    key = "0:ask.planner/1:ask.coder/2:tool.bash_command"
    events = [
        stage.rows.row("approval.answered", key, id=f"{RUN}:{key}/approval#0", verdict="deny"),
        stage.rows.row("step.denied", key, effect="tool", name="bash_command"),
    ]
    stage.bench.store.events += events
    await shown(stage.app, stage.pilot, events)


async def on_row(stage: Bench, kind: str, what: str) -> None:
    trace = stage.app.main.area.trace
    await stage.press("3")
    trace.move_to(
        next(i for i, row in enumerate(trace.rows) if row.kind == kind and what in row.what)
    )


async def test_a_goes_from_a_row_to_exactly_what_waits_in_it_and_t_back() -> None:
    async with bench(waits=True) as stage:
        for what, tool in (("plan.md", "write_file"), ("rm -r", "bash_command")):
            await on_row(stage, "perm.asked", what)
            await stage.press("a")
            assert stage.pane == "inbox"
            selected = stage.app.main.area.inbox.state.selected
            assert selected is not None
            assert selected.tool == tool
            await stage.press("t")
            assert stage.pane == "trace"
            row = stage.app.main.area.trace.selected
            assert row is not None
            assert what in row.what


async def test_a_goes_between_a_call_and_its_decided_approval() -> None:
    async with bench(waits=True) as stage:
        await answered(stage)
        trace = stage.app.main.area.trace
        await on_row(stage, "tool", "bash_command")
        await stage.press("a")
        await until(stage.pilot, lambda: trace.selected is not None and trace.selected.seq == 15)
        assert "approval.asked #15" in line(stage)
        await stage.press("a")
        await until(stage.pilot, lambda: trace.selected is not None and trace.selected.seq == 18)
        assert "step.denied #18" in line(stage)


async def test_a_on_a_row_without_an_approval_says_so() -> None:
    async with bench() as stage:
        await on_row(stage, "tool", "read_file")
        await stage.press("a")
        assert "no approval belongs to this row" in stage.app.notice


async def test_c_and_t_go_between_a_row_and_its_checkpoint() -> None:
    async with bench() as stage:
        await on_row(stage, "ask", "critic")
        await stage.press("c")
        assert stage.pane == "checkpoints"
        chosen = stage.app.main.area.checkpoints.selected
        assert chosen is not None
        assert chosen.label == "c5 plan accepted"
        await stage.press("t")
        row = stage.app.main.area.trace.selected
        assert stage.pane == "trace"
        assert row is not None
        assert (row.kind, row.seq) == ("checkpoint", 5)
        await stage.press("2", "G", "t")
        row = stage.app.main.area.trace.selected
        assert row is not None
        assert row.seq == 14


async def test_a_checkpoint_leads_to_what_was_asked_after_it_and_that_back_to_the_checkpoint() -> (
    None
):
    async with bench(waits=True) as stage:
        await stage.press("2", "g", "j", "A")
        await until(stage.pilot, lambda: stage.pane == "inbox")
        selected = stage.app.main.area.inbox.state.selected
        assert selected is not None
        assert selected.tool == "bash_command"
        await stage.press("c")
        chosen = stage.app.main.area.checkpoints.selected
        assert stage.pane == "checkpoints"
        assert chosen is not None
        assert chosen.label == "c12 coder draft"
        await stage.press("G", "A")
        assert "nothing was asked after this line" in stage.app.notice
        assert stage.bench.answers == []


async def test_the_detail_says_where_the_workflow_stands_also_of_what_an_agent_does() -> None:
    async with bench(waits=True) as stage:
        await on_row(stage, "perm.asked", "rm -r")
        await stage.press("enter")
        assert "supervisor.py:31" in line(stage, 1)
        await on_row(stage, "model", "qwen3")
        await stage.press("enter")
        assert "supervisor.py:31" in line(stage, 1)


async def test_jumps_of_the_past_find_nothing_that_came_later() -> None:
    async with bench(waits=True) as stage:
        await answered(stage)
        await on_row(stage, "perm.asked", "rm -r")
        await stage.press("T")
        past = await there(stage)
        assert isinstance(past, PastScreen)
        assert past.past.at == 15
        await stage.press("3", "a")
        assert past.focused_pane() == "inbox"
        await stage.press("t")
        assert past.focused_pane() == "trace"
        await stage.press("left", "2", "A")
        assert "nothing was asked after this line" in stage.app.notice


async def test_a_jump_lifts_the_filter_and_the_form_that_hide_its_row() -> None:
    async with bench() as stage:
        await stage.press("3", "slash")
        await stage.type("kind:tool")
        await stage.press("enter", "W", "2", "g", "t")
        trace = stage.app.main.area.trace
        assert trace.filter_text == ""
        assert trace.fall is None
        assert trace.selected is not None
        assert trace.selected.kind == "run.started"
