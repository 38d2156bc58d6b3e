"""What memory promises, as pure decisions: keys, words, which tier a value stands in.

Hot is a run's own memory, a dict that is rebuilt from its rows. Warm is a row of the workspace's
database. Cold is such a row, compressed: large values at once, others when they have not been
written for long. A value of the workspace is never kept in a process, because another process may
write it at any moment. Reading changes nothing; a write makes a small value warm again.
"""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final, cast

from workbench.errors import InputError
from workbench.values import dumps, loads

COLD_BYTES: Final = 32 * 1024
"""As JSON; a value from this size on is compressed at once."""

COLD_AFTER_S: Final = 30 * 86_400.0
"""A value that was not written for so long is compressed, whatever its size."""

MOST_FOUND: Final = 1_000
"""The most that one search gives."""

_LONGEST_KEY: Final = 1_000
_MOST_WORDS: Final = 50
_WORD: Final = re.compile(r"[^\W_]+")


class SharedMemory(MutableMapping[str, Any]):
    """What all runs of a workspace remember, in the order of writes; a write is kept at once."""

    @abstractmethod
    def search(self, search: str, limit: int) -> list[dict[str, Any]]:
        """As `find`."""


def check_key(key: object) -> str:
    """A key as it is. Raises InputError when it is no text, empty or too long."""
    if not isinstance(key, str) or not key.strip():
        raise InputError(f"{key!r} is no key of a memory", hint="Give a text that is not empty")
    if len(key) > _LONGEST_KEY:
        raise InputError(f"a key of {len(key)} characters; at most {_LONGEST_KEY} are kept")
    if "\0" in key or any("\ud800" <= c <= "\udfff" for c in key):
        raise InputError(f"{key!r} is no key of a memory: it has characters that are no text")
    return key


def check_limit(limit: object) -> int:
    """How many a search gives. Raises InputError when that is no number from 1 up."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_FOUND:
        raise InputError(f"limit is {limit!r}, and must be a whole number from 1 to {MOST_FOUND}")
    return limit


def is_cold(size_bytes: int, idle_s: float) -> bool:
    """Whether a value of this size that was not written for so long is kept compressed."""
    return size_bytes >= COLD_BYTES or idle_s >= COLD_AFTER_S


def words(text: str) -> list[str]:
    """The words of a text as they are compared: without case and without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def wanted_words(search: str) -> set[str]:
    """The words that are looked for. Raises InputError when they are too many."""
    wanted = set(words(search))
    if len(wanted) > _MOST_WORDS:
        raise InputError(f"a search for {len(wanted)} words; at most {_MOST_WORDS} are looked for")
    return wanted


def words_of(key: str, value: Any) -> list[str]:
    """Everything that a memory is found by: its key, and the texts and numbers in its value."""
    return words(" ".join((key, *_texts(loads(dumps(value))))))


def find(memory: Mapping[str, Any], search: str, limit: int) -> list[dict[str, Any]]:
    """The memories that have every word, newest first; all of them without words.

    ``memory`` is in the order of its writes. Each found has ``key`` and ``value``.
    """
    wanted = wanted_words(search)
    if search.strip() and not wanted:
        return []
    found: list[dict[str, Any]] = []
    for key in reversed(list(memory)):
        if wanted <= set(words_of(key, memory[key])):
            found.append({"key": key, "value": memory[key]})
        if len(found) == limit:
            break
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[Any, Any]", value).items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _texts(inner)
    elif value is not None:
        yield str(value)
