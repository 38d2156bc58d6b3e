"""The shadow repository: snapshots of folders as git trees, in the state folder.

One store of objects for all working copies, an index for each. An index is worked on as a copy
and takes its place in one rename, so that a process killed in between leaves nothing behind that
the next one trips over: no lock file, no half-written index. Each tree has a ref, so nothing it
needs is ever pruned while the ref is there.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.errors import StoreDamaged
from workbench.values import digest
from workbench.workspace.git import Git, GitFailed
from workbench.workspace.listing import (
    MOST_FILE_BYTES,
    Listing,
    entries,
    listed,
    tracked_though_ignored,
)

EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_ZEROS: Final = b"0" * 40
_MANY: Final = 500
_STALE_S: Final = 3600.0
_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree that was recorded."""

    tree: str
    files: int
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Difference:
    """One file in two trees: the object and mode on either side, None where it is not."""

    path: str
    before: str | None
    after: str | None
    before_mode: int | None
    mode: int | None


class Shadow:
    """The repository. Its methods block; whoever snapshots a folder holds that folder's turn."""

    def __init__(self, program: str, folder: Path) -> None:
        self._git = Git(program, folder)
        self._trees: dict[Path, tuple[tuple[int, int], str]] = {}
        """By index: what it looked like when its tree was written, and that tree."""
        self._users: dict[Path, tuple[int, int, int]] = {}
        """By folder: what the index of the user's own repository looked like."""

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._git.folder

    def snapshot(self, tree: Path, skipped: str = "") -> Snapshot:
        """Record a folder as it stands.

        Args:
            tree: the folder, its real path.
            skipped: what below it is left out whole, or empty.

        Raises:
            TooLarge, TookTooLong: beyond the bounds; nothing was recorded.
            GitFailed: it could not be recorded.
        """
        self._open()
        index = self._index_of(tree)
        self._clear_up()
        with _Working(index) as working:
            found = listed(self._git, working.path, tree, skipped, self._tracked(tree))
            self._update(found, working.path, tree)
            name = self._written(index, working, tree, changed=bool(found.taken or found.gone))
            files = entries(working.path)
            working.keep()
        self._trees[index] = (_look(index), name)
        self._hold(name)
        return Snapshot(name, files, dict(found.left_out))

    def outlook(self, tree: Path, skipped: str = "") -> None:
        """Find out whether a snapshot could be taken: raises what `snapshot` would of bounds."""
        self._open()
        listed(self._git, self._index_of(tree), tree, skipped, set())

    def differences(self, before: str, after: str) -> list[Difference]:
        """What differs between two trees, by path."""
        said = self._git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after)
        parts = said.split(b"\0")
        return [
            _difference(head, path)
            for head, path in zip(parts[::2], parts[1::2], strict=False)
            if path
        ]

    def sizes(self, objects: Iterable[str]) -> dict[str, int]:
        """How many bytes each of these objects holds."""
        names = list(dict.fromkeys(objects))
        if not names:
            return {}
        asked = "".join(f"{name}\n" for name in names).encode()
        said = self._git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", given=asked)
        lines = (line.split(" ") for line in said.decode().splitlines())
        return {words[0]: int(words[1]) for words in lines if words[1].isdigit()}

    def content(self, name: str) -> bytes:
        """What an object holds. Raises StoreDamaged when it is not there any more."""
        try:
            return self._git.run("cat-file", "blob", name)
        except GitFailed as error:
            raise StoreDamaged(
                f"the content {name[:12]} is not in {self.folder}: {error.message}",
                hint="The snapshots were set aside or removed; the file stays as it is",
            ) from error

    def lookup(self, tree: str, path: str) -> tuple[str, int] | None:
        """The object and mode of one file in a tree."""
        said = self._git.run("ls-tree", "-z", "--full-tree", tree, "--", os.fsencode(path))
        head, _, _ = said.partition(b"\t")
        words = head.decode().split(" ")
        return (words[2], int(words[0], 8)) if len(words) == 3 and words[1] == "blob" else None

    def composed(self, tree: str, overlay: Mapping[str, tuple[bytes, int] | None]) -> str:
        """A tree with some files' contents and modes replaced, or the files taken away."""
        self._open()
        with _Working(self.folder / f"index-{secrets.token_hex(6)}") as working:
            self._git.run("read-tree", tree, index=working.path)
            lines = b""
            for path, held in overlay.items():
                if held is None:
                    lines += b"0 %s\t%s\0" % (_ZEROS, os.fsencode(path))
                else:
                    name = self._git.run("hash-object", "-w", "--stdin", given=held[0]).strip()
                    lines += b"%o %s\t%s\0" % (_git_mode(held[1]), name, os.fsencode(path))
            self._git.run("update-index", "-z", "--index-info", index=working.path, given=lines)
            made = self._git.run("write-tree", index=working.path).decode().strip()
        self._hold(made)
        return made

    def unfold(self, tree: str, folder: Path) -> None:
        """Write a tree's files into an empty folder."""
        with _Working(self.folder / f"index-{secrets.token_hex(6)}") as working:
            self._git.run("read-tree", tree, index=working.path)
            words = ("checkout-index", "--all", "--force", "--quiet")
            self._git.run(*words, index=working.path, tree=folder)

    def collect(self, named: Collection[str]) -> int:
        """Let go of snapshots that nothing names any more; how many bytes that gave back.

        What is younger than an hour stays: a row that names it may still be on its way.
        """
        if not (self.folder / "refs" / "kept").is_dir():
            return 0
        before = _bytes_in(self.folder)
        for ref in (self.folder / "refs" / "kept").iterdir():
            if ref.name not in named and time.time() - ref.stat().st_mtime > _STALE_S:
                ref.unlink(missing_ok=True)
        # An index counts on objects that may go now; without it the next snapshot looks anew.
        for index in self.folder.glob("index-*"):
            index.unlink(missing_ok=True)
        self._trees.clear()
        age = f"{_STALE_S:.0f}.seconds.ago"
        self._git.run("repack", "-A", "-d", "-q", f"--unpack-unreachable={age}", limit_s=600.0)
        self._git.run("prune", f"--expire={age}", limit_s=600.0)
        return max(0, before - _bytes_in(self.folder))

    def set_aside(self) -> Path:
        """Put a damaged repository out of the way; the next snapshot begins anew."""
        self._trees.clear()
        self._users.clear()
        aside = self.folder.with_name(f"{self.folder.name}.damaged-{int(time.time())}")
        while aside.exists():
            aside = aside.with_name(f"{aside.name}-")
        self.folder.rename(aside)
        return aside

    def put_back(self, aside: Path) -> None:
        """It was not damaged after all: what took its place goes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        aside.rename(self.folder)

    def _open(self) -> None:
        if not (self.folder / "objects").is_dir() or not (self.folder / "config").is_file():
            self._git.create()

    def _clear_up(self) -> None:
        """Take away what killed processes left; what is young may be somebody's who looks."""
        for stale in self.folder.glob("index-*.new*"):
            with suppress(FileNotFoundError):
                if time.time() - stale.stat().st_ctime > _STALE_S:
                    stale.unlink()

    def _index_of(self, tree: Path) -> Path:
        return self.folder / f"index-{digest(os.fsencode(tree), 12)}"

    def _tracked(self, tree: Path) -> set[bytes]:
        """What is tracked though ignored, when the user's index is not as it was last time."""
        try:
            status = (tree / ".git" / "index").lstat()
        except OSError:
            return set()
        look = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._users.get(tree) == look:
            return set()
        self._users[tree] = look
        try:
            return tracked_though_ignored(self._git, tree)
        except GitFailed:
            return set()  # an index that our git does not understand

    def _update(self, found: Listing, index: Path, tree: Path) -> None:
        if found.gone:
            lines = b"".join(b"0 %s\t%s\0" % (_ZEROS, path) for path in found.gone)
            words = ("update-index", "-z", "--index-info")
            self._git.run(*words, index=index, tree=tree, given=lines)
        if len(found.taken) > _MANY:
            # One pack instead of a file for each: the update then finds the objects there.
            words = ("fast-import", "--quiet", "--depth=0")
            self._git.feed(*words, given=_blobs(found.taken, tree))
        if found.taken:
            words = ("update-index", "-z", "--add", "--remove", "--replace", "--stdin")
            paths = b"".join(path + b"\0" for path in found.taken)
            self._git.run(*words, index=index, tree=tree, given=paths)

    def _written(self, index: Path, working: _Working, tree: Path, *, changed: bool) -> str:
        """The tree of a working index.

        Whatever rewrites an index is told its work tree: a file that was changed in the second
        of the index's own time is told apart only by a look at it.
        """
        known = self._trees.get(index)
        if not changed and known is not None and known[0] == working.began_as:
            return known[1]
        if not working.path.exists():
            self._git.run("read-tree", "--empty", index=working.path)
        return self._git.run("write-tree", index=working.path, tree=tree).decode().strip()

    def _hold(self, tree: str) -> None:
        ref = self.folder / "refs" / "kept" / tree
        if tree != EMPTY_TREE and not ref.exists():
            new = ref.with_name(f"{tree}.{secrets.token_hex(4)}.lock")
            new.write_text(f"{tree}\n", encoding="ascii")
            new.replace(ref)


