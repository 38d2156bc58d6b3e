"""Working copies that nobody looks after: for a world that keeps no files, as in most tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from typing import Any

from workbench.journal.files import FileChange

_WHY = "this workbench keeps no files"


class _Held:
    def within(self) -> AbstractContextManager[None]:
        return nullcontext()


@asynccontextmanager
async def _turn() -> AsyncGenerator[_Held]:
    yield _Held()


class UnkeptCopies:
    """No turns and no snapshots."""

    def turn(
        self, folder: str, who: Mapping[str, Any], told: Callable[[Mapping[str, Any]], None]
    ) -> AbstractAsyncContextManager[_Held]:
        """Everybody's turn at any time."""
        del folder, who, told
        return _turn()

    def head(self, folder: str) -> str:
        """No repository."""
        del folder
        return ""

    async def outlook(self, folder: str) -> str:
        """There will be no snapshot."""
        del folder
        return _WHY

    async def snapshot(self, folder: str) -> dict[str, Any]:
        """None."""
        del folder
        return {"none": _WHY}

    async def changes(self, folder: str, before: str, after: str) -> list[FileChange]:
        """Nothing is known."""
        del folder, before, after
        return []

    async def since(self, folder: str, tree: str) -> list[FileChange]:
        """Nothing is known."""
        del folder, tree
        return []
