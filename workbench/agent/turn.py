"""A turn: one agent answering once, tools included, as a workflow over the gate.

Model, tools, model, … until there is an answer that the signature accepts. What goes wrong with
a tool is told to the model, which may react; what goes wrong with the model is mended once and
then fails. The turn holds the conversation; requests name it by digest, so a long turn costs the
log what was newly said and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from workbench.agent import media
from workbench.agent.agent import Agent
from workbench.agent.conversation import Conversation, Entry, ModelReply, Shown, ToolCall
from workbench.agent.prompt import asked, render_repair
from workbench.agent.taking import taken_in
from workbench.agent.tool import Tool
from workbench.errors import (
    Cancelled,
    InputError,
    LimitReached,
    ModelError,
    ReplyError,
    StepFailed,
    UnknownName,
)
from workbench.values import dumps
from workbench.workflow.effects import Effect
from workbench.workflow.verbs import ask, follow, together

FINAL = frozenset({"limit", "store_full", "in_doubt"})
"""Failures of a tool call that end the turn; all others are told to the model."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelAsk:
    """What the gate needs to render a model request."""

    agent: Agent
    inputs: Mapping[str, Any]
    conversation: Conversation
    tools: Sequence[Tool]


@dataclass(frozen=True, slots=True, eq=False)
class ToolUse:
    """A tool and why the model wants it, in its own words."""

    tool: Tool
    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a model call brought: the reply, and what a person said to the agent before it."""

    reply: ModelReply
    steered: tuple[str, ...] = ()
    offered: tuple[str, ...] | None = None
    """Names of the tools the model was offered, when a fork gave it others than the agent's."""


@dataclass(slots=True)
class Turned:
    """What a turn did besides answering: its tool calls, in order, with what came of each."""

    calls: list[tuple[ToolCall, Entry]] = field(default_factory=list["tuple[ToolCall, Entry]"])

    @property
    def acted(self) -> dict[str, int]:
        """How often which tool was called with success."""
        return dict(Counter(call.name for call, told in self.calls if not told.failed))

    def evidence(self) -> list[str]:
        """A line for each call, to be judged by."""
        return [
            f"{call.name} {_short(dumps(call.arguments).decode())} "
            f"{'failed' if told.failed else 'returned'}: {_short(told.text)}"
            for call, told in self.calls
        ]


async def turn(
    agent: Agent,
    tools: Mapping[str, Tool],
    inputs: Mapping[str, Any],
    find: Callable[[str], Tool] | None = None,
    *,
    check: Callable[[Mapping[str, Any]], None] = lambda _reply: None,
    turned: Turned | None = None,
) -> dict[str, Any]:
    """Answer once; the outputs as values.

    Args:
        agent: who answers.
        tools: its tools, by name.
        inputs: of its signature.
        find: any other tool by name, for a fork that gives the agent others than its own.
        check: refuses a reply that fits the signature and yet will not do, by a ReplyError.
        turned: filled with what the turn did.

    Raises:
        ReplyError: the model's answer did not fit the signature twice running.
        LimitReached: the agent used all its rounds.
    """
    signature = asked(agent)
    tools = {} if agent.style == "single" else tools
    inputs = await taken_in(agent.signature.inputs, inputs)
    conversation, repaired = Conversation(), False
    for _ in range(agent.max_rounds):
        said = await ask_model(ModelAsk(agent, inputs, conversation, list(tools.values())))
        conversation = _heard(conversation.named(), said)
        if said.reply.calls:
            told = await _used(_offered(tools, said, find), said.reply)
            conversation = conversation.add(*told)
            if turned is not None:
                turned.calls += zip(said.reply.calls, told, strict=True)
            continue
        try:
            found = signature.read_reply(said.reply.text)
            check(found)
        except ReplyError as error:
            if repaired:
                raise
            repaired = True
            repair = render_repair(signature, said.reply.text, error)
            conversation = conversation.add(Entry("user", repair))
        else:
            return {field.name: found[field.name] for field in agent.signature.outputs}
    raise LimitReached(
        f"agent {agent.name!r} used all its {agent.max_rounds} rounds without an answer",
        hint="Raise max_rounds, or give it an easier task",
        limit="rounds",
    )


