"""MCP servers in other programs' files: read strictly, taken with what can be taken, and no more.

Claude Desktop, Claude Code and Cursor write ``mcpServers``, VS Code writes ``servers`` (or those
below ``mcp``). What they say about approval is theirs and is left; a secret that stands there in
the clear is left too, with the reference that would take its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from workbench.errors import ConfigError
from workbench.located import read_located
from workbench.plain import one_line

MOST_BYTES: Final = 1_000_000
_PLACES: Final = (
    ("Claude Desktop", "~/.config/Claude/claude_desktop_config.json"),
    ("Claude Desktop", "~/Library/Application Support/Claude/claude_desktop_config.json"),
    ("Claude Code", "~/.claude.json"),
    ("Cursor", "~/.cursor/mcp.json"),
    ("VS Code", "~/.config/Code/User/mcp.json"),
    ("Claude Code", ".mcp.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", ".vscode/mcp.json"),
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_SECRET: Final = re.compile(r"(?i)key|token|secret|passw|auth|credential")
_INPUT: Final = re.compile(r"\$\{(?!secret:)[^}]*\}")
_TEXTS: Final = {"command": str, "cwd": str, "url": str}
_OURS: Final = ("command", "args", "env", "cwd", "url", "headers")
_HTTP: Final = ("http", "streamable-http", "streamableHttp", "streamable_http")


@dataclass(frozen=True, slots=True)
class Found:
    """A server in another program's file."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """As our settings would have it; empty when it cannot be taken."""
    left: tuple[str, ...] = ()
    """What is not taken, and why, a sentence each."""


def known_files(workspace: Path) -> list[tuple[str, Path]]:
    """The files of other programs that are here: whose, and where."""
    home = Path.home()
    found: list[tuple[str, Path]] = []
    for program, name in _PLACES:
        path = home / name[2:] if name.startswith("~/") else workspace / name
        if path.is_file():
            found.append((program, path))
    return found


def servers_in(path: Path) -> list[Found]:
    """The servers of a file. Raises ConfigError naming file and line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES} bytes")
    held = read_located(raw, ".json", str(path)).value
    if not isinstance(held, dict):
        raise ConfigError(f"{path} holds no table of MCP servers")
    return [
        _read(str(name), one) for name, one in _table(cast("dict[str, Any]", held), path).items()
    ]


def _table(held: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    below: Any = held.get("mcp")
    tables = [(held, "mcpServers"), (held, "servers")]
    if isinstance(below, Mapping):
        tables.append((cast("Mapping[str, Any]", below), "servers"))
    for where, key in tables:
        found = where.get(key)
        if isinstance(found, Mapping):
            return cast("Mapping[str, Any]", found)
    raise ConfigError(
        f"{path} names no MCP servers", hint="They stand under mcpServers, servers or mcp.servers"
    )


def _read(name: str, one: Any) -> Found:
    shown = one_line(name)[:80]
    if not isinstance(one, Mapping):
        return Found(shown, left=("it is no table",))
    entry = cast("Mapping[str, Any]", one)
    why = _unfit(name, entry)
    if why:
        return Found(shown, left=(why,))
    settings: dict[str, Any] = {}
    left: list[str] = []
    for key, value in entry.items():
        if key in _OURS and value not in ("", None):
            settings[key] = _secured(shown, key, value, left)
        elif key not in ("type", "disabled", *_OURS):
            left.append(f"{one_line(str(key))[:80]}: not known here, or for you to decide here")
    if entry.get("disabled") is True:
        settings["enabled"] = False
    return Found(shown, settings, tuple(left))


def _unfit(name: str, entry: Mapping[str, Any]) -> str:
    """Why an entry cannot be taken at all."""
    if not _NAME.fullmatch(name):
        return "its name is none here: letters, digits, - and _"
    has = [key for key in ("command", "url") if entry.get(key)]
    if len(has) != 1:
        return "it has neither a command nor a url" if not has else "it has a command and a url"
    kind = entry.get("type", "stdio" if has == ["command"] else "http")
    if (kind == "stdio") != (has == ["command"]) or kind not in ("stdio", *_HTTP):
        return f"its type {one_line(str(kind))[:40]!r} is not spoken here"
    return next(_wrong(entry), "")


def _wrong(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, kind in _TEXTS.items():
        if key in entry and not isinstance(entry[key], kind):
            yield f"{key} is not text"
    args: Any = entry.get("args", [])
    if not isinstance(args, list) or not all(isinstance(a, str) for a in cast("list[Any]", args)):
        yield "args is not a list of texts"
    for key in ("env", "headers"):
        table: Any = entry.get(key, {})
        texts = cast("Mapping[Any, Any]", table).values() if isinstance(table, Mapping) else [None]
        if not all(isinstance(text, str) for text in texts):
            yield f"{key} is not a table of texts"
    for key in _OURS:
        if _INPUT.search(str(entry.get(key, ""))):
            yield f"{key} has a placeholder that only the other program can fill in"


def _secured(server: str, key: str, value: Any, left: list[str]) -> Any:
    """A value without the secrets that it spells out."""
    if key not in ("env", "headers"):
        return value
    table = dict(cast("Mapping[str, str]", value))
    for name, text in table.items():
        if _SECRET.search(name) and text and "${secret:" not in text:
            secret = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}_{name}").lower()
            table[name] = f"${{secret:{secret}}}"
            hosts = f"mcp:{server}" if key == "env" else "its host"
            left.append(
                f"{key}.{one_line(name)[:80]}: looks like a secret, so a reference takes its place;"
                f' add [secrets.{secret}] with from and hosts = ["{hosts}"]'
            )
    return table
