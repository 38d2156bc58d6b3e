"""Secrets are references until the moment they are needed.

A config says where a secret is (``env:NAME``, ``command:pass show openai``,
``keyring:service/user``), never what it is; so configs can be shown, logged and committed.
"""

from __future__ import annotations

import importlib
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from workbench.errors import ConfigError

Kind: TypeAlias = Literal["env", "command", "keyring"]
KINDS: tuple[Kind, ...] = ("env", "command", "keyring")
_COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is to be found."""

    kind: Kind
    rest: str
    """The variable, the command line, or ``service/user``."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.rest}"

    def is_there(self, environment: Mapping[str, str]) -> bool:
        """Whether it would be found, as far as that can be told without asking anybody."""
        return self.kind != "env" or bool(environment.get(self.rest))

    def resolve(self, environment: Mapping[str, str]) -> str:
        """The secret. Raises ConfigError naming the reference. Blocks while a command runs."""
        if self.kind == "env":
            found = environment.get(self.rest, "")
        elif self.kind == "command":
            found = _from_command(self.rest, environment)
        else:
            found = _from_keyring(self.rest)
        if not found:
            raise ConfigError(f"the secret {str(self)!r} is empty or not set")
        return found


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
