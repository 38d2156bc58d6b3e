"""Take in a body of unknown size: decompressed as it comes, never beyond its bounds.

Decompressing is ours, because a client that does it by itself has unpacked a bomb before anybody
counts. Beyond the size kept the body is cut, which is a result; growing a hundredfold is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator

from workbench.errors import ToolError
from workbench.tools.place import KIB, Limits

_RATIO_FROM = 64 * KIB
_BLOCK = 64 * KIB
ENCODINGS = "gzip, deflate"
"""What may be offered as Accept-Encoding."""


class Unpacking:
    """One body being decompressed, counted at both ends."""

    def __init__(self, encoding: str, limits: Limits) -> None:
        self._limits = limits
        self._packed = 0
        self._plain = bytearray()
        self._unpack = _unpacker(encoding)

    def add(self, data: bytes) -> bool:
        """Take a piece; False when enough is kept and the rest need not come."""
        while data:
            left = self._some(data)
            self._packed += len(data) - len(left)
            data = left
            self._judge()
            if len(self._plain) > self._limits.body_bytes:
                return False
        return True

    def _some(self, data: bytes) -> bytes:
        if self._unpack is None:
            self._plain += data
            return b""
        try:
            self._plain += self._unpack.decompress(data, _BLOCK)
        except zlib.error as error:
            raise ToolError(f"the body is not what its encoding says: {error}") from error
        return self._unpack.unconsumed_tail

    def _judge(self) -> None:
        if len(self._plain) > max(_RATIO_FROM, self._packed * self._limits.ratio):
            raise ToolError(
                f"the body grows more than {self._limits.ratio} times when it is decompressed"
            )

    @property
    def kept(self) -> bytes:
        """The body, cut at its bound."""
        return bytes(self._plain[: self._limits.body_bytes])

    @property
    def truncated(self) -> bool:
        """Whether there was more."""
        return len(self._plain) > self._limits.body_bytes


def _unpacker(encoding: str) -> zlib._Decompress | None:  # pyright: ignore[reportPrivateUsage]
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
        case other:
            raise ToolError(f"the body is encoded as {other[:40]!r}, which was not offered")


async def taken(pieces: AsyncIterator[bytes], encoding: str, limits: Limits) -> Unpacking:
    """Read a body to its end or to its bound."""
    body = Unpacking(encoding, limits)
    async for piece in pieces:
        if not body.add(piece):
            break
    return body


def decoded(data: bytes, content_type: str) -> str:
    """The text of a body, in the character set it names or UTF-8."""
    if b"\0" in data[: 8 * KIB] and "utf-16" not in content_type.lower():
        raise ToolError(f"the body is binary ({content_type or 'of no type'}, {len(data)} bytes)")
    named = re.search(r"charset=[\"']?([\w.:-]{1,40})", content_type, re.IGNORECASE)
    try:
        return data.decode(named[1] if named else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
