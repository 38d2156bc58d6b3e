"""Values that know their lines: where in a file each of them was written.

A file a person writes deserves errors that point. And a file somebody else wrote must not take
the memory or the stack, so its size, its depth and its number of values are limited here, alike
for every format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workbench.errors import ConfigError, nearest

Place: TypeAlias = tuple["str | int", ...]
"""Keys, and numbers of list items, from the top of the file."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_VALUES = 50_000


@dataclass(frozen=True, slots=True)
class Located:
    """A read file: its name, its value, and the line of each place in it."""

    where: str
    value: Any = None
    """None without any line when a YAML file holds nothing."""
    lines: Mapping[Place, int] = field(default_factory=dict[Place, int])

    def wrong(
        self, place: Place, message: str, hint: str = "", near: str | None = None
    ) -> ConfigError:
        """An error at a place, naming file, key and line: the place's own, or the nearest above."""
        above = (place[:end] for end in range(len(place), -1, -1))
        line = next((self.lines[part] for part in above if part in self.lines), 1)
        key = spelled(place)
        return refusal(self.where, line, f"{key}: {message}" if key else message, hint, key, near)

    def unknown(self, place: Place, what: str, name: str, known: Iterable[str]) -> ConfigError:
        """An error about a name that does not exist, with the nearest that does."""
        names = sorted(known)
        return self.wrong(place, f"no {what} {name!r}", guess(name, names), nearest(name, names))


def spelled(place: Place) -> str:
    """A place as a person writes it: ``answers[2].when.round``."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def refusal(
    where: str,
    line: int | None,
    message: str,
    hint: str = "",
    key: str = "",
    near: str | None = None,
) -> ConfigError:
    """The error of a file that cannot be used; without a line, the whole file is meant."""
    place = f"{where}:{line}" if line else where
    return ConfigError(
        f"{place}: {message}", hint=hint, file=where, line=line, key=key, nearest=near
    )


def twice(where: str, line: int, key: str) -> ConfigError:
    """The error of a key that stands twice in one table."""
    return refusal(where, line, f"key {key!r} stands twice", key=key)


def guess(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest known name, or at all of them."""
    near = nearest(name, known)
    return f"Did you mean {near!r}?" if near else f"Known: {', '.join(known)}"


@dataclass(slots=True)
class Lines:
    """The lines noted so far, and whether the file is still small enough."""

    where: str
    noted: dict[Place, int] = field(default_factory=dict[Place, int])

    def note(self, place: Place, line: int) -> None:
        """Note where a place begins; what was noted first stays."""
        if len(place) > MAX_DEPTH:
            raise self.too_deep(line)
        if len(self.noted) > MAX_VALUES:
            raise self.too_many(line)
        self.noted.setdefault(place, line)

    def too_deep(self, line: int) -> ConfigError:
        """The error of a file with too many levels."""
        return refusal(self.where, line, f"the file is nested deeper than {MAX_DEPTH} levels")

    def too_many(self, line: int) -> ConfigError:
        """The error of a file with too many values."""
        return refusal(self.where, line, f"the file has more than {MAX_VALUES:,} values")
