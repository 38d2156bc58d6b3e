"""Streamed text is told whole and in order, a few times a second, all of it before the outcome."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.run.stage import WRITER, Scripted, acted, opened
from workbench.agent.conversation import ModelReply, ModelRequest, OnDelta
from workbench.journal.events import Event
from workbench.run.world import Live

PIECES = [f"{n} " for n in range(2_000)]


class Streaming(Scripted):
    """A model that streams its answer in many pieces."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        del request
        for n, piece in enumerate(PIECES):
            on_delta(piece)
            if n % 100 == 0:
                await asyncio.sleep(0)
        return ModelReply("".join(PIECES))


@acted
async def test_thousands_of_pieces_are_some_messages_and_nothing_is_lost(tmp_path: Path):
    seen: list[Event | Live] = []
    async with opened(tmp_path) as bench:
        bench.world.models = Streaming(lambda _request: "")
        bench.subscribe(seen.append)
        await bench.ask(WRITER, task="count")
    deltas = [e for e in seen if isinstance(e, Live) and e.kind == "delta"]
    assert "".join(e.data["text"] for e in deltas) == "".join(PIECES)
    assert sum(e.data["pieces"] for e in deltas) == len(PIECES)
    assert len(deltas) < len(PIECES) / 20
    done = next(n for n, e in enumerate(seen) if isinstance(e, Event) and e.kind == "step.finished")
    assert seen.index(deltas[-1]) < done
