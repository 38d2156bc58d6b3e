"""How paths that run beside each other decide: together, race, within, as_they_finish.

Pure decisions over one `Group`; the drive carries them out.
"""

from __future__ import annotations

from workbench.errors import LimitReached, StepFailed, UsageError
from workbench.foreign import Raised, Returned
from workbench.journal.strands import Group, Outcome, Strand, standing


def empty(mode: str) -> Outcome:
    """What a combinator over no paths comes to."""
    if mode == "together":
        return Returned([])
    return Raised(UsageError(f"{mode}() was given nothing to wait for"))


def too_wide(mode: str, paths: int, most: int, strand: Strand) -> LimitReached:
    """The error of a combinator with more paths than a run may have beside each other."""
    frame = standing(strand)
    file = frame.f_code.co_filename.rpartition("/")[2] if frame is not None else ""
    line = f"{file}:{frame.f_lineno}" if frame is not None else ""
    place = f"{strand.path}, {line}" if line else strand.path
    return LimitReached(
        f"{mode}() was given {paths} paths, and the run's limit of fan_out is {most} (at {place})",
        hint="Raise it with limits.fan_out, or go through them in portions",
        limit="fan_out",
        scope="run",
        most=most,
        used=paths,
        key=strand.path,
        line=line,
    )


def note(group: Group, child: Strand, outcome: Outcome) -> bool:
    """Take in how a path ended; True when this decides and the others are to be ended."""
    number = child.number
    group.results[number] = outcome
    group.running -= 1
    wanted = not child.cancelling
    if group.mode == "stream":
        if wanted:
            group.ready.append(number)
        return False
    if isinstance(outcome, Raised) and wanted:
        group.failures.append(outcome.error)
    if group.first is not None or not wanted:
        return False
    decides = {
        "together": isinstance(outcome, Raised),
        "race": isinstance(outcome, Returned),
        "within": True,
    }[group.mode]
    if not decides:
        return False
    group.first = outcome
    if group.mode == "within" and number == 1 and isinstance(outcome, Returned):
        group.first = Raised(_timed_out())
    return True


def verdict(group: Group) -> Outcome:
    """What the waiting strand gets once every path has ended."""
    if group.first is None and group.mode == "together":
        return Returned([r.value for r in group.results if isinstance(r, Returned)])
    outcome = group.first or next(r for r in group.results if r is not None)
    if isinstance(outcome, Raised):
        for other in group.failures:
            if other is not outcome.error:
                outcome.error.add_note(f"also failed: {type(other).__name__}: {other}")
    return outcome


def next_of(group: Group) -> Outcome | None:
    """The next finished path of a stream as (number, outcome), or None while there is none."""
    if group.closing:
        return Returned(None) if group.running == 0 else None
    if group.ready:
        number = group.ready.popleft()
        return Returned((number, group.results[number]))
    return Returned(None) if group.running == 0 else None


def _timed_out() -> StepFailed:
    return StepFailed({"code": "timeout", "type": "TimedOut", "message": "the time is over"})
