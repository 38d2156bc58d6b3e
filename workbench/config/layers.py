"""Load the settings: default < user's file < project's file < environment < flags.

Each value remembers where it came from. The project's file is somebody else's until the folder is
trusted, and even then it may only tighten what guards the user. A file named by the user takes
the project's place with the user's own authority.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from workbench.config.folders import config_folder
from workbench.config.settings import (
    COMMAND_LINE,
    KEYS,
    Config,
    Keep,
    Key,
    LiteLlm,
    Models,
    Ollama,
)
from workbench.config.text import SUFFIXES, KeyPath, Settings, read_settings
from workbench.config.trust import is_trusted
from workbench.config.values import Unfit
from workbench.errors import ConfigError, nearest
from workbench.journal.limits import Ceilings

_GROUPS: dict[str, type[Any]] = {
    "keep": Keep,
    "models": Models,
    "ollama": Ollama,
    "litellm": LiteLlm,
}
_BY_PATH = {key.path: key for key in KEYS}
_TABLES = {key.path[:end] for key in KEYS for end in range(1, len(key.path))} | {("limits", "run")}
"""What holds keys and is none itself."""
_NOT_SETTINGS = {"KAIZEN_TUI_CONFIG_HOME", "KAIZEN_TUI_DATA_HOME"}


@dataclass(slots=True)
class _Gathered:
    """What the layers read so far have said."""

    values: dict[KeyPath, Any] = field(default_factory=dict[KeyPath, Any])
    sources: dict[str, str] = field(default_factory=dict[str, str])
    notices: list[str] = field(default_factory=list[str])
    untrusted: list[str] = field(default_factory=list[str])


def load(
    source: str | Path | Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    workspace: str | Path | None = None,
) -> Config:
    """The settings that hold for a workspace.

    Args:
        source: a file that stands in for the project's own, or settings from Python.
        environment: variables; None is this process's.
        flags: by dotted key (``limits.usd``); text is read as in the environment.
        workspace: the folder; None is the current one.

    Raises:
        ConfigError: naming the key, the nearest right one, and file and line.
    """
    variables = os.environ if environment is None else environment
    folder = Path(workspace or ".").resolve()
    gathered = _Gathered()
    if user := user_file(variables):
        _take(gathered, read_settings(user))
    if isinstance(source, Mapping):
        _take(gathered, Settings(dict(source)))
    elif source is not None:
        _take(gathered, read_settings(Path(source)))
    else:
        _take_project(gathered, folder, variables)
    _take_environment(gathered, variables)
    _take_flags(gathered, flags or {})
    return _config(gathered, folder)


def user_file(environment: Mapping[str, str]) -> Path | None:
    """The user's own file of settings, if there is one."""
    return _only_file(config_folder(environment), "config")


def project_file(workspace: Path) -> Path | None:
    """The workspace's own file of settings, if there is one."""
    return _only_file(workspace, "kaizen")


def _only_file(folder: Path, stem: str) -> Path | None:
    # An empty file sets nothing; a sandbox that was killed leaves such ones where it stood guard.
    paths = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
    found = [path for path in paths if path.is_file() and path.stat().st_size]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ConfigError(f"{folder} holds {names}", hint="Keep one of them")
    return found[0] if found else None


def _take_project(gathered: _Gathered, folder: Path, variables: Mapping[str, str]) -> None:
    file = project_file(folder)
    if file is None:
        return
    if not is_trusted(folder, variables):
        gathered.untrusted.append(file.name)
        gathered.notices.append(
            f"{file.name} was not read, because this folder is not trusted; see: kaizen-tui trust"
        )
        return
    _take(gathered, replace(read_settings(file), file=file.name), is_project=True)


def _take(gathered: _Gathered, settings: Settings, *, is_project: bool = False) -> None:
    for path, value in _leaves(settings, (), settings.values):
        key = _known(settings, path)
        place = settings.place(path)
        try:
            read = key.read(value)
            if is_project:
                read = _judged(gathered, key, read, place)
        except Unfit as error:
            raise _refusal(settings.place((*path, *error.path)), key, error) from error
        _put(gathered, key, read, place)
        _note_items(gathered, key, path, value, settings.place)


def _note_items(
    gathered: _Gathered, key: Key, path: KeyPath, value: Any, place: Callable[[KeyPath], str]
) -> None:
    """Where each item of a table was written: one layer sets some, another the rest."""
    if key.join != "merge":
        return
    if not isinstance(value, Mapping):
        gathered.sources[".".join(path)] = place(path)
        return
    for name, item in cast("Mapping[str, Any]", value).items():
        below = (*path, str(name))
        _note_items(gathered, key, below, item, place)


def _refusal(place: str, key: Key, error: Unfit) -> ConfigError:
    name = ".".join((key.name, *error.path))
    return ConfigError(f"{place}: {name} {error.message}", key=name)


def _leaves(
    settings: Settings, above: KeyPath, tree: Mapping[str, Any]
) -> list[tuple[KeyPath, Any]]:
    """Every key of the table that the tree holds, where it was written; unknown ones too."""
    found: list[tuple[KeyPath, Any]] = []
    for name, value in tree.items():
        path = (*above, name)
        if path not in _TABLES:
            found.append((path, value))
        elif isinstance(value, Mapping):
            found += _leaves(settings, path, cast("Mapping[str, Any]", value))
        else:
            place = settings.place(path)
            raise ConfigError(f"{place}: {'.'.join(path)} expects a table, got {value!r}")
    return found


