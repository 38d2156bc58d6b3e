"""Run git on a repository of ours so that nothing of anybody else's takes part.

Every call names its git folder and its index, so no repository is searched for and no
configuration but our own is read. What is in the work tree stays data: attributes are overruled
in ``info/attributes`` (highest of all), and no plumbing used here runs hooks.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from workbench.errors import WorkbenchError

LIMIT_S: Final = 60.0
_FOLDERS: Final = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/run/current-system/sw/bin"
_CONFIG: Final = """\
[core]
\trepositoryformatversion = 0
\tbare = false
\tfilemode = true
\tsymlinks = true
\tignorecase = false
\tautocrlf = false
\teol = lf
\tsafecrlf = false
\tfsmonitor = false
\tuntrackedCache = false
\tsplitIndex = false
\tsparseCheckout = false
\thooksPath = /dev/null
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tprotectHFS = false
\tprotectNTFS = false
\tprecomposeunicode = false
\tlooseCompression = 1
\tbigFileThreshold = 16m
\tquotePath = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[index]
\tversion = 2
\tthreads = true
[submodule]
\trecurse = false
"""
_ATTRIBUTES: Final = (
    "* -text -eol -ident -filter -diff -merge -export-subst !working-tree-encoding\n"
)


class GitFailed(WorkbenchError):
    """git ended with an error: what it said."""

    code = "git"

    @property
    def is_about_disk(self) -> bool:
        """Whether there was no room, or something could not be read: a new try changes nothing."""
        text = f"{self.message} {self.data.get('said', '')}".lower()
        return any(words in text for words in _OF_DISK)


_OF_DISK = ("no space left", "quota exceeded", "file too large", "permission denied", "read-only")


class TookTooLong(WorkbenchError):
    """git was stopped: it took too long or had too much to say."""

    code = "git"


def find_git() -> str | None:
    """The system's git, wherever a user's PATH points; None when there is none."""
    return shutil.which("git", path=_FOLDERS)


@dataclass(frozen=True, slots=True)
class Git:
    """One git folder, and how to speak to it."""

    program: str
    folder: Path

    def create(self) -> None:
        """Make the folder; harmless where it is."""
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/kept", "info"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        texts = {"config": _CONFIG, "info/attributes": _ATTRIBUTES, "info/exclude": ""}
        for name, text in {**texts, "HEAD": "ref: refs/heads/none\n"}.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def run(
        self,
        *words: str | bytes,
        index: Path | None = None,
        tree: Path | None = None,
        given: bytes = b"",
        limit_s: float = LIMIT_S,
    ) -> bytes:
        """Run one plumbing command; what it printed.

        Args:
            words: the command and its arguments.
            index: the index file it works on.
            tree: the work tree; also where it runs.
            given: its standard input.
            limit_s: how long it may take.

        Raises:
            GitFailed: it ended with an error.
            TookTooLong: it was stopped.
        """
        with self._started(words, index, tree) as process:
            try:
                said, complaint = process.communicate(given, timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise TookTooLong(f"git {_name(words)} took longer than {limit_s:g} s") from None
        return _checked(words, process.returncode, said, complaint)

    def feed(self, *words: str, given: Iterable[bytes], limit_s: float = LIMIT_S) -> None:
        """Run one command on an input of any length. Raises GitFailed, TookTooLong."""
        with self._started(words, None, None) as process:
            assert process.stdin is not None
            stop = threading.Timer(limit_s, process.kill)
            stop.start()
            try:
                with suppress(BrokenPipeError):
                    for block in given:
                        process.stdin.write(block)
                _close(process.stdin)
                process.stdin = None
                _, complaint = process.communicate()
            finally:
                stop.cancel()
        if process.returncode == -signal.SIGKILL:
            raise TookTooLong(f"git {_name(words)} took longer than {limit_s:g} s")
        _checked(words, process.returncode, b"", complaint)

    def read(
        self,
        *words: str | bytes,
        index: Path | None = None,
        tree: Path | None = None,
        limit_s: float = LIMIT_S,
        most_bytes: int,
    ) -> bytes:
        """As `run`, for what may print without end. Raises TookTooLong over ``most_bytes``."""
        with self._started(words, index, tree) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.close()
            stop = threading.Timer(limit_s, process.kill)
            stop.start()
            try:
                said = process.stdout.read(most_bytes + 1)
                if len(said) > most_bytes:
                    process.kill()
                complaint = process.stderr.read(65_536)
                code = process.wait()
            finally:
                stop.cancel()
        if len(said) > most_bytes:
            raise TookTooLong(f"git {_name(words)} listed more than {most_bytes} bytes")
        if code == -signal.SIGKILL:
            raise TookTooLong(f"git {_name(words)} took longer than {limit_s:g} s")
        if b"could not open directory" in complaint or b"ermission denied" in complaint:
            raise GitFailed(_first_line(complaint))
        return _checked(words, code, said, complaint)

    def _started(
        self, words: tuple[str | bytes, ...], index: Path | None, tree: Path | None
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [self.program, "--literal-pathspecs", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=tree or self.folder,
                env=self._environment(index, tree),
                start_new_session=True,
            )
        except OSError as error:
            raise GitFailed(f"git cannot be started: {error.strerror}") from error

    def _environment(self, index: Path | None, tree: Path | None) -> dict[str, str]:
        nowhere = os.devnull
        found = {
            "PATH": _FOLDERS,
            "HOME": nowhere,
            "XDG_CONFIG_HOME": nowhere,
            "LC_ALL": "C",
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": nowhere,
            "GIT_CONFIG_GLOBAL": nowhere,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
        }
        if tree is not None:
            found["GIT_WORK_TREE"] = str(tree)
        if index is not None:
            found["GIT_INDEX_FILE"] = str(index)
        return found


def _close(stream: IO[bytes]) -> None:
    """Close a pipe whose other end may be gone."""
    with suppress(BrokenPipeError):
        stream.close()


def _name(words: tuple[str | bytes, ...]) -> str:
    return str(words[0])


def _checked(words: tuple[str | bytes, ...], code: int, said: bytes, complaint: bytes) -> bytes:
    if code != 0:
        why = _first_line(complaint) or f"exit code {code}"
        told = complaint.decode("utf-8", "replace")[-4000:]
        raise GitFailed(f"git {_name(words)}: {why}", said=told)
    return said


def _first_line(complaint: bytes) -> str:
    lines = [line for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
