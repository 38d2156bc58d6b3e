"""Time, handed in: what the screen and its guards call now.

Tests hand in a clock they turn by hand, so that no test waits and no picture changes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from workbench.plain import Plain


class Clock(Protocol):
    """Two readings: the wall for people, and one that never goes back for intervals."""

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        ...

    def ticks(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...


class WallClock:
    """The machine's own."""

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time()

    def ticks(self) -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()


def span(seconds: float) -> Plain:
    """A length of time in at most six characters: ``12s``, ``4:48``, ``2h05``, ``3d``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return Plain(f"{whole}s")
    if whole < 3600:
        return Plain(f"{whole // 60}:{whole % 60:02d}")
    if whole < 86400:
        return Plain(f"{whole // 3600}h{whole % 3600 // 60:02d}")
    return Plain(f"{whole // 86400}d")


def brief_span(seconds: float) -> Plain:
    """How long a step took: ``0.1 ms``, ``812 ms``, ``4.21 s``, ``3:05``; empty when negative."""
    if seconds < 0:
        return Plain("")
    if seconds < 0.01:
        return Plain(f"{seconds * 1000:.1f} ms")
    if seconds < 1:
        return Plain(f"{seconds * 1000:.0f} ms")
    return Plain(f"{seconds:.2f} s") if seconds < 60 else span(seconds)


def time_of_day(at: float, *, utc: bool = False) -> Plain:
    """``12:03:41.220`` in the user's zone, or in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    shown = moment if utc else moment.astimezone()
    return Plain(f"{shown:%H:%M:%S}.{shown.microsecond // 1000:03d}")


def day_and_time(at: float) -> Plain:
    """``11-20 12:03`` in the user's zone."""
    return Plain(f"{datetime.fromtimestamp(at, UTC).astimezone():%m-%d %H:%M}")


def whole_time(at: float) -> Plain:
    """``2026-11-20 12:03:41`` in the user's zone."""
    return Plain(f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}")


def count(number: float) -> Plain:
    """A number in at most five characters: ``842``, ``12.4k``, ``3.1M``."""
    if number < 1000:
        return Plain(str(int(number)))
    if number < 999_950:
        return Plain(f"{number / 1000:.1f}k")
    return Plain(f"{number / 1_000_000:.1f}M")


def grouped(number: int) -> Plain:
    """All digits of a number, in groups: ``12 345``."""
    return Plain(f"{number:,}".replace(",", " "))


def money(usd: float) -> Plain:
    """``$0.00``, with more digits while it is small and not nothing."""
    return Plain(f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}")
