"""Working copies that nobody looks after: for a world that keeps no files, as in most tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from pathlib import Path
from typing import Any

from workbench.errors import SnapshotFailed, StoreDamaged
from workbench.journal.files import FileChange, Tree
from workbench.values import digest

_WHY = "this workbench keeps no files"


class _Held:
    def within(self) -> AbstractContextManager[None]:
        return nullcontext()

    def check(self) -> None:
        pass

    def note(self, temporary: str) -> None:
        pass


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

    def holder(self, folder: str) -> Mapping[str, Any] | None:
        """Nobody."""
        del folder

    def keep(self, content: bytes) -> str:
        """Name it; nothing is kept."""
        return digest(content, 32)

    def read(self, name: str) -> bytes:
        """Nothing is kept."""
        raise StoreDamaged(f"the content {name} was not kept")

    def same(self, one: str | None, other: str | None) -> bool:
        """By their names alone."""
        return one == other

    def missing(self, names: Collection[str]) -> set[str]:
        """All."""
        return set(names)

    async def own(self, run_id: str, folder: str, tree: Tree) -> Path:
        """There is nothing to make one of."""
        del run_id, tree
        raise SnapshotFailed(f"the files of {folder} cannot be copied: {_WHY}")

    def discard(self, run_id: str) -> None:
        """There is none."""
        del run_id

    async def since(self, folder: str, tree: str) -> list[FileChange]:
        """Nothing is known."""
        del folder, tree
        return []
