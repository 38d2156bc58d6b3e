"""Secrets that requests may carry, named by reference until they are sent.

``${secret:NAME}`` in the value of a request's header stands for a secret that the user's own
settings name, and goes only to the hosts that stand beside it there. The log, the question, the
model and every error have the reference; the value exists between the check of the connection's
address and the request itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import Denied, ToolError, UnknownName
from workbench.permission.urls import Url

_REFERENCE = re.compile(r"\$\{secret:([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret that may be sent, and where to."""

    hosts: tuple[str, ...]
    """``host`` for its https port, or ``host:port``; in lower case."""
    resolve: Callable[[], str]
    """Finds its value, which is redacted from then on; may block. Raises ConfigError."""

    def may_go_to(self, url: Url) -> bool:
        """Whether the user named this host; without a port that means with TLS."""
        return url.place in self.hosts or (
            url.scheme == "https" and url.port == 443 and url.host in self.hosts
        )


def references(headers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each header with a reference in it, and the name it refers to."""
    for header, value in headers.items():
        for name in _REFERENCE.findall(str(value)):
            yield header, name


def check(headers: Mapping[str, Any], url: Url, known: Mapping[str, Credential]) -> list[str]:
    """Refuse what can never be sent; a sentence for each secret that will be.

    Raises:
        UnknownName: no secret is called so.
        Denied: it may not go to this host.
    """
    notes: list[str] = []
    for header, name in references(headers):
        if name not in known:
            raise UnknownName("secret", name, known)
        if not known[name].may_go_to(url):
            allowed = ", ".join(known[name].hosts) or "no host"
            raise Denied(
                f"the secret {name!r} may not go to {url.place}",
                hint=f"secrets.{name}.hosts in your own settings names where it may: {allowed}",
            )
        notes.append(f"sends the secret {name!r} in {header}")
    return notes


async def filled(
    headers: Mapping[str, str], url: Url, known: Mapping[str, Credential]
) -> dict[str, str]:
    """The headers as they are sent. Raises ToolError, without the value, for one that cannot be."""
    check(headers, url, known)
    names = {name for _, name in references(headers)}
    values = {name: await asyncio.to_thread(known[name].resolve) for name in names}
    for name, value in values.items():
        if not (value.isascii() and value.isprintable()):
            raise ToolError(f"the secret {name!r} cannot stand in a header")
    return {
        header: _REFERENCE.sub(lambda found: values[found[1]], value)
        for header, value in headers.items()
    }


async def fill_in(
    values: Mapping[str, str], receiver: str, known: Mapping[str, Credential]
) -> dict[str, str]:
    """Values with their secrets, for a receiver that is no host: ``mcp:NAME`` for a server.

    Raises:
        UnknownName: no secret is called so.
        Denied: the user did not name this receiver for it.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for _, name in references(values)):
        if name not in known:
            raise UnknownName("secret", name, known)
        if receiver.lower() not in known[name].hosts:
            raise Denied(
                f"the secret {name!r} may not go to {receiver}",
                hint=f"Name {receiver!r} among secrets.{name}.hosts in your own settings",
            )
        found[name] = await asyncio.to_thread(known[name].resolve)
    return {
        key: _REFERENCE.sub(lambda match: found[match[1]], value) for key, value in values.items()
    }
