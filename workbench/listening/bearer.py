"""Who comes in with a token: a request is judged by its headers, and nothing else is looked at.

What listens on loopback is reached by every program and every page of the machine. So first the
Host (a name that was made to point here) and the Origin (a page of somebody else: programs send
none), then the token, then how often it was used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from workbench.listening.allowance import Allowance
from workbench.listening.tokens import Token, Tokens
from workbench.permission.roles import Caller

REFUSALS_A_MINUTE: Final = 60
"""Of requests without a token that holds, from anybody; more than these are not looked at."""

Headers = Mapping[str, Sequence[str]]
"""By names in lower case."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request goes no further."""

    status: int
    """Of HTTP."""
    why: str
    retry_s: int = 0
    """When to try again, where waiting helps."""
    who: str = ""
    """The token's name, where that was known."""
    is_told: bool = True
    """Whether the audit is to say so: not of each of very many."""


class TokenDoor:
    """Lets callers in by their tokens. One for each server."""

    def __init__(
        self, place: str, tokens: Tokens, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> None:
        """Begin with nobody.

        Args:
            place: host and port, as clients write them into the Host header.
            tokens: which there are.
            clock: the time of day, for what expires.
            ticks: seconds that never go back.
        """
        self.place = place
        self._tokens, self._clock, self._ticks = tokens, clock, ticks
        self._refusals = Allowance(REFUSALS_A_MINUTE, ticks)
        self._rates: dict[str, Allowance] = {}
        self._over: set[str] = set()
        """Tokens whose requests of this minute are used up."""

    def judge(self, headers: Headers) -> Caller | Refused:
        """Say who it is, or why not. Raises ConfigError when the tokens cannot be read."""
        why = self._foreign(headers)
        if why:
            return self._refused(403, why)
        given = list(headers.get("authorization", ()))
        kind, _, word = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if kind.lower() != "bearer" or not word:
            hint = "send the header Authorization: Bearer TOKEN (kaizen-tui token add NAME)"
            return self._refused(401, f"There is no token: {hint}")
        token = self._tokens.find(word.strip(), self._clock())
        if token is None:
            return self._refused(401, "This token is unknown, was revoked, or has expired.")
        return self._in_time(token)

    def _in_time(self, token: Token) -> Caller | Refused:
        rate = self._rates.get(token.id)
        if rate is None or rate.most != token.rate:
            rate = self._rates[token.id] = Allowance(token.rate, self._ticks)
        if rate.take():
            self._over.discard(token.id)
            return token.caller
        is_first = token.id not in self._over
        self._over.add(token.id)
        wait_s = max(1, ceil(rate.wait_s))
        why = f"{token.name} has used its {token.rate} requests in a minute."
        return Refused(429, why, wait_s, token.caller.by, is_told=is_first)

    def _refused(self, status: int, why: str) -> Refused:
        if self._refusals.take():
            return Refused(status, why)
        wait_s = max(1, ceil(self._refusals.wait_s))
        return Refused(429, "Too many requests were refused.", wait_s, is_told=False)

    def _foreign(self, headers: Headers) -> str:
        """Why a request does not come from a program of this machine, or empty."""
        if list(headers.get("host", ())) != [self.place]:
            return f"This server is http://{self.place} and answers to no other name."
        if list(headers.get("origin", ())) or list(headers.get("sec-fetch-site", ())):
            return "A page of a browser may not ask for this."
        return ""
