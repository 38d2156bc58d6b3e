"""Rules: what a person wrote down about future calls, as values with one text form.

``approve tool=bash_command argv='["python3", "check.py"]'`` is what a script says, what
``str(rule)`` prints and what `Rule.parse` reads back; `Rule.definition` is the same for files and
the database. A key that is not one is refused, because a rule that says less than its author
thought is worse than none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, cast, get_args

import orjson

from workbench.errors import UnknownName, UsageError
from workbench.permission.danger import Danger
from workbench.permission.filter import Filter
from workbench.values import digest, dumps

Verdict: TypeAlias = Literal["allow", "confirm", "deny"]
Scope: TypeAlias = Literal["call", "agent", "run", "session", "workspace", "script", "config"]

WORDS: dict[str, Verdict] = {"approve": "allow", "confirm": "confirm", "deny": "deny"}
"""How a command line says each verdict; ``allow`` is understood as well."""

ARGUMENTS = frozenset({"path", "command", "url", "content", "pattern", "body", "headers"})
"""Arguments that a rule may name by themselves; every other one as ``arg.NAME``."""

_LEVEL = re.compile(r"(<=|>=|<|>|=|)([A-Za-z]+)")
_BOUND = re.compile(r"(danger)(<=|>=|<|>)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Everything it names must hold for it to apply; an empty rule always applies."""

    verdict: Verdict
    tool: str = "*"
    """A glob over tool names."""
    agent: str = "*"
    """A glob over agents: to allow, the acting one; to restrict, any on the way to it."""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    """A glob for each argument it names. Paths, addresses and commands are compared in their
    canonical forms, see `workbench.permission.matching`."""
    argv: tuple[str, ...] | None = None
    """The exact words of one command."""
    danger: str = "*"
    """``HIGH``, ``<=MEDIUM``, ``>LOW`` … or ``*``."""
    scope: Scope = "session"
    """How long it lasts and who keeps it; only ``call`` and ``run`` need more than the word."""
    run_id: str = ""
    digest: str = ""
    """The digest of exactly one call."""
    expires_at: float | None = None
    reason: str = ""
    """Shown to the person, or given to the agent that is refused."""
    when: str = ""
    """A filter over the call: ``agent:coder "rm "``."""
    id: str = ""
    """A short digest of all the above, unless given."""

    def __post_init__(self) -> None:
        _one_of("verdict", self.verdict, get_args(Verdict))
        _one_of("scope", self.scope, get_args(Scope))
        levels(self.danger)
        Filter.parse(self.when)
        if self.scope == "call" and not self.digest:
            raise UsageError("a rule with scope 'call' needs the digest of that call")
        if self.scope == "run" and not self.run_id:
            raise UsageError("a rule with scope 'run' needs a run_id")
        if not self.id:
            name = digest(dumps(self._said()), 4)
            object.__setattr__(self, "id", name)

    @staticmethod
    def parse(text: str) -> Rule:
        """Read the text form."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"the rule {text[:200]!r} does not parse: {error}") from None
        if not words:
            raise UsageError("an empty text is no rule")
        verdict = WORDS.get(words[0]) or _one_of("verdict", words[0], (*WORDS, "allow"))
        return rule_from(dict(map(_pair, words[1:])), cast("Verdict", verdict))

    @staticmethod
    def from_definition(definition: Mapping[str, Any]) -> Rule:
        """Read the form that files and the database hold; every key must be known."""
        known = {f.name for f in fields(Rule)}
        for key in definition:
            if key not in known:
                raise UnknownName("rule key", key, known)
        if "verdict" not in definition:
            raise UsageError("a rule needs a verdict: allow, confirm or deny")
        values = {key: _typed(key, value) for key, value in definition.items()}
        return Rule(**values)

    def definition(self) -> dict[str, Any]:
        """What the rule says, defaults left out; JSON values only."""
        return {**self._said(), "id": self.id}

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = {"verdict": self.verdict}
        for key, default in _DEFAULTS.items():
            value = getattr(self, key)
            if value != default:
                said[key] = value
        if self.arguments:
            said["arguments"] = dict(self.arguments)
        if self.argv is not None:
            said["argv"] = list(self.argv)
        return said

    def __str__(self) -> str:
        said = self.definition()
        verdict = said.pop("verdict")
        words = [next(word for word, meant in WORDS.items() if meant == verdict)]
        computed = replace(self, id="").id == self.id
        for key, value in said.items():
            if key == "arguments":
                words += [_word(_argument_key(name), value[name]) for name in sorted(value)]
            elif key == "argv":
                words.append(_word(key, orjson.dumps(value).decode()))
            elif key == "danger" and not value[0].isalnum():
                words.append(shlex.quote(f"danger{value}"))
            elif key != "id" or not computed:
                words.append(_word(key, str(value)))
        return " ".join(words)


_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(Rule) if f.name not in {"verdict", "arguments", "argv", "id"}
}


def rule_from(
    words: Mapping[str, Any],
    verdict: Verdict,
    *,
    scope: Scope = "session",
    arguments: Collection[str] = ARGUMENTS,
) -> Rule:
    """A rule from the ``key=value`` words of a command.

    Args:
        words: Keys of a rule, names of arguments, or ``arg.NAME``; ``danger<`` with the value
            ``MEDIUM`` is what splitting ``danger<=MEDIUM`` at its equals sign leaves.
        verdict: What the command decides.
        scope: The scope of a rule that names none.
        arguments: Argument names that may stand without ``arg.``: those of the known tools.
    """
    keys = {f.name for f in fields(Rule)} - {"verdict", "arguments"}
    said: dict[str, Any] = {}
    globs: dict[str, str] = {}
    for key, value in words.items():
        if key.startswith("arg."):
            globs[key[4:]] = _text(value)
        elif key in keys:
            said[key] = value
        elif key in {"danger<", "danger>"}:
            said["danger"] = f"{key[-1]}={value}"
        elif key in arguments:
            globs[key] = _text(value)
        else:
            raise UnknownName("rule key", key, {*keys, *arguments, "arg.NAME"})
    return Rule.from_definition({"scope": scope, **said, "arguments": globs, "verdict": verdict})


def levels(danger: str) -> tuple[int, int]:
    """The least and the highest level a rule's ``danger`` covers, both included."""
    if danger == "*":
        return Danger.SAFE, Danger.CRITICAL
    found = _LEVEL.fullmatch(danger)
    if not found or found[2].upper() not in Danger.__members__:
        raise UnknownName("danger level", danger, Danger.__members__)
    level = Danger[found[2].upper()]
    return {
        "<=": (Danger.SAFE, level),
        ">=": (level, Danger.CRITICAL),
        "<": (Danger.SAFE, level - 1),
        ">": (level + 1, Danger.CRITICAL),
    }.get(found[1], (level, level))


