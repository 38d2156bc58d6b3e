"""Where things are kept: the user's own folders, a workspace's state, and what we shipped.

A workspace keeps its state in its own ``sessions/`` once ``kaizen-tui init`` made it a workbench
folder; any other workspace's state lies in the user's data folder under a digest of its real
path. The marker that ``init`` writes names the inode of the folder it was made in: a marker that
came along with a clone or an archive does not fit, so nobody can plant a database.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from workbench.errors import ConfigError

NAME = "kaizen-tui"
MARKER = ".workbench"
_GIT_IGNORE = "# The workbench's own data; exported runs and scripts may be kept.\n"


def config_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder of settings; may not exist."""
    return _user_folder(environment, "KAIZEN_TUI_CONFIG_HOME", "XDG_CONFIG_HOME", ".config")


def data_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder of data: states of workspaces, trust; may not exist."""
    return _user_folder(environment, "KAIZEN_TUI_DATA_HOME", "XDG_DATA_HOME", ".local/share")


def _user_folder(environment: Mapping[str, str], ours: str, xdg: str, below_home: str) -> Path:
    if environment.get(ours):
        return Path(environment[ours])
    # The XDG specification says that a relative path is to be ignored.
    if Path(environment.get(xdg, "")).is_absolute():
        return Path(environment[xdg]) / NAME
    home = environment.get("HOME")
    if not home:
        raise ConfigError("HOME is not set", hint=f"Set HOME or {ours} to a folder of yours")
    return Path(home) / below_home / NAME


def state_folder(workspace: Path, environment: Mapping[str, str]) -> Path:
    """Where this workspace's database lies; made with mode 0700 when it is first needed."""
    real = workspace.resolve()
    if is_workbench(real):
        return real / "sessions"
    name = blake2b(os.fsencode(real), digest_size=12).hexdigest()
    return data_folder(environment) / "workspaces" / name


def make_state_folder(workspace: Path, environment: Mapping[str, str]) -> Path:
    """The state folder, made if it is not there, readable by its owner only."""
    folder = state_folder(workspace, environment)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What is right already is left alone: on a read-only disk it can still be looked at.
        if folder.stat().st_mode & 0o777 != 0o700:
            folder.chmod(0o700)
        named, name = folder / "workspace", f"{workspace.resolve()}\n"
        if folder.name != "sessions" and not (named.is_file() and named.read_text("utf-8") == name):
            named.touch(mode=0o600)
            named.write_text(name, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the state folder {folder} cannot be made: {error.strerror}",
            hint="Set KAIZEN_TUI_DATA_HOME to a folder of yours",
        ) from error
    return folder


def copies_folder(state: Path, environment: Mapping[str, str]) -> Path:
    """Where forks of a state folder's runs have their own copies of the files; may not exist.

    Beside the states and not in one: the state folder is refused to every tool.
    """
    name = blake2b(os.fsencode(state.resolve()), digest_size=12).hexdigest()
    return data_folder(environment) / "copies" / name


def is_workbench(workspace: Path) -> bool:
    """Whether ``init`` was run in this very folder, by this user."""
    sessions = workspace / "sessions"
    try:
        found = (sessions / MARKER).read_text(encoding="utf-8")
        status = sessions.lstat()
    except (OSError, UnicodeDecodeError):
        return False
    return found.strip() == f"inode {status.st_ino}" and status.st_uid == os.geteuid()


def make_workbench(workspace: Path) -> list[str]:
    """Make ``sessions/`` with its marker; returns what was made or adopted, for people."""
    sessions = workspace / "sessions"
    done: list[str] = []
    if sessions.is_symlink():
        raise ConfigError(f"{sessions} is a link", hint="Remove it, or choose another folder")
    if not sessions.is_dir():
        done.append("sessions/")
    elif (sessions / "workbench.db").exists() and not is_workbench(workspace):
        done.append(
            "sessions/workbench.db was here already; its runs and rules are used from now on"
        )
    try:
        sessions.mkdir(mode=0o700, exist_ok=True)
        sessions.chmod(0o700)
        marker = f"inode {sessions.lstat().st_ino}\n"
        (sessions / MARKER).write_text(marker, encoding="utf-8")
        ignored = sessions / ".gitignore"
        if not ignored.exists():
            rules = "workbench.db*\nlocks/\nblobs/\nsnapshots*/\n.workbench\n"
            ignored.write_text(_GIT_IGNORE + rules, encoding="utf-8")
            done.append("sessions/.gitignore")
    except OSError as error:
        raise ConfigError(f"{sessions} cannot be made: {error.strerror}") from error
    return done


def shipped(what: str) -> Path:
    """The folder of shipped ``plugins`` or ``examples``: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_shipped" / what
    return packaged if packaged.is_dir() else package.parent / what
