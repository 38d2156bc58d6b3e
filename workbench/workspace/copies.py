"""The working copies as the core sees them: turns, snapshots, what a command changed, copies.

Everything that blocks runs in threads. What goes wrong with the shadow repository is told apart
here: a bound (the row says so and the effect runs), damage (set aside, begun anew, said), and a
failure such as a full disk, which is for a person to decide about.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, unquote

from workbench.errors import SnapshotFailed, StoreDamaged
from workbench.journal.files import LINK_MODE, FileChange, Tree
from workbench.workspace.folder_lock import Lost
from workbench.workspace.git import GitFailed, TookTooLong, find_git
from workbench.workspace.heads import head_of
from workbench.workspace.listing import TooLarge
from workbench.workspace.shadow import Shadow, Snapshot, as_values, object_name
from workbench.workspace.turns import Turn, Turns, nobody_lost

T = TypeVar("T")

GIT = "git:"
NO_GIT = "git is not installed"


class Blobs(Protocol):
    """Where contents of files are kept."""

    def write(self, content: bytes) -> str:
        """Keep it; its digest."""
        ...

    def read(self, name: str) -> bytes:
        """What was kept. Raises StoreDamaged."""
        ...


@dataclass(frozen=True, slots=True)
class OwnCopy:
    """A fork's own copy of the files."""

    run_id: str
    folder: Path
    made_at: float


class Copies:
    """All working copies of one state folder. Lives on the core's loop."""

    def __init__(
        self,
        state: Path,
        own: Path,
        blobs: Blobs,
        *,
        lost: Lost = nobody_lost,
        program: str | None = None,
    ) -> None:
        self._state = state.resolve()
        self._own = own
        """The folder of forks' own copies: no tool is kept from it, so not in the state folder."""
        self._blobs = blobs
        self._turns = Turns(state / "locks", lost)
        program = program or find_git()
        self._shadow = Shadow(program, state / "snapshots") if program else None
        self._outlooks: dict[str, str] = {}

    def turn(
        self, folder: str, who: Mapping[str, Any], told: Callable[[Mapping[str, Any]], None]
    ) -> AbstractAsyncContextManager[Turn]:
        """Be the only one who writes in a folder; ``told`` hears whom this waits for."""
        return self._turns.turn(str(_real(folder)), who, told)

    def holder(self, folder: str) -> Mapping[str, Any] | None:
        """Who writes in a folder now."""
        return self._turns.holder(str(_real(folder)))

    def head(self, folder: str) -> str:
        """Which branch the user has checked out there; empty without a repository."""
        return head_of(Path(folder))

    async def outlook(self, folder: str) -> str:
        """Why there would be no snapshot of a folder; empty when there would be one.

        Looked at once, then as the newest snapshot went.
        """
        if folder not in self._outlooks:
            self._outlooks[folder] = await _finished(partial(self._looked_out, folder))
        return self._outlooks[folder]

    def _looked_out(self, folder: str) -> str:
        if self._shadow is None:
            return NO_GIT
        tree = _real(folder)
        try:
            self._shadow.outlook(tree, self._skipped(tree))
        except (TooLarge, TookTooLong) as limit:
            return limit.message
        except (GitFailed, OSError):
            return ""  # told when the snapshot is due, with a question
        return ""

    async def snapshot(self, folder: str) -> dict[str, Any]:
        """Record a folder as it stands, and say how that went.

        Returns: ``tree files left_out duration_s`` or ``none``, a sentence; ``anew`` when the
        repository was damaged and begun anew.

        Raises:
            SnapshotFailed: it should have been possible.
        """
        if self._shadow is None:
            return {"none": NO_GIT}
        began, tree = time.perf_counter(), _real(folder)
        try:
            work = partial(_snapshot, self._shadow, tree, self._skipped(tree))
            snapshot, anew = await _finished(work)
        except (TooLarge, TookTooLong) as limit:
            self._outlooks[folder] = limit.message
            return {"none": limit.message}
        self._outlooks[folder] = ""
        took = {"duration_s": round(time.perf_counter() - began, 4)}
        return {**as_values(snapshot), **took, **({"anew": anew} if anew else {})}

    def _skipped(self, tree: Path) -> str:
        """What of a folder is the workbench's own."""
        return str(self._state.relative_to(tree)) if self._state.is_relative_to(tree) else ""

    async def changes(self, folder: str, before: str, after: str) -> list[FileChange]:
        """What differs between two snapshots of a folder."""
        if self._shadow is None or before == after:
            return []
        return await _finished(partial(_changes, self._shadow, folder, before, after))

    async def since(self, folder: str, tree: str) -> list[FileChange]:
        """What of a folder differs now from a snapshot of it. Raises SnapshotFailed."""
        now = await self.snapshot(folder)
        return await self.changes(folder, tree, now["tree"]) if "tree" in now else []

    # -- contents --------------------------------------------------------------------------------

    def keep(self, content: bytes) -> str:
        """Keep a file's content durably; its name."""
        return self._blobs.write(content)

    def read(self, name: str) -> bytes:
        """A content by its name. Raises StoreDamaged."""
        if not name.startswith(GIT):
            return self._blobs.read(name)
        if self._shadow is None:
            raise SnapshotFailed(f"{NO_GIT}, and the content {name} is in its keeping")
        return self._shadow.content(name.removeprefix(GIT))

    def same(self, one: str | None, other: str | None) -> bool:
        """Whether two names mean the same content, one of a blob and one of an object perhaps."""
        if one is None or other is None or one == other:
            return one == other
        ours, gits = sorted((one, other), key=lambda name: name.startswith(GIT))
        if ours.startswith(GIT) or not gits.startswith(GIT) or not _is_blob(ours):
            return False
        with suppress(StoreDamaged):
            return object_name(self._blobs.read(ours)) == gits.removeprefix(GIT)
        return False

    def missing(self, names: Collection[str]) -> set[str]:
        """Those of some contents that are not there any more."""
        objects = {name.removeprefix(GIT) for name in names if name.startswith(GIT)}
        there: Collection[str] = ()
        if self._shadow is not None and objects:
            with suppress(GitFailed):
                there = self._shadow.sizes(objects)
        gone = {GIT + name for name in objects if name not in there}
        return gone | {name for name in names if not name.startswith(GIT) and not self._has(name)}

    def _has(self, name: str) -> bool:
        try:
            self._blobs.read(name)
        except StoreDamaged:
            return False
        return True

    def lookup(self, tree: str, path: str) -> tuple[str, int] | None:
        """The name and mode of a file's content in a snapshot; None when it is not in there."""
        found = self._shadow.lookup(tree, path) if self._shadow else None
        return (GIT + found[0], found[1]) if found else None

    # -- a fork's own copy -----------------------------------------------------------------------

    async def own(self, run_id: str, folder: str, tree: Tree) -> Path:
        """Make a fork its own copy of a folder's files; where it is.

        Raises:
            SnapshotFailed: there is no snapshot to make it of.
        """
        base = tree.snapshot
        if base is None:
            found = await self.snapshot(folder)
            if "none" in found:
                raise SnapshotFailed(
                    f"the files of {folder} cannot be copied: {found['none']}",
                    hint="Fork without files=own: it then works in the same folder",
                )
            base = str(found["tree"])
        return await _finished(partial(self._make, run_id, base, tree))

    def _make(self, run_id: str, base: str, tree: Tree) -> Path:
        assert self._shadow is not None
        overlay: dict[str, tuple[bytes, int] | None] = {}
        for path, change in tree.overlay.items():
            name = change.before if tree.backwards else change.after
            mode = change.before_mode if tree.backwards else change.mode
            if path.startswith("/"):
                continue
            overlay[path] = None if name is None else (self.read(name), mode or 0o100644)
        made = self._shadow.composed(base, overlay)
        folder = self._own / quote(run_id, safe="")
        folder.mkdir(mode=0o700, parents=True)
        self._shadow.unfold(made, folder)
        return folder

    def collect(self, named: Collection[str]) -> int:
        """Let go of snapshots that no row names any more; the bytes that gave back."""
        try:
            return self._shadow.collect(named) if self._shadow is not None else 0
        except (GitFailed, OSError) as error:
            raise SnapshotFailed(f"snapshots could not be cleared up: {error}") from error

    def copies(self) -> list[OwnCopy]:
        """The copies that forks have, oldest first."""
        if not self._own.is_dir():
            return []
        found = [path for path in self._own.iterdir() if path.is_dir() and not path.is_symlink()]
        made = [OwnCopy(unquote(path.name), path, path.stat().st_mtime) for path in found]
        return sorted(made, key=lambda copy: copy.made_at)

    def discard(self, run_id: str) -> None:
        """Delete a fork's own copy: what was done in there and was not carried elsewhere goes."""
        folder = self._own / quote(run_id, safe="")
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)