def _offered(
    tools: Mapping[str, Tool], said: Said, find: Callable[[str], Tool] | None
) -> Mapping[str, Tool]:
    """What the model could call when it said this: its row tells, so a replay sees the same."""
    if said.offered is None or find is None:
        return tools
    return {name: tools.get(name) or find(name) for name in said.offered}


def ask_model(request: ModelAsk) -> Effect[Said]:
    """One model call: named by agent, tools and conversation; rendered at the gate.

    The tools of a turn are named by its first request, and the head covers every entry: a
    request says again only what no row holds.
    """
    agent, conversation = request.agent, request.conversation
    new = conversation.entries[conversation.sent :]
    arguments: dict[str, Any] = {
        "agent": agent.name,
        "head": conversation.head,
    }
    said = [entry.text for entry in new if entry.role == "user"]
    if said:
        arguments["said"] = said
    if not conversation.entries:
        arguments["tools"] = [tool.name for tool in request.tools]
    return Effect("model", "", arguments, subject=request, decode=_said)


def _said(result: dict[str, Any]) -> Said:
    calls = tuple(ToolCall(c["name"], c["arguments"], c["id"]) for c in result.get("calls", ()))
    if result.get("finish") == "length":
        raise ModelError(
            "the model was cut off at its token limit",
            hint="Raise max_tokens in the agent's options",
            text=result["text"],
        )
    reply = ModelReply(result["text"], calls, model=result.get("model", ""))
    offered = result.get("offered")
    return Said(
        reply, tuple(result.get("steered", ())), None if offered is None else tuple(offered)
    )


def _heard(conversation: Conversation, said: Said) -> Conversation:
    heard = [Entry("user", text) for text in said.steered]
    return conversation.add(*heard, Entry("assistant", said.reply.text, said.reply.calls))


async def _used(tools: Mapping[str, Tool], reply: ModelReply) -> list[Entry]:
    """Call everything the model asked for; one entry for each call, in its order."""
    if len(reply.calls) == 1:
        return [await _use(tools, reply.calls[0], reply.text)]
    return cast("list[Entry]", await together(_use(tools, c, reply.text) for c in reply.calls))


async def _use(tools: Mapping[str, Tool], call: ToolCall, why: str) -> Entry:
    def failed(message: str) -> Entry:
        return Entry("tool", message, call_id=call.id, name=call.name, failed=True)

    tool = tools.get(call.name)
    if tool is None:
        return failed(str(UnknownName("tool", call.name, tools)))
    try:
        arguments = tool.read(call.arguments)
        result = await _wanted(tool, arguments, why)
    except InputError as error:
        return failed(str(error))
    except StepFailed as error:
        own = tool.scope is not None and error.data.get("limit") == "rounds"
        if error.error_code in FINAL and not own:
            raise
        text = str(error)
        told = text.startswith(error.error_code)
        return failed(text if told else f"{error.error_code}: {text}")
    except Cancelled as error:
        if error.reason != "call":
            raise
        return failed("cancelled: a person ended this call")
    if media.is_reference(result) and "digest" in result and result["media"] != "document":
        return Shown("tool", media.told(result), call_id=call.id, name=call.name, media=result)
    return Entry("tool", text_of(result), call_id=call.id, name=call.name)


def _wanted(tool: Tool, arguments: dict[str, Any], why: str) -> Effect[Any]:
    """What a call is: a scope if it is handed over, else a deed."""
    if isinstance(tool.scope, Agent):
        return ask(tool.scope, **arguments)
    if tool.scope is not None:
        return follow(tool.scope, **arguments)
    return Effect("tool", tool.name, arguments, ToolUse(tool, why), tool.repeat)


def _short(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:300]} … {text[-100:]}"


def text_of(result: object) -> str:
    """A tool's result as a model reads it."""
    return result if isinstance(result, str) else dumps(result).decode()
