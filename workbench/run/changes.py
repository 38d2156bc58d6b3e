"""What was changed since a run was last driven: program, Python, code, agents, tools.

A run's first row says with what it was driven, and a `run.resumed` row says it anew when that was
something else. Here the newest of them is compared with what there is now. Whether the run still
fits is not decided here: driving the workflow over its rows decides that. Rows of before digests
were recorded say nothing, and of them nothing is said.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workbench.agent.agent import Agent
from workbench.agent.tool import Tool
from workbench.errors import nearest
from workbench.journal.events import OUTCOMES, Event
from workbench.values import digest, dumps
from workbench.workflow.pattern import Pattern
from workbench.workflow.source import COMPILED, Part, Source

if TYPE_CHECKING:
    from workbench.run.world import World

What: TypeAlias = Literal["program", "python", "workflow", "pattern", "agent", "tool"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was."""

    what: What
    name: str
    how: str
    """In words, to be read after the name."""
    matters: bool = True
    """Whether it can change what is asked for: comments cannot."""

    def __str__(self) -> str:
        said = self.name if self.what in {"program", "python"} else f"{self.what} {self.name}"
        return f"{said} {self.how}"

    def to_json(self) -> dict[str, Any]:
        """As rows and ``--output json`` hold it."""
        return asdict(self)


@dataclass(slots=True)
class Driven:
    """What a run was last driven with, as far as its rows say."""

    version: str = ""
    python: str = ""
    parts: Mapping[str, Part] = field(default_factory=dict[str, Part])
    agents: dict[str, str] = field(default_factory=dict[str, str])
    tools: dict[str, str] = field(default_factory=dict[str, str])
    given: frozenset[str] = frozenset()
    """Agents that the run was given as they were then."""
    scopes: dict[str, tuple[What, str, str]] = field(
        default_factory=dict[str, "tuple[What, str, str]"]
    )
    """Scopes without an end, by key: agent or pattern, its name, and its digest then."""


def code_of(
    version: str, source: Source, agents: Iterable[Agent] = (), tools: Iterable[Tool] = ()
) -> dict[str, Any]:
    """What a row says of the code a run is driven with."""
    code = {
        "python": platform.python_version(),
        "parts": {name: list(part) for name, part in source.parts.items()},
        "agents": {agent.name: agent_digest(agent) for agent in agents},
        "tools": {tool.name: tool.digest for tool in tools},
    }
    known = {name: said for name, said in code.items() if said}
    return {"version": version, "source": source.digest, "code": known}


def agent_digest(agent: Agent) -> str:
    """Names an agent's definition."""
    return digest(dumps(agent.definition()), 8)


def driven(rows: Iterable[Event], definitions: Mapping[str, Any]) -> Driven:
    """Read it from a run's rows; ``definitions`` are the values they name by digest."""
    then = Driven()
    for row in rows:
        if row.kind in {"run.started", "run.resumed"}:
            _read_code(then, row)
        elif row.kind == "step.started" and row.data.get("scope") is True:
            _read_scope(then, row, definitions)
        elif row.kind in OUTCOMES:
            then.scopes.pop(row.key, None)
    return then


def _read_code(then: Driven, row: Event) -> None:
    data = row.data
    then.version = data.get("version", then.version)
    code: Mapping[str, Any] | None = data.get("code")
    if code is None:
        return
    then.python = code.get("python", "")
    then.parts = {name: (said, text) for name, (said, text) in code.get("parts", {}).items()}
    then.agents.update(code.get("agents", {}))
    then.tools.update(code.get("tools", {}))
    if row.kind == "run.started":
        then.given = frozenset(code.get("agents", {}))


def _read_scope(then: Driven, row: Event, definitions: Mapping[str, Any]) -> None:
    data = row.data
    if not then.python:
        return
    if data["effect"] == "ask":
        then.agents[data["name"]] = data["agent"]
        then.tools.update(definitions.get(data.get("tools", ""), {}))
        then.scopes[row.key] = ("agent", data["name"], data["agent"])
    else:
        then.scopes[row.key] = ("pattern", data["name"], data["source"])


def changes_since(
    then: Driven, version: str, pattern: Pattern[..., Any], world: World
) -> list[Change]:
    """What is not as it was, what can matter most first."""
    found = [*_of_workflow(then, pattern), *_of_patterns(then, world)]
    found += [*_of_agents(then, world), *_of_tools(then, world), *_of_program(then, version)]
    return sorted(found, key=lambda change: not change.matters)