def _one_of(what: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise UnknownName(what, value, known)
    return value


def _pair(word: str) -> tuple[str, str]:
    bound = _BOUND.fullmatch(word)
    if bound:
        return bound[1], bound[2] + bound[3]
    key, equals, value = word.partition("=")
    if not equals:
        raise UsageError(f"{word!r} in a rule is not key=value")
    return key, value


def _word(key: str, value: str) -> str:
    if shlex.quote(key) != key:
        return shlex.quote(f"{key}={value}")
    return f"{key}={shlex.quote(value)}"


def _argument_key(name: str) -> str:
    return name if name in ARGUMENTS else f"arg.{name}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def _typed(key: str, value: Any) -> Any:
    """One value of a definition, of the type its key has."""
    if key == "argv":
        return None if value is None else _argv(value)
    if key == "arguments":
        if not isinstance(value, Mapping):
            raise UsageError(f"a rule's arguments are a table of globs, not {value!r}")
        return {str(k): _text(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if key == "expires_at":
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            raise UsageError(f"a rule's expires_at is a time in seconds, not {value!r}") from None
    if not isinstance(value, str):
        raise UsageError(f"a rule's {key} is text, not {value!r}")
    return value


def _argv(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            value = None
    if not isinstance(value, list | tuple) or not value:
        raise UsageError('a rule\'s argv is a list of words: argv=\'["python3", "check.py"]\'')
    words = cast("list[Any]", value)
    if not all(isinstance(word, str) for word in words):
        raise UsageError(f"a rule's argv holds words only, not {words!r}")
    return tuple(words)
