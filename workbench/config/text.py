"""Read a file of settings into a tree that knows the line of every key.

Whoever finds a wrong value can say where it stands. What the file is written in, and what is
refused of a file that somebody else wrote, is `workbench.located`'s concern; settings ask for
no aliases on top of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from workbench.errors import ConfigError
from workbench.located import MAX_BYTES, SUFFIXES, Located, read_located

__all__ = ["SUFFIXES", "KeyPath", "Settings", "read_settings"]

KeyPath: TypeAlias = tuple[str, ...]
"""Keys, and numbers of list items, as a dotted key has them: ``rules.1.tool``."""


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
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    return _settings(read_located(raw, path.suffix, str(path), aliases=0))


def _settings(found: Located) -> Settings:
    # An empty file sets nothing; a `null` that stands there is no table.
    values: Any = found.value if found.lines else {}
    if not isinstance(values, dict):
        raise found.wrong((), f"the file holds {_kind(values)}, not a table of settings")
    lines = {tuple(map(str, place)): line for place, line in found.lines.items()}
    return Settings(cast("dict[str, Any]", values), found.where, lines)


def _kind(value: Any) -> str:
    return {list: "a list", str: "text", type(None): "nothing"}.get(
        cast("type[Any]", type(value)), f"a {type(value).__name__}"
    )
