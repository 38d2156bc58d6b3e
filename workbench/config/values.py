"""Readers: what a written setting may be, and what it becomes.

Each reader takes what a file, a variable or a flag gave and returns the value a `Config` holds;
`Unfit` says in a few words what is expected. Who calls the reader knows key and place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from workbench.config.secret import KINDS, Secret
from workbench.errors import nearest

Reader: TypeAlias = Callable[[Any], Any]


class Unfit(Exception):
    """A value that a setting cannot have; never leaves this room."""

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        """Where in the value the fault lies: keys, and the numbers of list items."""


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise Unfit(f"expects text, got {value!r}")
    return value


def anything(value: Any) -> Any:
    """Any value."""
    return value


def one_of(*choices: str) -> Reader:
    """One of a few words, case-sensitive."""

    def read(value: Any) -> str:
        if value in choices:
            return str(value)
        guess = nearest(str(value), choices)
        hint = f"; did you mean {guess!r}?" if guess else ""
        raise Unfit(f"expects one of {', '.join(choices)}, got {value!r}{hint}")

    return read


def amount(value: Any) -> float:
    """A number of zero or more: money or seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e15:
        raise Unfit(f"expects a number of 0 or more, got {value!r}")
    return value


def prices(value: Any) -> tuple[float, float]:
    """Two amounts: for what is asked and for what is answered."""
    items = cast("list[Any]", value) if isinstance(value, (list, tuple)) else []
    if len(items) != 2:
        raise Unfit(f"expects two prices, asked and answered, got {value!r}")
    return amount(items[0]), amount(items[1])


def whole(value: Any) -> int:
    """A whole number of zero or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1e15:
        raise Unfit(f"expects a whole number of 0 or more, got {value!r}")
    return value


def count(value: Any) -> int:
    """A whole number of one or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unfit(f"expects a whole number of 1 or more, got {value!r}")
    return value


def rhythm(value: Any) -> str | int:
    """``turn``, ``off``, or every so many steps."""
    if value in ("turn", "off"):
        return str(value)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    try:
        return count(value)
    except Unfit:
        raise Unfit(f"expects turn, off or a number of steps, got {value!r}") from None


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit(f"expects true or false, got {value!r}")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, (list, tuple)):
        raise Unfit(f"expects a list of texts, got {value!r}")
    return tuple(text(item) for item in cast("list[Any]", value))


def secret(value: Any) -> Secret:
    """A reference to a secret; the secret itself is refused."""
    if isinstance(value, Secret):
        return value
    kind, _, rest = text(value).partition(":")
    for known in KINDS:
        if kind == known and rest.strip():
            return Secret(known, rest.strip())
    # The text is not quoted: it may be the secret.
    raise Unfit(
        "expects a reference to a secret (env:NAME, file:…, command:… or keyring:service/user),"
        " not the secret itself"
    )


def urls(value: Any) -> tuple[str, ...]:
    """A list of http addresses, without a slash at their end."""
    return tuple(url(item) for item in texts(value))


def places(value: Any) -> dict[str, str]:
    """Ollama hosts by what their models' names begin with.

    A list is ``ollama``, ``ollama2`` and so on; in a table ``gpu = "http://…"`` is ``ollama@gpu``.
    """
    if not isinstance(value, Mapping):
        found = urls(value)
        return {f"ollama{n}" if n > 1 else "ollama": at for n, at in enumerate(found, 1)}
    named: dict[str, str] = {}
    for name, at in mapping(cast("Any", value)).items():
        word = name.removeprefix("ollama@")
        if not word.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise Unfit("is no name for a host: letters, digits, - _ and .", (name,))
        prefix = word if word == "ollama" else f"ollama@{word}"
        named[prefix] = _inside(name, url, at)
    return named


def url(value: Any) -> str:
    """An http or https address, without a slash at its end."""
    address = text(value)
    if not address.startswith(("http://", "https://")):
        raise Unfit(f"expects an address like http://127.0.0.1:11434, got {address!r}")
    return address.rstrip("/")


def hosts(value: Any) -> tuple[str, ...]:
    """A list of ``host:port``."""
    found = texts(value)
    for item in found:
        host, _, port = item.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise Unfit(f"expects host:port, got {item!r}")
    return found


def table(read: Reader, known: tuple[str, ...] = ()) -> Reader:
    """A table whose values all have one reader; with ``known``, of these names only."""

    def read_table(value: Any) -> dict[str, Any]:
        found = mapping(value)
        _check_names(found, known)
        return {name: _inside(name, read, item) for name, item in found.items()}

    return read_table


def record(**readers: Reader) -> Reader:
    """A table with these keys, all optional, each with its reader."""

    def read_record(value: Any) -> dict[str, Any]:
        found = mapping(value)
        _check_names(found, tuple(readers))
        return {name: _inside(name, readers[name], item) for name, item in found.items()}

    return read_record


def records(read: Reader) -> Reader:
    """A list of tables."""

    def read_records(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise Unfit(f"expects a list of tables, got {value!r}")
        items = cast("list[Any]", value)
        return tuple(_inside(str(index), read, item) for index, item in enumerate(items))

    return read_records


def mapping(value: Any) -> dict[str, Any]:
    """A table, its keys as text."""
    if not isinstance(value, Mapping):
        raise Unfit(f"expects a table, got {value!r}")
    return {str(name): item for name, item in cast("Mapping[Any, Any]", value).items()}


def _check_names(found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in found:
        if known and name not in known:
            guess = nearest(name, known)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}"
            raise Unfit(f"is no setting; {hint}", (name,))


def _inside(name: str, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except Unfit as error:
        raise Unfit(error.message, (name, *error.path)) from error
