"""YAML that knows its lines: values as usual, and for each place the line it stands on.

A file a person writes deserves errors that point. And a file somebody else wrote must not take the
memory: size, depth and the number of values after aliases are limited, tags are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import yaml

SIZE_LIMIT = 1024 * 1024
VALUES_LIMIT = 50_000
DEPTH_LIMIT = 40

Place = tuple["str | int", ...]


@dataclass(slots=True)
class Located:
    """A read file: its value, its name, and the line of each place in it."""

    where: str
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict[Place, int])

    def wrong(
        self, place: Place, message: str, hint: str = "", near: str | None = None
    ) -> ConfigError:
        """An error at a place, naming file, line and key."""
        line = next(
            (self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), 1
        )
        key = spelled(place)
        return ConfigError(
            f"{self.where}:{line}: {key + ': ' if key else ''}{message}",
            hint=hint,
            file=self.where,
            line=line,
            key=key,
            nearest=near,
        )

    def unknown(self, place: Place, what: str, name: str, known: Iterable[str]) -> ConfigError:
        """An error about a name that does not exist, with the nearest that does."""
        names = sorted(known)
        near = nearest(name, names)
        hint = f"Did you mean {near!r}?" if near else f"Known: {', '.join(names)}"
        return self.wrong(place, f"no {what} {name!r}", hint, near)


def spelled(place: Place) -> str:
    """A place as a person writes it: ``answers[2].when.round``."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_yaml(text: str, where: str) -> Located:
    """Read one YAML document.

    Raises:
        ConfigError: it is no YAML, too large, or uses what is refused.
    """
    import yaml  # noqa: PLC0415  # a playbook is seldom needed at start

    found = Located(where)
    if len(text) > SIZE_LIMIT:
        raise found.wrong((), f"larger than {SIZE_LIMIT // 1024} KiB")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        found.lines[()] = mark.line + 1 if mark else 1
        raise found.wrong((), f"not YAML: {error.problem or error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise found.wrong((), f"not YAML: {error}") from None
    finally:
        loader.dispose()
    if node is not None:
        found.value = _Reading(found, loader).value(node, ())
    return found


@dataclass(slots=True)
class _Reading:
    """One walk over the nodes, counting what it makes."""

    found: Located
    loader: Any
    count: int = 0

    def value(self, node: Any, place: Place) -> Any:
        self.found.lines.setdefault(place, node.start_mark.line + 1)
        self.count += 1
        if self.count > VALUES_LIMIT or len(place) > DEPTH_LIMIT:
            raise self.found.wrong(place[:3], "too many values, or nested too deeply")
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "map":
            return self.mapping(node, place)
        if kind == "seq":
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        if kind not in {"str", "int", "float", "bool", "null", "timestamp", "value"}:
            raise self.found.wrong(place, f"the tag {node.tag!r} is not read here")
        return self.scalar(node, place)

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, item in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise self.found.wrong(place, "a key must be a plain word")
            self.found.lines[*place, key] = key_node.start_mark.line + 1
            if key in result:
                raise self.found.wrong((*place, key), "written twice")
            result[key] = self.value(item, (*place, key))
        return result

    def scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, OverflowError) as error:
            raise self.found.wrong(place, f"cannot be read: {error}") from None
        return node.value if isinstance(value, date) else value
