"""`kaizen-tui mcp`: the command at a shell, where a person may be asked before trust is given."""

from __future__ import annotations

import asyncio
import re
import sys
from argparse import Namespace
from dataclasses import replace
from itertools import takewhile

from workbench.errors import NotTrusted
from workbench.plain import plain
from workbench.script.commands.connecting import (
    difference_lines,
    look_at,
    looked_lines,
    servers_in_use,
)
from workbench.script.headless import Front
from workbench.script.language import Line
from workbench.script.shell import Asked, command, look, opened, shell_line

_SETTING = re.compile(r"[a-z_]+=")


def mcp(asked: Asked, args: Namespace) -> int:
    """Do what the words say; the exit code."""
    if args.json:
        asked = replace(asked, form="json")
    words = [str(word) for word in args.words] or ["list"]
    if words[0] == "add":
        line = _added(words)
        return opened(asked, lambda front: front.look(line), checked=False)
    if words[0] == "trust" and len(words) > 1 and not any(w.startswith("yes=") for w in words):
        if args.yes:
            words.append("yes=true")
        else:
            return opened(asked, lambda front: _trust(asked, front, words[1]), checked=True)
    elif args.yes:
        words.append("yes=true")
    if words[0] == "try" and len(words) > 2:  # with a tool, it is a run
        return command(asked, "mcp", words)
    return look(asked, "mcp", words, checked=words[0] in ("try", "trust"))


def _added(words: list[str]) -> Line:
    """``add NAME key=value… COMMAND ARGUMENT…``: what follows the command is the command's own."""
    settings = list(takewhile(_SETTING.match, words[2:]))
    read = shell_line("mcp", settings)
    return Line("mcp", (*words[:2], *words[2 + len(settings) :]), read.named)


async def _trust(asked: Asked, front: Front, name: str) -> int:
    """Show a server, ask, and trust exactly what was shown."""
    servers = servers_in_use(front.bench)
    looked = await look_at(front.bench, name)
    for line in (*looked_lines(looked), *difference_lines(looked, servers.state(name))):
        asked.err.write(f"{plain(line)}\n")
    if servers.state(name) == "trusted" and not looked.difference:
        asked.out.write(f"{plain(name)} is trusted, and as it was\n")
        return 0
    if not (sys.stdin.isatty() and asked.err.isatty()):
        raise NotTrusted("nobody is there to agree", hint="Read what it offers, then add --yes")
    asked.err.write("Agents can be given these tools from then on. Type yes to trust them: ")
    asked.err.flush()
    if (await asyncio.to_thread(sys.stdin.readline)).strip() != "yes":
        raise NotTrusted("nothing was trusted")
    front.bench.trust_server(looked.server, looked.offer)
    asked.out.write(f"{plain(name)} is trusted\n")
    return 0
