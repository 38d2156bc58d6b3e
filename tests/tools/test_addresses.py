from __future__ import annotations

import asyncio

import pytest

from workbench.errors import Denied, ToolError
from workbench.permission.urls import Url
from workbench.tools import addresses


def _checked(text: str, *grants: str) -> list[str]:
    return asyncio.run(addresses.checked(Url.parse(text), grants))


def test_every_address_of_a_name_must_be_global(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(_: Url) -> list[str]:
        return ["93.184.216.34", "10.0.0.7"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    with pytest.raises(Denied, match=r"example.org:443 \(10.0.0.7\) is a private address"):
        _checked("https://example.org/")
    assert _checked("https://example.org/", "example.org:443") == ["93.184.216.34", "10.0.0.7"]


def test_a_grant_is_for_one_host_and_port() -> None:
    assert _checked("http://127.0.0.1:8080/", "127.0.0.1:8080") == ["127.0.0.1"]
    assert _checked("http://[::1]:80/", "[::1]:80") == ["::1"]
    with pytest.raises(Denied, match="loopback"):
        _checked("http://127.0.0.1:8081/", "127.0.0.1:8080", "localhost:8081")


def test_localhost_is_resolved_and_refused() -> None:
    with pytest.raises(Denied, match="loopback"):
        _checked("http://localhost:9/")


def test_a_name_nobody_knows_is_named() -> None:
    with pytest.raises(ToolError, match=r"no address is known for 'nothing.invalid'"):
        _checked("http://nothing.invalid/")
