"""The bounded buffer between core and screen: the core puts and never waits, the screen takes.

Streamed text of one step is kept as one piece, however fast it comes. When the screen falls too
far behind, the oldest rows are let go and counted; the log has them all, and the board notices
the gap in the numbers and asks for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple, cast

from workbench.journal.events import Event


class LiveShown(NamedTuple):
    """Live news of one step since the last time the screen looked."""

    kind: str
    run_id: str
    key: str
    data: Mapping[str, Any]


class Taken(NamedTuple):
    """What one look took out."""

    rows: list[Event | LiveShown]
    """Rows, the live word that a step without an intent row began, and notices, in order."""
    live: list[LiveShown]
    """All other live news: streamed text, progress."""
    dropped: int
    more: bool
    """Whether something is left for the next look."""


class Feed:
    """``put`` on the core's thread, ``take`` on the screen's."""

    def __init__(self, wake: Callable[[], None], *, limit: int = 100_000) -> None:
        self._wake = wake
        self._limit = limit
        self._lock = Lock()
        self._rows: deque[Event | LiveShown] = deque()
        self._live: dict[tuple[str, str, str], LiveShown] = {}
        self._dropped = 0
        self._awake = False

    def put(self, item: Any) -> None:
        """Take in a row or a live event; costs the core a lock and an append."""
        with self._lock:
            if isinstance(item, Event) or item.kind in ("started", "notice"):
                self._rows.append(item if isinstance(item, Event) else _shown(item))
                if len(self._rows) > self._limit:
                    self._rows.popleft()
                    self._dropped += 1
            else:
                self._merge(item)
            if self._awake:
                return
            self._awake = True
        self._wake()

    def say(self, text: str) -> None:
        """Take in a notice that is no run's; from any thread."""
        self.put(LiveShown("notice", "", "", {"text": text}))

    def take(self, most: int) -> Taken:
        """Up to ``most`` rows and all live news; the next ``put`` after a last look wakes again."""
        with self._lock:
            number = min(most, len(self._rows))
            rows = [self._rows.popleft() for _ in range(number)]
            live = list(self._live.values())
            self._live.clear()
            dropped, self._dropped = self._dropped, 0
            self._awake = bool(self._rows)
            return Taken(rows, live, dropped, self._awake)

    def _merge(self, item: Any) -> None:
        """Keep the newest text of a step and count its pieces; other live news by its kind."""
        key = (item.kind, item.run_id, item.key)
        found = self._live.get(key)
        data = dict(_shown(item).data)
        data["pieces"] = data.get("pieces", 1) + (found.data["pieces"] if found else 0)
        if found and item.kind == "delta":
            text = str(found.data.get("text", "")) + str(data.get("text", ""))
            data["text"] = text[-400:]
        self._live[key] = LiveShown(item.kind, item.run_id, item.key, data)


def _shown(item: Any) -> LiveShown:
    is_mapping = isinstance(item.data, Mapping)
    data = dict(cast("Mapping[str, Any]", item.data)) if is_mapping else {"raw": item.data}
    return LiveShown(item.kind, item.run_id, item.key, data)
