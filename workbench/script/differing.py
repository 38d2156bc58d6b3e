"""A difference as lines: what stands left, what right, and what both have, section by section.

The lines serve text and screen alike; the screen sets them side by side where there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from workbench.journal.difference import Difference, FileDifference, StepDifference, TurnDifference
from workbench.journal.outside import Outside
from workbench.journal.said import Done, Message
from workbench.script.rows import brief
from workbench.values import dumps

Contents = Callable[[str], "str | None"]
"""The text of a file's content by its digest, or None when it is not kept or is no text."""

AROUND = 2
"""Lines of what is the same that are shown before and after what is not."""

MOST_LINES = 2000
"""A longer text is compared as a whole: aligning its lines costs more than reading it."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line; ``both`` stands once, the others on their side."""

    kind: Literal["head", "both", "left", "right", "pair", "gap"]
    left: str = ""
    right: str = ""


def lines_of(found: Difference, contents: Contents = lambda _digest: None) -> Iterator[DiffLine]:
    """A difference from top to bottom."""
    left, right = found.left, found.right
    yield DiffLine("pair", f"{left.run_id}@{left.seq}", f"{right.run_id}@{right.seq}")
    yield DiffLine("both", f"{found.shared_rows} rows in common")
    if found.is_none:
        yield DiffLine("both", "no difference in what was said, done and answered")
    for turn in found.turns:
        yield from _turn(turn)
    for step in found.steps:
        yield from _step(step)
    if found.files:
        yield DiffLine("head", "files")
    for file in found.files:
        yield from _file(file, contents)
    yield from _ends(found)
    yield from _outside(left.outside, right.outside)


def text_of(lines: Iterator[DiffLine]) -> list[str]:
    """The lines one below the other: ``-`` is the left side, ``+`` the right one."""
    return [text for line in lines for text in unified(line)]


def unified(line: DiffLine) -> list[str]:
    """One line for a narrow place."""
    match line.kind:
        case "head":
            return [line.left]
        case "both":
            return [f"  {line.left}"]
        case "gap":
            return [f"  … {line.left}"]
        case "left":
            return [f"- {line.left}"]
        case "right":
            return [f"+ {line.right}"]
        case _:
            return [f"- {line.left}", f"+ {line.right}"]


def _turn(turn: TurnDifference) -> Iterator[DiffLine]:
    yield DiffLine("head", f"{turn.agent}  {turn.key}")
    if turn.same:
        yield DiffLine("gap", f"{turn.same} entries the same")
    for place in range(max(len(turn.left), len(turn.right))):
        one = _message(turn.left[place]) if place < len(turn.left) else []
        other = _message(turn.right[place]) if place < len(turn.right) else []
        yield from aligned(one, other)


def _message(message: Message) -> list[str]:
    who = f"{message.role} {message.name}".strip()
    lines = (message.text.split("\n") if message.text else []) or [""]
    found = [f"{who}: {lines[0]}", *(f"  {line}" for line in lines[1:])]
    found += [f"  calls {name} {dumps(arguments).decode()}" for name, arguments in message.calls]
    return found


def _step(step: StepDifference) -> Iterator[DiffLine]:
    told = step.left or step.right
    assert told is not None
    yield DiffLine("head", f"{told.effect} {told.name}".strip() + f"  {step.key}")
    yield from aligned(_done(step.left), _done(step.right))


def _done(done: Done | None) -> list[str]:
    if done is None:
        return []
    # What an agent was asked stands in its conversation.
    is_told = done.arguments is None or done.effect == "ask"
    arguments = "" if is_told else f"with {dumps(done.arguments).decode()}"
    result = done.result if isinstance(done.result, str) else dumps(done.result).decode()
    return [*([arguments] if arguments else []), *f"{done.state}: {result}".split("\n")]


def _file(file: FileDifference, contents: Contents) -> Iterator[DiffLine]:
    def state(digest: str | None, changed: bool) -> str:
        told = "absent" if digest is None else digest[:12]
        return f"{file.path}: {told}" + ("" if changed else " (not changed by it)")

    left, right = state(file.left, file.left_changed), state(file.right, file.right_changed)
    yield DiffLine("pair", left, right)
    one = "" if file.left is None else contents(file.left)
    other = "" if file.right is None else contents(file.right)
    if one is None or other is None:
        yield DiffLine("gap", "its contents are not kept, or are no text")
    elif one == other:
        yield DiffLine("gap", "the same content, kept under two names")
    else:
        yield from aligned(one.splitlines(), other.splitlines())


def _ends(found: Difference) -> Iterator[DiffLine]:
    left, right = found.left, found.right
    ends = [("outcome", left.outcome or "none yet", right.outcome or "none yet")]
    came_to = [brief(one.result) if one.outcome else "none yet" for one in (left, right)]
    ends.append(("result", came_to[0], came_to[1]))
    ends += [(name, f"{one:g}", f"{other:g}") for name, one, other in found.used()]
    if round(left.duration_s, 1) != round(right.duration_s, 1):
        ends.append(("duration_s", f"{left.duration_s:.1f}", f"{right.duration_s:.1f}"))
    told = [(name, one, other) for name, one, other in ends if one != other]
    if told:
        yield DiffLine("head", "in all")
    for name, one, other in told:
        yield DiffLine("pair", f"{name}: {one}", f"{name}: {other}")


def _outside(left: Sequence[Outside], right: Sequence[Outside]) -> Iterator[DiffLine]:
    if left or right:
        yield DiffLine("head", "done outside since they parted, and not undone by going back")
    yield from (DiffLine("left", _did(one)) for one in left)
    yield from (DiffLine("right", "", _did(one)) for one in right)


def _did(one: Outside) -> str:
    who = f"{one.agent} " if one.agent else ""
    return f"#{one.seq} {who}{one.what} {brief(one.arguments)}  {one.state}".strip()


def aligned(left: Sequence[str], right: Sequence[str]) -> Iterator[DiffLine]:
    """Two texts line by line, what is the same shown only around what is not."""
    if max(len(left), len(right)) > MOST_LINES:
        yield from (DiffLine("left", line) for line in left)
        yield from (DiffLine("right", "", line) for line in right)
        return
    blocks = SequenceMatcher(None, left, right).get_opcodes()
    for place, (tag, a, b, c, d) in enumerate(blocks):
        if tag == "equal":
            first, last = place == 0, place == len(blocks) - 1
            yield from _same(left[a:b], first=first, last=last)
            continue
        for n in range(max(b - a, d - c)):
            if a + n < b and c + n < d:
                yield DiffLine("pair", left[a + n], right[c + n])
            elif a + n < b:
                yield DiffLine("left", left[a + n])
            else:
                yield DiffLine("right", "", right[c + n])


def _same(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[DiffLine]:
    head = 0 if first else AROUND
    tail = 0 if last else AROUND
    hidden = len(lines) - head - tail
    if hidden <= 1:
        yield from (DiffLine("both", line) for line in lines)
        return
    yield from (DiffLine("both", line) for line in lines[:head])
    yield DiffLine("gap", f"{hidden} lines the same")
    yield from (DiffLine("both", line) for line in lines[len(lines) - tail :])
