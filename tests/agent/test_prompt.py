"""What a model is told, word for word."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.agent.generated import cases, texts
from tests.agent.test_tool import search
from workbench.agent.agent import Agent
from workbench.agent.prompt import asked, render_inputs, render_repair, render_system
from workbench.agent.signature import Signature
from workbench.errors import ReplyError

CRITIC = Agent(
    "critic",
    Signature.parse(
        'draft: str "what to judge", others: list[str] -> verdict: Literal["good", "bad"]',
        instructions="Judge the draft.",
    ),
    instructions="Be fair.",
    examples=[{"draft": "x", "others": [], "verdict": "good"}],
)


def test_the_system_prompt_says_who_what_and_in_which_form() -> None:
    schema = json.dumps(CRITIC.signature.output_schema())
    assert render_system(CRITIC) == (
        "You are critic.\n\n"
        "Be fair.\n\n"
        "Judge the draft.\n\n"
        "You are given:\n"
        "- draft (str): what to judge\n"
        "- others (list[str])\n\n"
        "You answer with:\n"
        '- verdict (Literal["good", "bad"])\n\n'
        "Answer with one JSON object and nothing else. It follows this JSON schema:\n"
        f"```json\n{schema}\n```\n\n"
        "Example 1\n\n"
        "draft: x\n"
        "others: []\n\n"
        "Answer:\n"
        '{"verdict": "good"}'
    )


def test_one_text_is_asked_for_without_json() -> None:
    prompt = render_system(Agent("a", "x -> answer"))
    assert "Answer with the text of answer alone" in prompt
    assert "JSON" not in prompt


def test_tools_are_named() -> None:
    assert "You can call these tools: search." in render_system(CRITIC, [search])


def test_a_chain_reasons_before_it_answers() -> None:
    chain = Agent("a", "x -> answer", style="chain", examples=[{"x": "1", "answer": "2"}])
    assert str(asked(chain).outputs[0]).startswith("Field(name='reasoning'")
    assert '{"reasoning": "…", "answer": "2"}' in render_system(chain)
    own = Agent("a", "x -> reasoning, answer", style="chain")
    assert asked(own) == own.signature
    assert asked(CRITIC) == CRITIC.signature


def test_inputs_are_readable_and_long_ones_fenced() -> None:
    signature = Signature.parse(
        "a, b: list[str], c: dict, d: str, e: str = '' -> x".replace("'", '"')
    )
    inputs = {"a": "short", "b": ["one", "two " * 40], "c": {"k": 1}, "d": "x\n```\ny", "e": ""}
    assert render_inputs(signature, inputs) == (
        "a: short\n"
        f'b:\n```json\n[\n"one",\n"{"two " * 40}"\n]\n```\n'
        'c: {"k": 1}\n'
        "d:\n````text\nx\n```\ny\n````\n"
        "e:\n```text\n\n```"
    )
    assert render_inputs(Signature.parse("-> x"), {}) == "Answer."


@given(texts | st.text(st.sampled_from("`~\n a"), max_size=30))
def test_no_text_can_close_its_own_fence(text: str) -> None:
    shown = render_inputs(Signature.parse("a -> x"), {"a": f"{text}\n."}).splitlines()
    fence = shown[1].removesuffix("text")
    assert set(fence) == {"`"}
    assert shown[-1] == fence
    assert [line for line in shown[2:-1] if fence in line] == []


@given(cases())
def test_rendering_is_deterministic(case: tuple[Signature, dict[str, object]]) -> None:
    signature, outputs = case
    agent = Agent(
        "a", Signature((), signature.outputs), examples=[{"inputs": {}, "outputs": outputs}]
    )
    assert render_system(agent) == render_system(agent)


def test_a_repair_shows_the_reply_and_what_is_wrong_with_it() -> None:
    error = ReplyError("output 'verdict' must be one of 'good', 'bad', but is 'fine' (str)")
    text = '```json\n{"verdict": "fine"}\n```'
    repair = render_repair(CRITIC.signature, text, error)
    assert error.message in repair
    assert f"````\n{text}\n````" in repair
    assert "Answer again. Answer with one JSON object" in repair
    assert len(render_repair(CRITIC.signature, "x" * 100_000, error)) < 10_000
