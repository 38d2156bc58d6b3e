"""Execute one typed line, and offer what it could go on with: for screen and line prompt alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from workbench.config.settings import MODES
from workbench.config.trust import standing
from workbench.errors import NotTrusted, UnknownName
from workbench.script.command import Command, Output, Parameter
from workbench.script.commands import COMMANDS, find
from workbench.script.language import Line, parse_line
from workbench.script.session import Session


async def execute(session: Session, text: str) -> Output:
    """Do what a line says; an empty one does nothing. Raises WorkbenchError."""
    line = parse_line(text)
    return await perform(session, line) if line else Output()


async def perform(session: Session, line: Line, key: str = "") -> Output:
    """Do a line; ``key`` is the same whenever this very line is tried again."""
    command = find(line.name)
    call = command.bind(line, key)
    try:
        return await command.perform(session, call)
    except UnknownName as error:
        raise _untrusted(session, error) or error from error


def _untrusted(session: Session, error: UnknownName) -> NotTrusted | None:
    """What is missing may lie in the folder, waiting to be trusted: then that is what to say."""
    what = error.data["what"]
    if what not in {"pattern", "agent", "tool"}:
        return None
    stands = standing(session.bench.config.workspace, os.environ)
    if stands.trusted:
        return None
    files = ", ".join([*stands.added, *stands.changed][:5])
    return NotTrusted(
        f"no {what} {error.data['name']!r} among what is trusted; this folder brings {files}",
        hint="Look at them, then: kaizen-tui trust",
    )


def complete(session: Session, text: str) -> list[str]:
    """What the last word of a line could become; whole words, sorted."""
    slash = "/" if text.startswith("/") else ""
    name, space, rest = text.removeprefix("/").partition(" ")
    if not space:
        return [slash + known for known in sorted(COMMANDS) if known.startswith(name)]
    command = COMMANDS.get(name)
    if command is None:
        return []
    *before, word = rest.split(" ")
    offered = _offered(session, command, [w for w in before if w], word)
    return sorted({one for one in offered if one.startswith(word)})


def _offered(session: Session, command: Command, before: list[str], word: str) -> Iterable[str]:
    key, equals, _ = word.partition("=")
    by_name = {parameter.name: parameter for parameter in command.parameters}
    if equals:
        return [f"{key}={v}" for v in _values(session, by_name[key])] if key in by_name else []
    positional = [p for p in command.parameters if not p.named_only]
    place = len([w for w in before if "=" not in w])
    offered = [f"{p.name}=" for p in command.parameters if p.named_only]
    if command.name in {"run", "ask"} and before:
        offered += [f"{name}=" for name in _inputs(session, command.name, before[0])]
    if place < len(positional):
        offered += _values(session, positional[place])
    elif positional and positional[-1].rest:
        offered += _values(session, positional[-1])
    return offered


def _values(session: Session, parameter: Parameter) -> list[str]:
    if parameter.choices:
        return list(parameter.choices)
    offer = _OFFERS.get(parameter.what)
    return list(offer(session)) if offer else []


def _runs(session: Session) -> list[str]:
    return [*session.names, *(row.run_id for row in session.bench.store.runs(limit=20))]


_OFFERS: dict[str, Callable[[Session], Iterable[str]]] = {
    "agent": lambda session: session.bench.agents,
    "pattern": lambda session: session.bench.patterns,
    "tool": lambda session: session.bench.tools,
    "mode": lambda session: MODES,
    "command": lambda session: COMMANDS,
    "run": _runs,
    "checkpoint": _runs,
    "rule": lambda session: (rule.id for rule in session.bench.policy.rules),
    "model": lambda session: (session.bench.default_model, "list"),
}


def _inputs(session: Session, command: str, name: str) -> list[str]:
    if command == "run" and name in session.bench.patterns:
        return [parameter.name for parameter in session.bench.patterns[name].parameters]
    if command == "ask" and name in session.bench.agents:
        return [field.name for field in session.bench.agents[name].signature.inputs]
    return []
