"""Add a server to the user's own settings, or take one out, and change nothing else there.

As in `keeping`, what came of it is read back before it replaces the file. Only TOML is written:
there a table can be added at the end without touching what stands above.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from workbench.config import values as v
from workbench.config.folders import config_folder
from workbench.config.layers import user_file
from workbench.config.servers import servers
from workbench.config.text import read_settings
from workbench.config.writing import write_whole
from workbench.errors import ConfigError, UnknownName, UsageError

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def add_server(environment: Mapping[str, str], name: str, settings: Mapping[str, Any]) -> Path:
    """Write a server into the user's settings; the file it stands in now.

    Raises:
        UsageError: it is no server, or there is one of that name.
        ConfigError: the file cannot be read, or is none that is written to.
    """
    try:
        servers({name: dict(settings)})
    except v.Unfit as unfit:
        raise UsageError(f"mcp.{'.'.join(unfit.path)} {unfit.message}") from unfit
    file, text, values = _own(environment)
    known = cast("Mapping[str, Any]", values.get("mcp", {}))
    if name in known:
        raise UsageError(
            f"there is an MCP server {name!r} in {file}",
            hint=f"First: kaizen-tui mcp remove {name}",
        )
    table = _table(name, settings)
    if file.suffix != ".toml":
        raise ConfigError(f"{file} is not TOML, and is not written to", hint=f"Add to it: {table}")
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    added = {**known, name: json.loads(json.dumps(settings))}
    _replace(file, text + gap + table, {**values, "mcp": added})
    return file


def remove_server(environment: Mapping[str, str], name: str) -> Path:
    """Take a server out of the user's settings; the file. Raises UnknownName, ConfigError."""
    file, text, values = _own(environment)
    known = dict(cast("Mapping[str, Any]", values.get("mcp", {})))
    if name not in known:
        raise UnknownName("MCP server in your own settings", name, known)
    del known[name]
    left = {**values, "mcp": known} if known else {k: x for k, x in values.items() if k != "mcp"}
    header = (
        rf'(?m)^[ \t]*\[[ \t]*mcp[ \t]*\.[ \t]*"?{re.escape(name)}"?[ \t]*(?:\.[^\]\n]*)?\][^\n]*\n'
    )
    body = r"(?:(?![ \t]*\[)[^\n]*(?:\n|\Z))*"
    _replace(file, re.sub(header + body, "", text), left)
    return file


def _own(environment: Mapping[str, str]) -> tuple[Path, str, dict[str, Any]]:
    file = user_file(environment) or config_folder(environment) / "config.toml"
    if not file.is_file():
        return file, "", {}
    file = file.resolve()
    return file, file.read_text(encoding="utf-8"), dict(read_settings(file).values)


def _replace(file: Path, text: str, wanted: Mapping[str, Any]) -> None:
    """Write a text, if reading it gives what was wanted."""
    new = file.with_name(f"{file.name}.check.toml")
    try:
        write_whole(new, text)
        reads = dict(read_settings(new).values) if text.strip() else {}
    finally:
        new.unlink(missing_ok=True)
    if reads != dict(wanted):
        raise ConfigError(
            f"{file} cannot be changed in this place only", hint="Change its mcp tables by hand"
        )
    write_whole(file, text)


def _table(name: str, settings: Mapping[str, Any]) -> str:
    lines = [f"[mcp.{_key(name)}]"]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in items) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in cast("list[Any]", value)) + "]"
    return json.dumps(value)
