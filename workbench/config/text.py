"""Read a file of settings into a tree that knows the line of every key.

TOML, YAML and JSON end in the same `Settings`, so whoever finds a wrong value can say where it
stands. The standard parsers keep no positions: TOML is scanned once more for its keys, YAML is
composed into nodes that carry them, and JSON is walked token by token. Sizes, depth and aliases
are bounded, because a project's file is somebody else's text.
"""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from workbench.errors import ConfigError, UnknownName

KeyPath: TypeAlias = tuple[str, ...]

SUFFIXES = (".toml", ".yaml", ".yml", ".json")
_MOST_BYTES = 1_000_000
_MOST_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """A tree of plain values and where each key of it was written."""

    values: dict[str, Any]
    file: str = ""
    """The file's name for people, or empty when the values came from Python."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict[KeyPath, int])

    def place(self, key: KeyPath) -> str:
        """``file:line`` of a key, or of the nearest key above it that has a line."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.lines:
                return f"{self.file}:{self.lines[key[:end]]}"
        return self.file or "the given settings"


def read_settings(path: Path) -> Settings:
    """Read a file by its suffix. Raises ConfigError naming file and line."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES} bytes, too large for settings")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line} is not UTF-8 text") from error
    return parse_settings(text, path.suffix.lower(), str(path))


def parse_settings(text: str, suffix: str, where: str) -> Settings:
    """Parse text of one of the three formats; ``suffix`` is ``.toml``, ``.yaml`` or ``.json``."""
    match suffix:
        case ".toml":
            values, lines = _toml(text, where), _toml_lines(text)
        case ".yaml" | ".yml":
            values, lines = _yaml(text, where)
        case ".json":
            values, lines = _json(text, where), _json_lines(text)
        case _:
            raise UnknownName("format of settings", suffix or where, SUFFIXES)
    if not isinstance(values, dict):
        raise ConfigError(f"{where} holds {_kind(values)}, not a table of settings")
    _check_depth(values, where)
    return Settings(cast("dict[str, Any]", values), where, lines)


def _toml(text: str, where: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = found[1] if found else text.count("\n") + 1
        said = str(error).split(" (at ")[0]
        raise ConfigError(f"{where}:{line} is not TOML: {said}") from error
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error


_BARE = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_BARE}(?:\s*\.\s*{_BARE})*"
_HEADER = re.compile(rf"^\s*\[(\[)?\s*({_DOTTED})\s*\]")
_ASSIGNED = re.compile(rf"^\s*({_DOTTED})\s*=")


def _toml_lines(text: str) -> dict[KeyPath, int]:
    """Where each table and key of a TOML text starts; multi-line strings may add a false one."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], number)
        elif assigned := _ASSIGNED.match(line):
            key = (*table, *_parts(assigned[1]))
            for end in range(len(table) + 1, len(key) + 1):
                lines.setdefault(key[:end], number)
    return lines


def _parts(dotted: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in re.findall(_BARE, dotted))


def _json(text: str, where: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigError(f"{where} gives the key {twice!r} twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}:{error.lineno} is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error


_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|\n')


def _json_lines(text: str) -> dict[KeyPath, int]:
    """Where each key and list item of a JSON text stands."""
    lines: dict[KeyPath, int] = {}
    path: list[str] = []
    counts: list[int] = []  # one per open container: -1 for an object, else the item's number
    number, last = 1, ""
    for mark in _MARK.findall(text):
        if mark == "\n":
            number += 1
        elif mark in "{[":
            if counts and counts[-1] >= 0:
                path[-1] = str(counts[-1])
                lines.setdefault(tuple(path), number)
            counts.append(-1 if mark == "{" else 0)
            path.append("")
        elif mark in "}]" and counts:
            counts.pop()
            path.pop()
        elif mark == "," and counts and counts[-1] >= 0:
            counts[-1] += 1
        elif mark == ":" and counts and counts[-1] < 0:
            path[-1] = json.loads(last)
            lines.setdefault(tuple(path), number)
        elif mark[0] == '"':
            last = mark
    return lines


def _yaml(text: str, where: str) -> tuple[Any, dict[KeyPath, int]]:
    yaml = _yaml_module()

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ConfigError(f"{where} uses YAML aliases, which settings do not need")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[KeyPath, int] = {}
        _yaml_lines(node, (), lines, where)
        return (yaml.safe_load(text) if node is not None else {}), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{where}:{line} is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error


def _yaml_module() -> Any:
    # An optional format: 15 ms that a user of TOML never pays. Untyped, so Any.
    return importlib.import_module("yaml")


def _yaml_lines(node: Any, path: KeyPath, lines: dict[KeyPath, int], where: str) -> None:
    yaml = _yaml_module()
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(cast("list[Any]", node.value)):
            key = (*path, str(index))
            lines[key] = item.start_mark.line + 1
            _yaml_lines(item, key, lines, where)
    elif isinstance(node, yaml.MappingNode):
        for name, value in cast("list[tuple[Any, Any]]", node.value):
            key = (*path, str(name.value))
            line = name.start_mark.line + 1
            if key in lines:
                raise ConfigError(f"{where}:{line} gives the key {key[-1]!r} twice")
            lines[key] = line
            _yaml_lines(value, key, lines, where)


def _check_depth(value: Any, where: str, depth: int = 0) -> None:
    if depth > _MOST_DEPTH:
        raise ConfigError(f"{where} is nested deeper than {_MOST_DEPTH} levels")
    if isinstance(value, dict):
        for item in cast("dict[Any, Any]", value).values():
            _check_depth(item, where, depth + 1)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            _check_depth(item, where, depth + 1)


def _kind(value: Any) -> str:
    return {list: "a list", str: "text", type(None): "nothing"}.get(
        cast("type[Any]", type(value)), f"a {type(value).__name__}"
    )
