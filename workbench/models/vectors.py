"""Vectors of texts, as a provider gave them: as many as were asked for, all alike, or an error."""

from __future__ import annotations

import math
from typing import Any, cast

from workbench.models.failures import failed


def vectors_of(found: Any, count: int, who: str) -> list[list[float]]:
    """The vectors of ``count`` texts, checked.

    Raises:
        ModelError: they are too few, of different lengths, or no numbers.
    """
    rows = cast("list[Any]", found) if isinstance(found, list) else []
    if len(rows) != count:
        raise failed(f"{who} gave {len(rows)} vectors for {count} texts", "malformed")
    vectors = [_numbers(row) for row in rows]
    if any(not vector or len(vector) != len(vectors[0]) for vector in vectors):
        raise failed(
            f"{who} gave vectors that are empty, of several lengths or no numbers", "malformed"
        )
    return vectors


def _numbers(row: Any) -> list[float]:
    """One vector; empty where it is none."""
    try:
        numbers = [float(number) for number in row]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
