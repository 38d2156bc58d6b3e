"""`kaizen-tui models`: at a shell a pull is agreed to at the keyboard, or by --yes."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace

from workbench.errors import Denied
from workbench.plain import one_line
from workbench.script.command_line import Asked
from workbench.script.shell import look


def models(asked: Asked, args: Namespace) -> int:
    """List, show, pull or unload; the exit code."""
    if args.json:
        asked = replace(asked, form="json")
    given = [args.act, args.named] if args.named else [args.act]
    if args.act == "pull" and args.named and (args.yes or _agrees(asked, args.named)):
        given.append("yes=true")
    return look(asked, "models", given)


def _agrees(asked: Asked, name: str) -> bool:
    """Ask at the terminal. Raises Denied when the answer is no, or nobody is there."""
    if not (sys.stdin.isatty() and asked.err.isatty()):
        raise Denied(
            f"nobody is there to agree that {one_line(name)} is fetched over the network",
            hint="Add --yes",
        )
    asked.err.write(
        f"Ollama fetches {one_line(name)} over the network and keeps it on its disk; most models"
        " take 1 to 50 GiB.\nType yes to fetch it: "
    )
    asked.err.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Denied("nothing was fetched")
    return True
