"""Where tools act: the workspace, the folder they may never touch, and their bounds.

One frozen value that the gate hands to every `facts`, `perform`, `probe` and `preview`, so that
all four judge by the same walls. Paths are made real once, here: everything after compares real
paths with real paths.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workbench.errors import StoreDamaged
from workbench.tools.credentials import Credential
from workbench.tools.sandbox.report import UNCONFINED, SandboxReport
from workbench.values import digest

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of single calls; generous for work, small for an accident."""

    read_bytes: int = 256 * KIB
    """What `read_file` returns at most."""
    scan_bytes: int = 64 * MIB
    """What may be read to reach a line, or to know a file by its digest."""
    write_bytes: int = 16 * MIB
    """What may be written, and how large a file may be that is edited."""
    entries: int = 1_000
    """What `list_directory` shows at most."""
    matches: int = 200
    """What `search_files` returns at most."""
    search_file_bytes: int = 2 * MIB
    """Larger files are not searched."""
    search_bytes: int = 128 * MIB
    search_s: float = 5.0
    output_bytes: int = 64 * KIB
    """What is kept of a command's output: its first and its last half of this."""
    printed_bytes: int = 256 * MIB
    """A command that prints more is stopped."""
    command_s: float = 600.0
    """The longest time a command can be given."""
    grace_s: float = 1.5
    """Between asking a process tree to end and ending it."""
    body_bytes: int = 2 * MIB
    """What is kept of an HTTP body, decompressed."""
    ratio: int = 100
    """A body may grow by this when it is decompressed."""
    http_s: float = 30.0
    page_s: float = 5.0
    """What reading a page's HTML may take."""
    redirects: int = 5


class Contents(Protocol):
    """Where file tools keep what they replace and write, and take from what is put back."""

    def keep(self, content: bytes) -> str:
        """Keep a content durably; its name, which is its digest."""
        ...

    def read(self, name: str) -> bytes:
        """A content that was kept. Raises StoreDamaged when it is not there."""
        ...


class Fence(Protocol):
    """What keeps a process from writing that was stopped while another took its run over."""

    def check(self) -> None:
        """Look, before a file takes its name, whether it still may. Raises Fenced."""
        ...

    def note(self, temporary: str) -> None:
        """Say which temporary file is about to be made."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace as tools see it."""

    workspace: Path
    state: Path
    """The workbench's own folder: refused to every tool, covered in every sandbox."""
    sandbox: SandboxReport = UNCONFINED
    grants: tuple[str, ...] = ()
    """``host:port`` (``[::1]:80`` for IPv6) that the user granted, private addresses included."""
    limits: Limits = field(default_factory=Limits)
    credentials: Mapping[str, Credential] = field(
        default_factory=dict[str, Credential], compare=False, repr=False
    )
    """The secrets that requests may carry, by name."""
    contents: Contents | None = field(default=None, compare=False, repr=False)
    """Where contents are kept; None names them and keeps nothing."""
    fence: Fence | None = field(default=None, compare=False, repr=False)
    """Of the turn that a change of files is made in."""

    def __post_init__(self) -> None:
        for name in ("workspace", "state"):
            real = Path(os.path.realpath(getattr(self, name)))
            object.__setattr__(self, name, real)

    def keep(self, content: bytes) -> str:
        """Keep a file's content; its name."""
        return digest(content, 32) if self.contents is None else self.contents.keep(content)

    def kept(self, name: str) -> bytes:
        """A content that was kept. Raises StoreDamaged when it is not there."""
        if self.contents is None:
            raise StoreDamaged(f"the content {name} was not kept")
        return self.contents.read(name)
