"""The playbook: which answer it gives, how, and what it says about a file that is wrong."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.requests import ADD, VERDICT, after_tool, asked, ignore
from workbench.agent.conversation import Entry, ModelReply, ModelRequest, OnDelta, ToolCall
from workbench.errors import ConfigError, ModelError, ModelUnreachable, UnknownName
from workbench.models.playbook import PlaybookModel, perform
from workbench.models.playbook_file import DEFAULT, read_playbook
from workbench.models.playbook_match import filled

TOUR = """
playbook: tour
answers:
  - agent: planner
    when: {round: 0, inputs: {question: "*tests*"}}
    text: I look first.
    calls:
      - {tool: add, arguments: {a: 1, b: ["{question}", "{n}"]}}
  - agent: planner
    when: {last: add, failed: true, text: "*denied*"}
    reply: {verdict: "So I do not: {result}"}
  - agent: planner
    when: {last: add, round: 1-2}
    reply: {verdict: "{agent} got {result} in round {round}"}
  - agent: crit*
    when: {system: "*rude*"}
    reply: Rubbish.
  - agent: critic
    reply: {verdict: "{n}", missing: "{nothing}", object: {deep: ["{question}"]}}
  - when: {said: "*hurry*"}
    reply: I hurry.
"""


def play(text: str, request: ModelRequest, on_delta: OnDelta = ignore) -> ModelReply:
    return asyncio.run(perform(read_playbook(text, "tour.yaml"), request, on_delta))


def planner(**rest: Any) -> ModelRequest:
    inputs = {"question": "do the tests pass?", "n": 3}
    return asked(agent="planner", inputs=inputs, schema=VERDICT, **rest)


def test_the_first_round_calls_a_tool_with_templates_filled():
    reply = play(TOUR, planner())
    arguments = {"a": 1, "b": ["do the tests pass?", 3]}
    assert reply.calls == (ToolCall("add", arguments),)
    assert (reply.text, reply.finish, reply.model) == ("I look first.", "tools", "tour")


def test_the_newest_tool_result_chooses_the_next_answer():
    worked = play(TOUR, planner(entries=after_tool("4")))
    assert json.loads(worked.text) == {"verdict": "planner got 4 in round 1"}
    denied = play(TOUR, planner(entries=after_tool("denied by you", failed=True)))
    assert json.loads(denied.text) == {"verdict": "So I do not: denied by you"}


def test_other_instructions_give_another_answer():
    critic: dict[str, Any] = {"agent": "critic", "inputs": {"question": "x", "n": 0.5}}
    assert play(TOUR, asked(system="Be rude!", **critic)).text == "Rubbish."
    kind = json.loads(play(TOUR, asked(system="Be kind.", **critic)).text)
    assert kind == {"verdict": 0.5, "missing": "{nothing}", "object": {"deep": ["x"]}}


def test_what_a_person_says_meanwhile_is_heard():
    entries = (Entry("user", "Go."), Entry("assistant", "..."), Entry("user", "please hurry up"))
    assert play(TOUR, asked(agent="x", entries=entries)).text == "I hurry."


def test_without_an_answer_the_signature_makes_one():
    reply = play(TOUR, planner(entries=after_tool("4", rounds=3)))
    verdict = json.loads(reply.text)
    assert verdict == {"verdict": "planner: verdict for do the tests pass?"}
    assert play(TOUR, asked(agent="x", inputs={"q": "why"})).text == "x for why"


def test_the_same_request_gets_the_same_answer_and_counts_words():
    request = planner(entries=after_tool("4"))
    assert play(TOUR, request) == play(TOUR, request)
    usage = play(TOUR, request).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd) == (6, 6, 0.0)


def test_text_streams_at_a_pace():
    heard: list[str] = []
    paced = "playbook: p\ntokens_per_s: 200\nanswers: [{reply: one two  three}]"
    reply = play(paced, asked(), heard.append)
    assert heard == ["one", " two", "  three"]
    assert reply.text == "one two  three"
    at_once: list[str] = []
    play("playbook: p\nanswers: [{reply: one two}]", asked(), at_once.append)
    assert at_once == ["one two"]


def test_latency_and_drip_end_with_the_requests_time():
    for answer in ("{reply: x, latency_s: 60}", "{fault: slow, reply: a b c d e f g}"):
        with pytest.raises(ModelError) as caught:
            play(f"playbook: p\nanswers: [{answer}]", asked(timeout_s=0.1))
        assert caught.value.data["reason"] == "timeout"


@pytest.mark.parametrize(
    "fault", ["timeout", "unreachable", "rate_limited", "malformed", "truncated", "empty"]
)
def test_a_staged_fault_is_a_typed_error(fault: str):
    heard: list[str] = []
    text = f"playbook: p\nanswers: [{{fault: {fault}, reply: abcdef, retry_after_s: 3}}]"
    with pytest.raises(ModelError) as caught:
        play(text, asked(), heard.append)
    assert caught.value.data["reason"] == fault
    assert caught.value.data["retry"] is True
    assert caught.value.data["retry_after_s"] == 3.0
    assert isinstance(caught.value, ModelUnreachable) is (fault == "unreachable")
    assert heard == (["abc"] if fault == "truncated" else [])


def test_garbage_and_unknown_tools_are_whole_replies_for_others_to_refuse():
    garbage = play("playbook: p\nanswers: [{fault: garbage}]", asked(schema=VERDICT))
    with pytest.raises(json.JSONDecodeError):
        json.loads(garbage.text)
    reply = play("playbook: p\nanswers: [{fault: unknown_tool}]", asked(tools=(ADD,)))
    assert reply.calls == (ToolCall("no_such_tool", {}),)


def test_an_answer_that_comes_out_empty_is_an_error_naming_its_line():
    with pytest.raises(ModelError, match=r"tour.yaml:3"):
        play("playbook: p\nanswers:\n  - reply: '{result}'", asked())


def test_templates_reach_into_results_and_leave_code_alone():
    holes = {"result": '{"files": ["a.py", "b.py"]}', "plan": {"steps": [1]}}
    assert filled("{result.files.1} {plan.steps}", holes) == "b.py [1]"
    assert filled("{plan.steps.0}", holes) == 1
    for text in ('{"a": 1}', "f'{x}'", "{result.nothing}", "{plan.steps.9}", "{}"):
        assert filled(text, holes) == text


@given(st.text())
def test_a_text_without_holes_is_said_as_it_is(text: str):
    assert filled(text, {}) == text


WRONG = [
    ("playbook: p\nanswers:\n  - reply: x\n    when: {rund: 0}", "w:4", "no key 'rund'", "round"),
    ("playbook: p\nanswer: []", "w:2", "no key 'answer'", "answers"),
    ("playbook: p\nanswers:\n- {falt: empty}", "w:3", "no key 'falt'", "fault"),
    ("playbook: p\nanswers:\n- fault: timout", "w:3", "no fault 'timout'", "timeout"),
    ("playbook: p\nanswers:\n- when: {round: soon}\n  reply: x", "w:3", "no round", None),
    ("playbook: p\nanswers:\n- {agent: x}", "w:3", "needs one of", None),
    ("playbook: p\nanswers:\n- {reply: x, calls: []}", "w:3", "needs one of", None),
    ("playbook: p\nanswers:\n- calls: [{arguments: {}}]", "w:3", "names no 'tool'", None),
    ("playbook: p\nanswers:\n- reply: [1]", "w:3", "text or a mapping", None),
    ("playbook: p\nanswers:\n- {reply: x, latency_s: -1}", "w:3", "from 0 to 3600", None),
    ("playbook: p\nanswers:\n- {reply: x, when: {failed: maybe}}", "w:3", "true or false", None),
    ("playbook: p\nanswers: {}", "w:2", "must be a list", None),
    ("playbook: p\nplaybook: q", "w:2", "'playbook' stands twice", None),
    ("playbook: p\nanswers:\n\t- x", "w:3", "not YAML", None),
    ("playbook: !!python/object:os.system x", "w:1", "tag", None),
    ("answers: []", "w:1", "'playbook' with its name is missing", None),
    ("- 1", "w:1", "must be a mapping", None),
    ("", "w:1", "must be a mapping", None),
    ("playbook: [" * 60, "w:", "", None),
]


@pytest.mark.parametrize(("text", "place", "message", "near"), WRONG)
def test_what_is_wrong_in_a_file_is_named_with_its_line_and_key(
    text: str, place: str, message: str, near: str | None
):
    with pytest.raises(ConfigError) as caught:
        read_playbook(text, "w")
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)
    assert caught.value.data["nearest"] == near


def test_a_bomb_of_aliases_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    with pytest.raises(ConfigError, match="more than 16 aliases"):
        read_playbook("\n".join(lines), "bomb")
    with pytest.raises(ConfigError, match="contains itself"):
        read_playbook("playbook: &p [*p]", "loop")
    with pytest.raises(ConfigError, match="larger than"):
        read_playbook("x" * 2_000_000, "big")


@given(st.text(alphabet="{}[]&*:-\"' \nab!?|>%@`0", max_size=60))
def test_no_text_at_all_breaks_the_reader(text: str):
    with suppress(ConfigError):
        assert read_playbook("playbook: p\nanswers:\n" + text, "any").name == "p"


def test_playbooks_are_found_by_name_and_read_again_when_changed(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder, says in ((first, "from a"), (second, "from b")):
        folder.mkdir()
        (folder / "tour.playbook.yaml").write_text(f"playbook: t\nanswers: [{{reply: {says}}}]")
    (second / "other.playbook.yaml").write_text("playbook: o")
    model = PlaybookModel((first, second, tmp_path / "nowhere"))

    def said(name: str) -> str:
        return asyncio.run(model.complete(asked(model=name), ignore)).text

    assert said("playbook:tour") == "from a"
    (first / "tour.playbook.yaml").write_text("playbook: t\nanswers: [{reply: changed}]")
    assert said("playbook:tour") == "changed"
    names = [info.name for info in asyncio.run(model.models())]
    assert names == ["playbook:default", "playbook:other", "playbook:tour"]
    assert model.find("playbook:") is model.find("playbook:default") is DEFAULT
    for name in ("playbook:tuor", "playbook:../a/tour", "playbook:/etc/passwd"):
        with pytest.raises(UnknownName):
            model.find(name)


def test_an_unreadable_file_is_named(tmp_path: Path):
    (tmp_path / "bad.playbook.yaml").write_bytes(b"playbook: \xff\xfe")
    with pytest.raises(ConfigError, match=r"bad\.playbook\.yaml"):
        PlaybookModel((tmp_path,)).find("playbook:bad")
