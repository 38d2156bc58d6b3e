"""Agents written in TOML, YAML or JSON.

A file holds one agent at its top level, or several under ``agents``, by name. Every complaint
names the file, the line where it is known, the key, and the nearest key there is. The text comes
from whoever reads files: nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from workbench.agent.agent import SETTINGS, Agent
from workbench.errors import ConfigError, WorkbenchError
from workbench.located import MAX_BYTES, Located, Place, read_located, refusal

__all__ = ["MAX_BYTES", "load_agent", "load_agents"]

_KEYS = [field.name for field in SETTINGS]


@dataclass(frozen=True, slots=True)
class _Section:
    """The part of a file that holds one agent, or all of it."""

    file: Located
    place: Place = ()

    def refuse(
        self, message: str, key: str = "", *, hint: str = "", near: str | None = None
    ) -> NoReturn:
        """Complain about a key of the section; without its line when it is missing."""
        line = self.file.lines.get((*self.place, key))
        if line is None and key not in _KEYS:
            # A signature may be a table with keys of its own.
            line = self.file.lines.get((*self.place, "signature", key))
        raise refusal(self.file.where, line, message, hint, key, near)


def load_agent(text: str, suffix: str, where: str, types: Mapping[str, Any] | None = None) -> Agent:
    """Read the one agent of a file.

    Args:
        text: The file's content.
        suffix: ``.toml``, ``.yaml``, ``.yml`` or ``.json``.
        where: The file's name, for messages.
        types: Python types that signatures name.

    Raises:
        ConfigError: naming file, line where known, key and the nearest key.
    """
    found = load_agents(text, suffix, where, types)
    if len(found) != 1:
        names = ", ".join(repr(agent.name) for agent in found)
        raise ConfigError(f"{where}: one agent is wanted, and there are {names}", file=where)
    return found[0]


def load_agents(
    text: str, suffix: str, where: str, types: Mapping[str, Any] | None = None
) -> tuple[Agent, ...]:
    """Read all agents of a file, in its order; arguments and errors as for `load_agent`."""
    file = read_located(text, suffix, where)
    value: Any = file.value
    if not isinstance(value, dict):
        raise file.wrong((), "the file must hold keys and values at its top level")
    content = cast("dict[str, Any]", value)
    top = _Section(file)
    if "agents" not in content:
        return (_agent(top, content, types),)
    others = [key for key in content if key != "agents"]
    if others:
        hint = "Keep one agent at the top level, or all under 'agents'"
        top.refuse(f"key {others[0]!r} stands beside 'agents'", others[0], hint=hint)
    agents = content["agents"]
    if not isinstance(agents, dict) or not agents:
        top.refuse("'agents' must hold agents by name", "agents")
    named = cast("dict[str, Any]", agents)
    return tuple(_named_agent(file, name, table, types) for name, table in named.items())


def _named_agent(file: Located, name: str, table: Any, types: Mapping[str, Any] | None) -> Agent:
    if not isinstance(table, dict):
        _Section(file, ("agents",)).refuse(f"agent {name!r} has no keys", name)
    settings = cast("dict[str, Any]", table)
    section = _Section(file, ("agents", name))
    if settings.get("name", name) != name:
        section.refuse(f"agent {name!r} is named {settings['name']!r}", "name")
    return _agent(section, {"name": name, **settings}, types)


def _agent(section: _Section, content: dict[str, Any], types: Mapping[str, Any] | None) -> Agent:
    try:
        return Agent.from_definition(content, types)
    except ConfigError as error:
        key = str(error.data.get("key", ""))
        section.refuse(error.message, key, hint=error.hint, near=error.data.get("nearest"))
    except WorkbenchError as error:
        stated = str(error.data.get("field", ""))
        key = stated if stated in _KEYS and error.code == "input" else "signature"
        message = f"agent {content.get('name')!r}: key {key!r}: {error.message}"
        if error.code == "input":
            message = error.message
        section.refuse(message, key, hint=error.hint)
