r"""The language of commands: one command a line, read the same in a script and on the screen.

    # a comment
    run debate question="Is it so?" rounds=3 agents=["a", "b"] &
    ask critic draft<<END
    as many lines
    as wanted
    END

A line has a name, words and ``key=value`` pairs; a last word ``&`` sends it to the background,
and a last ``\`` carries it on to the next line.
What is quoted is text: single quotes take everything literally, double quotes know ``\n``,
``\t``, ``\"``, ``\\`` and ``\uXXXX``. A bare value is JSON if it is JSON and text otherwise, but
one that opens with ``[`` or ``{`` has to be JSON. Between single quotes such a list or object is
JSON too, as one is used to from a shell. Nothing is expanded and nothing substituted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from workbench.errors import UsageError
from workbench.values import Json


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a script; columns count from 1."""

    file: str = ""
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.file else f"column {self.column}"


@dataclass(frozen=True, slots=True)
class Line:
    """One command with its arguments. ``str(line)`` reads back as an equal line."""

    name: str
    words: tuple[str, ...] = ()
    named: Mapping[str, Json] = field(default_factory=dict[str, Json])
    background: bool = False
    place: Place = field(default=Place(), compare=False)

    def __str__(self) -> str:
        words = [_quoted(self.name), *map(_quoted, self.words)]
        words += [f"{key}={_value(value)}" for key, value in self.named.items()]
        return " ".join([*words, "&"] if self.background else words)


def parse_script(text: str, file: str) -> list[Line]:
    """Every command of a script. Raises UsageError naming ``file:line:column``."""
    rows = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return list(_lines(rows, file))


def parse_line(text: str) -> Line | None:
    """One command as typed, with or without a leading slash; None when there is none."""
    found = list(_lines(text.split("\n"), ""))
    if len(found) > 1:
        raise UsageError("there is more than one command")
    return found[0] if found else None


def _lines(rows: list[str], file: str) -> Iterator[Line]:
    number = 0
    while number < len(rows):
        words, number = _command(rows, number, file)
        if words:
            yield _line(words, words[0].place)


def _command(rows: list[str], number: int, file: str) -> tuple[list[_Word], int]:
    """The words of the command that starts in a row, and the number of the row after it."""
    words: list[_Word] = []
    goes_on = True
    while goes_on and number < len(rows):
        reader = _Reader(rows[number], Place(file, number + 1))
        found, goes_on = reader.words()
        number = _fill_blocks(found, rows, number + 1)
        words += found
    return words, number


@dataclass(slots=True)
class _Word:
    """A word as read: its text, its key if it is a pair, and what may still be said of it."""

    text: str
    place: Place
    key: str = ""
    value: Json = None
    is_bare: bool = True
    """Nothing in it was quoted."""
    block: str = ""
    """The mark that ends the block which is this word's text."""


def _line(words: list[_Word], place: Place) -> Line:
    first, *rest = words
    if first.key or first.block:
        raise _wrong(place, "a line starts with the name of a command")
    background = bool(rest) and rest[-1].is_bare and rest[-1].text == "&"
    rest = rest[:-1] if background else rest
    named: dict[str, Json] = {}
    for word in rest:
        if word.is_bare and word.text == "&" and not word.key:
            raise _wrong(word.place, "'&' can only be the last word; quote it if it is text")
        if word.key in named:
            raise _wrong(word.place, f"{word.key!r} is given twice")
        if word.key:
            named[word.key] = word.value
    name = first.text.removeprefix("/") if first.is_bare else first.text
    if not name:
        raise _wrong(place, "a line starts with the name of a command")
    return Line(name, tuple(w.text for w in rest if not w.key), named, background, place)


def _fill_blocks(words: list[_Word], rows: list[str], number: int) -> int:
    """Give each block its lines, in order; returns the number of the row after them."""
    for word in words:
        if not word.block:
            continue
        if word.block not in rows[number:]:
            raise _wrong(word.place, f"the block opened here has no line {word.block!r} to end it")
        end = rows.index(word.block, number)
        word.text = "\n".join(rows[number:end])
        if word.key:
            word.value = word.text
        else:
            word.block = ""
        number = end + 1
    return number


_KEY = re.compile(r"[A-Za-z_][\w.-]*=")
_BLOCK = re.compile(r"([A-Za-z_][\w.-]*)?<<([A-Za-z_]\w*)(?=\s|$)")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")


