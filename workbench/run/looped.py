"""The end of an event loop, in bounded time: what does not stop does not keep a program."""

from __future__ import annotations

import asyncio

_LAST_S = 1.0


def end(loop: asyncio.AbstractEventLoop, spare_s: float = 0.0) -> None:
    """Give what still runs on a loop a moment, cancel it, and close the loop.

    asyncio's own `run` waits for every task and every thread without a bound: one function that
    ignores its cancellation would keep the process for ever.
    """
    left = asyncio.all_tasks(loop)
    for task in left:
        loop.call_later(spare_s, task.cancel)
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=spare_s + _LAST_S))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
