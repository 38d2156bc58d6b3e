"""Google docstrings, read for models: what a function does, and what each parameter means."""

from __future__ import annotations

import re

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?):\s*$")
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def summary(text: str) -> str:
    """The docstring up to its first section (``Args:``, ``Returns:`` …)."""
    kept: list[str] = []
    for line in text.splitlines():
        if _SECTION.match(line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def argument_texts(text: str) -> dict[str, str]:
    """What the ``Args:`` section says of each parameter, in one line each.

    Args:
        text: A docstring with its common indentation removed, as `inspect.getdoc` gives it.
    """
    found: dict[str, str] = {}
    inside, indent, name = False, 0, ""
    for line in text.splitlines():
        if _SECTION.match(line):
            inside = line.startswith(("Arg", "Param"))
            indent = 0
            continue
        if not inside or not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            inside = False
            continue
        indent = indent or depth
        begun = _ARGUMENT.match(line.strip()) if depth == indent else None
        if begun:
            name = begun[1]
            found[name] = begun[2].strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