@dataclass(slots=True)
class _Reader:
    """A position in one row."""

    row: str
    place: Place
    at: int = 0

    def words(self) -> tuple[list[_Word], bool]:
        """The row's words, and whether the next row goes on with them."""
        found: list[_Word] = []
        while True:
            while self.at < len(self.row) and self.row[self.at] in " \t\r":
                self.at += 1
            if self.at >= len(self.row) or self.row[self.at] == "#":
                return found, False
            if self.row[self.at :].rstrip() == "\\":
                return found, True
            found.append(self._word())

    def _word(self) -> _Word:
        place = Place(self.place.file, self.place.line, self.at + 1)
        if block := _BLOCK.match(self.row, self.at):
            self.at = block.end()
            return _Word("", place, block[1] or "", block=block[2], is_bare=False)
        key = _KEY.match(self.row, self.at)
        if key is None:
            text, is_bare = self._text()
            return _Word(text, place, is_bare=is_bare)
        self.at = key.end()
        return _Word("", place, key[0][:-1], self._value())

    def _value(self) -> Json:
        if self.row[self.at : self.at + 1] in {"[", "{"}:
            return self._json()
        is_single = self.row[self.at : self.at + 2] in {"'[", "'{"}
        text, is_bare = self._text()
        if not is_bare and not is_single:
            return text
        try:
            return cast("Json", json.loads(text, parse_constant=_not_json))
        except (ValueError, RecursionError):
            return text

    def _json(self) -> Json:
        start = self.at
        try:
            value, end = json.JSONDecoder(parse_constant=_not_json).raw_decode(self.row, start)
        except (ValueError, RecursionError) as error:
            offset = error.pos - start if isinstance(error, json.JSONDecodeError) else 0
            said = error.msg if isinstance(error, json.JSONDecodeError) else "not a JSON value"
            raise self._wrong(start + offset, f"{said}; quote the value if it is text") from error
        if end < len(self.row) and self.row[end] not in " \t\r":
            raise self._wrong(end, "a JSON value ends before this; leave a space, or quote it all")
        self.at = end
        return cast("Json", value)

    def _text(self) -> tuple[str, bool]:
        """Up to the next space outside quotes, and whether none of it was quoted."""
        parts: list[str] = []
        is_bare = True
        while self.at < len(self.row) and self.row[self.at] not in " \t\r":
            char = self.row[self.at]
            if char in "'\"":
                is_bare = False
                parts.append(self._single() if char == "'" else self._double())
            elif char == "\\" and self.at + 1 < len(self.row):
                is_bare = False
                parts.append(self.row[self.at + 1])
                self.at += 2
            else:
                parts.append(char)
                self.at += 1
        return "".join(parts), is_bare

    def _single(self) -> str:
        end = self.row.find("'", self.at + 1)
        if end < 0:
            raise self._wrong(self.at, "the quote opened here is not closed")
        text, self.at = self.row[self.at + 1 : end], end + 1
        return text

    def _double(self) -> str:
        start, parts = self.at, list[str]()
        self.at += 1
        while self.at < len(self.row):
            char = self.row[self.at]
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char == "\\":
                parts.append(self._escape())
            else:
                parts.append(char)
                self.at += 1
        raise self._wrong(start, "the quote opened here is not closed")

    def _escape(self) -> str:
        follows = self.row[self.at + 1 : self.at + 2]
        if follows == "u" and (digits := _HEX.match(self.row, self.at + 2)):
            self.at += 6
            return chr(int(digits[0], 16))
        self.at += 2
        return _ESCAPES.get(follows, "\\" + follows)

    def _wrong(self, at: int, message: str) -> UsageError:
        return _wrong(Place(self.place.file, self.place.line, at + 1), message)


def _wrong(place: Place, message: str) -> UsageError:
    return UsageError(f"{place}: {message}", line=place.line, column=place.column)


def _not_json(name: str) -> Json:
    # Python's reader takes NaN and Infinity, which are not JSON; they stay text.
    raise ValueError(name)


_PLAIN = re.compile(r"[A-Za-z0-9_.,:;/@%+?!^~*<>$()|`-]+")


def _quoted(text: str) -> str:
    """A word that reads back as this text."""
    if _PLAIN.fullmatch(text) and "<<" not in text and not text.startswith("/"):
        return text
    return _doubled(text)


def _value(value: Json) -> str:
    if isinstance(value, str):
        return _doubled(value)
    return json.dumps(value, ensure_ascii=True)


def _doubled(text: str) -> str:
    return '"' + "".join(map(_spelled, text)) + '"'


def _spelled(char: str) -> str:
    for short, long in _ESCAPES.items():
        if char == long:
            return "\\" + short
    if char.isprintable() or ord(char) > 0xFFFF:
        return char
    return f"\\u{ord(char):04x}"
