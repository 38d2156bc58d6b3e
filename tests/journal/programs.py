"""Random workflow programs, and a shell of dice that drives them with no loop and no clock."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import Cancelled, StepFailed, describe
from workbench.foreign import Raised, Returned
from workbench.journal.drive import Drive
from workbench.journal.events import Event
from workbench.journal.replay import replay
from workbench.journal.strands import Body, End, Outcome, Perform, Request, Stop
from workbench.values import loads
from workbench.workflow.effects import Effect
from workbench.workflow.verbs import as_they_finish, race, together, within

Node = tuple[Any, ...]
"""``(kind, …)``: the syntax tree of a program."""


def program(dice: random.Random, depth: int = 4) -> Node:
    """A program: a tree of steps and combinators, bounded by ``depth``."""
    leaf = depth <= 0 or dice.random() < 0.25
    if leaf:
        return ("step", f"s{dice.randrange(100)}", dice.random() < 0.15)
    kind = dice.choice(
        [
            "seq",
            "seq",
            "together",
            "race",
            "stream",
            "early",
            "within",
            "scope",
            "try",
            "finally",
            "if",
            "generator",
        ]
    )
    count = dice.randrange(1, 4)
    if kind in {"within", "scope", "try", "finally", "generator"}:
        return (kind, program(dice, depth - 1), program(dice, depth - 2))
    if kind == "if":
        return (kind, *(program(dice, depth - 1) for _ in range(3)))
    return (kind, *(program(dice, depth - 1) for _ in range(count)))


async def interpret(node: Node) -> Any:  # noqa: C901, PLR0911, PLR0912 - by kind
    """Run a program as a workflow; what it returns depends on everything it saw."""
    kind, parts = node[0], node[1:]
    match kind:
        case "step":
            return await Effect("tool", parts[0], {"n": parts[0]})
        case "seq":
            return [await interpret(part) for part in parts]
        case "together":
            return await together([interpret(part) for part in parts])
        case "race":
            return await race([interpret(part) for part in parts])
        case "stream" | "early":
            return await _stream(parts, early=kind == "early")
        case "within":
            return await within(1.0, interpret(parts[0]))
        case "scope":
            return await Effect("follow", "inner", {"inputs": list(_plain(parts[0]))})
        case "try":
            try:
                return await interpret(parts[0])
            except StepFailed as error:
                return [error.error_code, await interpret(parts[1])]
        case "finally":
            try:
                return await interpret(parts[0])
            finally:
                await interpret(parts[1])
        case "if":
            seen = await interpret(parts[0])
            return await interpret(parts[1 + len(repr(seen)) % 2])
        case "generator":
            return await _first_of_generator(parts)
        case _:
            raise AssertionError(kind)


async def _stream(parts: Sequence[Node], *, early: bool) -> Any:
    seen: list[Any] = []
    async with as_they_finish([interpret(part) for part in parts]) as results:
        async for result in results:
            seen.append(result)
            seen.append(await interpret(("step", "between", False)))
            if early:
                break
    return seen


async def _first_of_generator(parts: Sequence[Node]) -> Any:
    async def produced() -> AsyncGenerator[Any]:
        try:
            yield await interpret(parts[0])
            yield await interpret(parts[1])
        finally:
            await interpret(("step", "closing", False))

    async for value in produced():
        return value
    return None


def _plain(node: Node) -> list[Any]:
    return [_plain(p) if isinstance(p, tuple) else p for p in node]  # type: ignore[arg-type]


def _tree(plain: Any) -> Any:
    return tuple(_tree(p) if isinstance(p, list) else p for p in plain)


def resolve(_effect: Effect[Any], data: Mapping[str, Any]) -> Body:
    node = _tree(data["arguments"]["inputs"])
    return Body(lambda: interpret(node))


def start_program(node: Node) -> Coroutine[Any, Any, Any]:
    return interpret(node)


@dataclass
class Dice:
    """A shell: performs what is asked in a random order and writes rows about it."""

    node: Node
    seed: int
    rows: list[Event] = field(default_factory=list[Event])
    performed: dict[str, int] = field(default_factory=dict[str, int])
    """How often each key was really performed, over all processes of one run."""
    waiting: dict[str, Perform] = field(default_factory=dict[str, Perform])
    stopping: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.drive = Drive("main", start_program(self.node), resolve)

    def begin(self) -> None:
        """Replay what is recorded, then take over what is outstanding."""
        replay(self.drive, self.rows)
        for parked in self.drive.parked.values():
            if parked.stopping:
                self.stopping.add(parked.key)
        self.take(self.drive.outstanding())

    def take(self, requests: Sequence[Request]) -> None:
        for request in requests:
            match request:
                case Perform(parked):
                    self.waiting[parked.key] = request
                case Stop(key, _):
                    self.stopping.add(key)
                case End(parked, outcome):
                    self.write(parked.key, parked.fingerprint, outcome)

    def run(self, most: int = 100_000) -> Outcome | None:
        """Go on until the run has ended or ``most`` rows stand in the log."""
        while self.drive.outcome is None and len(self.rows) < most:
            self.one()
        return self.drive.outcome

    def one(self) -> None:
        key = self.dice.choice(list(self.waiting))
        parked = self.waiting.pop(key).parked
        if parked.effect.kind == "follow" and key not in self.stopping:
            data = {"fingerprint": parked.fingerprint, "scope": True}
            self.add(key, "step.started", {**data, "arguments": loads(parked.arguments)})
            return
        if key in self.stopping and self.dice.random() < 0.7:
            self.write(key, parked.fingerprint, Raised(Cancelled("call")))
            return
        self.performed[key] = self.performed.get(key, 0) + 1
        self.write(key, parked.fingerprint, self.outcome_of(parked.effect))

    def outcome_of(self, effect: Effect[Any]) -> Outcome:
        if effect.kind == "tool" and self.dice.random() < 0.15:
            return Raised(StepFailed({"code": "tool", "type": "ToolError", "message": "no luck"}))
        return Returned(self.dice.randrange(1000))

    def write(self, key: str, fingerprint: str, outcome: Outcome) -> None:
        data: dict[str, Any] = {"fingerprint": fingerprint}
        if isinstance(outcome, Returned):
            self.add(key, "step.finished", {**data, "result": outcome.value})
        elif isinstance(outcome.error, Cancelled):
            self.add(key, "step.cancelled", data)
        else:
            self.add(key, "step.failed", {**data, "error": describe(outcome.error)})

    def add(self, key: str, kind: str, data: dict[str, Any]) -> None:
        row = Event("r", len(self.rows) + 1, 0.0, kind, key, data)
        self.rows.append(row)
        self.take(self.drive.feed(row))


def spoken(outcome: Outcome | None) -> Any:
    """An outcome in a form that can be compared."""
    if isinstance(outcome, Returned):
        return ("returned", outcome.value)
    assert outcome is not None
    return ("raised", describe(outcome.error))


def changed(node: Node, dice: random.Random) -> Node:
    """The program with one part changed: a step renamed, doubled or gone, a combinator another."""
    how = dice.choice(["rename", "double", "drop", "combinator", "less", "more", "swap"])
    wanted = {"combinator": _JOINS, "less": _MANY, "more": _MANY, "swap": _MANY}.get(how, _STEPS)
    places = list(_places(node, (), wanted))
    return _at(node, dice.choice(places), how) if places else node


_STEPS = frozenset({"step"})
_JOINS = frozenset({"together", "race", "stream", "early"})
_MANY = _JOINS | {"seq"}


def _edit(part: Node, how: str) -> Node:  # noqa: PLR0911 - one return a change
    match how:
        case "rename":
            return ("step", part[1] + "x", part[2])
        case "double":
            return ("seq", part, part)
        case "drop":
            return ("seq",)
        case "combinator":
            return ("race" if part[0] == "together" else "together", *part[1:])
        case "less":
            return part[:-1] if len(part) > 2 else part
        case "more":
            return (*part, ("step", "more", False))
        case _:
            return (part[0], *reversed(part[1:]))


def _places(node: Node, path: tuple[int, ...], kinds: frozenset[str]) -> Any:
    if node[0] in kinds:
        yield path
    for number, part in enumerate(node):
        if isinstance(part, tuple):
            yield from _places(part, (*path, number), kinds)  # type: ignore[arg-type]


def _at(node: Node, path: tuple[int, ...], how: str) -> Node:
    if not path:
        return _edit(node, how)
    parts = list(node)
    parts[path[0]] = _at(parts[path[0]], path[1:], how)
    return tuple(parts)
