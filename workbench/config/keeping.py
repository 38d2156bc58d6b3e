"""Write one setting into the user's own file, and change nothing else that stands there.

Comments and order are the user's: only the line of the setting is written, or added. What came of
it is read back before it replaces the file; where a line cannot be changed alone (a value over
several lines, an odd way to write the key), nothing is written and the user is told what to write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.config.folders import config_folder
from workbench.config.layers import user_file
from workbench.config.text import read_settings
from workbench.config.writing import write_whole
from workbench.errors import ConfigError
from workbench.located import read_located

_LINES = {
    ".toml": (
        r"(?m)^([ \t]*\"?{name}\"?[ \t]*=[ \t]*)(?:\"[^\"\\\n]*\"|'[^'\n]*'|true|false)",
        "{name} = {value}",
    ),
    ".yaml": (
        r"(?m)^(\"?{name}\"?[ \t]*:[ \t]+)(?:\"[^\"\\\n]*\"|'[^'\n]*'|[\w.-]+)",
        "{name}: {value}",
    ),
    ".json": (r"(?m)^([ \t]*\"{name}\"[ \t]*:[ \t]*)(?:\"[^\"\\\n]*\"|true|false)", ""),
}
"""By suffix: the setting where it stands, and a line of it."""


def keep(environment: Mapping[str, str], name: str, value: str | bool) -> Path:
    """Set a top-level key of the user's settings; the file it stands in now.

    Args:
        environment: variables, which say where the user's settings are.
        name: of a setting without a dot.
        value: what it becomes.

    Raises:
        ConfigError: the file cannot be read or written, or not changed in this line only.
    """
    file = user_file(environment) or config_folder(environment) / "config.toml"
    # A link (people keep their settings elsewhere) stays one: what it leads to is replaced.
    try:
        file = file.resolve()
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        raise ConfigError(f"{file} cannot be followed: {error}") from error
    before, values = _read(file)
    suffix = file.suffix.replace("yml", "yaml")
    for after in _candidates(before, suffix, name, json.dumps(value)):
        if _values(after, file) == {**values, name: value}:
            write_whole(file, after)
            return file
    raise ConfigError(
        f"{name} cannot be changed in {file} without changing more",
        hint=f"Write it there yourself: {name} = {json.dumps(value)}",
    )


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    if not file.exists():
        return "", {}
    values = read_settings(file).values
    return file.read_text(encoding="utf-8-sig"), values


def _values(text: str, file: Path) -> Any:
    try:
        return read_located(text, file.suffix, str(file), aliases=0).value
    except ConfigError:
        return None


def _candidates(text: str, suffix: str, name: str, value: str) -> Iterator[str]:
    """The text with the setting changed where it seems to stand, and with it added."""
    pattern, line = _LINES[suffix]
    place = re.compile(pattern.replace("{name}", re.escape(name)))
    for found in place.finditer(text):
        yield text[: found.start()] + found[1] + value + text[found.end() :]
    if suffix == ".json":
        values: dict[str, Any] = json.loads(text) if text.strip() else {}
        yield json.dumps({**values, name: json.loads(value)}, indent=2) + "\n"
        return
    added = line.format(name=name, value=value) + "\n"
    # Before everything else: after a heading it would belong to that heading's table.
    yield added + text if suffix == ".toml" or not text else _under_marker(text, added)


def _under_marker(text: str, added: str) -> str:
    """A YAML document may begin with a marker or directives."""
    found = re.search(r"(?m)^---[ \t]*\n", text)
    at = found.end() if found else 0
    return text[:at] + added + text[at:]
