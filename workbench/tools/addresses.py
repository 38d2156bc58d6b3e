"""Resolve a host once and say which of its addresses may be connected to.

Names are resolved here and nowhere else: what was checked is what is connected to, so a name
that changes its mind between check and connection changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from workbench.errors import Denied, ToolError
from workbench.permission.urls import Url, reach


def is_granted(url: Url, grants: Sequence[str]) -> bool:
    """Whether the user granted this very host and port."""
    return url.place in (grant.strip().lower() for grant in grants)


async def checked(url: Url, grants: Sequence[str]) -> list[str]:
    """The addresses of a host, every one of them global, or granted by host and port."""
    granted = is_granted(url, grants)
    known = url.reach
    found = [url.host] if known is not None else await resolve(url)
    for address in found:
        refuse_reach(url, address, granted=granted)
    return found


def refuse_reach(url: Url, address: str, *, granted: bool) -> None:
    """Refuse an address that is not global, unless its host and port were granted."""
    kind = reach(address) or "reserved"
    if kind == "global" or granted:
        return
    where = f" ({address})" if address != url.host else ""
    article = "an" if kind[0] in "aeiou" else "a"
    raise Denied(
        f"{url.place}{where} is {article} {kind} address",
        hint=f"Grant {url.place!r} to let tools reach it",
    )


async def resolve(url: Url) -> list[str]:
    """All addresses a name stands for, in the system's order."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ToolError(f"no address is known for {url.host!r}: {error.strerror}") from error
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    if not addresses:
        raise ToolError(f"no address is known for {url.host!r}")
    return list(addresses)
