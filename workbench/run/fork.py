"""The first rows of a fork: where it begins, and what is different from there on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import UnknownName
from workbench.journal.events import Event
from workbench.journal.fork import Reader, cut_of, edited_reply
from workbench.run.header import Header

OVERLAY = ("model", "instructions", "options", "reply")


@dataclass(frozen=True, slots=True)
class Fork:
    """What is wanted of a fork."""

    source: str
    """The run it shares a beginning with."""
    run_id: str
    title: str
    session: str
    at: int | str | None = None
    """A row's ``seq``, a checkpoint's name, or None for the newest row."""
    overlay: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Changes, by the names of `OVERLAY`; those of the source go on holding."""

    def rows(self, reader: Reader, now: float) -> list[Event]:
        """The rows that make it: one, or two when a reply was edited.

        Raises:
            UnknownName: a change, or a checkpoint, that there is not.
            InputError: no such row, or no reply to edit.
        """
        for name in self.overlay:
            if name not in OVERLAY:
                raise UnknownName("fork change", name, OVERLAY)
        overlay = dict(self.overlay)
        cut, edited = cut_of(reader, self.source, self.at), None
        if "reply" in overlay:
            edited = edited_reply(reader, self.source, cut, overlay.pop("reply"))
            cut = edited.seq - 1
        started = list(reader.rows(self.source, kinds={"run.started"}))
        first, newest = Header.from_row(started[0]), Header.from_row(started[-1])
        data = {
            **first.to_data(),
            "parent": self.source,
            "cut": cut,
            "overlay": {**newest.overlay, **overlay},
            "title": self.title,
            "session": self.session,
        }
        rows = [Event(self.run_id, cut + 1, now, "run.started", "", data)]
        if edited is not None:
            rows.append(Event(self.run_id, cut + 2, now, edited.kind, edited.key, edited.data))
        return rows
