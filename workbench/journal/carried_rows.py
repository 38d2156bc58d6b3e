"""Whether a row out of a stranger's file is one: types of what everybody who reads rows relies on.

Kinds that are not listed are annotations: they need a name and an object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from workbench.errors import InputError
from workbench.journal.events import OUTCOMES, Event
from workbench.values import digest, dumps

Refuse: TypeAlias = "Callable[[str], InputError]"
"""Makes the error for the present line."""

Fits: TypeAlias = "Callable[[Any], bool]"

_KIND: Final = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*")


def check_row(value: Mapping[str, Any], refused: Refuse) -> Event:
    """The event of a line's value. Raises what ``refused`` makes."""
    fits: dict[str, Fits] = {
        "run_id": _text,
        "seq": _count,
        "at": _number,
        "kind": _text,
        "key": _text,
        "data": _object,
    }
    _check(value, fits, "", refused)
    row = Event(
        value["run_id"], value["seq"], float(value["at"]), value["kind"], value["key"],
        value["data"],
    )  # fmt: skip
    if _KIND.fullmatch(row.kind) is None:
        raise refused(f"has the kind {row.kind[:40]!r}, which is none")
    needed = _NEEDED.get(row.kind, {})
    _check(row.data, needed, row.kind, refused)
    _check(row.data, _OPTIONAL.get(row.kind, {}), row.kind, refused, needed=False)
    _check_more(row, refused)
    return row


def _check(
    data: Mapping[str, Any],
    fits: Mapping[str, Fits],
    what: str,
    refused: Refuse,
    *,
    needed: bool = True,
) -> None:
    for name, fit in fits.items():
        if name not in data:
            if needed:
                raise refused(f"has no {name!r}" + (f", which {what} needs" if what else ""))
        elif not fit(data[name]):
            told = str(data[name])[:40]
            raise refused(f"has {told!r} as {name!r}" + (f" of {what}" if what else ""))


def _check_more(row: Event, refused: Refuse) -> None:
    data = row.data
    if row.kind == "value.defined" and digest(dumps(data["value"]), 8) != data["digest"]:
        raise refused("defines a value that is not what its digest says")
    if row.kind == "checkpoint.taken" and not 1 <= data.get("at", row.seq) <= row.seq:
        raise refused(f"names the row {data['at']}, which it does not come after")
    if row.kind == "step.started" and data.get("scope") is True:
        given: Any = data.get("arguments")
        inputs = cast("Mapping[str, Any]", given).get("inputs") if _object(given) else None
        if not _object(inputs) or (data["effect"] == "ask" and not _text(data.get("agent"))):
            raise refused("begins a turn or a pattern without its inputs or its agent")
    if row.kind == "step.finished" and data["effect"] == "model" and not _reply(data.get("result")):
        raise refused("holds a model's reply that is none")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def _number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and abs(value) < 2**53


def _or_none(fit: Fits) -> Fits:
    return lambda value: value is None or fit(value)


def _one_of(*words: str) -> Fits:
    return lambda value: isinstance(value, str) and value in words


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, cast("list[Any]", value)))


def _usage(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    used = cast("dict[str, Any]", value)
    tokens = (used.get("input_tokens"), used.get("output_tokens"))
    cost = used.get("cost_usd")
    whole = all(isinstance(n, int) and _number(n) and n >= 0 for n in tokens)
    return whole and (cost is None or (_number(cost) and cost >= 0))


def _error(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    found = cast("dict[str, Any]", value)
    return all(_text(found.get(name)) for name in ("code", "message"))


def _reply(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    found = cast("dict[str, Any]", value)
    calls: Any = found.get("calls", [])
    return _text(found.get("text")) and isinstance(calls, list) and all(
        _call(call) for call in cast("list[Any]", calls)
    )  # fmt: skip


def _call(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    call = cast("dict[str, Any]", value)
    return _text(call.get("name")) and _text(call.get("id")) and _object(call.get("arguments"))


_STEP: Final[Mapping[str, Fits]] = {"effect": _text, "fingerprint": _text}
_ENDED: Final[Mapping[str, Fits]] = {
    "name": _text,
    "duration_s": _number,
    "usage": _usage,
    "steered": _texts,
}
_ASKED: Final[Mapping[str, Fits]] = {"id": _text}

_NEEDED: Final[Mapping[str, Mapping[str, Fits]]] = {
    "run.started": {"pattern": _text, "arguments": _object},
    "run.finished": {"outcome": _one_of("returned", "failed", "cancelled", "out_of_budget")},
    "value.defined": {"digest": _text, "value": lambda _value: True},
    "step.started": _STEP,
    "step.finished": _STEP,
    "step.failed": {**_STEP, "error": _error},
    "step.denied": {**_STEP, "error": _error},
    "step.cancelled": _STEP,
    "attempt.ended": {"attempt": _count, "end": _text},
    "checkpoint.taken": {"name": _text, "by": _text},
    "approval.asked": _ASKED,
    "approval.answered": _ASKED,
    "approval.withdrawn": _ASKED,
    "question.asked": _ASKED,
    "question.answered": _ASKED,
    "message.sent": {"to": _text, "text": lambda _value: True},
    "file.changed": {"path": _text},
    "budget.changed": {"limits": _object},
}

_OPTIONAL: Final[Mapping[str, Mapping[str, Fits]]] = {
    "run.started": {
        **dict.fromkeys(
            ("source", "version", "model", "mode", "title", "parent", "session", "edit"), _text
        ),
        "cut": _count,
        "limits": _object,
        "overlay": _object,
    },
    "run.finished": {"error": _error},
    "step.started": {"name": _text, "attempt": _count},
    "checkpoint.taken": {"at": _count},
    "attempt.ended": {"usage": _usage},
    "file.changed": {"before": _or_none(_text), "after": _or_none(_text)},
    **dict.fromkeys(sorted(OUTCOMES), _ENDED),
}