class _Working:
    """A copy of an index to work on; it takes the index's place when it is kept."""

    def __init__(self, index: Path) -> None:
        self._index = index
        self.path = index.with_name(f"{index.name}.{secrets.token_hex(4)}.new")
        self.began_as = (0, 0)

    def __enter__(self) -> _Working:
        with suppress(FileNotFoundError):
            shutil.copyfile(self._index, self.path)
            status = self._index.stat()
            # git tells by the index's own time which entries it has to look into again.
            os.utime(self.path, ns=(status.st_mtime_ns, status.st_mtime_ns))
            self.began_as = (status.st_mtime_ns, status.st_size)
        return self

    def keep(self) -> None:
        """Let it take the index's place."""
        self.path.replace(self._index)

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)


def _blobs(paths: Iterable[bytes], tree: Path) -> Iterator[bytes]:
    """The contents of regular files as a stream of fast-import; what cannot be read is passed by.

    What is passed by, or changes meanwhile, is read again by whoever puts it into the index.
    """
    top = os.fsencode(tree)
    for path in paths:
        try:
            descriptor = os.open(os.path.join(top, path), _READING)  # noqa: PTH118 - bytes
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_FILE_BYTES:
                continue
            content = file.read(MOST_FILE_BYTES)
        yield b"blob\ndata %d\n%s\n" % (len(content), content)


def _bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _look(index: Path) -> tuple[int, int]:
    status = index.stat()
    return (status.st_mtime_ns, status.st_size)


def _difference(head: bytes, path: bytes) -> Difference:
    before_mode, mode, before, after, _ = head.decode().lstrip(":").split(" ")
    return Difference(
        os.fsdecode(path),
        None if int(before, 16) == 0 else before,
        None if int(after, 16) == 0 else after,
        int(before_mode, 8) or None,
        int(mode, 8) or None,
    )


def _git_mode(mode: int) -> int:
    if stat.S_ISLNK(mode):
        return 0o120000
    return 0o100755 if mode & 0o100 else 0o100644


def object_name(content: bytes) -> str:
    """The name git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def as_values(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as a row has it."""
    left = {"left_out": dict(snapshot.left_out)} if snapshot.left_out else {}
    return {"tree": snapshot.tree, "files": snapshot.files, **left}
