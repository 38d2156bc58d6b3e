"""Take known secrets out of values before they are recorded.

It stands at the log's door (`workbench.run.rows`), so what is kept on disk, shown, exported or
given to a model has passed it. Only exact values can be known: what the environment holds under
a name that says so, and what a secret reference was resolved to. Each is looked for as it is and
in the forms in which programs pass it on. What this cannot do: find a secret nobody told it of,
one shorter than `LEAST_CHARS`, or one that was encrypted, compressed or cut into pieces.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, urlsplit

REDACTED: Final = "[redacted "
"""How what stands in place of a secret begins; its name follows."""

LEAST_CHARS: Final = 8
"""Shorter values stand in too many texts by accident."""

_TELLING = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|PAT)(?:_|$)",
    re.IGNORECASE,
)
"""Names of variables that hold a secret."""


class Redaction:
    """The secrets that are known, and what to look for because of them."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}
        """What stands in place of each form; longer forms first."""
        self._shortest = LEAST_CHARS

    @staticmethod
    def of(environment: Mapping[str, str]) -> Redaction:
        """What the variables of a process give away by their names, and passwords in URLs."""
        made = Redaction()
        for name, value in environment.items():
            if _TELLING.search(name):
                made.learn(value, name)
            elif "://" in value and (password := _password_in(value)):
                made.learn(password, name)
        return made

    def learn(self, secret: str, name: str) -> None:
        """Look for a secret from now on; of one with several lines, for each line too.

        Args:
            secret: its value.
            name: what people call it; stands in its place.
        """
        found = {form: f"{REDACTED}{name}]" for part in _parts(secret) for form in _forms(part)}
        longest_first = sorted({**found, **self._marks}.items(), key=_length, reverse=True)
        self._marks = dict(longest_first)
        self._shortest = min(map(len, self._marks), default=LEAST_CHARS)

    def text(self, text: str) -> str:
        """The text with every known secret taken out."""
        for form, mark in self._marks.items():
            if form in text:
                text = text.replace(form, mark)
        return text

    def stream(self) -> Callable[[bytes], bytes]:
        """Take them out of bytes that come in pieces, for whoever keeps them.

        What could be the beginning of one is held back until the next piece tells.
        """
        marks = {
            form.encode("utf-8", "surrogatepass"): m.encode() for form, m in self._marks.items()
        }
        longest = max(map(len, marks), default=1) - 1
        held = b""

        def clean(data: bytes) -> bytes:
            nonlocal held
            data = held + data
            for form, mark in marks.items():
                data = data.replace(form, mark)
            place = len(data)
            for start in range(max(0, len(data) - longest), len(data)):
                end = data[start:]
                if any(form.startswith(end) for form in marks):
                    place = start
                    break
            held = data[place:]
            return data[:place]

        return clean

    def value(self, value: Any) -> Any:
        """A JSON value with every known secret taken out, in keys too; the same where none is.

        Costs about 0.1 µs for each form that is known, and nothing while none is.
        """
        if not self._marks:
            return value
        long = "\0".join(text for text in _texts(value) if len(text) >= self._shortest)
        return self._cleaned(value) if any(form in long for form in self._marks) else value

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, Any]", value).items()
            return {self.text(key): self._cleaned(item) for key, item in items}
        if isinstance(value, (list, tuple)):
            return [self._cleaned(item) for item in cast("list[Any]", value)]
        return value


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield key
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            yield from _texts(item)


def _password_in(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:  # not a URL after all
        return ""


def _parts(secret: str) -> Iterable[str]:
    lines = [line.strip() for line in secret.splitlines()]
    return {part for part in (secret.strip(), *lines) if len(part) >= LEAST_CHARS}


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, escaped for JSON, HTML and URLs, in hex and in base64."""
    data = secret.encode("utf-8", "surrogatepass")
    yield from (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (html.escape(secret), repr(secret)[1:-1])
    yield from (quote(data, safe=""), quote(data), quote_plus(data))
    yield "".join(f"%{byte:02x}" for byte in data)
    yield "".join(f"%{byte:02X}" for byte in data)
    yield from (data.hex(), data.hex().upper())
    for before in range(3):
        yield from _in_base64(data, before)


def _in_base64(data: bytes, before: int) -> Iterator[str]:
    """What stands in every base64 text in which so many bytes (mod 3) come before the data.

    The first and last characters depend on the neighbours too, and are left where they are.
    """
    encoded = b64encode(bytes(before) + data).decode()
    core = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
    yield from (core, core.replace("+", "-").replace("/", "_"))


def _length(item: tuple[str, str]) -> int:
    return len(item[0])
