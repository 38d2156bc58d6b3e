"""Who may come in: one link that works once, then a cookie; only here, and not too often.

What listens on loopback can be reached by every page of every browser on the machine and by every
user of it. So a request is judged by its Host (a name that was made to point here), by its Origin
and Sec-Fetch-Site (a page of somebody else), and by a secret. Browsers send cookies of one host to
all its ports: a cookie alone says little about a page, which is why the first two come first.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.listening.allowance import Allowance

REFUSALS_A_MINUTE: Final = 60
PAGES_A_MINUTE: Final = 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request."""

    status: int = 200
    """Of HTTP; 200 is an admission."""
    why: str = ""
    gives_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Knock:
    """What of a request is judged. Header names are in lower case."""

    headers: Mapping[str, Sequence[str]]
    cookie: str = ""
    token: str | None = None
    """Of a request that may use the link up, None of any other."""


class Door:
    """The door of one server. It knows its secrets and whether the link has been used."""

    def __init__(self, place: str, clock: Callable[[], float]) -> None:
        """Make new secrets.

        Args:
            place: host and port, as a browser writes them into the Host header.
            clock: seconds that never go back.
        """
        self.place = place
        self.cookie_name = f"kaizen_{place.rpartition(':')[2]}"
        self.cookie = secrets.token_urlsafe(32)
        self._token: str | None = secrets.token_urlsafe(32)
        self._refusals = Allowance(REFUSALS_A_MINUTE, clock)

    @property
    def origin(self) -> str:
        """Of our own pages."""
        return f"http://{self.place}"

    @property
    def link(self) -> str:
        """The address that lets one browser in, once."""
        return f"{self.origin}/?token={self._token}"

    def judge(self, knock: Knock) -> Verdict:
        """Let a request in or not. A token that lets one in is used up by that."""
        why = self._foreign(knock)
        if not why and knock.token is not None:
            if self._token is not None and _same(knock.token, self._token):
                self._token = None
                return Verdict(gives_cookie=True)
            why = (
                f"This link has been used, or is not the one of this server. Where it was used, "
                f"{self.origin}/ goes on working; elsewhere start kaizen-tui serve --web again."
            )
        elif not why and not _same(knock.cookie, self.cookie):
            why = "Open the link that kaizen-tui serve --web has printed."
        if not why:
            return Verdict()
        if not self._refusals.take():
            return Verdict(429, "Too many requests were refused. Try again in a minute.")
        return Verdict(403, why)

    def _foreign(self, knock: Knock) -> str:
        """Why a request does not come from our own page or from the address bar, or empty."""
        if list(knock.headers.get("host", ())) != [self.place]:
            return f"This server is {self.origin} and answers to no other name."
        origins = list(knock.headers.get("origin", ()))
        if origins and origins != [self.origin]:
            return "Another page may not ask for this."
        site = " ".join(knock.headers.get("sec-fetch-site", ()))
        navigates = list(knock.headers.get("sec-fetch-mode", ())) == ["navigate"]
        if site == "same-site" and not (navigates and knock.token):
            return "A page of another port may not ask for this."
        if site == "cross-site" and not navigates:
            return "Another page may not ask for this."
        return ""


def _same(given: str, expected: str) -> bool:
    """Compare in a time that says nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
