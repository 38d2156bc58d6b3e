"""Ages and sizes as a person writes them: ``30d``, ``12h``, ``500M``, ``1G``."""

from __future__ import annotations

import re
from typing import Final

from workbench.errors import UsageError

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def seconds(text: str) -> float:
    """An age in seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is no age", hint="Write 30d, 12h or 90m")
    return float(found[1]) * _SECONDS[found[2]]


def size(text: str) -> int:
    """A size in bytes. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is no size", hint="Write 500M or 1G")
    return int(float(found[1]) * _BYTES[found[2]])


def shown(number: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
