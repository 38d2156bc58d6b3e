"""Names of tools as every provider takes them: letters, digits, ``_`` and ``-``, at most 64.

Tools of MCP servers have a dot in their name, and their own may have more. What is sent is spelled
otherwise, and what comes back is read back; rows and people never see the other spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from workbench.agent.conversation import ModelReply, ModelRequest
from workbench.values import digest

_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST: Final = 64
_MARK: Final = 8


def spellings(names: Iterable[str]) -> dict[str, str]:
    """Each name that cannot be sent, as it is sent; two are never sent alike."""
    known = sorted(set(names))
    taken = {name for name in known if not _is_odd(name)}
    found: dict[str, str] = {}
    for name in known:
        if name in taken:
            continue
        plain = _ODD.sub("_", name)
        if len(plain) > _MOST or plain in taken or plain in found.values():
            plain = f"{plain[: _MOST - _MARK - 1]}_{digest(name.encode(), _MARK // 2)}"
        found[name] = plain
    return found


def spelled(request: ModelRequest) -> tuple[ModelRequest, Mapping[str, str]]:
    """The request as it can be sent, and what names of a reply mean."""
    used = {tool.name for tool in request.tools}
    for entry in request.entries:
        used |= {call.name for call in entry.calls}
        used |= {entry.name} if entry.role == "tool" else set()
    names = spellings(used)
    if not names:
        return request, {}
    tools = tuple(replace(tool, name=names.get(tool.name, tool.name)) for tool in request.tools)
    entries = tuple(
        replace(
            entry,
            name=names.get(entry.name, entry.name) if entry.role == "tool" else entry.name,
            calls=tuple(replace(c, name=names.get(c.name, c.name)) for c in entry.calls),
        )
        for entry in request.entries
    )
    sent = replace(request, tools=tools, entries=entries)
    return sent, {plain: name for name, plain in names.items()}


def read_back(reply: ModelReply, meant: Mapping[str, str]) -> ModelReply:
    """A reply with the tools' own names."""
    if not meant or not reply.calls:
        return reply
    calls = tuple(replace(call, name=meant.get(call.name, call.name)) for call in reply.calls)
    return replace(reply, calls=calls)


def _is_odd(name: str) -> bool:
    return len(name) > _MOST or _ODD.search(name) is not None
