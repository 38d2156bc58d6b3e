"""The world outside: a ledger of its own that every act is written to, and the ways to act.

An act is one line, synced. It names its *token*, which is unique within a case, so that what was
done can be held against what the log says. Nothing of the workbench reads or writes the ledger.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.agent.conversation import (
    Capabilities,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
)
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import WorkbenchError
from workbench.run.run import Run
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.keyed import IdempotencyKey
from workbench.workflow.verbs import call, use

SLOW_S = 0.03
"""How much later the slower one of two comes."""

BIG_CHARS = 40_000
"""A text so long does not stand in a row."""


class Ledger:
    """What really happened in one case, in the order in which it did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, what: str, **data: Any) -> None:
        """Add a line and have it on disk."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, json.dumps({"what": what, **data}).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[dict[str, Any]]:
        """All lines."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def acts(self, token: str) -> list[dict[str, Any]]:
        """How often this was done."""
        return [line for line in self.read() if line["what"] == "act" and line["token"] == token]


class Here:
    """Where this process acts: what functions at module level cannot be given."""

    ledger: Ledger
    incarnation: int = 0
    bench: Workbench
    run: Run | None = None
    hit: Callable[[str], None]


def act(token: str, key: str = "", *, pure: bool = False) -> str:
    """Do it."""
    Here.hit("before the act")
    note(token, key, pure=pure)
    Here.hit("acted")
    return done(token)


def note(token: str, key: str = "", *, pure: bool = False) -> None:
    """Have it in the ledger that something was done."""
    run = Here.run.run_id if Here.run is not None else ""
    told = {"token": token, "key": key, "pure": pure, "run": run}
    Here.ledger.write("act", incarnation=Here.incarnation, **told)


def done(token: str) -> str:
    """What doing it returns."""
    big = "x" * BIG_CHARS if "big" in token else ""
    return f"did {token} {big}".strip()


async def do(token: str, late_s: float = 0.0) -> str:
    """Act on the loop; with ``late_s`` the answer comes later than the act."""
    result = act(token)
    await asyncio.sleep(late_s)
    return result


def do_plainly(token: str) -> str:
    """Act in a thread."""
    return act(token)


async def do_purely(token: str, late_s: float = 0.0) -> str:
    """Act, so that doing it again would change nothing."""
    result = act(token, pure=True)
    await asyncio.sleep(late_s)
    return result


async def fail(token: str, pure: bool = False, *, key: IdempotencyKey) -> str:
    """Act, and fail."""
    act(token, key, pure=pure)
    raise WorkbenchError(f"{token} went wrong")


async def cancel_the_run(token: str) -> str:
    """Have the run cancelled from outside, while this goes on."""
    result = act(token, pure=True)
    assert Here.run is not None
    Here.run.cancel(reason="the test says so")
    await asyncio.sleep(SLOW_S)
    return result


async def suspend_the_run(token: str) -> str:
    """Have the run suspended from outside, the first time."""
    result = act(token, pure=True)
    if len(Here.ledger.acts(token)) == 1:
        assert Here.run is not None
        Here.run.interrupt("immediate", by="program")
        await asyncio.sleep(10)
    return result


async def press(effect: Effect[Any], _key: str, idempotency: str) -> str:
    """A front's own kind of effect."""
    return act(effect.arguments["token"], idempotency, pure=effect.repeat is Repeat.PURE)


@tool(repeat="unsafe", danger="SAFE")
async def deed(token: str) -> str:
    """Do it."""
    return act(token)


@tool(repeat="unsafe", danger="HIGH")
async def dangerous_deed(token: str) -> str:
    """Do it, when a person allows it."""
    return act(token)


@tool(repeat="pure", danger="SAFE")
async def look(token: str) -> str:
    """Look at it."""
    return act(token, pure=True)


@tool(repeat="unsafe", danger="SAFE")
def plain_deed(token: str) -> str:
    """Do it in a thread; nobody can tell later whether it was done."""
    return act(token)


@tool(repeat="keyed", danger="SAFE")
async def keyed_deed(token: str, key: IdempotencyKey) -> str:
    """Do it; the other side knows the idempotency key."""
    return act(token, key)


TOOLS = (deed, dangerous_deed, look, plain_deed, keyed_deed)

KINDS = ("pure", "keyed", "probeable", "unsafe", "threaded", "tool", "mixed")


def wanted(kind: str, token: str, late_s: float = 0.0) -> Effect[Any]:
    """The effect of a class that does this."""
    if kind == "mixed":
        # By the token without its case, so that every case of a style is alike.
        kind = KINDS[sum(token.partition(".")[2].encode()) % 6]
    match kind:
        case "pure":
            return call(do_purely, token, late_s, repeat="pure")
        case "keyed":
            return use(keyed_deed, token=token)
        case "probeable":
            return use("write_file", path=f"{token[4:]}.txt", content=token)
        case "threaded":
            return call(do_plainly, token)
        case "tool":
            return use(plain_deed, token=token)
        case _:
            return call(do, token, late_s)


async def deed_of(kind: str, token: str, late_s: float = 0.0) -> str:
    """Have it done; what comes back says of every class the same."""
    found = await wanted(kind, token, late_s)
    return done(token) if isinstance(found, dict) else found


class Talker:
    """A model: calls two tools at once, then another one, then answers."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer by how often it has spoken in this turn."""
        round_ = sum(entry.role == "assistant" for entry in request.entries)
        name = f"{request.inputs['task']}.{request.agent}"
        said = act(f"tok:{name}.{round_}", pure=True)
        on_delta(said)
        tools = [spec.name for spec in request.tools]
        calls = [ToolCall(t, {"token": f"tok:{name}.{round_}.{t}"}) for t in tools]
        if round_ == 0 and calls:
            return ModelReply(said, tuple(calls[:2]), finish="tools", model="talker")
        if round_ == 1 and len(calls) > 2:
            return ModelReply(said, tuple(calls[2:]), finish="tools", model="talker")
        return ModelReply(said, model="talker")

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        """Nothing."""
        del request
        return 0.0, 0.0

    async def capabilities(self, model: str) -> Capabilities:
        """Nobody knows."""
        del model
        return Capabilities()

    async def models(self) -> list[ModelInfo]:
        """None to choose from."""
        return []

    async def close(self) -> None:
        """Nothing to let go of."""
