"""What leaves the machine once a run has read what strangers wrote.

A page, a reply of a server, a file of somewhere else or an imported run may hold instructions, and
a model cannot be relied upon to tell them from its user's. So from then on nothing leaves for a
place that the user did not name: not in a body, and not in a query, a path or a host's name either,
for each of them carries data. Modes and broad rules do not count; a grant, a rule that spells the
host out, exact words or the digest of the very call do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.errors import InputError
from workbench.permission.call import Call
from workbench.permission.danger import Facts
from workbench.permission.globs import is_plain
from workbench.permission.urls import Url

_WEB = frozenset({"fetch", "send", "erase"})


def leaves(facts: Facts) -> bool:
    """Whether a call can carry data to a place that nobody granted.

    A command that is proven simple only reads, and a full sandbox has no network.
    """
    if facts.act in _WEB:
        return not facts.granted
    if facts.act == "run":
        return not facts.simple and facts.sandbox != "full"
    return facts.act == "talk"


def is_free_egress(facts: Facts) -> bool:
    """Whether a call is to be asked for because of what its run has read."""
    return bool(facts.untrusted) and leaves(facts)


def brings_in(facts: Facts) -> str:
    """What untrusted content a call reads, or empty: its result may be a stranger's words."""
    if facts.act in _WEB:
        return facts.targets[0] if facts.targets else "an answer from the network"
    if facts.act == "talk":
        return "an answer of another program"
    if facts.act == "read" and facts.outside:
        return facts.targets[0]
    if facts.act != "run":
        return ""
    if facts.outside:
        return next(iter(facts.targets), "files outside the workspace")
    return "what a command with network printed" if leaves(facts) else ""


def why(call: Call) -> str:
    """The sentence for the person who is asked."""
    read, place = call.facts.untrusted, call.facts.targets
    where = f" for {place[0]}" if call.facts.act in _WEB and place else ""
    return f"this run has read {read}: from then on what may leave{where} is asked for"


def names_server(tool: str) -> bool:
    """Whether a rule's tool spells out the MCP server that may be talked to: ``server.tool``."""
    server, separator, _ = tool.partition(".")
    return bool(server and separator) and is_plain(server)


def names_host(arguments: Mapping[str, str]) -> bool:
    """Whether a rule's globs spell out the host that may be reached."""
    scheme, separator, rest = arguments.get("url", "").partition("://")
    host = rest.partition("/")[0]
    return bool(separator and host) and is_plain(scheme + host)


def all_of_host(call: Call) -> dict[str, str]:
    """The narrowest globs for everything at a call's host; empty when it has none."""
    if call.facts.act not in _WEB or not call.facts.host:
        return {}
    try:
        url = Url.parse(str(call.arguments.get("url", "")))
    except InputError:
        return {}
    return {"url": f"{replace(url, target='/')}*"}
