"""What became of files, read from rows: each change, and what stood where at a place in the log.

A `FileChange` is one ``file.changed`` row. Contents are named, not held: 64 hex digits are a blob
of the store, ``git:`` and an object's id stand for one in the shadow repository, and whatever
else (``stat:…``, ``link:…``) says what a thing looked like and cannot be brought back.

Taking back goes by chains. Of every path, the changes after a place are walked in the order of
their commits: what the first one found is what the file was; what the last one left is what the
log expects to stand there now. Where one change did not find what the change before it had left,
somebody else was there in between, and that edit is nobody's to throw away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, cast

from workbench.journal.events import OUTCOMES, Event, agent_of

Same = Callable[[str | None, str | None], bool]
"""Whether two names of contents mean the same content; they may be of different kinds."""

TEMPORARY = ".writing-"
"""What the name of a file begins with that is not whole yet."""
LINK_MODE = 0o120000


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after one effect."""

    path: str
    """From the workspace; absolute for what lies outside."""
    workspace: str
    before: str | None
    """Names the content that was there; None when nothing was."""
    after: str | None
    before_mode: int | None = None
    mode: int | None = None
    before_bytes: int = 0
    size_bytes: int = 0
    restorable: bool = True
    """Whether what was there before is kept."""
    limit: str = ""
    """Why it is not."""
    name: str = ""
    """Of the tool."""
    run_id: str = ""
    seq: int = 0
    at: float = 0.0
    key: str = ""

    @staticmethod
    def read(data: Mapping[str, Any]) -> FileChange:
        """From a row's data, or from what an intent's row has prepared."""
        known: dict[str, Any] = {name: data[name] for name in _STORED if name in data}
        known.setdefault("workspace", "")
        return FileChange(**known)

    @staticmethod
    def of(row: Event) -> FileChange:
        """From its row."""
        found = FileChange.read(row.data)
        return replace(found, run_id=row.run_id, seq=row.seq, at=row.at, key=row.key)

    def to_data(self) -> dict[str, Any]:
        """The data of its row."""
        return {name: value for name, value in asdict(self).items() if name in _STORED}

    @property
    def agent(self) -> str:
        """Who did it; empty for a pattern."""
        return agent_of(self.key)

    @property
    def deed(self) -> str:
        """``created``, ``deleted``, ``mode`` (only that) or ``changed``."""
        if self.before is None:
            return "created"
        if self.after is None:
            return "deleted"
        return "mode" if self.before == self.after else "changed"


