"""The difference of two places in the log: of any two runs, or of two rows of one.

Values only, and the same seen from either side: `mirrored` of one is the difference the other
way round. What has the same key in both is compared; what differs is kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from workbench.journal.events import Event
from workbench.journal.outside import Outside, outside_of
from workbench.journal.said import Done, Message, Said, Turn, Used, said_in


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two places."""

    run_id: str
    seq: int
    outcome: str
    """How the run ended, if it had by then."""
    result: Any
    used: Used
    duration_s: float
    outside: tuple[Outside, ...]
    """What it did outside after the two parted; nothing of it is undone by going back."""


@dataclass(frozen=True, slots=True)
class TurnDifference:
    """A turn whose conversation differs, or that one side does not have."""

    key: str
    agent: str
    same: int
    """How many entries at its beginning are the same."""
    left: tuple[Message, ...]
    """The entries after those."""
    right: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class StepDifference:
    """An effect whose arguments or outcome differ, or that one side does not have."""

    key: str
    left: Done | None
    right: Done | None


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that the runs left in different states: digests, None where there is none."""

    path: str
    left: str | None
    right: str | None
    left_changed: bool
    """Whether the run changed it; where it did not, its state is known from the other's."""
    right_changed: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is not the same."""

    left: Side
    right: Side
    shared_rows: int
    """Rows that both read by reference: what they have in common without any comparing."""
    turns: tuple[TurnDifference, ...]
    steps: tuple[StepDifference, ...]
    files: tuple[FileDifference, ...]

    @property
    def is_none(self) -> bool:
        """Whether the two say the same."""
        ends = (self.left.outcome, self.left.result) == (self.right.outcome, self.right.result)
        return ends and not (self.turns or self.steps or self.files)

    def used(self) -> Iterator[tuple[str, float, float]]:
        """What differs in use: its name, and how much on either side."""
        for field in fields(Used):
            one, other = getattr(self.left.used, field.name), getattr(self.right.used, field.name)
            if one != other:
                yield field.name, one, other

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {**asdict(self), "same": self.is_none}


def difference(left: Sequence[Event], right: Sequence[Event]) -> Difference:
    """Compare two runs as their rows are up to some place, their parents' included."""
    shared = _shared(left, right)
    one, other = said_in(left), said_in(right)
    return Difference(
        _side(left, shared, one),
        _side(right, shared, other),
        shared,
        tuple(_turns(one, other)),
        tuple(_steps(one, other)),
        tuple(_files(said_in(left[shared:]), said_in(right[shared:]))),
    )


def mirrored(found: Difference) -> Difference:
    """The same, seen from the other side."""
    return Difference(
        found.right,
        found.left,
        found.shared_rows,
        tuple(TurnDifference(t.key, t.agent, t.same, t.right, t.left) for t in found.turns),
        tuple(StepDifference(s.key, s.right, s.left) for s in found.steps),
        tuple(
            FileDifference(f.path, f.right, f.left, f.right_changed, f.left_changed)
            for f in found.files
        ),
    )


def _shared(left: Sequence[Event], right: Sequence[Event]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if (one.run_id, one.seq) != (other.run_id, other.seq):
            break
        count += 1
    return count


def _side(rows: Sequence[Event], shared: int, said: Said) -> Side:
    last = rows[-1]
    outside = tuple(outside_of(rows[shared:]))
    took = round(max(0.0, said.ended_at - said.began_at), 6)
    return Side(last.run_id, last.seq, said.outcome, said.result, said.used, took, outside)


def _turns(left: Said, right: Said) -> Iterator[TurnDifference]:
    places = _places(_turn_places(left), _turn_places(right))
    for key in places:
        one, other = _messages(left.turns.get(key)), _messages(right.turns.get(key))
        if one == other:
            continue
        pairs = zip(one, other, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
        turn = left.turns.get(key) or right.turns[key]
        yield TurnDifference(key, turn.agent, same, tuple(one[same:]), tuple(other[same:]))


def _turn_places(said: Said) -> dict[str, int]:
    return {key: turn.place for key, turn in said.turns.items()}


def _messages(turn: Turn | None) -> list[Message]:
    return turn.messages if turn is not None else []


def _steps(left: Said, right: Said) -> Iterator[StepDifference]:
    for key in _places(left.places, right.places):
        one, other = left.done.get(key), right.done.get(key)
        if one != other:
            yield StepDifference(key, one, other)


def _places(left: dict[str, int], right: dict[str, int]) -> list[str]:
    """All keys in an order that does not depend on which side is which."""
    far = len(left) + len(right) + max([*left.values(), *right.values()], default=0)
    return sorted(
        {**left, **right}, key=lambda key: (min(left.get(key, far), right.get(key, far)), key)
    )


def _files(left: Said, right: Said) -> Iterator[FileDifference]:
    """Of what was changed after the two parted: a file one side let be is as the other found it."""
    for path in sorted({*left.files, *right.files}):
        one, other = left.files.get(path), right.files.get(path)
        was_left = one[1] if one is not None else (other or (None, None))[0]
        was_right = other[1] if other is not None else (one or (None, None))[0]
        if was_left != was_right:
            yield FileDifference(path, was_left, was_right, one is not None, other is not None)
