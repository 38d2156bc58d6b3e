"""The parent's end of the litellm worker: start it, ask it, notice its death.

One process serves many requests at once. When it dies, every waiting request fails with an error
that may be tried again, and the next request starts a fresh one.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from workbench.errors import ModelError
from workbench.models.failures import failed
from workbench.models.wire import encode

GRACE_S = 3.0
"""The worker keeps a request's time itself; this much later its parent no longer believes it."""
_LINE_LIMIT = 64 * 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]

Message = dict[str, Any]


@dataclass(slots=True, eq=False)
class WorkerProcess:
    """One running worker."""

    process: asyncio.subprocess.Process
    waiting: dict[int, asyncio.Queue[Message]] = field(
        default_factory=dict[int, "asyncio.Queue[Message]"]
    )
    chatter: deque[str] = field(default_factory=lambda: deque[str](maxlen=50))
    """The last lines on its standard error."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    dead: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @staticmethod
    async def start(environ: Mapping[str, str], timeout_s: float) -> WorkerProcess:
        """Start a worker and wait until litellm is imported.

        Raises:
            ModelError: it did not come up.
        """
        # Not from the working directory, which may be a stranger's repository: -P keeps it out of
        # the import path, and / keeps litellm from files it might look for.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "workbench.models.litellm_worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environ, "PYTHONPATH": str(_ROOT)},
            cwd="/",
            start_new_session=True,
            limit=_LINE_LIMIT,
        )
        worker = WorkerProcess(process)
        worker.tasks = [
            asyncio.create_task(worker._read()),
            asyncio.create_task(worker._overhear()),
        ]
        try:
            async with asyncio.timeout(timeout_s):
                await worker.ready.wait()
        except TimeoutError:
            await worker.close()
            raise failed(
                f"litellm's worker was not ready within {timeout_s:g} s", "worker"
            ) from None
        except asyncio.CancelledError:
            await worker.close()
            raise
        if worker.dead:
            await worker.close()
            raise worker._death()
        return worker

    async def ask(
        self, message: Message, timeout_s: float, on_text: Callable[[str], None]
    ) -> Message:
        """Ask one thing and wait for its line with ``done`` or ``error``.

        Being cancelled, or a failing ``on_text``, cancels the job in the worker.
        """
        number = next(self.numbers)
        answers: asyncio.Queue[Message] = asyncio.Queue()
        self.waiting[number] = answers
        over = False
        try:
            async with asyncio.timeout(timeout_s + GRACE_S):
                await self._send({**message, "id": number})
                while "text" in (answer := await answers.get()):
                    on_text(answer["text"])
            over = True
            return answer
        except TimeoutError:
            raise failed(f"litellm's worker is silent since {timeout_s:g} s", "timeout") from None
        finally:
            del self.waiting[number]
            if not over and not self.dead:
                self._write({"id": number, "do": "cancel"})

    async def close(self) -> None:
        """End the worker: its input ends, and when that is not enough, so does it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(2):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await asyncio.gather(*self.tasks)

    async def _send(self, message: Message) -> None:
        assert self.process.stdin is not None
        if self.dead:
            raise self._death()
        try:
            self._write(message)
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise self._death() from None

    def _write(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(message) + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            message = orjson.loads(line)
            if "ready" in message:
                self.ready.set()
            elif answers := self.waiting.get(message["id"]):
                answers.put_nowait(message)
        self.dead = True
        self.ready.set()
        for answers in self.waiting.values():
            answers.put_nowait({"error": {"class": "WorkerDied", "message": str(self._death())}})

    async def _overhear(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(4096):
            self.chatter.extend(piece.decode("utf-8", "replace").splitlines())

    def _death(self) -> ModelError:
        said = next((line for line in reversed(self.chatter) if line.strip()), "")
        return failed("litellm's worker process died", "worker", said=said[:300])