def _of_program(then: Driven, version: str) -> list[Change]:
    found: list[Change] = []
    if then.version and then.version != version:
        later = numbers(then.version) > numbers(version)
        how = "was a later one" if later else "was another"
        found.append(Change("program", "kaizen-tui", f"{how} ({then.version}, now {version})"))
    python = platform.python_version()
    if then.python and then.python != python:
        how = f"was another ({then.python}, now {python})"
        found.append(Change("python", "Python", how, matters=False))
    return found


def numbers(version: str) -> tuple[int, ...]:
    """A version's numbers, to compare it by."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _of_workflow(then: Driven, pattern: Pattern[..., Any]) -> list[Change]:
    now = pattern.source.parts
    if not then.parts or not now or then.parts == now:
        return []
    if any(COMPILED in part[0] for part in (*then.parts.values(), *now.values())):
        minor = [".".join(v.split(".")[:2]) for v in (then.python, platform.python_version())]
        if minor[0] != minor[1]:
            return [Change("workflow", pattern.name, "was compiled by another Python")]
    said = {name: part[0] for name, part in now.items()}
    differ = [name for name in said if name in then.parts and said[name] != then.parts[name][0]]
    words = [_differs(differ, next(iter(now)))] if differ else []
    if new := [name for name in now if name not in then.parts]:
        words.append(f"uses {', '.join(new)} now")
    if gone := [name for name in then.parts if name not in now]:
        words.append(f"does not use {', '.join(gone)} any more")
    if not words:
        how = "was changed in comments or layout only"
        return [Change("workflow", pattern.name, how, matters=False)]
    return [Change("workflow", pattern.name, "; ".join(words))]


def _differs(names: Sequence[str], own: str) -> str:
    """Where a workflow was changed: in itself, or in what it uses."""
    return "was changed" if list(names) == [own] else f"was changed in {', '.join(names)}"


def _of_patterns(then: Driven, world: World) -> list[Change]:
    """Patterns that the run was in the middle of; the finished ones do not matter any more."""
    found: dict[str, Change] = {}
    for what, name, source in then.scopes.values():
        known = world.patterns.get(name) if what == "pattern" else None
        if known is not None and known.source_digest != source:
            found[name] = Change("pattern", name, "was changed, and the run is in the middle of it")
    return list(found.values())


def _of_agents(then: Driven, world: World) -> list[Change]:
    found: list[Change] = []
    inside = {name for what, name, _ in then.scopes.values() if what == "agent"}
    for name, was in then.agents.items():
        known = world.agents.get(name)
        if known is None or agent_digest(known) == was:
            continue
        how = "was changed: its next turns go by the new definition"
        if name in then.given:
            how = "was changed: this run goes on with the one it was given"
        elif name in inside:
            how = "was changed: the turn it is in goes on as it began"
        found.append(Change("agent", name, how))
    return found


def _of_tools(then: Driven, world: World) -> list[Change]:
    found: list[Change] = []
    for name, was in then.tools.items():
        known = world.tools.get(name) or world.brought.get(name)
        if known is None:
            found.append(Change("tool", name, gone(name, {**world.tools, **world.brought})))
        elif known.digest != was:
            found.append(Change("tool", name, "has another description or other parameters now"))
    return found


def gone(name: str, known: Iterable[str]) -> str:
    """That a name is not there any more, with the nearest that is."""
    guess = nearest(name, known)
    return "is not there any more" + (f"; the nearest is {guess!r}" if guess else "")


def tool_changed(started: Mapping[str, Any], tool: Tool | None, known: Iterable[str]) -> str:
    """What a person should know of a tool whose call was started: empty when it is as it was.

    Args:
        started: the data of the call's start row.
        tool: the tool as it is now, if it is still there.
        known: names of the tools that are.
    """
    if tool is None:
        is_tool = started.get("effect") == "tool"
        return f"{started['name']} {gone(started['name'], known)}" if is_tool else ""
    if started.get("schema") in {None, tool.digest}:
        return ""
    return f"{tool.name} was changed since: what it takes or says of itself is not what it was"


def in_one_line(changes: Sequence[Change]) -> str:
    """What a person is told when a run goes on although something changed."""
    return "it still fits its log; since then: " + ", ".join(map(str, changes))
