"""Secrets are references until the moment they are needed.

A config says where a secret is (``env:NAME``, ``file:/path`` of a file that only its owner can
read, ``command:pass show openai``, ``keyring:service/user``), never what it is; so configs can be
shown, logged and committed.
"""

from __future__ import annotations

import importlib
import os
import shlex
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from workbench.errors import ConfigError

Kind: TypeAlias = Literal["env", "file", "command", "keyring"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_BYTES = 64 * 1024
_COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is to be found."""

    kind: Kind
    rest: str
    """The variable, the file, the command line, or ``service/user``."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.rest}"

    def is_there(self, environment: Mapping[str, str]) -> bool:
        """Whether it would be found, as far as that can be told without asking anybody."""
        return self.kind != "env" or bool(environment.get(self.rest))

    def resolve(self, environment: Mapping[str, str]) -> str:
        """The secret. Raises ConfigError naming the reference. Blocks while a command runs."""
        if self.kind == "env":
            found = environment.get(self.rest, "")
        elif self.kind == "file":
            found = _from_file(self.rest)
        elif self.kind == "command":
            found = _from_command(self.rest, environment)
        else:
            found = _from_keyring(self.rest)
        if not found:
            raise ConfigError(f"the secret {str(self)!r} is empty or not set")
        return found


def _from_file(path: str) -> str:
    """The content of a file that nobody else can read."""
    try:
        with Path(path).expanduser().open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_mode & 0o077 or not stat.S_ISREG(found.st_mode):
                raise ConfigError(
                    f"the secret's file {path!r} can be read by others, or is no file",
                    hint=f"chmod 600 {shlex.quote(path)}",
                )
            return file.read(MOST_BYTES).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        name = type(error).__name__
        raise ConfigError(f"the secret's file {path!r} cannot be read: {name}") from error


def _from_command(line: str, environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            shlex.split(line),
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        name = type(error).__name__
        raise ConfigError(f"the secret's command {line!r} did not run: {name}") from error
    if done.returncode:
        raise ConfigError(f"the secret's command {line!r} ended with {done.returncode}")
    return done.stdout.strip("\r\n")


def _from_keyring(rest: str) -> str:
    service, _, user = rest.partition("/")
    try:
        # Optional: only such a secret needs the package.
        keyring: Any = importlib.import_module("keyring")
    except ImportError as error:
        raise ConfigError(
            f"the secret 'keyring:{rest}' needs the package keyring", hint="pip install keyring"
        ) from error
    return str(keyring.get_password(service, user) or "")
