"""Images, audio and documents as values of a signature: references, never the bytes.

A value says where something is (a path, an address) until an agent is asked; then it is read
through the gate, and from there on it is a digest, a type, a size and a name, which is all that
rows hold. The bytes are a blob of that digest, written before the row.

    {"media": "image", "path": "cat.png"}
    {"media": "image", "digest": …, "type": "image/png", "size_bytes": 311, "name": "cat.png", …}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, ClassVar, TypeAlias, cast

from workbench.agent.content import Found, What, found_in
from workbench.agent.kinds import Care, Kind, Misfit, Schema, walk
from workbench.errors import MediaError
from workbench.values import digest

Keep: TypeAlias = Callable[[bytes], str]
"""Keeps a content durably and gives its digest."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://", re.IGNORECASE)
_TEXTS = ("path", "url", "digest", "type", "name", "text")
_COUNTS = ("size_bytes", "width", "height", "pages")


class Media(Mapping[str, Any]):
    """One medium, as the object that a row holds; made by `Image`, `Audio` or `Document`."""

    what: ClassVar[What]

    def __init__(self, source: str | PurePath | bytes, *, name: str = "") -> None:
        """Take a path, an http(s) address, or bytes, which are looked at now.

        Raises:
            MediaError: the bytes are nothing of this kind.
        """
        self.content = source if isinstance(source, bytes) else None
        if isinstance(source, bytes):
            self._row = reference(self.what, source, name)
        else:
            self._row = _pointed(self.what, str(source))

    def __getitem__(self, key: str) -> Any:
        return self._row[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def __repr__(self) -> str:
        shown = self.get("path") or self.get("url") or self.get("name") or self["digest"][:8]
        return f"{type(self).__name__}({shown!r})"


class Image(Media):
    """A picture: PNG, JPEG, GIF or WebP."""

    what = "image"


class Audio(Media):
    """Sound: WAV, MP3, FLAC, Ogg or M4A."""

    what = "audio"


class Document(Media):
    """Text, PDF, or a file of an office: docx, xlsx, pptx, odt. A model is given its text."""

    what = "document"


def _pointed(what: What, source: str) -> dict[str, Any]:
    return {"media": what, "url" if _URL.match(source) else "path": source}


def reference(
    what: What, content: bytes, name: str = "", found: Found | None = None
) -> dict[str, Any]:
    """What a row says of a content. Raises MediaError when it is nothing of the kind."""
    found = found or found_in(content, name)
    if found.what != what:
        shown = repr(name) if name else "the content"
        reason = f"it is {found.type}, which is no {what}"
        raise MediaError(f"{shown} cannot be taken: {reason}", reason=reason, name=name)
    row: dict[str, Any] = {"media": what, "digest": digest(content, 32), "type": found.type}
    row |= {"size_bytes": len(content), "name": PurePath(name).name[:200]}
    return row | ({"width": found.width, "height": found.height} if found.width else {})


@dataclass(frozen=True, slots=True)
class MediaKind(Kind):
    """``Image``, ``Audio``, ``Document``: a reference, or as text ``@path``, ``@https://…``."""

    name: str
    what: What

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take a medium, the object that names one, or text that begins with ``@``."""
        if isinstance(value, str) and value[:1] == "@" and len(value) > 1 and care != "replied":
            return _pointed(self.what, value[1:])
        if not isinstance(value, Mapping) or (
            cast("Mapping[str, Any]", value).get("media") != self.what
        ):
            hint = "Write @path, or @https://…"
            raise Misfit.wrong(place, _article(self.name), value, hint)
        return _reference(cast("Mapping[Any, Any]", value), place, self.name)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An object that names one."""
        texts: Schema = {name: {"type": "string"} for name in _TEXTS}
        counts: Schema = {name: {"type": "integer"} for name in _COUNTS}
        properties = {"media": {"const": self.what}, **texts, **counts}
        return {"type": "object", "properties": properties, "required": ["media"]}

    def __str__(self) -> str:
        return self.name


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AI' else 'a'} {name}"


def _reference(value: Mapping[Any, Any], place: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"media": value["media"]}
    for key, item in value.items():
        right = str if key in _TEXTS else int if key in _COUNTS else None
        if key == "media":
            continue
        if right is None or type(item) is not right or (right is int and int(item) < 0):
            raise Misfit.wrong(f"{place}.{key}", f"a part of {_article(name)}", item)
        row[key] = item
    named = row.get("digest")
    if named is None and len(row.keys() & {"path", "url"}) == 1:
        return row
    if (
        named is None
        or not _DIGEST.fullmatch(named)
        or not _DIGEST.fullmatch(row.get("text", named))
    ):
        raise Misfit(place, "must have a path, a url or a digest", expected=name, got=str(named))
    if not row.keys() >= {"type", "size_bytes"}:
        raise Misfit(place, "must have type and size_bytes beside its digest", expected=name)
    return row


IMAGE = MediaKind("Image", "image")
AUDIO = MediaKind("Audio", "audio")
DOCUMENT = MediaKind("Document", "document")
KINDS: Mapping[str, Kind] = {str(kind): kind for kind in (IMAGE, AUDIO, DOCUMENT)}
OF_CLASS: Mapping[Any, Kind] = {Image: IMAGE, Audio: AUDIO, Document: DOCUMENT}


def takes_media(kind: Kind) -> bool:
    """Whether a value of this kind can be one, or hold one."""
    return any(isinstance(part, MediaKind) for part in walk(kind))


def is_reference(value: Any) -> bool:
    """Whether this is the object of a medium, read or still to be read."""
    if not isinstance(value, Mapping):
        return False
    row = cast("Mapping[str, Any]", value)
    known = row.get("media") in {"image", "audio", "document"}
    return known and bool(row.keys() & {"path", "url", "digest"})


def needs_reading(row: Mapping[str, Any]) -> bool:
    """Whether the bytes, or a document's text, are still to be had."""
    return "digest" not in row or (row["media"] == "document" and "text" not in row)


def references(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every medium in a value, in order."""
    if is_reference(value):
        yield cast("Mapping[str, Any]", value)
    elif isinstance(value, Mapping):
        yield from _each(cast("Mapping[str, Any]", value).values())
    elif isinstance(value, list | tuple):
        yield from _each(cast("list[Any]", value))


def _each(values: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for value in values:
        yield from references(value)


def replaced(value: Any, make: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The value with something else in the place of every medium."""
    if is_reference(value):
        return make(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: replaced(item, make) for key, item in items}
    if isinstance(value, list | tuple):
        return [replaced(item, make) for item in cast("list[Any]", value)]
    return value


def keep_contents(value: Any, keep: Keep) -> None:
    """Keep the bytes that media in a value carry, before a row names them."""
    for row in references(value):
        if isinstance(row, Media) and row.content is not None:
            keep(row.content)


def told(row: Mapping[str, Any]) -> str:
    """A medium in a few words: ``cat.png (image/png, 12x10, 311 bytes)``."""
    name = str(row.get("name") or row.get("path") or row.get("url") or row["media"])
    if "digest" not in row:
        return f"{name} ({row['media']}, not read yet)"
    parts = [str(row["type"])]
    if row.get("width"):
        parts.append(f"{row['width']}x{row['height']}")
    if row.get("pages"):
        parts.append(f"{row['pages']} pages")
    parts.append(f"{row['size_bytes']} bytes")
    return f"{name} ({', '.join(parts)})"


def unvouched(value: Any, said: Collection[str]) -> str:
    """A path or address in a value that neither code nor whoever started the run wrote; or empty.

    A model's text is passed on between agents, and must not become a file that is read.

    Args:
        value: as a workflow gave it, so that what code made is an instance of `Media`.
        said: every text among the run's own inputs.
    """
    if isinstance(value, Media):
        return ""
    if isinstance(value, str):
        return value if value[:1] == "@" and value not in said else ""
    if is_reference(value):
        source = str(value.get("path") or value.get("url") or "")
        return source if source and not {source, f"@{source}"} & set(said) else ""
    inner: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, Any]", value).values()
    elif isinstance(value, list | tuple):
        inner = cast("list[Any]", value)
    return next((found for one in inner if (found := unvouched(one, said))), "")


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from texts_in(item)