def _short(path: KeyPath) -> KeyPath:
    """A run's limits may be called so or by their short name: ``limits.run.usd``."""
    return ("limits", *path[2:]) if path[:2] == ("limits", "run") else path


def _known(settings: Settings, path: KeyPath) -> Key:
    if (key := _BY_PATH.get(_short(path))) is not None:
        return key
    name = ".".join(path)
    raise ConfigError(
        f"{settings.place(path)}: there is no setting {name!r}", hint=_guess(name), key=name
    )


def _guess(name: str) -> str:
    names = [key.name for key in KEYS]
    last = {known.rpartition(".")[2]: known for known in reversed(names)}
    bare = name.rpartition(".")[2]
    guess = last.get(bare) or nearest(name, names) or last.get(nearest(bare, last) or "")
    return f"Did you mean {guess!r}?" if guess else f"Known: {', '.join(names)}"


def _judged(gathered: _Gathered, key: Key, value: Any, place: str) -> Any:
    """What a project's wish comes to: itself, something tighter, or a refusal."""
    if key.project == "may":
        return value
    if key.project == "never":
        raise Unfit("can only be set in your own settings, not in a project's")
    user = gathered.values.get(key.path, _default(key))
    held = key.project(user, value)
    if held != value:
        gathered.notices.append(
            f"{place}: {key.name} stays {held!r}; a project can only tighten it"
        )
    return held


def _put(gathered: _Gathered, key: Key, value: Any, place: str) -> None:
    before = gathered.values.get(key.path)
    if key.join == "merge" and before:
        value = _merged(before, value)
    elif key.join == "append" and before:
        value = (*before, *value)
    if key.join != "replace" and key.name in gathered.sources:
        place = f"{gathered.sources[key.name]}, {place}"
    gathered.values[key.path] = value
    gathered.sources[key.name] = place


def _merged(before: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**before, **value}
    for name in before.keys() & value.keys():
        if isinstance(before[name], Mapping) and isinstance(value[name], Mapping):
            whole[name] = _merged(before[name], value[name])
    return whole


def _take_environment(gathered: _Gathered, variables: Mapping[str, str]) -> None:
    by_variable = {key.variable: key for key in KEYS}
    whole = {key.variable.replace("LIMITS_", "LIMITS_RUN_"): key for key in KEYS}
    by_variable |= {name: key for name, key in whole.items() if len(key.path) == 2}
    for name in sorted(variables):
        if not name.startswith("KAIZEN_TUI_") or name in _NOT_SETTINGS:
            continue
        if name not in by_variable:
            guess = nearest(name, [*by_variable, *_NOT_SETTINGS])
            hint = f"Did you mean {guess}?" if guess else "See: kaizen-tui config show"
            raise ConfigError(f"the variable {name} sets nothing", hint=hint)
        _take_text(gathered, by_variable[name], variables[name], f"environment {name}")


def _take_flags(gathered: _Gathered, flags: Mapping[str, Any]) -> None:
    for name, value in flags.items():
        key = _BY_PATH.get(_short(tuple(name.split("."))))
        given = value
        if key is None and name.startswith("limits.agent."):
            # One value of the table: an agent's name may have dots, a measure has none.
            key = _BY_PATH["limits", "agent"]
            agent, _, measure = name.removeprefix("limits.agent.").rpartition(".")
            given = {agent: {measure: _json(value)}}
        if key is None:
            raise ConfigError(f"there is no setting {name!r}", hint=_guess(name), key=name)
        _take_text(gathered, key, given, COMMAND_LINE)


def _take_text(gathered: _Gathered, key: Key, value: Any, place: str) -> None:
    try:
        read = key.read(_untexted(key, value) if isinstance(value, str) else value)
    except Unfit as error:
        raise _refusal(place, key, error) from error
    _put(gathered, key, read, place)
    _note_items(gathered, key, key.path, read, lambda _path: place)


def _untexted(key: Key, text: str) -> Any:
    """What a text outside a file means: JSON, or for a list its items between commas."""
    if key.shape == "text":
        return text
    found = _json(text)
    if found is text and key.shape == "list" and not text.lstrip().startswith(("[", "{")):
        return [item.strip() for item in text.split(",") if item.strip()]
    return found


def _json(text: Any) -> Any:
    """What a text means as JSON, or the text itself."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (json.JSONDecodeError, RecursionError):
        return text


def _default(key: Key) -> Any:
    return Config().value(key.path)


def _config(gathered: _Gathered, folder: Path) -> Config:
    groups: dict[str, dict[str, Any]] = {name: {} for name in _GROUPS}
    plain: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for path, value in gathered.values.items():
        if path[0] == "limits":
            *scope, name = path[1:]
            (limits.setdefault(scope[0], {}) if scope else limits)[name] = value
        elif len(path) == 1:
            plain[path[0]] = value
        else:
            groups[path[0]][path[1]] = value
    built = {name: group(**groups[name]) for name, group in _GROUPS.items()}
    return Config(
        **plain,
        **built,
        limits=Ceilings.read(limits),
        workspace=folder,
        sources=gathered.sources,
        notices=tuple(gathered.notices),
        untrusted=tuple(gathered.untrusted),
    )
