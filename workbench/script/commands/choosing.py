"""Commands that say with what: model, agents, tools, patterns, settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from workbench.agent.agent import Agent
from workbench.agent.files import MAX_BYTES, load_agents
from workbench.config.trust import check_trusted
from workbench.errors import ConfigError, InputError, UnknownName, UsageError
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.commands.modelling import listed
from workbench.script.session import Session
from workbench.workflow.pattern import Pattern


async def _model(session: Session, call: Call) -> Output:
    bench = session.bench
    name = call.text("name")
    if name == "list":
        return await listed(session)
    provider, colon, run = name.partition(":")
    if provider == "recorded" and colon:
        name = f"recorded:{session.find(run)}"
    if name:
        bench.default_model = name
        return said(f"agents without a model of their own use {name}", data={"model": name})
    why = bench.model_reason
    line = f"{bench.default_model}: {why}" if why else bench.default_model
    return said(line, data={"model": bench.default_model, "why": why})


async def _agent(session: Session, call: Call) -> Output:
    match call.text("act", "list"):
        case "list":
            agents = session.bench.agents
            lines = [f"{name}  {agents[name].signature}" for name in sorted(agents)]
            return Output(tuple(lines) or ("no agents yet",), sorted(agents))
        case "show":
            agent = _known_agent(session, call.text("name"))
            told = agent.definition()
            return Output(tuple(f"{k}: {v}" for k, v in told.items() if v), told)
        case "define":
            return _keep(session, [_defined(call)])
        case _:
            return _load(session, call)


def _load(session: Session, call: Call) -> Output:
    if call.inputs:
        raise UnknownName("argument of 'agent load'", next(iter(call.inputs)), ["name"])
    folder = session.bench.config.workspace
    path = folder / _needed(call, "name")
    check_trusted(folder, path, os.environ)
    return _keep(session, list(load_agents(_read(path), path.suffix, str(path))))


def _defined(call: Call) -> Agent:
    settings: dict[str, Any] = dict(call.inputs)
    settings["name"] = _needed(call, "name")
    if call.text("signature"):
        settings["signature"] = call.text("signature")
    return Agent.from_definition(settings)


def _keep(session: Session, agents: list[Agent]) -> Output:
    for agent in agents:
        session.bench.agents[agent.name] = agent
    names = [agent.name for agent in agents]
    return said(*(f"agent {a.name}: {a.signature}" for a in agents), data={"agents": list(names)})


def _known_agent(session: Session, name: str) -> Agent:
    agents = session.bench.agents
    if name not in agents:
        raise UnknownName("agent", name, agents)
    return agents[name]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text") from error


def _needed(call: Call, name: str) -> str:
    if not call.text(name):
        raise UsageError(f"'{call.line.name} {call.text('act')}' needs {name!r}")
    return call.text(name)


async def _tools(session: Session, call: Call) -> Output:
    tools = session.bench.tools
    name = call.text("name")
    if name and name not in tools:
        raise UnknownName("tool", name, tools)
    if name:
        tool = tools[name]
        told = {"name": name, "description": tool.description, "parameters": tool.parameters}
        properties: Mapping[str, Any] = tool.parameters.get("properties", {})
        rows = [f"  {key}: {schema.get('description', '')}" for key, schema in properties.items()]
        return said(f"{name}: {tool.description}", *rows, data=told)
    lines = [f"{name}  {tools[name].description.partition(chr(10))[0]}" for name in sorted(tools)]
    return Output(tuple(lines), sorted(tools))


_UNNAMED = frozenset({"script", "restore-files", "use"})
"""Patterns that a person does not run by name."""


async def _pattern(session: Session, call: Call) -> Output:
    patterns = session.bench.patterns
    if call.text("act", "list") == "list":
        names = [name for name in sorted(patterns) if name not in _UNNAMED]
        lines = [f"{_form(patterns[n])}  {patterns[n].doc.partition(chr(10))[0]}" for n in names]
        return Output(tuple(lines), names)
    name = _needed(call, "name")
    if name not in patterns:
        raise UnknownName("pattern", name, patterns)
    found = patterns[name]
    parameters = [
        {"name": p.name, "type": p.type, "required": p.is_required, "doc": p.doc}
        for p in found.parameters
    ]
    rows = [f"  {p['name']}: {p['type']}  {p['doc']}".rstrip() for p in parameters]
    told = {"name": name, "version": found.version, "origin": found.origin, "doc": found.doc}
    lines = (f"{name} {found.version}  ({found.origin})", found.doc, *rows)
    return Output(lines, {**told, "parameters": cast("Any", parameters)})


def _form(pattern: Pattern[..., Any]) -> str:
    """``debate(agents, judge, question, rounds=2)``."""
    words = [p.name if p.is_required else f"{p.name}={p.default!r}" for p in pattern.parameters]
    return f"{pattern.name}({', '.join(words)})"


async def _set(session: Session, call: Call) -> Output:
    world = session.bench.world
    name, value = call.text("name"), call.given.get("value")
    if isinstance(value, str) and name != "model":
        try:
            value = float(value)
        except ValueError:
            raise InputError(f"{name!r} is a number, not {value!r}") from None
    if name == "approval_timeout_s":
        # None waits for ever; so does 0 in the settings.
        world.approval_timeout_s = float(value or 0) or None
    elif name == "model_attempts":
        world.model_attempts = max(1, int(value or 1))
    else:
        world.cleanup_s = float(value or 0)
    return said(f"{name} is {value:g}", data={name: value})


COMMANDS = (
    Command(
        "model",
        "Say or choose which model agents use, or list what there is.",
        _model,
        (Parameter("name", "provider:name, or 'list'; nothing to ask", "model"),),
        is_setting=True,
        examples=("model playbook:tour", "model ollama:qwen3:4b", "model recorded:last"),
    ),
    Command(
        "agent",
        "Load agents from a file, define one, list or show them.",
        _agent,
        (
            Parameter(
                "act", "what to do", choices=("list", "load", "define", "show"), required=False
            ),
            Parameter("name", "a file to load, or the agent's name", "agent"),
            Parameter("signature", "define: inputs -> outputs", rest=True),
        ),
        takes_inputs=True,
        is_setting=True,
        details="'agent define' takes every key of an agent file as key=value.",
        examples=(
            'agent define critic "draft: str -> verdict: str" instructions="Be brief."',
            "agent load agents/critic.toml",
        ),
    ),
    Command(
        "tools",
        "List the tools agents can be given, or show one.",
        _tools,
        (Parameter("name", "a tool", "tool"),),
        is_setting=True,
    ),
    Command(
        "pattern",
        "List the patterns, or show what one takes.",
        _pattern,
        (
            Parameter("act", "what to do", choices=("list", "show")),
            Parameter("name", "a pattern", "pattern"),
        ),
        is_setting=True,
    ),
    Command(
        "set",
        "Change a setting for the rest of this session.",
        _set,
        (
            Parameter(
                "name",
                "which",
                required=True,
                choices=("approval_timeout_s", "model_attempts", "cleanup_s"),
            ),
            Parameter("value", "a number", "number", required=True),
        ),
        is_setting=True,
    ),
)
