"""A turn as its rows have it: which rows answer the calls that a model's reply asked for.

The keys follow from the turn's own code (`workbench.agent.turn`): what a reply asks for is asked
at once, under the next ordinal, beside each other when it is more than one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.journal.events import Event, parent_of, segment


def calls_of(reply: Event) -> Sequence[Mapping[str, Any]]:
    """The tool calls that a model's reply asks for, in its order."""
    result = reply.data.get("result")
    return result.get("calls") or () if isinstance(result, Mapping) else ()  # type: ignore[return-value]


def call_keys(reply: Event) -> list[str]:
    """The key under which each call of a reply is performed, if it is performed at all."""
    calls, turn = calls_of(reply), parent_of(reply.key)
    ordinal = int(reply.key.rpartition("/")[2].partition(":")[0] or 0) + 1
    names = [str(call["name"]) for call in calls]
    if len(names) == 1:
        return [f"{turn}/{segment(ordinal, 'tool', names[0])}"]
    beside = f"{turn}/{segment(ordinal, 'together', '')}"
    return [f"{beside}/{place}/{segment(0, 'tool', name)}" for place, name in enumerate(names)]
