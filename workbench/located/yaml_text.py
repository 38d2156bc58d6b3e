"""YAML with the line of every key and list item, and with little of what it can do.

The safe loader makes no objects, yet aliases can multiply a few lines into gigabytes, nesting can
exhaust the stack, and a key said twice is taken once without a word. Values are built here, node
by node, so that lines are kept and all of this is refused, tags too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from workbench.located.value import MAX_DEPTH, MAX_VALUES, Lines, Located, Place, refusal, twice


def read_yaml(text: str, where: str, aliases: int) -> Located:
    """Read one YAML document. Raises ConfigError naming file and line."""
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(text, kind, where, aliases)
        loader = kind(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        # What is missing at the end is missed one line below it.
        last = max(1, len(text.splitlines()))
        line = min(error.problem_mark.line + 1, last) if error.problem_mark else 1
        raise refusal(where, line, f"this is not YAML: {error.problem or error}") from None
    except (yaml.YAMLError, ValueError) as error:
        # A character that YAML does not allow; libyaml counts bytes up to it.
        before = text.encode(errors="replace")[: getattr(error, "position", 0)]
        message = f"this is not YAML: {getattr(error, 'reason', error)}"
        raise refusal(where, before.count(b"\n") + 1, message) from None
    if node is None:
        return Located(where)
    nodes = _Nodes(Lines(where), loader)
    return Located(where, nodes.value(node, ()), nodes.lines.noted)


def _check_events(text: str, loader: Any, where: str, aliases: int) -> None:
    """Refuse what must not even be composed; a key counts as a value here."""
    reader: Any = yaml  # the stubs leave `parse` untyped
    depth = values = used = 0
    for event in reader.parse(text, Loader=loader):
        line = event.start_mark.line + 1
        values += isinstance(event, yaml.NodeEvent)
        used += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if tag := getattr(event, "tag", None):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            raise refusal(where, line, f"the tag {shown!r} is not read here")
        if used > aliases:
            few = f"more than {aliases} aliases" if aliases else "aliases, which it does not need"
            raise refusal(where, line, f"the file has {few}")
        if depth > MAX_DEPTH:
            raise Lines(where).too_deep(line)
        if values > MAX_VALUES:
            raise Lines(where).too_many(line)


@dataclass(slots=True)
class _Nodes:
    """One walk over the nodes, counting what it makes: aliases multiply."""

    lines: Lines
    loader: Any
    count: int = 0

    def value(self, node: Any, place: Place, above: tuple[Any, ...] = ()) -> Any:
        line = node.start_mark.line + 1
        self.lines.note(place, line)
        self.count += 1
        if self.count > MAX_VALUES:
            raise self.lines.too_many(line)
        if any(node is outer for outer in above):
            raise refusal(self.lines.where, line, "a value contains itself")
        within = (*above, node)
        match node.id:
            case "mapping":
                return self.mapping(node, place, within)
            case "sequence":
                return [self.value(item, (*place, i), within) for i, item in enumerate(node.value)]
            case _:
                return self.scalar(node, line)

    def mapping(self, node: Any, place: Place, above: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: Any = None
        seen: set[str] = set()
        for key, item in node.value:
            name, line = key.value, key.start_mark.line + 1
            if key.id != "scalar":
                raise refusal(self.lines.where, line, "a key must be a word")
            if name in seen:
                raise twice(self.lines.where, line, name)
            seen.add(name)
            if key.tag.endswith(":merge"):
                merged = item
                continue
            self.lines.note((*place, name), line)
            found[name] = self.value(item, (*place, name), above)
        # After the mapping's own keys, because the line noted first stays.
        return found if merged is None else {**self.merged(merged, place, above), **found}

    def merged(self, node: Any, place: Place, above: tuple[Any, ...]) -> dict[str, Any]:
        """What stands behind ``<<``: one mapping, or several of which the first counts most."""
        found: dict[str, Any] = {}
        for item in node.value if node.id == "sequence" else [node]:
            value = self.value(item, place, above)
            if not isinstance(value, dict):
                line = node.start_mark.line + 1
                raise refusal(self.lines.where, line, "'<<' takes a mapping, or a list of them")
            found = {**value, **found}
        return found

    def scalar(self, node: Any, line: int) -> Any:
        # Dates stay the text they were: no row could carry them.
        if node.tag.rpartition(":")[2] not in {"int", "float", "bool", "null"}:
            return node.value
        try:
            return self.loader.construct_object(node)
        except (ValueError, OverflowError):
            message = f"{node.value[:40]!r} cannot be read as a number"
            raise refusal(self.lines.where, line, message) from None
