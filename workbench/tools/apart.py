"""Do work that could take for ever in a process that can be killed.

Python's regular expressions, and the HTML parser that is built on them, need quadratic or worse
time on hostile text, and nothing in the same process can interrupt them. Here a function of ours
runs in a fresh interpreter with a time limit: its question goes in and its answer comes out as
values, and it has no environment, no descriptor and no memory of ours.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from importlib import import_module
from typing import Any

from workbench.errors import Denied, ToolError, WorkbenchError
from workbench.values import Json, dumps, loads

_CHILD = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    "from workbench.tools.apart import answer; answer()"
)
_MEMORY_BYTES = 2 * 1024**3
_SPARE_S = 1.0
"""For starting the interpreter."""


async def apart(where: str, question: dict[str, Any], limit_s: float, what: str) -> Any:
    """Run ``module:function`` with a question's items as arguments; return what it returns.

    Raises:
        ToolError: when it takes too long (``what`` names it), or what it raised itself.
        Denied: when it did.
    """
    paths = [entry for entry in sys.path if entry]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", _CHILD, dumps(paths).decode(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd="/", env={},
    )  # fmt: skip
    asked = dumps({"where": where, "question": question, "limit_s": limit_s})
    try:
        async with asyncio.timeout(limit_s + _SPARE_S):
            answered, _ = await process.communicate(asked)
    except TimeoutError:
        raise ToolError(f"{what} took longer than {limit_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    return _read(answered, what)


def answer() -> None:
    """The other process: one question on standard input, one answer on standard output."""
    asked = loads(sys.stdin.buffer.read())
    seconds = int(asked["limit_s"] + _SPARE_S) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    module, _, function = asked["where"].partition(":")
    reply: dict[str, Json]
    try:
        reply = {"result": getattr(import_module(module), function)(**asked["question"])}
    except Denied as error:
        reply = {"denied": str(error)}
    except WorkbenchError as error:
        reply = {"failed": str(error)}
    sys.stdout.buffer.write(dumps(reply))


def _read(answered: bytes, what: str) -> Any:
    if not answered:
        raise ToolError(f"{what} ended without an answer")
    reply = loads(answered)
    if "denied" in reply:
        raise Denied(reply["denied"])
    if "failed" in reply:
        raise ToolError(reply["failed"])
    return reply["result"]
