"""Media in runs: read through the gate once, in rows by reference, sent as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pictures import pdf, png, wav
from tests.run.stage import acted, calling, in_turn, opened, requests, rows_of, scripted
from workbench.agent.agent import Agent
from workbench.agent.conversation import Capabilities
from workbench.agent.media import Audio, Document, Image
from workbench.agent.tool import tool
from workbench.errors import StepFailed
from workbench.script.export import export_run
from workbench.script.importing import import_run
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, checkpoint

LOOKER = Agent("looker", "photo: Image, question: str -> answer: str")
READER = Agent("reader", "paper: Document -> answer: str")


@tool(danger="SAFE")
def draw() -> Image:
    """Draw a chart."""
    return Image(png(3, 4), name="chart.png")


@pattern
async def look_twice(source: str) -> list[str]:
    first = (await ask(LOOKER, photo=source, question="What?")).answer
    await checkpoint("middle")
    return [first, (await ask(LOOKER, photo=source, question="And?")).answer]


def _photo(folder: Path, content: bytes = png(), name: str = "cat.png") -> Path:
    path = folder / "work" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@acted
async def test_a_picture_reaches_the_model_and_its_bytes_no_row(tmp_path: Path) -> None:
    _photo(tmp_path)
    async with opened(tmp_path, in_turn("a cat")) as bench:
        run = await bench.start(
            "ask", {"agent": LOOKER, "inputs": {"photo": "@cat.png", "question": "?"}}
        )
        await run.result()
        (request,) = requests(bench)
        (sent,) = request.media
        assert (sent.content, sent.type, sent.at) == (png(), "image/png", 0)
        assert "cat.png (image/png, 12x10" in request.entries[0].text
        told = str([row.data for row in rows_of(bench, run)])
        assert "image/png" in told
        assert "IHDR" not in told


@acted
@pytest.mark.parametrize("source", [png(), "cat.png"])
async def test_bytes_and_paths_are_the_same_to_an_agent(tmp_path: Path, source: Any) -> None:
    _photo(tmp_path)
    async with opened(tmp_path, in_turn("a cat")) as bench:
        reply = await bench.ask(LOOKER, photo=Image(source), question="?")
        assert reply.answer == "a cat"
        assert requests(bench)[0].media[0].content == png()


@acted
async def test_a_fork_sees_the_picture_that_was_read_whatever_became_of_the_file(
    tmp_path: Path,
) -> None:
    path = _photo(tmp_path)
    async with opened(tmp_path, in_turn("a cat")) as bench:
        run = await bench.start(look_twice, {"source": "@cat.png"})
        await run.result()
        path.unlink()
        cut = max(row.seq for row in rows_of(bench, run) if row.data.get("name") == "read_media")
        fork = await bench.fork(run.run_id, cut)
        await fork.result()
        assert requests(bench)[-1].media[0].content == png()


@acted
async def test_a_document_is_given_as_text_and_counts_as_a_strangers(tmp_path: Path) -> None:
    _photo(tmp_path, pdf("Hello paper"), "a.pdf")
    async with opened(tmp_path, in_turn("fine")) as bench:
        run = await bench.start("ask", {"agent": READER, "inputs": {"paper": "@a.pdf"}})
        await run.result()
        (request,) = requests(bench)
        assert "Hello paper" in request.entries[0].text
        assert not request.media
        assert any(row.data.get("untrusted") == "a.pdf" for row in rows_of(bench, run))


@acted
async def test_a_document_from_bytes_is_read_too(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn("fine")) as bench:
        await bench.ask(READER, paper=Document(pdf("From bytes"), name="b.pdf"))
        assert "From bytes" in requests(bench)[0].entries[0].text


@acted
async def test_what_is_no_picture_fails_before_any_model_call(tmp_path: Path) -> None:
    _photo(tmp_path, b"#!/bin/sh", "cat.png")
    async with opened(tmp_path, in_turn("a cat")) as bench:
        with pytest.raises(StepFailed, match=r"input 'photo'.*text/plain, which is no image"):
            await bench.ask(LOOKER, photo="@cat.png", question="?")
        with pytest.raises(StepFailed, match="no such file"):
            await bench.ask(LOOKER, photo="@dog.png", question="?")
        assert not requests(bench)


@acted
async def test_what_a_model_cannot_take_is_refused_before_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _photo(tmp_path)
    hearer = Agent("hearer", "sound: Audio -> answer: str")
    async with opened(tmp_path, in_turn("a cat")) as bench:

        async def blind(model: str) -> Capabilities:
            del model
            return Capabilities(images=False, audio=False)

        monkeypatch.setattr(scripted(bench), "capabilities", blind)
        with pytest.raises(StepFailed, match="takes no images"):
            await bench.ask(LOOKER, photo="@cat.png", question="?")
        with pytest.raises(StepFailed, match="takes no audio"):
            await bench.ask(hearer, sound=Audio(wav()))
        assert not requests(bench)


@acted
async def test_a_picture_that_a_tool_makes_goes_with_the_next_request(tmp_path: Path) -> None:
    artist = Agent("artist", "task: str -> answer: str", tools=[draw])
    async with opened(tmp_path, in_turn(calling(("draw", {})), "done")) as bench:
        await bench.ask(artist, task="draw")
        request = requests(bench)[-1]
        assert request.media[0].content == png(3, 4)
        assert request.entries[request.media[0].at].name == "draw"
        assert "chart.png" in request.entries[-1].text


@acted
async def test_what_a_model_wrote_is_never_read_as_a_path(tmp_path: Path) -> None:
    _photo(tmp_path, b"private", "a.txt")
    writer = Agent("writer", "task: str -> text: str")

    @pattern
    async def passed_on(agent: Agent) -> str:
        said = (await ask(agent, task="?")).text
        return (await ask(READER, paper=said)).answer

    @pattern
    async def by_code() -> str:
        return (await ask(READER, paper=Document("a.txt"))).answer

    async with opened(tmp_path, in_turn("@a.txt")) as bench:
        run = await bench.start(passed_on, {"agent": writer})
        with pytest.raises(StepFailed, match="no input of this run"):
            await run.result()
        assert len(requests(bench)) == 1
        await (await bench.start(by_code)).result()
        assert "private" in requests(bench)[-1].entries[0].text


@acted
async def test_an_exported_run_carries_its_pictures(tmp_path: Path) -> None:
    _photo(tmp_path)
    (tmp_path / "there").mkdir()
    file = tmp_path / "run.jsonl"
    async with opened(tmp_path, in_turn("a cat")) as bench:
        run = await bench.start(look_twice, {"source": "@cat.png"})
        await run.result()
        assert export_run(bench.store, run.run_id, file, replace=False).left_out == 0
    async with opened(tmp_path / "there", in_turn("a cat")) as bench:
        import_run(bench.store, file)
        bench.patterns["look_twice"] = look_twice
        row = [r for r in rows_of(bench, run.run_id) if r.data.get("name") == "read_media"][-1]
        fork = await bench.fork(run.run_id, row.seq)
        await fork.result()
        assert requests(bench)[-1].media[0].content == png()
        assert bench.store.blobs.read(row.data["result"]["digest"]) == png()
