"""Whether an allowing key is meant: the two waits that keep stray typing from deciding.

A key that allows counts only on a row that has been selected for half a second, and only when
nothing was typed in the last 300 ms. Keys that deny need neither. An ignored key counts as
typing, so a key held down never gets through.
"""

from __future__ import annotations

SELECTED_S = 0.5
QUIET_S = 0.3


class Guard:
    """Remembers when the row was selected and when keys were pressed, by a forward clock."""

    def __init__(self) -> None:
        self._subject = ""
        self._since = float("-inf")
        self._last_key = float("-inf")
        self._key_before = float("-inf")

    def key(self, ticks: float) -> None:
        """A key was pressed, anywhere in the program, whatever it did."""
        self._key_before, self._last_key = self._last_key, ticks

    def select(self, subject: str, ticks: float) -> None:
        """The user stands on this row now; standing on it longer is not selecting it again."""
        if subject != self._subject:
            self._subject, self._since = subject, ticks

    def leave(self) -> None:
        """No row is selected: the inbox lost the focus."""
        self._subject, self._since = "", float("-inf")

    def refusal(self, subject: str, ticks: float) -> str:
        """Why the key that was just pressed does not count, or the empty string if it does."""
        if subject != self._subject:
            return "select a request first"
        if ticks - self._since < SELECTED_S:
            return "ignored: this request was selected only just now"
        if ticks - self._key_before < QUIET_S:
            return "ignored: a key was pressed just before"
        return ""


class Presses:
    """Counts presses of one key that come within a second of each other."""

    def __init__(self, within_s: float = 1.0) -> None:
        self._within_s = within_s
        self._last = float("-inf")
        self._number = 0

    def press(self, ticks: float) -> int:
        """How many in a row this makes."""
        self._number = self._number + 1 if ticks - self._last <= self._within_s else 1
        self._last = ticks
        return self._number


class Twice:
    """Whether a key that takes something away was pressed twice on the same thing."""

    def __init__(self, within_s: float = 3.0) -> None:
        self._presses = Presses(within_s)
        self._subject = ""

    def press(self, subject: str, ticks: float) -> bool:
        """Whether this is the second press on ``subject``, soon after the first."""
        number = self._presses.press(ticks)
        meant = number > 1 and subject == self._subject
        self._subject = "" if meant else subject
        return meant
