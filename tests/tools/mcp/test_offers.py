"""What a server offers: taken strictly, compared exactly, and made into tools of HIGH at least."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workbench.permission.danger import Danger
from workbench.tools.mcp.offer import Offer, changed_in, difference, offer_of, tools_of
from workbench.tools.mcp.result import bounded, result_of
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.trusting import TrustedServers
from workbench.workflow.effects import Repeat

SERVER = McpServer("srv", command="x", args=("--secret-free",))
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string", "enum": ["\x1b"]}},
}


def _tool(name: str, description: str = "Say.", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": SCHEMA, **more}


names = st.text(alphabet="abcXYZ019_-./", min_size=1, max_size=20)


@given(st.lists(st.tuples(names, st.text(max_size=40)), max_size=8))
def test_an_offer_that_was_kept_is_the_same_offer(listed: list[tuple[str, str]]) -> None:
    offer = offer_of([_tool(name, said) for name, said in listed])
    again = Offer.from_json(offer.to_json())
    assert again.digest == offer.digest
    assert difference((SERVER.launch, offer), SERVER.launch, again) == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_another_description_is_another_offer_unless_both_read_the_same(a: str, b: str) -> None:
    one, other = (offer_of([_tool("t", said)]) for said in (a, b))
    same = one.tools["t"]["description"] == other.tools["t"]["description"]
    assert (one.digest == other.digest) == same
    assert bool(difference((SERVER.launch, one), SERVER.launch, other)) == (not same)


def test_the_words_about_a_change_hold_nothing_of_what_is_new() -> None:
    was = offer_of([_tool("t"), _tool("u")])
    now = offer_of([_tool("t", "EVIL"), _tool("EVIL")])
    assert changed_in(was, now) == "its tool t, u is another or gone and it has 1 new tools"


def test_a_schema_reaches_the_model_whole_and_its_words_spelled_out() -> None:
    deep = {"type": "object", "properties": {"x": {"description": "\x1b[2J", "const": "\x1b"}}}
    offer = offer_of([{"name": "t", "inputSchema": deep}])
    tool = tools_of(SERVER, offer)["srv.t"]
    assert tool.parameters["properties"]["x"] == {"description": "\\x1b[2J", "const": "\x1b"}


def test_no_claim_of_a_server_makes_a_tool_less_dangerous_or_repeatable() -> None:
    hints = {"readOnlyHint": True, "idempotentHint": True, "destructiveHint": False}
    tool = tools_of(SERVER, offer_of([_tool("t", annotations=hints)]))["srv.t"]
    assert (tool.floor, tool.repeat, tool.act) == (Danger.HIGH, Repeat.UNSAFE, "talk")


def test_trust_is_in_one_way_of_reaching_a_server_and_is_the_owner_s_alone(tmp_path: Path) -> None:
    trusted, offer = TrustedServers(tmp_path / "data"), offer_of([_tool("t")])
    assert trusted.state(SERVER) == "new"
    trusted.trust(SERVER, offer)
    assert trusted.state(SERVER) == "trusted"
    other = McpServer("srv", command="x", args=("--other",))
    assert trusted.state(other) == "changed"
    assert any("args" in line for line in trusted.difference(other, offer))
    assert [f.stat().st_mode & 0o777 for f in (tmp_path / "data").iterdir()] == [0o600]
    assert trusted.distrust("srv")
    assert trusted.state(SERVER) == "new"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=50))
def test_a_text_is_cut_in_its_middle_and_says_by_how_much(text: str, most: int) -> None:
    shown, cut = bounded(text, most)
    size = len(text.encode("utf-8", "surrogatepass"))
    assert cut == max(0, size - 2 * (most // 2)) * (size > most)
    assert (shown == text) == (cut == 0)


def test_what_is_no_text_is_named_and_not_dropped_silently() -> None:
    answer = {
        "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        ],
        "structuredContent": {"big": "x" * 100},
    }
    found = result_of(answer, 50, "srv.t")
    assert found == {
        "text": "a",
        "attached": [{"kind": "image", "type": "image/png", "bytes": 3}],
        "left_out": "structured content of 110 bytes",
    }
