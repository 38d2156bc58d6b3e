from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.run.acts import (
    DONE,
    GATES,
    STUDENT,
    begun,
    gate,
)
from tests.run.stage import (
    acted,
    calling,
    in_turn,
    opened,
    requests,
    rows_of,
)
from workbench.agent.conversation import ModelRequest


@acted
async def test_what_a_person_says_reaches_the_agent_at_its_next_model_call(
    tmp_path: Path,
) -> None:
    gate("study")
    model = in_turn(calling(("study", {"topic": "owls"})), "done")
    async with opened(tmp_path, model) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await begun("study")
        run.steer("student", "Be brief", by="tester")
        run.steer("somebody", "not for you")
        GATES["study"].set()
        assert (await run.result()).text == "done"
        first, second = requests(bench)
        assert [entry.text for entry in first.entries if entry.role == "user"] == ["task: learn"]
        assert (second.entries[-1].role, second.entries[-1].text) == ("user", "Be brief")
        (row, _) = rows_of(bench, run, "message.sent")
        assert row.data["text"] == "Be brief"


@acted
async def test_steering_replays_and_is_heard_once(tmp_path: Path) -> None:
    gate("study")

    def answer(request: ModelRequest) -> Any:
        said = [entry.text for entry in request.entries if entry.role == "user"]
        rounds = sum(entry.role == "assistant" for entry in request.entries)
        if rounds < 2:
            return calling(("study", {"topic": str(rounds)}))
        return " | ".join(said)

    async with opened(tmp_path, answer) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await begun("study")
        run.steer("student", "Be brief")
        GATES["study"].set()
        GATES["study"] = asyncio.Event()
        await DONE.has("study begins", 2)
        run.interrupt("immediate")
        await run.finished()
        GATES["study"].set()
        again = await bench.resume(run.run_id)
        assert (await again.result()).text == "task: learn | Be brief"


@acted
async def test_words_said_before_an_interrupt_and_not_yet_heard_are_kept(tmp_path: Path) -> None:
    gate("study")
    model = in_turn(calling(("study", {"topic": "owls"})), "done")
    async with opened(tmp_path, model) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await begun("study")
        run.steer("student", "Be brief")
        run.interrupt("immediate")
        await run.finished()
        GATES["study"].set()
        again = await bench.resume(run.run_id)
        await again.result()
        last = requests(bench)[-1]
        assert last.entries[-1].text == "Be brief"
