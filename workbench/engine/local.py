"""Perform on this machine: async functions on the loop, blocking ones in threads."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


class LocalWorkers:
    """The default. A thread cannot be stopped, so its late results are dropped."""

    async def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run a function and return what it returns."""
        if inspect.iscoroutinefunction(function):
            return await function(*arguments, **named)
        return await asyncio.to_thread(function, *arguments, **named)
