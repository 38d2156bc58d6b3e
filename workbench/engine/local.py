"""Perform on this machine: async functions on the loop, blocking ones in threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.run.beside import beside


class LocalWorkers:
    """The default. A thread cannot be stopped, so its late results are dropped."""

    async def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run a function and return what it returns."""
        if inspect.iscoroutinefunction(function):
            return await function(*arguments, **named)
        return await beside(partial(function, *arguments, **named))
