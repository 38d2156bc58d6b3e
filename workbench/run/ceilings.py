"""What a run may look like: how deep scopes stand in one another, how often the same is asked for.

These ceilings end a loop that nobody meant, so nobody is asked: the effect fails, and the error
names ceiling, value and place. How wide a combinator may be is the drive's to refuse, since its
paths are no effects (`workbench.journal.drive`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workbench.errors import LimitReached
from workbench.journal.events import Event, parent_of
from workbench.journal.limits import DEPTH, REPEATS
from workbench.journal.strands import standing

if TYPE_CHECKING:
    from workbench.run.budget import Budget
    from workbench.run.run import Run
    from workbench.run.step import Step

MOST_REFUSED: Final = 1000
"""Effects that limits refuse before the run is ended: a workflow that catches the refusal and
tries again for ever does not go on for ever."""
_SCOPES: Final = ("ask.", "follow.")
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
    budget = step.run.budget
    most, mark = _ceiling(budget, step.key, step.parked.effect.kind), step.parked.fingerprint
    if most is None:
        return
    count = budget.calls.get(mark, 0) + 1
    if count > most:
        effect = step.parked.effect
        raise _reached(
            f"the same call of {effect.name!r} was asked for {count} times, and the run's limit "
            f"of repeats is {most}",
            step,
            "repeats",
            most,
        )
    budget.calls[mark] = count


def recall_repeats(budget: Budget, row: Event) -> None:
    """Count a call that an earlier process made."""
    data = row.data
    kind, mark = data.get("effect"), data.get("fingerprint")
    was_refused = row.kind == "step.failed" and data["error"]["code"] == LimitReached.code
    if mark and not was_refused and _ceiling(budget, row.key, str(kind)) is not None:
        budget.calls[mark] = budget.calls.get(mark, 0) + 1


def _ceiling(budget: Budget, key: str, kind: str) -> int | None:
    """What holds for a call: the run's own ceiling, else the default for what a model asks for."""
    if kind not in _REPEATED:
        return None
    own = budget.limits.repeats
    if own is not None:
        return own
    return REPEATS if kind == "tool" and _is_models(key) else None


def _is_models(key: str) -> bool:
    """Whether a model asked for a call: then the scope it stands in is an agent's turn."""
    while key := parent_of(key):
        part = key.rpartition("/")[2]
        if _is_scope(part):
            return part.partition(":")[2].startswith("ask.")
    return False


def _is_scope(part: str) -> bool:
    return part.partition(":")[2].startswith(_SCOPES)


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
