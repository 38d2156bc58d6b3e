"""What bytes are: kind, media type and dimensions, by their content and never by a name.

Pure and cheap: the first bytes decide, nothing is decompressed. What is no kind that a model is
given, or is far larger than its bytes say, is a `MediaError` that names the reason.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from
from typing import Literal, TypeAlias

from workbench.errors import MediaError

What: TypeAlias = Literal["image", "audio", "document"]

MOST_BYTES = 16 * 1024 * 1024
"""So much is sent to a model at most, and fits a line of an exported run."""
MOST_PIXELS = 64_000_000
ZIP = "application/zip"
"""Office files until they are opened, which happens in a process of its own."""


@dataclass(frozen=True, slots=True)
class Found:
    """What some bytes are."""

    what: What
    type: str
    width: int = 0
    height: int = 0


def found_in(content: bytes, name: str = "") -> Found:
    """What a content is.

    Raises:
        MediaError: it is empty, too large, of no known kind, or unpacks to too many pixels.
    """
    if not content:
        raise _refused(name, "it is empty")
    if len(content) > MOST_BYTES:
        raise _refused(name, f"it has {len(content)} bytes, and {MOST_BYTES} are the most")
    found = _image(content, name) or _other(content)
    if found is None:
        raise _refused(name, "its content is no image, audio or document that is known here")
    return found


def _refused(name: str, reason: str) -> MediaError:
    shown = repr(name) if name else "the content"
    return MediaError(f"{shown} cannot be taken: {reason}", reason=reason, name=name)


def _image(content: bytes, name: str) -> Found | None:
    for begins, media_type, measure in _IMAGES:
        if not begins.match(content):
            continue
        try:
            width, height = measure(content)
        except (struct.error, IndexError):
            raise _refused(name, f"it begins as {media_type} and breaks off") from None
        if width < 1 or height < 1:
            raise _refused(name, f"it begins as {media_type} and has no dimensions")
        if width * height > MOST_PIXELS:
            reason = f"it unpacks to {width}x{height} pixels, and {MOST_PIXELS} are the most"
            raise _refused(name, reason)
        return Found("image", media_type, width, height)
    return None


def _png(content: bytes) -> tuple[int, int]:
    return unpack_from(">II", content, 16)


def _gif(content: bytes) -> tuple[int, int]:
    return unpack_from("<HH", content, 6)


def _jpeg(content: bytes) -> tuple[int, int]:
    """The first frame header; segments before it are stepped over by their lengths."""
    at = 2
    while True:
        mark, kind = unpack_from("BB", content, at)
        if mark != 0xFF:
            raise IndexError
        if kind == 0xFF:
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            height, width = unpack_from(">HH", content, at + 5)
            return width, height
        else:
            at += 2 + max(2, unpack_from(">H", content, at + 2)[0])


def _webp(content: bytes) -> tuple[int, int]:
    form = content[12:16]
    if form == b"VP8X":
        low = int.from_bytes(content[24:27], "little"), int.from_bytes(content[27:30], "little")
        unpack_from("30s", content)
        return low[0] + 1, low[1] + 1
    if form == b"VP8L":
        (bits,) = unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


_IMAGES: tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], tuple[int, int]]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", _png),
    (re.compile(rb"GIF8[79]a"), "image/gif", _gif),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", _jpeg),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp", _webp),
)

_OTHERS: tuple[tuple[re.Pattern[bytes], What, str], ...] = (
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio", "audio/wav"),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), "audio", "audio/mpeg"),
    (re.compile(rb"fLaC"), "audio", "audio/flac"),
    (re.compile(rb"OggS"), "audio", "audio/ogg"),
    (re.compile(rb"....ftypM4A", re.DOTALL), "audio", "audio/mp4"),
    (re.compile(rb"\s{0,64}%PDF-"), "document", "application/pdf"),
    (re.compile(rb"PK\x03\x04"), "document", ZIP),
)


def _other(content: bytes) -> Found | None:
    for begins, what, media_type in _OTHERS:
        if begins.match(content):
            return Found(what, media_type)
    if b"\0" in content:
        return None
    try:
        content.decode()
    except UnicodeDecodeError:
        return None
    return Found("document", "text/plain")
