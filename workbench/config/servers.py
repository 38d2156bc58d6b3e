"""How the setting ``mcp`` is read: MCP servers by name, each a command or an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

from workbench.config import values as v

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_MOST_RESTARTS: Final = 3
_LOOSER: Final = ("elicitation", "roots")
"""What a project may not say of a server: it lets the server at the person or their folders."""


def _seconds(value: Any) -> float:
    seconds = v.amount(value)
    if not 0 < seconds <= 3600:
        raise v.Unfit(f"expects seconds above 0 and up to 3600, got {value!r}")
    return seconds


def _restarts(value: Any) -> int:
    times = v.whole(value)
    if times > _MOST_RESTARTS:
        raise v.Unfit(f"expects at most {_MOST_RESTARTS}, got {value!r}")
    return times


def _address(value: Any) -> str:
    address = v.text(value)
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise v.Unfit(f"expects an address like https://host/mcp, got {address!r}")
    if parts.username or parts.password:
        # The address is not quoted: it holds a password.
        raise v.Unfit("may hold no name and password; put a ${secret:NAME} into headers")
    return address


def _command(value: Any) -> str:
    word = v.text(value)
    if not word.strip() or "\0" in word:
        raise v.Unfit(f"expects a program, got {value!r}")
    return word


def _calls(value: Any) -> int:
    return min(v.count(value), 64)


_SERVER = v.record(
    command=_command,
    args=v.texts,
    env=v.table(v.text),
    cwd=v.text,
    url=_address,
    headers=v.table(v.text),
    start_s=_seconds,
    call_s=_seconds,
    calls=_calls,
    restarts=_restarts,
    elicitation=v.flag,
    roots=v.flag,
    files=v.flag,
    sandbox=v.flag,
    enabled=v.flag,
)
_OF_COMMANDS: Final = ("args", "env", "cwd", "sandbox", "roots")
_OF_ADDRESSES: Final = ("headers",)


def servers(value: Any) -> Mapping[str, Any]:
    """The servers of a file, by name. Raises Unfit."""
    found = v.table(_SERVER)(value)
    for name, one in found.items():
        if not _NAME.fullmatch(name):
            raise v.Unfit("is no name for a server: letters, digits, - and _, at most 40", (name,))
        if ("command" in one) == ("url" in one):
            raise v.Unfit("needs either a command or a url", (name,))
        for key in _OF_ADDRESSES if "command" in one else _OF_COMMANDS:
            if key in one:
                raise v.Unfit(
                    f"goes with a {'url' if 'command' in one else 'command'}", (name, key)
                )
    return found


def added(user: Any, project: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a project may say: servers of its own, with no more rights than the least. Raises Unfit.

    None of them is started before a person has trusted it, too.
    """
    known = cast("Mapping[str, Any]", user or {})
    for name, one in project.items():
        if name in known:
            raise v.Unfit(
                "is in your own settings already, and a project may not change it", (name,)
            )
        for key in _LOOSER:
            if one.get(key):
                raise v.Unfit("is for your own settings to say, not for a project", (name, key))
    return project
