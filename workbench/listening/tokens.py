"""Tokens: who may reach what listens, as which role, until when, and how often.

They lie in the state folder of a workspace, which no tool and no sandbox can read, in a file that
is its owner's alone. Of a token's secret only a digest is kept: it is random and long, so that a
slow hash would add nothing. The file is read for each request: a revoked token is one at once.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from workbench.config.writing import write_whole
from workbench.errors import ConfigError, UnknownName, UsageError
from workbench.permission.roles import Caller, Role, role_of

MOST: Final = 200
RATE: Final = 240
"""Requests in a minute, unless a token says otherwise."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PREFIX: Final = "kzt_"


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret."""

    id: str
    name: str
    role: Role
    digest: str
    """Of the whole token, as it is sent."""
    made_at: float
    expires_at: float | None = None
    rate: int = RATE
    """Requests in a minute."""

    @property
    def caller(self) -> Caller:
        """Whom it stands for."""
        return Caller(self.name, self.role, self.id)

    def holds(self, now: float) -> bool:
        """Whether its time is not over."""
        return self.expires_at is None or now < self.expires_at


class Tokens:
    """The tokens of one workspace."""

    def __init__(self, state: Path) -> None:
        self.file = state / "tokens.json"

    def all(self) -> list[Token]:
        """Every token, oldest first. Raises ConfigError."""
        try:
            with self.file.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise ConfigError(
                        f"{self.file} can be read by others", hint=f"Say: chmod 600 {self.file}"
                    )
                found = json.load(file)
            return [_token(entry) for entry in cast("list[dict[str, Any]]", found)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"{self.file} cannot be read", hint="Remove it and add the tokens anew"
            ) from error

    def find(self, given: str, now: float) -> Token | None:
        """The token that was sent, unless it is none, is revoked or its time is over.

        Takes the same time for every wrong one: each is compared with all, by digest.
        """
        digest, found = _digest(given), None
        for token in self.all():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found if found is not None and found.holds(now) else None

    def add(
        self, name: str, role: Role, now: float, *, lasts_s: float | None = None, rate: int = RATE
    ) -> tuple[Token, str]:
        """Make a token: what is kept, and what is to be sent. Raises UsageError."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a token",
                hint="Up to 40 letters, digits, - and _",
            )
        if rate < 1:
            raise UsageError(f"{rate} requests in a minute are none", hint="Say 1 or more")
        if lasts_s is not None and lasts_s <= 0:
            raise UsageError("a token that has expired already lets nobody in")
        word = _PREFIX + secrets.token_urlsafe(32)
        ends = None if lasts_s is None else now + lasts_s
        made = Token(secrets.token_hex(3), name, role, _digest(word), now, ends, rate)
        self._change(lambda tokens: _with(tokens, made))
        return made, word

    def revoke(self, name: str) -> Token:
        """Take a token away, by name or id. Raises UnknownName."""
        gone: list[Token] = []

        def without(tokens: list[Token]) -> list[Token]:
            gone.extend(token for token in tokens if name in (token.name, token.id))
            if not gone:
                raise UnknownName("token", name, [token.name for token in tokens])
            return [token for token in tokens if token not in gone]

        self._change(without)
        return gone[0]

    def _change(self, made: Callable[[list[Token]], list[Token]]) -> None:
        with self._alone():
            tokens = made(self.all())
            write_whole(self.file, json.dumps([asdict(token) for token in tokens], indent=1))

    @contextmanager
    def _alone(self) -> Generator[None]:
        """No other process changes the file meanwhile."""
        try:
            descriptor = os.open(self.file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be locked: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _with(tokens: list[Token], made: Token) -> list[Token]:
    if any(token.name == made.name for token in tokens):
        raise UsageError(
            f"there is a token {made.name!r} already",
            hint=f"Give another name, or first: kaizen-tui token revoke {made.name}",
        )
    if len(tokens) >= MOST:
        raise UsageError(f"there are {MOST} tokens, and no more are kept", hint="Revoke some")
    return [*tokens, made]


def _token(entry: Mapping[str, Any]) -> Token:
    ends = entry["expires_at"]
    return Token(
        str(entry["id"]),
        str(entry["name"]),
        role_of(str(entry["role"])),
        str(entry["digest"]),
        float(entry["made_at"]),
        None if ends is None else float(ends),
        int(entry["rate"]),
    )


def _digest(word: str) -> str:
    return sha256(word.encode("utf-8", "surrogatepass")).hexdigest()
