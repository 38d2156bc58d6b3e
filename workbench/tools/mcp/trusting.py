"""Whether a server is trusted: what a person has looked at, remembered by content.

Trust is given to one way of reaching a server together with everything it offered then. The
record lies in the user's data folder, where no project can write it, and holds the offer itself:
what a model is told comes from there, never from a server that has changed since.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

from workbench.errors import ConfigError
from workbench.tools.mcp.offer import Offer, difference
from workbench.tools.mcp.server import McpServer
from workbench.values import digest, dumps

State: TypeAlias = Literal["trusted", "new", "changed"]
FILE: Final = "trusted-mcp.json"


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was trusted of a server, and when."""

    launch: Mapping[str, Any]
    offer: Offer
    at: float

    @property
    def digest(self) -> str:
        """Names way and offer together."""
        return digest(dumps([dict(self.launch), self.offer.to_json()]))


class TrustedServers:
    """The records of one user. Reading is one small file; each change replaces it whole."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def of(self, server: McpServer) -> Trusted | None:
        """What is trusted of exactly this way of reaching it."""
        found = self._records().get(server.name, {}).get(_way(server))
        return _read(found) if found is not None else None

    def last_of(self, server: McpServer) -> Trusted | None:
        """What was trusted last under this name, however it was reached."""
        records = [_read(one) for one in self._records().get(server.name, {}).values()]
        return max(records, key=lambda one: one.at, default=None)

    def state(self, server: McpServer) -> State:
        """How a server stands, as far as that is known without asking it."""
        if self.of(server) is not None:
            return "trusted"
        return "changed" if self.last_of(server) is not None else "new"

    def difference(self, server: McpServer, offer: Offer) -> list[str]:
        """What is not as it was trusted; all of it when nothing was."""
        last = self.of(server) or self.last_of(server)
        before = None if last is None else (last.launch, last.offer)
        return difference(before, server.launch, offer)

    def trust(self, server: McpServer, offer: Offer) -> Trusted:
        """Trust a server as it is now, in place of what was trusted of it this way."""
        records = self._records()
        given = Trusted(server.launch, offer, time.time())
        kept = {"launch": given.launch, "offer": offer.to_json(), "at": given.at}
        records.setdefault(server.name, {})[_way(server)] = kept
        self._write(records)
        return given

    def distrust(self, name: str) -> bool:
        """Take back whatever was trusted under a name; False when that was nothing."""
        records = self._records()
        if records.pop(name, None) is None:
            return False
        self._write(records)
        return True

    def _records(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self._file} cannot be read", hint="Remove it; servers are then asked about again"
            ) from error
        return cast("dict[str, dict[str, Any]]", found) if isinstance(found, dict) else {}

    def _write(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(json.dumps(records, indent=1, sort_keys=True), encoding="utf-8")
            new.chmod(0o600)
            new.replace(self._file)
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be written: {error.strerror}") from error


def _way(server: McpServer) -> str:
    return digest(dumps(server.launch))


def _read(kept: Any) -> Trusted:
    try:
        return Trusted(dict(kept["launch"]), Offer.from_json(kept["offer"]), float(kept["at"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            "a record of trust in an MCP server cannot be read", hint=f"Remove {FILE}"
        ) from error
