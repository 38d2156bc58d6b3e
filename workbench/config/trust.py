"""Whether a folder may act: what a person has looked at, remembered by content.

Trust is given to a real path, its device and inode, and the digest of every file in it that can
come to act: settings, agents, plugins. Any change takes it back until somebody has seen the
difference. The record lies in the user's data folder, where no project can write it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from workbench.config.folders import data_folder
from workbench.config.text import SUFFIXES
from workbench.config.writing import write_whole
from workbench.errors import ConfigError, NotTrusted, UsageError

_FOLDERS = ("plugins", "agents")
_FILES = (*(f"kaizen{suffix}" for suffix in SUFFIXES), "mcp.json")
_MOST_FILES = 5_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a folder stands: trusted, or what changed since it was (or would be, if never)."""

    trusted: bool
    files: Mapping[str, str]
    """Digest by relative path, of everything that can act, as it is now."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: bool = field(default=False)
    """The record is of another folder that once had this path."""

    def lines(self) -> list[str]:
        """The difference for people: ``+`` new, ``~`` changed, ``-`` gone."""
        marks = (("+", self.added), ("~", self.changed), ("-", self.removed))
        return [f"{mark} {name}" for mark, names in marks for name in names]


def standing(workspace: Path, environment: Mapping[str, str], more: Iterable[str] = ()) -> Standing:
    """Compare the folder with what was trusted. Reads every file that can act."""
    real = workspace.resolve()
    known = _records(environment).get(os.fsdecode(real))
    files = _digests(real, [*more, *((known or {}).get("files", {}))])
    if known is not None and not _is_same_folder(known, real):
        return Standing(False, files, added=tuple(sorted(files)), moved=True)
    if known is None:
        # Nothing that could act is nothing to trust.
        return Standing(not files, files, added=tuple(sorted(files)))
    before = cast("dict[str, str]", known.get("files", {}))
    added = tuple(sorted(files.keys() - before.keys()))
    removed = tuple(sorted(before.keys() - files.keys()))
    changed = tuple(sorted(n for n in files.keys() & before.keys() if files[n] != before[n]))
    # What is gone cannot act: it takes no trust back.
    return Standing(not (added or changed), files, added, changed, removed)


def is_trusted(workspace: Path, environment: Mapping[str, str] | None = None) -> bool:
    """Whether everything in the folder that can act has been trusted as it is now."""
    return standing(workspace, os.environ if environment is None else environment).trusted


def trust(workspace: Path, environment: Mapping[str, str], more: Iterable[Path] = ()) -> Standing:
    """Trust the folder as it is now, and ``more`` files of it; returns how it stood before."""
    real = workspace.resolve()
    added = [_relative(real, path) for path in more]
    before = standing(workspace, environment, added)
    status = real.stat()
    records = _records(environment)
    records[os.fsdecode(real)] = {
        "device": status.st_dev,
        "inode": status.st_ino,
        "files": dict(before.files),
    }
    write_whole(_file(environment), json.dumps(records, indent=1, sort_keys=True))
    return before


def distrust(workspace: Path, environment: Mapping[str, str]) -> bool:
    """Take trust back; False when there was none."""
    records = _records(environment)
    if records.pop(os.fsdecode(workspace.resolve()), None) is None:
        return False
    write_whole(_file(environment), json.dumps(records, indent=1, sort_keys=True))
    return True


def check_trusted(workspace: Path, path: Path, environment: Mapping[str, str]) -> None:
    """Refuse to use a file that lies in the workspace and is not trusted. Raises NotTrusted."""
    real, file = workspace.resolve(), path.resolve()
    if not file.is_relative_to(real) or not file.is_file():
        return
    name = os.fsdecode(file.relative_to(real))
    stands = standing(workspace, environment)
    if stands.trusted and name in stands.files:
        return
    raise NotTrusted(
        f"{name} is not trusted", hint=f"Read it, then: kaizen-tui trust {name}", file=name
    )


def file_digest(content: bytes) -> str:
    """The digest by which a file's content is trusted."""
    return blake2b(content, digest_size=16).hexdigest()


def _digests(workspace: Path, more: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    others = (workspace / name for name in more)
    for path in (*_acting(workspace), *(path for path in others if path.is_file())):
        if len(found) >= _MOST_FILES:
            raise ConfigError(f"{workspace} holds more than {_MOST_FILES} files that can act")
        name = os.fsdecode(path.relative_to(workspace))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
        # An empty file cannot act; a sandbox that was killed leaves such ones where it stood guard.
        if content:
            found[name] = file_digest(content)
    return found


def _acting(workspace: Path) -> Iterator[Path]:
    for name in _FILES:
        if (workspace / name).is_file():
            yield workspace / name
    for folder in _FOLDERS:
        for above, inner, names in os.walk(workspace / folder):
            inner[:] = sorted(name for name in inner if name != "__pycache__")
            for name in sorted(names):
                path = Path(above) / name
                if path.is_file():
                    yield path


def _relative(workspace: Path, path: Path) -> str:
    file = path.resolve()
    if not file.is_file() or not file.is_relative_to(workspace):
        raise UsageError(f"{path} is no file in {workspace}")
    return os.fsdecode(file.relative_to(workspace))


def _is_same_folder(known: Mapping[str, Any], real: Path) -> bool:
    status = real.stat()
    return (known.get("device"), known.get("inode")) == (status.st_dev, status.st_ino)


def _file(environment: Mapping[str, str]) -> Path:
    return data_folder(environment) / "trusted.json"


def _records(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    file = _file(environment)
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file} cannot be read", hint="Remove it; folders are then asked about again"
        ) from error
    return cast("dict[str, dict[str, Any]]", found) if isinstance(found, dict) else {}
