"""Messages inside a run: sent by workflows or by a person who steers, read once, in order.

The boxes are a projection of the rows: a resumed run rebuilds them by reading what was sent and
what was received.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from workbench.errors import Deadlock
from workbench.journal.drive import Drive
from workbench.journal.events import Event


class Mail:
    """The boxes of one run, by name."""

    def __init__(self, waited: Callable[[], object]) -> None:
        self._boxes: dict[str, deque[Any]] = defaultdict(deque)
        self._waiters: dict[str, deque[asyncio.Future[Any]]] = defaultdict(deque)
        self._waited = waited
        """Told when a reader begins to wait."""

    def put(self, name: str, message: Any) -> None:
        """Leave a message; the longest waiting reader gets it."""
        if not self._hand(name, message):
            self._boxes[name].append(message)

    def _hand(self, name: str, message: Any) -> bool:
        waiters = self._waiters.get(name)
        while waiters:
            future = waiters.popleft()
            if not future.done():
                future.set_result(message)
                return True
        return False

    async def take(self, name: str) -> Any:
        """The next message, waiting for it if need be."""
        if self._boxes[name]:
            return self._boxes[name].popleft()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiters[name].append(future)
        self._waited()
        try:
            return await future
        except asyncio.CancelledError:
            # The reader was ended with the message in its hands: it was never read.
            if future.done() and not future.cancelled():
                message = future.result()
                if not self._hand(name, message):
                    self._boxes[name].appendleft(message)
            raise

    def take_all(self, name: str) -> list[Any]:
        """Everything that is there now."""
        taken = list(self._boxes[name])
        self._boxes[name].clear()
        return taken

    @property
    def is_waited_for(self) -> bool:
        """Whether anybody ever waited for a message."""
        return bool(self._waiters)

    @property
    def readers(self) -> int:
        """How many wait for a message that has not come."""
        return sum(not f.done() for waiters in self._waiters.values() for f in waiters)

    def read(self, row: Event) -> None:
        """Let a recorded row have its effect on the boxes."""
        data = row.data
        if row.kind == "message.sent":
            self.put(data["to"], data["text"])
        elif row.kind == "step.finished":
            self._read_step(data)

    def _read_step(self, data: dict[str, Any]) -> None:
        if data.get("effect") == "send":
            self.put(data["name"], data["result"]["message"])
        elif data.get("effect") == "receive" and data["result"] in self._boxes[data["name"]]:
            # Not simply the oldest: one that was handed to a reader who was ended came back.
            self._boxes[data["name"]].remove(data["result"])
        for box in data.get("steered", ()):
            if self._boxes[box]:
                self._boxes[box].popleft()


def steering_box(agent: str) -> str:
    """The box in which a person's words to an agent wait for its next model call."""
    return f"steer/{agent}"


def deadlock(drive: Drive, mail: Mail) -> Deadlock | None:
    """The error for a run in which every path waits for a message; None while one does not."""
    waiting = [parked for parked in drive.parked.values() if parked.child is None]
    only_receive = all(parked.effect.kind == "receive" for parked in waiting)
    if not only_receive or mail.readers != len(waiting):
        return None
    lines = [f"{file}:{line}" for file, line in sorted(set(drive.where().values()))]
    return Deadlock("every path waits in receive and nobody is left to send", lines=lines)