def _is_blob(name: str) -> bool:
    return len(name) == 64 and all(c in "0123456789abcdef" for c in name)


def _real(folder: str) -> Path:
    return Path(folder).resolve()


def _snapshot(shadow: Shadow, tree: Path, skipped: str) -> tuple[Snapshot, str]:
    """Take a snapshot; when the repository is damaged, set it aside and begin anew.

    A file that changed under git's hands explains one failure. That the repository is damaged is
    proven by another one doing what it could not; otherwise it is put back.
    """
    try:
        return _twice(shadow, tree, skipped), ""
    except OSError as error:
        raise _failed(tree, error.strerror or str(error)) from error
    except GitFailed as error:
        if error.is_about_disk:
            raise _failed(tree, error.message) from error
        first = error
    aside = shadow.set_aside()
    try:
        done = shadow.snapshot(tree, skipped)
    except (OSError, GitFailed) as error:
        shadow.put_back(aside)
        raise _failed(tree, first.message) from error
    return done, f"{first.message}; set aside as {aside.name}"


def _twice(shadow: Shadow, tree: Path, skipped: str) -> Snapshot:
    try:
        return shadow.snapshot(tree, skipped)
    except GitFailed as error:
        if error.is_about_disk:
            raise
    return shadow.snapshot(tree, skipped)


def _failed(tree: Path, why: str) -> SnapshotFailed:
    return SnapshotFailed(f"the snapshot of {tree} failed: {why}")


def _changes(shadow: Shadow, folder: str, before: str, after: str) -> list[FileChange]:
    try:
        found = shadow.differences(before, after)
        sides = [one.before for one in found] + [one.after for one in found]
        sizes = shadow.sizes(name for name in sides if name is not None)
    except GitFailed as error:
        raise SnapshotFailed(f"two snapshots cannot be compared: {error.message}") from error
    return [
        FileChange(
            one.path,
            folder,
            GIT + one.before if one.before else None,
            GIT + one.after if one.after else None,
            one.before_mode,
            one.mode,
            sizes.get(one.before or "", 0),
            sizes.get(one.after or "", 0),
            restorable=one.before_mode != LINK_MODE,
            limit="it was a link" if one.before_mode == LINK_MODE else "",
        )
        for one in found
    ]


async def _finished(work: Callable[[], T]) -> T:
    """Have it done in a thread, to its end even when this is cancelled: a lock depends on it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()