_STORED = (
    "path", "workspace", "before", "after", "before_mode", "mode", "before_bytes", "size_bytes",
    "restorable", "limit", "name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """One file as it was at a place, and what the log has seen of it since."""

    path: str
    content: str | None
    mode: int | None
    size_bytes: int
    restorable: bool
    limit: str
    known: str | None
    """What the log last knew to stand there."""
    known_mode: int | None
    changes: tuple[FileChange, ...]
    """What has been done since, in order."""
    broken: FileChange | None
    """The change that found something else than the change before it had left."""


def changes_in(rows: Iterable[Event], workspace: str = "") -> list[FileChange]:
    """The changes that rows record, in their order; each once, also when it was found twice."""
    found: dict[tuple[str, str, str, str | None, str | None], FileChange] = {}
    for row in rows:
        if row.kind == "file.changed":
            one = FileChange.of(row)
            if workspace in ("", one.workspace):
                key = (one.run_id, one.key, one.path, one.before, one.after)
                found.setdefault(key, one)
    return list(found.values())


def pasts(changes: Iterable[FileChange], same: Same) -> dict[str, Past]:
    """What each changed file was before the first of these changes.

    Args:
        changes: everything recorded after the place, of one workspace, in order of commit.
        same: compares two names of contents.
    """
    chains: dict[str, list[FileChange]] = {}
    for one in changes:
        chains.setdefault(one.path, []).append(one)
    return {path: _past(path, chain, same) for path, chain in sorted(chains.items())}


def _past(path: str, chain: list[FileChange], same: Same) -> Past:
    first, last = chain[0], chain[-1]
    broken = next((b for a, b in pairwise(chain) if not same(a.after, b.before)), None)
    return Past(
        path,
        first.before,
        first.before_mode,
        first.before_bytes,
        first.restorable,
        first.limit,
        last.after,
        last.mode,
        tuple(chain),
        broken,
    )


def unsettled(rows: Iterable[Event]) -> list[FileChange]:
    """Changes that were begun and whose end no row tells: they may have happened.

    An intent's row holds what it would change; a kill between the deed and its row leaves only
    that, and a look at the file says the rest.
    """
    begun: dict[str, Event] = {}
    for row in rows:
        if row.kind == "step.started" and row.data.get("prepared"):
            begun[row.key] = row
        elif row.kind in OUTCOMES or row.kind == "file.changed":
            begun.pop(row.key, None)
    found: list[FileChange] = []
    for row in begun.values():
        for data in prepared_in(row.data["prepared"]):
            one = FileChange.read(data)
            found.append(replace(one, run_id=row.run_id, seq=row.seq, at=row.at, key=row.key))
    return found


def prepared_in(prepared: Any) -> list[dict[str, Any]]:
    """The single changes that an intent's row announces."""
    if not isinstance(prepared, Mapping):
        return []
    found = cast("Mapping[str, Any]", prepared)
    changes: Any = found.get("changes")
    if isinstance(changes, list):
        several = cast("list[dict[str, Any]]", changes)
        return [dict(one) for one in several if one.keys() >= _ANNOUNCED]
    return [dict(found)] if found.keys() >= _ANNOUNCED else []


_ANNOUNCED = frozenset({"real_path", "path", "workspace", "before", "after"})
"""What a prepared change has; a user's tool may prepare whatever it likes."""


@dataclass(frozen=True, slots=True)
class Blind:
    """An effect that may have changed files nobody recorded."""

    run_id: str
    seq: int
    key: str
    name: str
    arguments: Mapping[str, Any]
    why: str


def blind_effects(rows: Iterable[Event]) -> list[Blind]:
    """Commands and their like of which it is not known which files they changed."""
    found: dict[str, Blind] = {}
    for row in rows:
        data = row.data
        if row.kind == "step.started" and "snapshot" in data and not data.get("prepared"):
            why = data["snapshot"].get("none") or "its end was not seen"
            name: str = data.get("name", "")
            arguments: Mapping[str, Any] = data.get("arguments") or {}
            found[row.key] = Blind(row.run_id, row.seq, row.key, name, arguments, why)
        elif row.kind == "snapshot.taken" and row.key in found:
            if data.get("unlisted"):
                why = f"it changed {data['unlisted']} more files than are listed"
                found[row.key] = replace(found[row.key], why=why)
            elif data.get("none"):
                found[row.key] = replace(found[row.key], why=str(data["none"]))
            else:
                del found[row.key]
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Tree:
    """All files at a place: a snapshot, and what was changed between it and the place."""

    snapshot: str | None
    """The shadow repository's tree to begin from; None for what stands there now."""
    overlay: Mapping[str, FileChange]
    """By path: the change whose ``after`` (going on) or ``before`` (going back) holds."""
    backwards: bool


def tree_at(rows: Iterable[Event], cut: int, workspace: str) -> Tree:
    """What a copy of the files as they were at a row is made of.

    The nearest snapshot before the cut and every change recorded since; without one the nearest
    after it, or what stands there now, and every change recorded in between taken back.
    """
    before: str | None = None
    forth: dict[str, FileChange] = {}
    after: str | None = None
    back: dict[str, FileChange] = {}
    for row in rows:
        tree = _tree_of(row)
        if row.seq <= cut:
            if tree:
                before, forth = tree, {}
            elif row.kind == "file.changed" and _is_of(row, workspace):
                forth[row.data["path"]] = FileChange.of(row)
        elif tree:
            after = tree
            break
        elif row.kind == "file.changed" and _is_of(row, workspace):
            back.setdefault(row.data["path"], FileChange.of(row))
    if before:
        return Tree(before, forth, backwards=False)
    return Tree(after, back, backwards=True)


def _is_of(row: Event, workspace: str) -> bool:
    return row.data.get("workspace", workspace) == workspace


def _tree_of(row: Event) -> str:
    if row.kind == "snapshot.taken":
        return str(row.data.get("tree") or "")
    if row.kind == "step.started":
        found: Mapping[str, Any] = row.data.get("snapshot") or {}
        return str(found.get("tree") or "")
    return ""


def head_at(rows: Iterable[Event], cut: int) -> str | None:
    """Which branch of the user's own repository was checked out, as last seen; None if never."""
    found: str | None = None
    for row in rows:
        seen = row.data.get("head") if row.kind == "snapshot.taken" else None
        if row.kind == "step.started":
            seen = row.data.get("head")
        if seen is not None:
            if row.seq > cut and found is not None:
                break
            found = str(seen)
    return found
