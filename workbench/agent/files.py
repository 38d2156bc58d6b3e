"""Agents written in TOML, YAML or JSON.

A file holds one agent at its top level, or several under ``agents``, by name. Every complaint
names the file, the line where it is known, the key, and the nearest key there is. The text comes
from whoever reads files: nothing is opened here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from workbench.agent.agent import SETTINGS, Agent
from workbench.errors import ConfigError, WorkbenchError, nearest

MAX_BYTES = 1_000_000

_KEYS = [field.name for field in SETTINGS]


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's text, where it stands, and what it is written in."""

    text: str
    suffix: str
    where: str

    def refuse(self, message: str, *, line: int | None = None, **more: Any) -> NoReturn:
        place = f"{self.where}:{line}" if line else self.where
        hint = str(more.pop("hint", ""))
        raise ConfigError(f"{place}: {message}", hint=hint, file=self.where, line=line, **more)

    def line_of(self, key: str, section: str = "") -> int | None:
        """The line on which a key is set: the first one after its section begins."""
        start = 0
        if section:
            begun = re.search(rf"(?m)^.*\b{re.escape(section)}\b.*$", self.text)
            start = begun.start() if begun else 0
        found = re.search(
            rf"(?m)(?:^|[{{,])[ \t-]*[\"']?{re.escape(key)}[\"']?\s*[:=]", self.text[start:]
        )
        if not found:
            return None
        return self.text.count("\n", 0, start + found.end()) + 1


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
    source = _Text(text, suffix.lower(), where)
    content = _content(source)
    if "agents" not in content:
        return (_agent(source, content, "", types),)
    others = [key for key in content if key != "agents"]
    if others:
        source.refuse(
            f"key {others[0]!r} stands beside 'agents'",
            line=source.line_of(others[0]),
            hint="Keep one agent at the top level, or all under 'agents'",
            key=others[0],
        )
    agents = content["agents"]
    if not isinstance(agents, dict) or not agents:
        source.refuse(
            "'agents' must hold agents by name", line=source.line_of("agents"), key="agents"
        )
    named = cast("dict[str, Any]", agents)
    return tuple(_named_agent(source, name, table, types) for name, table in named.items())


def _named_agent(source: _Text, name: str, table: Any, types: Mapping[str, Any] | None) -> Agent:
    if not isinstance(table, dict):
        source.refuse(f"agent {name!r} has no keys", line=source.line_of(name), key=name)
    settings = cast("dict[str, Any]", table)
    if settings.get("name", name) != name:
        line = source.line_of("name", name)
        source.refuse(f"agent {name!r} is named {settings['name']!r}", line=line, key="name")
    return _agent(source, {"name": name, **settings}, name, types)


def _agent(
    source: _Text, content: dict[str, Any], section: str, types: Mapping[str, Any] | None
) -> Agent:
    try:
        return Agent.from_definition(content, types)
    except ConfigError as error:
        key = str(error.data.get("key", ""))
        source.refuse(
            error.message,
            line=source.line_of(key, section),
            hint=error.hint,
            key=key,
            nearest=error.data.get("nearest"),
        )
    except WorkbenchError as error:
        stated = str(error.data.get("field", ""))
        key = stated if stated in _KEYS and error.code == "input" else "signature"
        message = f"agent {content.get('name')!r}: key {key!r}: {error.message}"
        if error.code == "input":
            message = error.message
        source.refuse(message, line=source.line_of(key, section), hint=error.hint, key=key)


def _content(source: _Text) -> dict[str, Any]:
    if len(source.text.encode(errors="surrogatepass")) > MAX_BYTES:
        source.refuse(f"the file is larger than {MAX_BYTES:,} bytes")
    readers = {".toml": _toml, ".json": _json, ".yaml": _yaml, ".yml": _yaml}
    if source.suffix not in readers:
        guess = nearest(source.suffix, readers)
        hint = f"Did you mean {guess!r}?" if guess else f"Known: {', '.join(readers)}"
        source.refuse(f"there are no agent files that end in {source.suffix!r}", hint=hint)
    content = readers[source.suffix](source)
    if not isinstance(content, dict):
        source.refuse("the file must hold keys and values at its top level", line=1)
    return cast("dict[str, Any]", content)


def _toml(source: _Text) -> Any:
    import tomllib  # noqa: PLC0415 - only for those who write TOML

    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        stated = re.search(r"line (\d+)", str(error))
        line = int(stated[1]) if stated else source.text.count("\n") + 1
        source.refuse(f"this is not TOML: {error}", line=line)
    except RecursionError:
        source.refuse("the file is nested too deep")


def _json(source: _Text) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                source.refuse(f"key {key!r} stands twice", line=source.line_of(key), key=key)
        return dict(pairs)

    try:
        return json.loads(source.text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        source.refuse(f"this is not JSON: {error.msg}", line=error.lineno)
    except (RecursionError, ValueError):
        source.refuse("the file is nested too deep or has a number too long")


def _yaml(source: _Text) -> Any:
    import yaml  # noqa: PLC0415 - only for those who write YAML

    from workbench.agent.yaml_limits import load  # noqa: PLC0415 - with yaml

    try:
        return load(source.text, source.refuse)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        source.refuse(f"this is not YAML: {error.problem}", line=line)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.refuse(f"this is not YAML: {error}")
