r"""Regular expressions that cannot hang: a subset of Python's, searched in linear time.

Filters are typed by people and run over text that agents, tools and servers write, so an
expression must never backtrack. This one is compiled to a small machine that is in many places
at once; each set of places is a state, made when it is first reached and remembered with where
each character leads. There is what can be had that way: ``. [] [^] \d \w \s \b ^ $ | () (?:)
* + ? {m,n}``. Back-references and look-around are refused, laziness makes no difference to
whether there is a match.
"""

from __future__ import annotations

from workbench.permission.regex_steps import Compiler, is_word

_MOST_REMEMBERED = 20_000
"""Transitions kept; beyond them each is worked out again, which costs time but no memory."""


class _State(dict[str, "_State"]):
    """A set of places, and for each character seen in it the state that follows."""

    def __init__(
        self, machine: Regex, places: frozenset[int], *, after_word: bool, first: bool
    ) -> None:
        super().__init__()
        self.machine = machine
        self.places = places
        self.after_word = after_word
        self.first = first

    def __missing__(self, char: str) -> _State:
        following = self.machine.follow(self, char)
        if not self.machine.is_full():
            self[char] = following
        return following


class Regex:
    """A compiled expression."""

    def __init__(self, source: str, *, ignore_case: bool = False) -> None:
        self.source = source
        self._steps = Compiler(source, ignore_case=ignore_case).compile()
        self._forget()

    def search(self, text: str) -> bool:
        """Whether it matches anywhere. The whole text is read: nothing hides behind its length."""
        if self.is_full():
            self._forget()
        state = self._start
        for char in text:
            state = state[char]
            if state is self._done:
                return True
        return self._reach(state, None)[0]

    def is_full(self) -> bool:
        """Whether nothing more is to be remembered during this search."""
        return self._remembered > _MOST_REMEMBERED

    def _forget(self) -> None:
        self._remembered = 0
        self._states: dict[tuple[frozenset[int], bool, bool], _State] = {}
        self._done = _State(self, frozenset(), after_word=False, first=False)
        self._start = self._state(frozenset(), after_word=False, first=True)

    def _state(self, places: frozenset[int], *, after_word: bool, first: bool) -> _State:
        key = (places, after_word, first)
        state = self._states.get(key)
        if state is None:
            state = _State(self, places, after_word=after_word, first=first)
            if not self.is_full():
                self._states[key] = state
        return state

    def follow(self, state: _State, char: str) -> _State:
        """Where a character leads from a state."""
        self._remembered += 1
        done, reading = self._reach(state, char)
        if done:
            return self._done
        places = frozenset(
            place + 1 for place in reading if (reads := self._steps[place].reads) and reads(char)
        )
        return self._state(places, after_word=is_word(char), first=False)

    def _reach(self, state: _State, char: str | None) -> tuple[bool, list[int]]:
        """All places that can be reached without reading, a new beginning included."""
        seen: set[int] = set()
        reading: list[int] = []
        waiting = [0, *state.places]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            step = self._steps[place]
            if step.do == "done":
                return True, reading
            if step.do == "read":
                reading.append(place)
            elif step.do == "split":
                waiting += [place + jump for jump in step.to]
            elif _holds(step.condition, state, char):
                waiting.append(place + 1)
        return False, reading


def _holds(condition: str, state: _State, char: str | None) -> bool:
    if condition == "^":
        return state.first
    if condition == "$":
        return char is None
    at_edge = state.after_word != (char is not None and is_word(char))
    return at_edge if condition == "b" else not at_edge
