"""Files that people write, read into values that know their lines."""

from __future__ import annotations

from workbench.located.read import MAX_ALIASES, SUFFIXES, read_located
from workbench.located.value import MAX_BYTES, Located, Place, refusal, spelled

__all__ = [
    "MAX_ALIASES",
    "MAX_BYTES",
    "SUFFIXES",
    "Located",
    "Place",
    "read_located",
    "refusal",
    "spelled",
]
