"""What an edited reply looks like as a row.

An edited reply needs no case of its own: the cut lies just before the reply, and the fork's first
row answers the same request with the edited one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.errors import InputError
from workbench.journal.events import Event
from workbench.journal.places import Reader, newest


def newest_reply(reader: Reader, run_id: str, cut: int) -> Event:
    """The newest model reply at or before a cut. Raises InputError when there is none."""
    found = newest(
        reader, run_id, cut, {"step.finished"}, lambda row: row.data.get("effect") == "model"
    )
    if found is None:
        raise InputError(f"run {run_id} has no model reply up to row {cut}")
    return found


def edited(reply: Event, **changes: Any) -> Event:
    """A reply's row as if it had been another; what the agent heard before it stays heard.

    Args:
        reply: the row.
        changes: ``text``, and ``calls`` when tools are to be called.
    """
    kept = {k: v for k, v in reply.data.items() if k in _KEPT}
    heard = {k: v for k, v in reply.data["result"].items() if k in {"steered", "offered"}}
    finish = "tools" if changes.get("calls") else "stop"
    result = {"text": "", **changes, "model": "edited", "finish": finish, **heard}
    return replace(reply, data={**kept, "result": result, "edited": True})


_KEPT = frozenset({"effect", "name", "fingerprint", "steered"})
