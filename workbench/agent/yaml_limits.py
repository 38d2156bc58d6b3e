"""What YAML may do in an agent file: little, because it can do so much.

The safe loader makes no objects, yet aliases can multiply a few lines into gigabytes, nesting can
exhaust the stack, and a key said twice is taken once without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

import yaml

MAX_DEPTH = 32
MAX_ALIASES = 16
"""Plenty for people, too few for a bomb."""
MAX_NODES = 50_000


class Refuse(Protocol):
    """How the file's reader complains."""

    def __call__(self, message: str, *, line: int | None = None, **more: Any) -> NoReturn:
        """Raise, naming the line."""
        ...


def load(text: str, refuse: Refuse) -> Any:
    """Build the document that a text holds, within the limits.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    # The stubs leave these three untyped.
    reader: Any = yaml
    _check_events(reader.parse(text, Loader=yaml.SafeLoader), refuse)
    _check_keys(reader.compose(text, Loader=yaml.SafeLoader), refuse)
    return reader.safe_load(text)


def _check_events(events: Iterable[Any], refuse: Refuse) -> None:
    """Refuse a document that is too deep, too long or has too many aliases, before it is built."""
    depth = aliases = 0
    for nodes, event in enumerate(events):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH:
            refuse(f"the file is nested deeper than {MAX_DEPTH} levels", line=line)
        if aliases > MAX_ALIASES:
            refuse(f"the file has more than {MAX_ALIASES} aliases", line=line)
        if nodes > MAX_NODES:
            refuse(f"the file has more than {MAX_NODES:,} values", line=line)


def _check_keys(node: Any, refuse: Refuse, above: tuple[int, ...] = ()) -> None:
    """Refuse a key that stands twice, and a value that contains itself."""
    if id(node) in above:
        refuse("a value contains itself", line=node.start_mark.line + 1)
    path = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                refuse(f"key {key.value!r} stands twice", line=line, key=key.value)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            _check_keys(item, refuse, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, refuse, path)
