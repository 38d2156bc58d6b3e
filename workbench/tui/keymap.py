"""Which keys the actions have: those of the table, moved by the user's ``[keys]``.

The settings know what a key is; which actions there are, where each works, and that no two have
the same key there, only the screen knows. So whoever opens the screen, or shows the settings, has
a map checked here. This knows no Textual, so that showing settings stays quick.

A map belongs to a context (`contextvars`), so that texts made far away name the right keys.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType

from workbench.config import Config
from workbench.config.looks import types_text
from workbench.errors import ConfigError, nearest
from workbench.plain import Plain
from workbench.tui.keys import EVERYWHERE, KEYS, TITLES, Key, Place, written

_BY_ID = {key.id: key for key in KEYS}
_EDITING = frozenset(
    {"enter", "tab", "backspace", "delete", "left", "right", "up", "down", "home", "end"}
)
"""What a text field needs itself."""
_WAY_OUT = ("screen.escape", "overlay.close", "overlay.submit", "inbox.submit")
"""Used from inside text fields, where what types a character does nothing else."""
_OTHERS = "Take one with ctrl or alt, or f1 to f24"
_PANES: tuple[Place, ...] = ("agents", "checkpoints", "trace", "detail", "inbox")
_BELOW: tuple[Place, ...] = ("app", "screen", "list", "overlay")

_moved: ContextVar[Mapping[str, str]] = ContextVar("keys", default=MappingProxyType({}))


def use(keys: Mapping[str, str]) -> None:
    """From now on, texts made in this context name these keys."""
    _moved.set(keys)


def keys_of(key: Key) -> str:
    """The keys of an action as Textual writes them, with commas."""
    return _moved.get().get(key.id, key.keys)


def shown(key: Key) -> str:
    """The keys of an action as a person writes them."""
    return written(keys_of(key))


def short(action: str) -> str:
    """The first key of an action as a person writes it."""
    return written(keys_of(_BY_ID[action]).split(",", maxsplit=1)[0])


def keyed(text: str) -> Plain:
    """A sentence of ours with the ids in braces replaced by keys: ``{screen.escape} back``."""
    return Plain(re.sub(r"\{([a-z._]+)\}", lambda found: short(found[1]), text))


def checked(config: Config) -> Mapping[str, str]:
    """The settings' keys by action, if they make a keyboard one can use.

    Raises:
        ConfigError: naming file, line, and the nearest right one.
    """
    for action, keys in config.keys.items():
        key = _BY_ID.get(action)
        if key is None:
            raise _wrong(config, action, "is no action", _did_you_mean(action))
        _check_typing(config, key, keys.split(","))
    for place in TITLES:
        if place not in _BELOW:
            _check_clashes(config, place)
    return config.keys


def listed(config: Config) -> Iterator[tuple[str, str, str, str]]:
    """Every action with its keys, its title, and where the keys come from.

    Raises:
        ConfigError: as `checked`.
    """
    moved = checked(config)
    for key in KEYS:
        source = config.sources.get(f"keys.{key.id}", "default")
        yield key.id, written(moved.get(key.id, key.keys)), key.title, source


def _check_typing(config: Config, key: Key, names: list[str]) -> None:
    """What works inside text fields must not be what is typed there."""
    if key.show == EVERYWHERE or key.place == "command":
        usual = key.keys.split(",")
        for name in names:
            if types_text(name) or (name in _EDITING and name not in usual):
                hint = f"Did you mean {f'alt+{name}'!r}?" if len(name) == 1 else _OTHERS
                what = f"= {name!r}: it works in text fields, which need {name} themselves"
                raise _wrong(config, key.id, what, hint)
    elif key.id in _WAY_OUT and all(map(types_text, names)):
        what = f"= {','.join(names)!r}: it leads out of text fields, where that is typed"
        hint = f"Keep one beside it that types nothing: {key.keys},{names[0]}"
        raise _wrong(config, key.id, what, hint)


def _check_clashes(config: Config, place: Place) -> None:
    """No key does two things where the keys of a place work."""
    taken: dict[str, Key] = {}
    for key in _together(place):
        for name in config.keys.get(key.id, key.keys).split(","):
            other = taken.setdefault(name, key)
            if other is key or (name in key.keys.split(",") and name in other.keys.split(",")):
                continue  # the table itself may let a pane's key go before the screen's
            mine, theirs = (key, other) if key.id in config.keys else (other, key)
            raise _wrong(
                config, mine.id, f"= {name!r}: {theirs.id} ({theirs.title}) has that key there",
                f"Free there: {', '.join(_free(config, mine))}",
            )  # fmt: skip


def _together(place: Place) -> Iterator[Key]:
    """Everything that has keys while a place has the focus."""
    if place in _PANES:
        places = {"app", "screen", "list", place}
    elif place in ("command", "past"):  # what the past does with a key, it does in all its panes
        places = {"app", "screen", place}
    else:
        places = {"app", "overlay", "list", place}
    return (key for key in KEYS if key.place in places)


def _free(config: Config, wanted: Key) -> list[str]:
    """Some keys that nothing has wherever an action works."""
    taken = {
        name
        for place in TITLES
        if place not in _BELOW and wanted in (together := list(_together(place)))
        for key in together
        for name in config.keys.get(key.id, key.keys).split(",")
    }
    functions = [f"f{number}" for number in range(1, 13)]
    offered = functions if wanted.show == EVERYWHERE else string.ascii_lowercase
    return [name for name in offered if name not in taken][:5]


def _did_you_mean(action: str) -> str:
    last = {key.id.rpartition(".")[2]: key.id for key in reversed(KEYS)}
    guess = nearest(action, _BY_ID) or last.get(action.rpartition(".")[2])
    return f"Did you mean {guess!r}?" if guess else "See them all: kaizen-tui config keys"


def _wrong(config: Config, action: str, what: str, hint: str) -> ConfigError:
    name = f"keys.{action}"
    place = config.sources.get(name) or config.sources.get("keys") or "the given settings"
    return ConfigError(f"{place}: {name} {what}", hint=hint, key=name)
