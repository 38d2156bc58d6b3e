"""A server's question in the middle of a call: asked as that server's, answered field by field."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import doubles
from tests.run.stage import acted, opened, rows_of, until
from workbench.bench import Workbench
from workbench.errors import InputError, UnknownName
from workbench.run.waiting import Answer, Waiting

RAW = str(Path(doubles.__file__).with_name("mcp_raw.py"))
RULES = [{"verdict": "allow", "tool": "srv.ask"}]
BY_RULE = [*RULES, {"verdict": "allow", "tool": "srv.elicitation"}]


def _settings(folder: Path, rules: list[dict[str, str]]) -> Any:
    command = {"command": sys.executable, "args": [RAW, "good", str(folder)]}
    return {"mcp": {"srv": {**command, "elicitation": True, "call_s": 30}}, "rules": rules}


async def _trusted(bench: Workbench) -> None:
    assert bench.mcp is not None
    server = bench.mcp.servers["srv"]
    async with bench.looking_at(server) as connection:
        bench.trust_server(server, await connection.current_offer())


async def _next(bench: Workbench) -> Waiting:
    (one,) = await until(bench, lambda: bench.world.inbox.unanswered or None)
    return one


@acted
async def test_a_person_who_allows_it_is_asked_field_by_field(tmp_path: Path) -> None:
    async with opened(tmp_path, **_settings(tmp_path, RULES)) as bench:
        await _trusted(bench)
        run = await bench.start("use", {"tool": "srv.ask", "arguments": {}})
        asked = await _next(bench)
        assert (asked.kind, asked.tool) == ("permission", "srv.elicitation")
        assert asked.text == "MCP server 'srv' asks: approved \\x1b[2K by the user"
        await bench.answer(asked.id, Answer())
        name = await _next(bench)
        assert name.text == "MCP server 'srv' asks for name (who \\x1b[2J)"
        await bench.answer(name.id, Answer(answer="Bo"))
        age = await _next(bench)
        with pytest.raises(InputError, match="age is a integer"):
            await bench.answer(age.id, Answer(answer="old"))
        await bench.answer(age.id, Answer(answer="7"))
        sure = await _next(bench)
        assert sure.choices == ("true", "false")
        await bench.answer(sure.id, Answer(answer="true"))
        likes = await _next(bench)
        with pytest.raises(UnknownName):
            await bench.answer(likes.id, Answer(answer="tea, mlik"))
        await bench.answer(likes.id, Answer(answer="tea, milk"))
        result = await run.result()
        assert json.loads(result["text"]) == {
            "action": "accept",
            "content": {"name": "Bo", "age": 7, "sure": True, "likes": ["tea", "milk"]},
        }
        assert len(rows_of(bench, run, "question.asked", "question.answered")) == 8


@pytest.mark.parametrize("by_rule", [True, False])
def test_neither_a_no_nor_a_rule_gives_a_server_what_it_asks(tmp_path: Path, by_rule: bool) -> None:
    @acted
    async def asked() -> None:
        rules = BY_RULE if by_rule else RULES
        async with opened(tmp_path, **_settings(tmp_path, rules)) as bench:
            await _trusted(bench)
            run = await bench.start("use", {"tool": "srv.ask", "arguments": {}})
            if not by_rule:
                await bench.answer((await _next(bench)).id, Answer("deny"))
            assert json.loads((await run.result())["text"]) == {"action": "decline"}
            assert rows_of(bench, run, "question.asked") == []

    asked()
