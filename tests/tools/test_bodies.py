from __future__ import annotations

import gzip
import zlib

import pytest

from workbench.errors import ToolError
from workbench.tools.bodies import Unpacking, decoded
from workbench.tools.place import Limits


def test_a_packed_body_is_unpacked_in_any_pieces() -> None:
    plain = bytes(range(256)) * 50
    for encoding, packed in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        for size in (1, 7, 1000, 10**6):
            body = Unpacking(encoding, Limits())
            assert all(body.add(packed[n : n + size]) for n in range(0, len(packed), size))
            assert (body.kept, body.truncated) == (plain, False)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zlib.compress(b"\0" * 200_000_000)
    body = Unpacking("deflate", Limits())
    with pytest.raises(ToolError, match="grows more than 100 times"):
        body.add(bomb)
    assert len(body.kept) < 300_000


def test_a_large_body_is_cut() -> None:
    body = Unpacking("", Limits(body_bytes=10))
    assert body.add(b"12345678")
    assert not body.add(b"90ab")
    assert (body.kept, body.truncated) == (b"1234567890", True)


def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(ToolError, match="not what its encoding says"):
        Unpacking("gzip", Limits()).add(b"plain")
    with pytest.raises(ToolError, match="'br', which was not offered"):
        Unpacking("br", Limits())


def test_text_comes_in_the_set_it_names() -> None:
    assert decoded("é".encode("latin-1"), "text/plain; charset=ISO-8859-1") == "é"
    assert decoded("é".encode(), "text/plain; charset=no-such-set") == "é"
    assert decoded(b"\xff", "text/plain") == "�"
    with pytest.raises(ToolError, match="binary"):
        decoded(b"\0\1", "image/png")
