"""Limits: what there is to limit, for whom, and how a limit is written.

A run has all seven. A session, a day (UTC) and an agent (its use in one day, over all runs) limit
what can be added up. Nothing here counts: amounts are in `workbench.journal.usage`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, TypeAlias, cast

from workbench.errors import ConfigError, LimitReached, UnknownName

Scope: TypeAlias = Literal["run", "session", "day", "agent"]
Measure: TypeAlias = Literal["usd", "tokens", "steps", "seconds", "depth", "fan_out", "repeats"]

SPENDABLE: Final = ("usd", "tokens", "steps")
"""What effects use up, and what is reserved before each."""
SHAPES: Final = ("depth", "fan_out", "repeats")
"""What a run may look like: nothing is used up, so nobody is asked."""
MEASURES: Final = (*SPENDABLE, "seconds", *SHAPES)
OF_SCOPE: Final[Mapping[str, tuple[str, ...]]] = {
    "run": MEASURES,
    "session": SPENDABLE,
    "day": SPENDABLE,
    "agent": SPENDABLE,
}
EVERYBODY: Final = "*"
"""The agent's name under which a limit of every agent stands; each has it for itself."""

DEPTH: Final = 32
FAN_OUT: Final = 10_000
REPEATS: Final = 50
"""What holds when a run names none. Repeats then count only the tool calls that a model asks for
in one turn: a workflow may have its reasons, a model that wants the same 51 times has none."""

