"""What a run may look like: how deep scopes stand in one another, how often the same is asked for.

These ceilings end a loop that nobody meant, so nobody is asked: the effect fails, and the error
names ceiling, value and place. How wide a combinator may be is the drive's to refuse, since its
paths are no effects (`workbench.journal.drive`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workbench.errors import LimitReached
from workbench.journal.events import OUTCOMES, Event, parent_of
from workbench.journal.limits import DEPTH, REPEATS
from workbench.journal.strands import standing
from workbench.workflow.effects import SCOPES

if TYPE_CHECKING:
    from workbench.run.budget import Budget
    from workbench.run.run import Run
    from workbench.run.step import Step

MOST_REFUSED: Final = 1000
"""Effects that limits refuse before the run is ended: a workflow that catches the refusal and
tries again for ever does not go on for ever."""
_NAMED: Final = ("ask.", "follow.")
_REPEATED: Final = frozenset({"tool", "call", "ask", "follow"})


def check_depth(step: Step) -> None:
    """Refuse a scope that stands too deep. Raises LimitReached."""
    most, depth = step.run.budget.limits.depth or DEPTH, depth_of(step.key)
    if depth > most:
        name = step.parked.effect.name
        raise _reached(
            f"{name!r} would be scope number {depth} within one another, and the run's limit of "
            f"depth is {most}",
            step,
            "depth",
            most,
        )


def note_refusal(run: Run, row: Event) -> None:
    """Count an effect that failed at a limit; the run ends when it will not take no for one."""
    run.budget.refused += 1
    if run.budget.refused > MOST_REFUSED:
        error = row.data["error"]
        run.at_limit.end(LimitReached(error["message"], **error["data"]), by="budget")


def depth_of(key: str) -> int:
    """How many scopes stand on the way to a key, its own included."""
    return sum(_is_scope(part) for part in key.split("/"))


def count_repeats(step: Step) -> None:
    """Count a call, and refuse the same one once too often. Raises LimitReached."""
    budget, kind = step.run.budget, step.parked.effect.kind
    where = _counted_in(budget, step.key, kind)
    if where is None:
        return
    most, calls = budget.limits.repeats or REPEATS, budget.calls.setdefault(where, {})
    count = calls.get(step.parked.fingerprint, 0) + 1
    if count > most:
        name, whose = step.parked.effect.name, "turn" if where else "run"
        raise _reached(
            f"the same call of {name!r} was asked for {count} times in one {whose}, and the limit "
            f"of repeats is {most}",
            step,
            "repeats",
            most,
        )
    calls[step.parked.fingerprint] = count


def recall_repeats(budget: Budget, row: Event) -> None:
    """Count a call that an earlier process made."""
    data = row.data
    kind, mark = str(data.get("effect")), str(data.get("fingerprint"))
    if row.kind not in OUTCOMES:
        return
    if kind in SCOPES:
        forget_turn(budget, row.key)
    was_refused = row.kind == "step.failed" and data["error"]["code"] == LimitReached.code
    where = None if was_refused else _counted_in(budget, row.key, kind)
    if where is not None:
        calls = budget.calls.setdefault(where, {})
        calls[mark] = calls.get(mark, 0) + 1


def forget_turn(budget: Budget, key: str) -> None:
    """A turn is over: what its model asked for is not counted any more."""
    budget.calls.pop(key, None)


def _counted_in(budget: Budget, key: str, kind: str) -> str | None:
    """Where a call is counted: in the run (empty), in the turn it belongs to, or (None) nowhere.

    A limit that somebody set counts every call of a tool, function, agent or pattern in the run.
    The default counts only what a model asks for within one turn: an agent that is asked again
    may well begin as it did before.
    """
    if kind not in _REPEATED:
        return None
    if budget.limits.repeats is not None:
        return ""
    return _turn_of(key) if kind == "tool" else None


def _turn_of(key: str) -> str | None:
    """The turn in which a model asked for a call; None for what a workflow does itself."""
    while key := parent_of(key):
        part = key.rpartition("/")[2]
        if _is_scope(part):
            # A plan's item is a turn as well: it stands right in that of an agent.
            above = parent_of(key).rpartition("/")[2]
            is_turn = any(one.partition(":")[2].startswith("ask.") for one in (part, above))
            return key if is_turn else None
    return None


def _is_scope(part: str) -> bool:
    return part.partition(":")[2].startswith(_NAMED)


def _reached(text: str, step: Step, name: str, most: int) -> LimitReached:
    frame = standing(step.parked.strand)
    file = frame.f_code.co_filename.rpartition("/")[2] if frame is not None else ""
    line = f"{file}:{frame.f_lineno}" if frame is not None else ""
    place = f"{step.key}, {line}" if line else step.key
    return LimitReached(
        f"{text} (at {place})",
        hint=f"Raise it with limits.{name}, if it is no loop",
        limit=name,
        scope="run",
        most=most,
        key=step.key,
        line=line,
    )
