"""A program that drives a run until it is told otherwise: ``drive(FOLDER, WHAT, POINT)``.

It says on stdout what happens, one word a line: ``asked`` once something waits, ``model`` once a
model call is under way, ``acting`` inside an effect that cannot be repeated, ``notice …`` for what
its person would be told, and ``following`` once it follows what it drove. At POINT, a step of
taking up a request, it kills itself; at ``renaming`` it stops there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.run.stage import opened
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.journal.files import TEMPORARY
from workbench.run import requests as taking
from workbench.run.world import Live
from workbench.tools import replacing
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, use

RUN = "driven"
POINTS = ("rung", "read", "carried", "settled")
"""The steps of taking up a request."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def add_line(folder: str, text: str) -> str:
    """Add a line to the ledger; what cannot be repeated."""
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
    return f"{text} is there"


@tool(danger="HIGH", repeat="unsafe")
async def deed(folder: str) -> str:
    """Add a line to the ledger."""
    return add_line(folder, "deed")


async def act(folder: str) -> str:
    """Add a line, and take for ever after that."""
    add_line(folder, "act")
    say("acting")
    await asyncio.Event().wait()
    return "never"


@pattern
async def approving(folder: str) -> str:
    """Do something once it is allowed."""
    return await use(deed, folder=folder)


@pattern
async def thinking(folder: str) -> Any:
    """Ask somebody who takes for ever."""
    del folder
    return await ask(Agent("thinker", "task: str -> text: str"), task="think")


@pattern
async def acting(folder: str) -> str:
    """Be in the middle of something."""
    return await call(act, folder)


@pattern
async def filing(folder: str) -> Any:
    """Write a file, twice."""
    del folder
    first = await use("write_file", path="a", content="first")
    return [first, await use("write_file", path="a", content="second")]


PATTERNS = {one.name: one for one in (approving, thinking, acting, filing)}


async def _for_ever(_request: ModelRequest) -> str:
    say("model")
    await asyncio.Event().wait()
    return "never"


def drive(folder: str, what: str, point: str = "") -> None:
    """Drive a run, and stay when it is taken away."""
    asyncio.run(_drive(Path(folder), what, point))


async def _drive(folder: Path, what: str, point: str) -> None:
    async with opened(folder, _for_ever, mode="edits") as bench:
        if point == "renaming":
            _stop_before_renaming()
        else:
            _die_at(bench, point)

        def told(event: Event | Live) -> None:
            if isinstance(event, Event):
                if event.kind == "approval.asked":
                    say("asked")
                say(f"row {event.kind}")
            elif event.kind == "notice":
                say(f"notice {event.data['text']}")
            elif event.kind == "driver":
                say(f"following {event.data['driver']}")

        bench.subscribe(told)
        await bench.start(PATTERNS[what], run_id=RUN, folder=str(folder))
        await asyncio.Event().wait()


def _stop_before_renaming() -> None:
    """Be stopped in the instant in which a file that is whole takes its name."""
    true = os.rename

    def rename(*given: Any, **named: Any) -> None:
        if str(given[0]).startswith(TEMPORARY):
            say("renaming")
            # To this thread: another one would stop an instant later, and this go on meanwhile.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        true(*given, **named)

    replacing.os.rename = rename


def _die_at(bench: Workbench, point: str) -> None:
    """Surround the steps of taking up a request."""
    shared: Any = bench.store.shared
    steps: dict[str, tuple[Any, str, bool]] = {
        "rung": (shared, "beat", False),
        "read": (shared, "open_requests", True),
        "carried": (taking, "carry_out", True),
        "settled": (shared, "settle", True),
    }
    if not point:
        return
    where, name, after = steps[point]
    true: Callable[..., Any] = getattr(where, name)

    def surrounded(*given: Any) -> Any:
        # The first looks are for requests that came before the run.
        if name in {"beat", "open_requests"} and not shared.__class__.open_requests(shared):
            return true(*given)
        found = true(*given) if after else None
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(where, name, surrounded)


def request(folder: str, point: str) -> None:
    """Ask the owner to steer, and die at a step of that."""
    asyncio.run(_request(Path(folder), point))


async def _request(folder: Path, point: str) -> None:
    from workbench.store import shared

    async with opened(folder) as bench:
        true = shared.ring

        def ring(*given: Any) -> bool:
            if point == "added":
                os.kill(os.getpid(), signal.SIGKILL)
            rung = true(*given)
            if point == "rung":
                os.kill(os.getpid(), signal.SIGKILL)
            return rung

        shared.ring = ring
        await bench.request(RUN, "steer", agent="x", text="once")
