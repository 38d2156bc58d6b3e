"""Divergence: what a log says and what a workflow asks for instead, side by side, as values.

Made from the rows and from the drive as it stands when a row does not fit; nothing is performed.
Outcome rows hold a fingerprint and no arguments, so what was asked for then is found where it was
written beside them: by the start row, by whoever was asked for permission, by what a hook was
shown. Whether that is just what was requested is known, because it has the fingerprint then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, Protocol, TypeAlias, cast
from urllib.parse import unquote

from workbench.errors import Diverged, describe
from workbench.foreign import Raised, attempt
from workbench.journal.drive import Drive
from workbench.journal.events import Event, fingerprint, parent_of
from workbench.journal.strands import Parked, standing
from workbench.values import copied, dumps, loads

Why: TypeAlias = Literal["other", "unasked", "ended", "open", "longer", "result", "refused"]
"""Another request at the same place · nothing asks for it · the workflow has ended · it was
started and nobody asks for it · it goes on where the run had ended · it ends in another way ·
what it needs is not there."""

_PREVIEW = 200
_CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class Asked:
    """One effect, as the log has it or as the workflow asks for it now."""

    key: str
    kind: str
    name: str
    arguments: Any = None
    """As values; None where the log does not hold them."""
    place: str = ""
    """``file.py:12``, where it was awaited; empty where the log does not say."""
    fingerprint: str = ""

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return asdict(self)

    def __str__(self) -> str:
        return " ".join(word for word in (self.kind, self.name) if word)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the log, and the effect it is about."""

    seq: int
    row: str
    """Its kind: ``step.finished``, say."""
    effect: Asked
    is_exact: bool = False
    """The arguments are those that were requested; otherwise those it was performed with."""
    preview: str = ""
    """The beginning of its result or error."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One argument that is not as it was; ``None`` where a side has none."""

    name: str
    recorded: str | None
    asked: str | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a log and a workflow part."""

    why: Why
    seq: int
    """The first row that does not fit; one after the last row when the workflow goes on."""
    rows: int
    """How many rows the run has."""
    left_over: int
    """Rows that a workflow would see and that were not reached, the first of them included."""
    recorded: Recorded | None = None
    asked: tuple[Asked, ...] = ()
    """What is asked for now, the likest to the recorded first."""
    differences: tuple[Difference, ...] = ()
    last: Recorded | None = None
    """The last row that fitted."""
    ended: str = ""
    """How the workflow ended, if it has."""

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return copied(asdict(self))


class Came(Protocol):
    """How far a replay came."""

    place: int
    last: Event | None


def divergence(drive: Drive, rows: Sequence[Event], came: Came, why: Why) -> Divergence:
    """Say where a drive and the row it was to be fed next part; no row means after the last."""
    place, last = came.place, came.last
    row = rows[place] if place < len(rows) else None
    recorded = recorded_of(row, rows) if row is not None else None
    asked = _asked_now(drive, recorded)
    differences: tuple[Difference, ...] = ()
    if recorded is not None and asked and _alike(asked[0], recorded.effect):
        differences = tuple(_differences(recorded.effect, asked[0]))
    return Divergence(
        why,
        row.seq if row is not None else (rows[-1].seq + 1 if rows else 1),
        rows[-1].seq if rows else 0,
        sum(one.is_fed for one in rows[place:]) or 1,
        recorded,
        asked,
        differences,
        recorded_of(last, rows) if last is not None else None,
        how_it_ended(drive),
    )


def diverged(report: Divergence) -> Diverged:
    """The error that a report makes."""
    return Diverged(sentence(report), report=report.to_json())


def sentence(report: Divergence) -> str:
    """The report in one sentence."""
    then, now = report.recorded, report.asked[0] if report.asked else None
    what = f"row {report.seq} has {then.effect} ({then.effect.key})" if then else ""
    match report.why:
        case "other":
            names = ", ".join(one.name for one in report.differences[:5])
            which = f" ({names})" if names else ""
            return f"{what}, and it is asked for with other arguments now{which}"
        case "ended":
            return f"the workflow has {report.ended}, and {what} next"
        case "open":
            return f"{what}, which was started and is not asked for any more"
        case "longer":
            return f"the run had ended, and the workflow goes on with {now} ({now and now.key})"
        case "result":
            return f"the run had ended in another way: the workflow has {report.ended}"
        case "unasked" | "refused":
            instead = f"{now} ({now.key}) is asked for" if now else "nothing asks for it"
            return f"{what}, and {instead}"


def how_it_ended(drive: Drive) -> str:
    """What came of a drive's workflow, in words; empty while it goes on."""
    if drive.outcome is None:
        return ""
    if isinstance(drive.outcome, Raised):
        told = describe(drive.outcome.error)
        return f"raised {told['type']}: {told['message']}"
    return f"returned {preview(drive.outcome.value)}"


