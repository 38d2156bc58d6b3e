"""Where the matrix gets its processes from: one that has imported everything, and forks.

Starting an interpreter and importing the workbench takes longer than most cases live. Nothing of a
workbench is open here, no thread runs and no loop, so a fork is a fresh start; the product itself
never forks. Spoken over stdin and stdout, a line of JSON each way: a job comes in; ``pid``,
``stopped`` (only where a stop was asked for) and ``code`` (as `subprocess` has it) go out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from typing import Any

from tests.crash import child


def main() -> None:
    """Fork a child for each job until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
        _tell(pid=pid)
        _watch(pid)


def _become(order: dict[str, Any]) -> None:
    """Run the job, with its output in files, and never come back."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(order[name], flags, 0o600), number)
        asyncio.run(child.work(order["job"]))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the lane is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _watch(pid: int) -> None:
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        _tell(stopped=True)
    _tell(code=os.waitstatus_to_exitcode(status))


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