_FRACTIONS: Final = frozenset({"usd", "seconds"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings; None means none, or for a shape the default."""

    usd: float | None = None
    tokens: int | None = None
    steps: int | None = None
    """Leaf effects that were performed: model calls, tool calls, `now` … but no scopes."""
    seconds: float | None = None
    """Time at work from start or resume on, by a clock that nobody sets: not while everything
    waits for a person, not while the run rests."""
    depth: int | None = None
    """How many scopes (`ask`, `follow`) may stand within one another."""
    fan_out: int | None = None
    """The most paths beside each other in one `together`, `race` or `as_they_finish`."""
    repeats: int | None = None
    """How often in the run the same tool may be called, or agent asked, with the same arguments."""

    @staticmethod
    def read(values: Mapping[str, Any], scope: Scope = "run") -> Limits:
        """Limits from a mapping; None lifts one.

        Raises:
            UnknownName: a measure that the scope does not have; names the nearest.
            ConfigError: what is no number of 0 or more.
        """
        known = OF_SCOPE[scope]
        for name in values:
            if name not in known:
                raise UnknownName("limit", name, known)
        return Limits(**{name: limit(name, value) for name, value in values.items()})

    def to_json(self) -> dict[str, Any]:
        """The ceilings that are set."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}

    def changed(self, values: Mapping[str, Any], scope: Scope = "run") -> Limits:
        """These, with some set anew or (None) lifted."""
        read = Limits.read(values, scope)
        return replace(self, **{name: getattr(read, name) for name in values})

    def most(self, name: str) -> float:
        """One ceiling as a number; infinite where there is none."""
        value = getattr(self, name)
        return math.inf if value is None else value

    @property
    def is_free(self) -> bool:
        """Whether nothing that is used up is limited."""
        return self.usd is None and self.tokens is None and self.steps is None


def limit(name: str, value: Any) -> Any:
    """One ceiling as a person may write it. Raises ConfigError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"the limit {name!r} is {value!r}, which is no number", key=name)
    least = 1 if name in SHAPES else 0
    if not least <= value < 1e15:
        raise ConfigError(f"the limit {name!r} is {value!r}, not a number of {least} or more")
    if name in _FRACTIONS:
        return value
    if value != int(value):
        raise ConfigError(f"the limit {name!r} is {value!r}, not a whole number", key=name)
    return int(value)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Everything that is limited in one opening of the workbench."""

    run: Limits = Limits()
    """Of a run that says nothing else."""
    session: Limits = Limits()
    day: Limits = Limits()
    agents: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    """By name, or for `EVERYBODY`."""

    @staticmethod
    def read(values: Mapping[str, Any]) -> Ceilings:
        """From the form in which settings hold them. Raises ConfigError, UnknownName."""
        return Ceilings().changed(values)

    def changed(self, values: Mapping[str, Any]) -> Ceilings:
        """These, with some set anew or (None) lifted; keys as settings have them.

        ``{"usd": 1, "day": {"tokens": 5}, "agent": {"critic": {"steps": 3}}}``
        """
        own = {name: value for name, value in values.items() if name not in OF_SCOPE}
        agents = dict(self.agents)
        for name, given in _table(values.get("agent"), "agent").items():
            agents[name] = agents.get(name, Limits()).changed(_table(given, name), "agent")
        named = _table(values.get("run"), "run")
        return Ceilings(
            self.run.changed({**own, **named}),
            self.session.changed(_table(values.get("session"), "session"), "session"),
            self.day.changed(_table(values.get("day"), "day"), "day"),
            agents,
        )

    def of_agent(self, name: str) -> Limits:
        """What holds for one agent: its own, and everybody's where it has none."""
        general = self.agents.get(EVERYBODY, Limits())
        return general.changed(self.agents.get(name, Limits()).to_json(), "agent")

    def value(self, path: tuple[str, ...]) -> Any:
        """One ceiling by its name in the settings: ``usd``, ``day usd``; all of ``agent``."""
        if path == ("agent",):
            return {name: limits.to_json() for name, limits in self.agents.items()}
        found: Limits = self.run if len(path) == 1 else getattr(self, path[0])
        return getattr(found, path[-1])

    def to_json(self) -> dict[str, Any]:
        """The ceilings that are set, by scope."""
        agents = {name: limits.to_json() for name, limits in self.agents.items()}
        told = {"run": self.run.to_json(), "session": self.session.to_json()}
        return {**told, "day": self.day.to_json(), "agent": agents}


def nested(name: str, value: Any) -> dict[str, Any]:
    """``day.usd`` or ``agent.critic.tokens`` as the mapping `Ceilings.changed` takes.

    Raises:
        UnknownName: no scope is called so; names the nearest limit.
    """
    scope, _, rest = name.partition(".")
    if scope == "agent" and "." in rest:
        agent, _, measure = rest.rpartition(".")
        return {"agent": {agent: {measure: value}}}
    if rest and scope in OF_SCOPE and scope != "agent":
        return {scope: {rest: value}}
    if name in MEASURES:
        return {"run": {name: value}}
    raise UnknownName("limit", name, names())


def names() -> list[str]:
    """Every limit's name as commands take it."""
    scoped = [f"{s}.{m}" for s in ("session", "day", "agent.*") for m in SPENDABLE]
    return [*MEASURES, *(f"run.{m}" for m in MEASURES), *scoped]


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"limits.{name} is {value!r}, not a table of limits", key=name)
    return cast("Mapping[str, Any]", value)


def title(scope: str, who: str = "") -> str:
    """Whose limit it is, in words."""
    if scope == "agent":
        return f"agent {who}'s"
    return {"run": "the run's", "session": "the session's", "day": "the day's"}[scope]


def reached(
    scope: str, who: str, name: str, most: float, *, used: float, held: float = 0, **more: Any
) -> LimitReached:
    """The error of a limit that is used up: names it, its value and what is used of it."""
    reserved = f", {held:g} reserved" if held else ""
    wanted = more.get("wanted", 0)
    short = f", {math.ceil(wanted)} more wanted" if name == "tokens" and wanted else ""
    unknown = more.get("unpriced")
    why = f"; the price of {unknown} calls is not known, which is not free" if unknown else ""
    spelt = {"run": name, "agent": f"agent.{who}.{name}"}.get(scope, f"{scope}.{name}")
    so_far = f"{used:g} used{reserved}{short}{why}"
    return LimitReached(
        f"{title(scope, who)} limit of {most:g} {name} is reached ({so_far})",
        hint=f"Raise it with: budget {spelt}=…, or --set limits.{spelt}=…",
        limit=name,
        scope=scope,
        who=who,
        most=most,
        used=used,
        held=held,
        **more,
    )


def joined(changes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several nested changes as one."""
    whole: dict[str, Any] = {}
    for change in changes:
        _merge(whole, change)
    return whole


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(name, {}), cast("Mapping[str, Any]", value))
        else:
            into[name] = value
