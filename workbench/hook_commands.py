"""Hooks that are commands of the user's settings: asked before an effect, or told of a row.

The call goes in as one JSON object on standard input, never as words of a command line, so what a
model wrote reaches a hook as data only. No shell is started, the environment is the bare one that
commands of agents get, and the program is never looked for where agents can write.

A command that ends with 0 has nothing to say, unless it prints ``{"arguments": {...}}``: those are
used instead. Any other end refuses the effect, for the reason that it printed on standard error;
so do a program that is missing, one that takes too long, and an answer that is none.

After an effect, or when something has happened, it gets the row instead. It is told, not asked:
what it prints is ignored, and a bad end is said and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast

from workbench.errors import InputError, ToolError
from workbench.journal.audit import object_in
from workbench.journal.events import Event
from workbench.plain import one_line
from workbench.run.hook_events import BEFORE
from workbench.run.hooks import Hook, HookCall, Refused
from workbench.tools.place import Place
from workbench.values import dumps

_MOST: Final = 2**20
"""Bytes that are read of an answer, and of a reason."""
_REASON_CHARS: Final = 500
DEADLINE_S: Final = 5.0


def hooks_of(settings: Sequence[Mapping[str, Any]], place: Place) -> Iterator[Hook]:
    """The hooks that the settings name, in their order."""
    for one in settings:
        command = (os.path.expanduser(one["command"][0]), *one["command"][1:])  # noqa: PTH111
        yield Hook(
            one["event"],
            _asking(command, place) if one["event"] in BEFORE else _telling(command, place),
            where=one.get("where", ""),
            priority=one.get("priority", 0),
            deadline_s=one.get("deadline_s", DEADLINE_S),
            name=one.get("name") or Path(command[0]).name,
            is_async=True,
        )


def _asking(command: tuple[str, ...], place: Place) -> Any:
    async def asked(call: HookCall) -> Mapping[str, Any] | None:
        return await _ask(command, place, call)

    return asked


def _telling(command: tuple[str, ...], place: Place) -> Any:
    async def told(row: Event) -> None:
        code, _, why = await _end_of(command, place, dumps(asdict(row)))
        if code:
            raise ToolError(f"it ended with {code} {_reason(why)}".rstrip())

    return told


async def _ask(command: tuple[str, ...], place: Place, call: HookCall) -> Mapping[str, Any] | None:
    code, said, why = await _end_of(command, place, _question(call))
    if code:
        raise Refused(_reason(why) or f"it ended with {code}")
    return _answer(said)


async def _end_of(command: tuple[str, ...], place: Place, given: bytes) -> tuple[int, bytes, bytes]:
    """Run it to its end: exit code and both outputs. Cancelled, it is killed."""
    process = await _start(command, place)
    try:
        return await _told(process, given)
    finally:
        if process.returncode is None:  # it took too long, or said too much
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())


async def _start(command: tuple[str, ...], place: Place) -> Process:
    from workbench.tools.shell import environment, find_program, in_workspace  # noqa: PLC0415

    program = find_program(command[0], place)
    if program is None:
        raise ToolError(f"there is no program {command[0]!r}")
    if in_workspace(program, place):
        raise ToolError(f"{program} lies in the workspace, where agents can write")
    return await asyncio.create_subprocess_exec(
        *command, executable=program, cwd=place.workspace, env=environment(),
        stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True, limit=_MOST,
    )  # fmt: skip


def _question(call: HookCall) -> bytes:
    said = {name: getattr(call, name) for name in ("event", "run_id", "key", "agent", "kind")}
    return dumps({**said, "name": call.name, "arguments": dict(call.arguments)})


async def _told(process: Process, question: bytes) -> tuple[int, bytes, bytes]:
    """Exit code and both outputs. A command need not read what it is told."""
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None and stdout is not None and stderr is not None  # noqa: PT018

    async def tell() -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(question)
            await stdin.drain()
        stdin.close()

    _, said, why = await asyncio.gather(tell(), _read(stdout), _read(stderr))
    return await process.wait(), said, why


async def _read(stream: asyncio.StreamReader) -> bytes:
    """All that comes, up to a bound. Raises ToolError beyond it."""
    found = bytearray()
    while piece := await stream.read(2**16):
        found += piece
        if len(found) > _MOST:
            raise ToolError(f"it printed more than {_MOST} bytes")
    return bytes(found)


def _reason(why: bytes) -> str:
    return one_line(" ".join(why.decode("utf-8", "replace").split())[:_REASON_CHARS])


def _answer(said: bytes) -> Mapping[str, Any] | None:
    if not said.strip():
        return None
    try:
        answer = object_in(json.loads(said))
    except (ValueError, RecursionError):
        raise InputError("it printed something that is no JSON") from None
    arguments = answer.get("arguments")
    if len(answer) != 1 or not isinstance(arguments, dict):
        raise InputError('it printed something else than {"arguments": {…}}')
    return cast("dict[str, Any]", arguments)