# -- the recorded side ---------------------------------------------------------------------------


def recorded_of(row: Event, rows: Sequence[Event]) -> Recorded:
    """A row with whatever the others say of its effect."""
    beside = [one for one in rows if one.key == row.key] if row.key else [row]
    data = row.data
    print_then = str(data.get("fingerprint", ""))
    kind, name = _named(row)
    found = list(_arguments(beside))
    exact = [given for given in found if fingerprint(kind, name, dumps(given)) == print_then]
    arguments = exact[0] if exact else (found[0] if found else None)
    place = next((str(one.data["line"]) for one in beside if "line" in one.data), "")
    effect = Asked(row.key, kind, name, arguments, place, print_then)
    said: Any = data.get("result", data.get("error"))
    if isinstance(said, Mapping) and "message" in said:
        said = cast("Mapping[str, Any]", said)["message"]
    return Recorded(row.seq, row.kind, effect, bool(exact), "" if said is None else preview(said))


def _named(row: Event) -> tuple[str, str]:
    """Kind and name of the effect a row is about; its key has them too."""
    kind, _, name = row.key.rpartition("/")[2].partition(":")[2].partition(".")
    data = row.data
    return str(data.get("effect", kind or row.kind)), str(data.get("name", unquote(name)))


def _arguments(beside: Sequence[Event]) -> Iterator[Mapping[str, Any]]:
    """Every place where the arguments of an effect may stand, as requested ones first."""
    for row in beside:
        if row.kind == "hook.changed":
            yield row.data["before"]
    for row in beside:
        if row.kind == "approval.asked":
            yield row.data["arguments"]
        elif row.kind == "question.asked" and row.data.get("asked_as") == "question":
            yield {"text": row.data["text"], "choices": row.data["choices"]}
    for row in beside:
        if row.kind == "step.started" and "arguments" in row.data:
            yield row.data["arguments"]
        elif row.kind == "step.finished" and row.data.get("effect") in {
            "send",
            "remember",
            "forget",
        }:
            yield row.data["result"]
    # What says everything by its name has no arguments at all.
    yield {}


# -- what is asked for now -----------------------------------------------------------------------


def asked_of(parked: Parked) -> Asked:
    """An effect that is waited for."""
    effect, frame = parked.effect, standing(parked.strand)
    place = ""
    if frame is not None:
        place = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
    given = loads(parked.arguments)
    return Asked(parked.key, effect.kind, effect.name, given, place, parked.fingerprint)


def _asked_now(drive: Drive, recorded: Recorded | None) -> tuple[Asked, ...]:
    asked = [asked_of(one) for one in drive.parked.values() if one.child is None]
    if recorded is None:
        return tuple(asked)
    return tuple(sorted(asked, key=lambda one: -_likeness(one, recorded.effect)))


def _likeness(one: Asked, other: Asked) -> float:
    """How much two effects look like the same one, at another place or with another argument."""
    same = (one.key == other.key) * 8 + (parent_of(one.key) == parent_of(other.key)) * 2
    same += (one.kind == other.kind) * 2 + (one.name == other.name) * 2
    return same + SequenceMatcher(None, one.key, other.key, autojunk=False).ratio()


def _alike(one: Asked, other: Asked) -> bool:
    return one.kind == other.kind and (one.name == other.name or one.key == other.key)


def _differences(then: Asked, now: Asked) -> Iterator[Difference]:
    if then.arguments is None:
        return
    before = {name: spelt(value) for name, value in leaves(then.arguments) if name}
    after = {name: spelt(value) for name, value in leaves(now.arguments) if name}
    for name in (*before, *(name for name in after if name not in before)):
        if before.get(name) != after.get(name):
            yield Difference(name, before.get(name), after.get(name))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every argument down to its plain values, by path: ``inputs.question``, ``choices[1]``."""
    if isinstance(value, Mapping) and value:
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, item in enumerate(cast("list[Any]", value)):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def spelt(value: Any) -> str:
    """A value as JSON."""
    return dumps(value).decode()


def preview(value: Any) -> str:
    """The beginning of a value."""
    text = value if isinstance(value, str) else _written(value)
    return text if len(text) <= _PREVIEW else f"{text[: _PREVIEW - 1]}…"


def _written(value: Any) -> str:
    encoded = attempt(dumps, value)
    return repr(value) if isinstance(encoded, Raised) else encoded.value.decode()
