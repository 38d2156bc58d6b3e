"""The secrets of the user's settings, made ready for requests: resolved late, redacted at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.config.secret import Secret
from workbench.errors import ConfigError
from workbench.foreign import attempt
from workbench.redaction import LEAST_CHARS, Redaction
from workbench.tools.credentials import Credential

_AT_HAND = ("env", "file")
"""Where looking costs nothing, asks nobody and starts nothing."""


def credentials_of(
    settings: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str],
    redaction: Redaction,
) -> dict[str, Credential]:
    """What requests may carry. Values that are at hand are redacted from the beginning."""
    found: dict[str, Credential] = {}
    for name, one in settings.items():
        secret: Secret = one["from"]
        resolve = _resolving(name, secret, environment, redaction)
        if secret.kind in _AT_HAND:
            attempt(resolve)  # one that is not there is an error where it is needed
        hosts = tuple(host.strip().lower() for host in one["hosts"])
        found[name] = Credential(hosts, resolve)
    return found


def _resolving(
    name: str, secret: Secret, environment: Mapping[str, str], redaction: Redaction
) -> Callable[[], str]:
    def resolve() -> str:
        value = secret.resolve(environment)
        if len(value) < LEAST_CHARS:
            raise ConfigError(
                f"the secret {name!r} is shorter than {LEAST_CHARS} characters",
                hint="So short a text cannot be kept out of the log; use a longer one",
            )
        redaction.learn(value, name)
        return value

    return resolve
