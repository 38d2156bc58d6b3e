"""Scopes: asking an agent and following a pattern, from the request to a body that is driven.

What a scope needs to be driven again in another process (the agent's definition) is a row of its
own, written once per run and named by digest; the scope's start row names it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from workbench.agent.agent import PLANNING_STYLES, Agent, agent_tool
from workbench.agent.handing import pattern_tool
from workbench.agent.media import keep_contents, takes_media, texts_in, unvouched
from workbench.agent.planning import planned
from workbench.agent.tool import Tool
from workbench.agent.turn import ModelAsk, turn
from workbench.errors import InputError, UnknownName
from workbench.foreign import Raised, attempt
from workbench.journal.strands import Body
from workbench.run.ceilings import check_depth, count_repeats
from workbench.run.changes import agent_digest
from workbench.run.hooks import HookCall
from workbench.values import copied, digest, dumps
from workbench.workflow.effects import Effect
from workbench.workflow.pattern import Pattern

if TYPE_CHECKING:
    from workbench.run.run import Run
    from workbench.run.step import Step
    from workbench.run.world import World


T = TypeVar("T")


class Scopes:
    """What a run knows of the agents and patterns it asks."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.definitions: dict[str, Any] = {}
        """Values that rows name by digest."""
        self.tools: dict[str, Tool] = {}
        """Tools that came with agents and not from the registry."""
        self._agents: dict[str, Agent] = {}
        self._names: dict[int, tuple[Agent, str]] = {}
        self._prompts: dict[int, tuple[Agent, Any]] = {}
        self._digests: dict[int, tuple[Tool, str]] = {}

    def define(self, value: Any) -> str:
        """Have a value in the log once; its digest."""
        encoded = dumps(value)
        name = digest(encoded, 8)
        if name not in self.definitions:
            self.definitions[name] = value
            self._run.rows.append("value.defined", "", {"digest": name, "value": value})
        return name

    def adopt(self, agent: Agent) -> str:
        """Take an agent in; the digest of its definition."""
        self.adopt_quietly(agent)
        name = self._name(agent)
        if name not in self.definitions:
            self.define(agent.definition())
        self._agents.setdefault(name, agent)
        return name

    def prompt(self, wanted: ModelAsk, render: Callable[[Scopes, ModelAsk, Any], T]) -> T:
        """An agent's rendered prompt, worked out once for each agent."""
        key = id(wanted.agent)
        if key not in self._prompts:
            overlay = self._run.header.overlay
            self._prompts[key] = (wanted.agent, render(self, wanted, overlay))
        return self._prompts[key][1]

    def tools_of(self, agent: Agent) -> dict[str, Tool]:
        """The agent's tools by name. Raises UnknownName."""
        found: dict[str, Tool] = {}
        for tool in agent.tools:
            if isinstance(tool, str):
                found[tool] = self.tool(tool)
            else:
                found[tool.name] = tool if tool.scope is not None else self.tool(tool.name)
        return found

    def tool(self, name: str) -> Tool:
        """A tool by name: the run's own, or the registry's, or an agent or pattern as one."""
        world = self._run.world
        found = self.tools.get(name) or world.tools.get(name) or world.brought.get(name)
        if found is not None:
            return found
        if name in world.agents:
            return agent_tool(world.agents[name])
        if name in world.patterns:
            return pattern_tool(world.patterns[name])
        known = {**world.tools, **world.brought}
        raise world.missing(name) or UnknownName("tool", name, known)

    def digest_of(self, tool: Tool) -> str:
        """A tool's digest, worked out once for each tool."""
        kept = self._digests.get(id(tool))
        if kept is None:
            kept = self._digests[id(tool)] = (tool, tool.digest)
        return kept[1]

    def agent(self, subject: Any, name: str) -> Agent:
        """The agent an effect means: a value, or a name in the registry."""
        if isinstance(subject, Agent):
            return subject
        found = self._run.world.agents.get(name)
        if found is None:
            raise UnknownName("agent", name, self._run.world.agents)
        return found

    def pattern(self, subject: Any, name: str) -> Pattern[..., Any]:
        """The pattern an effect means."""
        if isinstance(subject, Pattern):
            return cast("Pattern[..., Any]", subject)
        if callable(subject):
            return Pattern(cast("Any", subject), name)
        found = self._run.world.patterns.get(name)
        if found is None:
            raise UnknownName("pattern", name, self._run.world.patterns)
        return found

    def open_now(self, step: Step) -> bool:
        """Open a scope at once when no hook needs the loop; False when the gate must."""
        hooks = self._run.world.hooks
        if hooks.has(f"before.{step.parked.effect.kind}"):
            return False
        opened = attempt(open_scope, step)
        if isinstance(opened, Raised):
            step.write(opened)
        return True

    def resolve(self, effect: Effect[Any], data: Mapping[str, Any]) -> Body:
        """A scope's body, from its start row: the same live and replayed."""
        inputs: dict[str, Any] = data["arguments"]["inputs"]
        if effect.kind == "follow":
            for agent in agents_in(effect.arguments):
                self.adopt_quietly(agent)
            return Body(lambda: self._followed(effect, inputs))
        agent = self._defined(data["agent"], effect)
        how = planned if agent.style in PLANNING_STYLES else turn
        return Body(
            lambda: how(agent, self.tools_of(agent), inputs, self.tool),
            agent.signature.read_outputs,
        )

    def _followed(self, effect: Effect[Any], inputs: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        """Start a pattern. Only here it is needed: one that is recalled may be gone."""
        found = self.pattern(effect.subject, effect.name)
        found.check(inputs)
        return found.function(**read_agents(inputs))

    def _defined(self, name: str, effect: Effect[Any]) -> Agent:
        subject = effect.subject
        if isinstance(subject, Agent):
            self.adopt_quietly(subject)
            if self._name(subject) == name:
                self._agents[name] = subject
        if name not in self._agents:
            self._agents[name] = Agent.from_definition(self.definitions[name])
        return self._agents[name]

    def _name(self, agent: Agent) -> str:
        """The digest of an agent's definition, worked out once for each agent."""
        kept = self._names.get(id(agent))
        if kept is None:
            kept = self._names[id(agent)] = (agent, agent_digest(agent))
        return kept[1]

    def adopt_quietly(self, agent: Agent) -> None:
        """Remember an agent's own tools without a row, as a replay must."""
        for tool in agent.tools:
            if not isinstance(tool, Tool):
                continue
            if isinstance(tool.scope, Agent):
                self.adopt_quietly(tool.scope)
            elif tool.scope is None:
                self.tools[tool.name] = self._run.world.brought[tool.name] = tool


def open_scope(step: Step) -> None:
    """Write a scope's start row; the drive does the rest when it is delivered."""
    check_depth(step)
    count_repeats(step)
    scopes, effect = step.run.scopes, step.parked.effect
    extra: dict[str, Any] = {"scope": True}
    if effect.kind == "ask":
        agent = scopes.agent(effect.subject, effect.name)
        # As they were given: the copy that rows hold has no bytes.
        keep_contents(effect.arguments, step.run.world.copies.keep)
        _check_sources(step, agent)
        inputs = step.arguments["inputs"]
        step.arguments = {"inputs": agent.signature.read_inputs(inputs)}
        extra["agent"] = scopes.adopt(agent)
        # Who is handed a sub-task is named by the start row of that scope, when it comes to it.
        if tools := [tool for tool in scopes.tools_of(agent).values() if tool.scope is None]:
            extra["tools"] = scopes.define({tool.name: scopes.digest_of(tool) for tool in tools})
    else:
        found = scopes.pattern(effect.subject, effect.name)
        found.check(step.arguments["inputs"])
        extra["source"] = found.source_digest
    step.closed = True
    step.run.rows.append("step.started", step.key, {**step.start_data(), **extra})


def _check_sources(step: Step, agent: Agent) -> None:
    """Refuse a path or address of a medium that may be a model's own words."""
    given = step.parked.effect.arguments["inputs"]
    media = [f.name for f in agent.signature.inputs if f.name in given and takes_media(f.type)]
    for name in media:
        said = frozenset(texts_in(step.run.header.arguments))
        if source := unvouched(given[name], said):
            raise InputError(
                f"input {name!r}: {source[:80]!r} is no input of this run",
                hint="A workflow writes Image(path), Audio(path) or Document(path)",
                field=name,
            )


def known_tools(agents: Iterable[Agent], registry: Mapping[str, Tool]) -> list[Tool]:
    """The tools of agents: their own, and those of the registry that they name."""
    found = {
        tool if isinstance(tool, str) else tool.name: tool for one in agents for tool in one.tools
    }
    tools = (registry.get(tool) if isinstance(tool, str) else tool for tool in found.values())
    return [tool for tool in tools if tool is not None and tool.scope is None]


def agents_in(value: Any) -> list[Agent]:
    """Every agent that stands somewhere in a value."""
    if isinstance(value, Agent):
        return [value]
    if isinstance(value, Mapping):
        value = list(cast("Mapping[str, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return [agent for item in cast("list[Any]", value) for agent in agents_in(item)]
    return []


def as_read(value: Any) -> Any:
    """A value as it will be read back from a row, but agents as they are. Raises NotAValue."""
    if isinstance(value, Agent):
        return value
    if isinstance(value, (list, tuple)):
        return [as_read(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        copied(dict.fromkeys(cast("dict[str, Any]", value)))
        return {key: as_read(item) for key, item in cast("dict[str, Any]", value).items()}
    return copied(value)


def read_agents(value: Any) -> Any:
    """Turn agent definitions inside arguments back into agents."""
    if isinstance(value, list):
        return [read_agents(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if found.keys() == {"$agent"}:
            return Agent.from_definition(found["$agent"])
        return {key: read_agents(item) for key, item in found.items()}
    return value


def bind_agents(
    inputs: Mapping[str, Any], world_agents: Mapping[str, Agent], wanted: Mapping[str, str]
) -> dict[str, Any]:
    """A run's inputs with names of agents resolved where the pattern asks for agents.

    Args:
        inputs: as the user gave them.
        world_agents: the registry, by name.
        wanted: the pattern's parameter annotations, by parameter name.
    """
    bound: dict[str, Any] = {}
    for name, value in inputs.items():
        is_agent = "Agent" in wanted.get(name, "")
        bound[name] = _bind(value, world_agents, name) if is_agent else value
    return bound


def bound_inputs(
    world: World, run_id: str, what: Pattern[..., Any], given: dict[str, Any]
) -> dict[str, Any]:
    """A new run's inputs as it gets them; the hooks before it may change them or refuse it."""
    if world.hooks.has("before.run"):
        call = HookCall("before.run", run_id, "", "", "run", what.name, given)
        given = dict(world.hooks.ask(call)[0].arguments)
    wanted = {p.name: p.type for p in what.parameters}
    keep_contents(given, world.copies.keep)
    given = world.redaction.value(given)
    return as_read(bind_agents(given, world.agents, wanted))


def _bind(value: Any, agents: Mapping[str, Agent], parameter: str) -> Any:
    if isinstance(value, Agent) or value is None:
        return value
    if isinstance(value, str):
        if value not in agents:
            error = UnknownName("agent", value, agents)
            if "," in value:
                error.hint = """Several are a list: '["ann", "ben"]'"""
            raise error
        return agents[value]
    if isinstance(value, (list, tuple)):
        return [_bind(item, agents, parameter) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return read_agents(value)
    raise InputError(f"{parameter!r} takes agents or their names, and got {value!r}")
