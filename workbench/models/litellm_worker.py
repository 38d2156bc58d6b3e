"""The worker process in which litellm lives: `python -m workbench.models.litellm_worker`.

Importing litellm takes seconds and 200 MB, asks the network, reads ``.env`` and prints. So it does
that here: switches set before the import, standard output kept for the protocol alone (whatever
litellm prints goes to standard error), no retries of its own, and an end by ``os._exit``.

The protocol is one JSON object a line. In: ``{"id", "do": "complete" | "embed" | "models" |
"cancel", …}``. Out: ``{"ready": true}``, then ``{"id", "text"}`` for each piece and one of
``{"id", "done": {…}}`` or ``{"id", "error": {…}}``. The end of the input, which is also the end of
the parent, ends the worker at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from importlib import import_module
from typing import IO, Any

SWITCHES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # A row of dashes is no loop; time and token limits end real ones.
    "REPEATED_STREAMING_CHUNK_LIMIT": "1000000",
}
"""Set before the import: no network, no ``.env``, no chatter."""

Message = dict[str, Any]


class Worker:
    """The jobs that run, and the one way out."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out = out
        self.jobs: dict[int, asyncio.Task[Message]] = {}
        self.known: set[str] = set()

    def say(self, message: Message) -> None:
        """Write one line; always on the loop's thread."""
        self.out.write(json.dumps(message).encode() + b"\n")
        self.out.flush()

    def take(self, message: Message) -> None:
        """Begin a job, or cancel one."""
        number = int(message["id"])
        if message["do"] == "cancel":
            if task := self.jobs.get(number):
                task.cancel()
            return
        work = getattr(import_module("workbench.models.litellm_jobs"), message["do"])
        bounded = asyncio.wait_for(work(self, message), message["timeout"])
        task = asyncio.get_running_loop().create_task(bounded)
        self.jobs[number] = task
        task.add_done_callback(lambda task: self.ended(number, task))

    def ended(self, number: int, task: asyncio.Task[Message]) -> None:
        """Tell how a job ended; whatever litellm may raise arrives here."""
        del self.jobs[number]
        if task.cancelled():
            self.say({"id": number, "error": {"class": "Cancelled", "message": "cancelled"}})
        elif error := task.exception():
            self.say({"id": number, "error": facts(error)})
        else:
            self.say({"id": number, "done": task.result()})


def facts(error: BaseException) -> Message:
    """What is known of a failure: its class, causes, status, words and when to come back."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    more: Any = getattr(error, "litellm_response_headers", None) or {}
    status = getattr(error, "status_code", None)
    return {
        "class": type(error).__name__,
        "causes": causes(error),
        "status": int(status) if isinstance(status, int) else None,
        "message": str(getattr(error, "message", "") or error)[:2000],
        "retry_after": headers.get("retry-after") or more.get("retry-after"),
    }


def causes(error: BaseException | None) -> list[str]:
    """The classes of what led to an error: litellm calls a refused connection a server's fault."""
    found: list[str] = []
    while error is not None and len(found) < 12:
        found.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return found


def guard_output() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes of the protocol; print and child processes get standard error and nothing."""
    read, write = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.stdout = sys.stderr
    return os.fdopen(read, "rb"), os.fdopen(write, "wb")


def listen(pipe: IO[bytes], loop: asyncio.AbstractEventLoop, worker: Worker) -> None:
    """Hand each line to the loop; the end of the input ends the process."""
    for line in pipe:
        loop.call_soon_threadsafe(worker.take, json.loads(line))
    os._exit(0)


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(SWITCHES)
    read, write = guard_output()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = Worker(write)
    # From the first moment: the parent may die while litellm is being imported.
    threading.Thread(target=listen, args=(read, loop, worker), daemon=True).start()
    import_module("workbench.models.litellm_jobs").prepare()
    loop.call_soon(worker.say, {"ready": True})
    try:
        loop.run_forever()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
