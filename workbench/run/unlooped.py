"""Calling into the drive with no event loop running, so that a foreign await fails there."""

from __future__ import annotations

import asyncio
from asyncio import (
    _set_running_loop as set_running_loop,  # pyright: ignore[reportPrivateUsage]  loops' own door
)
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def unlooped(act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function that must not find the loop it is called from."""
    loop = asyncio.get_running_loop()
    set_running_loop(None)
    try:
        return act(*arguments, **named)
    finally:
        set_running_loop(loop)
