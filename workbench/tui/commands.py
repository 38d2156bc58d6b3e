"""The one place where the screen meets the script language.

A line after a slash is the same command object as a line of a script; its answer is text.
"""

from __future__ import annotations

from typing import Any


async def execute(bench: Any, line: str) -> str:
    """Carry out one command line, with or without its slash; what it has to say."""
    from workbench.script import commands  # noqa: PLC0415 - first used when a command is typed

    answer = await commands.execute(bench, line)
    return "" if answer is None else str(answer)


async def complete(bench: Any, text: str) -> list[str]:
    """What the line could go on as, each a whole line."""
    from workbench.script import commands  # noqa: PLC0415 - first used when a command is typed

    return [str(found) for found in commands.complete(bench, text)]
