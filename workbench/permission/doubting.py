"""Rules for doubts: what a person wrote down about effects whose end nobody will know.

``doubt bash_command command=make* again`` is what a script says. A rule names effects the way a
permission rule that allows does: tool, acting agent, a glob for an argument's canonical form;
and besides them the class. Where several fit, the most careful one holds, wherever it stands:
abort, then not done, then done, then run again. Running again still has to be permitted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from workbench.errors import UnknownName, UsageError
from workbench.permission.call import Call
from workbench.permission.case import Case
from workbench.permission.globs import glob
from workbench.permission.matching import Entry
from workbench.permission.rule import ARGUMENTS, Rule, rule_from
from workbench.values import digest, dumps

DONE, NOT_DONE, AGAIN, ABORT = "done", "not done", "run again", "abort"
CHOICES: Final = (DONE, NOT_DONE, AGAIN, ABORT)
"""What a doubt can be answered with, as it stands in rows and on the screen."""

WORDS: Final[Mapping[str, str]] = {
    "done": DONE, "not_done": NOT_DONE, "again": AGAIN, "abort": ABORT,
}  # fmt: skip
"""How a command line or a setting says each."""

CLASSES: Final = ("unsafe", "probeable")
_CAREFUL: Final = (ABORT, NOT_DONE, DONE, AGAIN)
_WORD_OF: Final = {answer: word for word, answer in WORDS.items()}


class _Unsaid:
    """The type of `UNSAID`."""

    def __repr__(self) -> str:
        return "UNSAID"


UNSAID: Final[Any] = _Unsaid()
"""No result was given with ``done``: what is presumed of the call holds."""


@dataclass(frozen=True, slots=True)
class DoubtRule:
    """One rule for doubts."""

    answer: str
    """One of `CHOICES`."""
    fits: Rule
    """Which effects it is about; its verdict says nothing."""
    repeat: str = ""
    """``unsafe`` or ``probeable``; empty for both."""
    result: Any = UNSAID
    """What the call came back with, where the answer is done."""
    id: str = field(default="", compare=False)
    """A short digest of all the above."""

    def __post_init__(self) -> None:
        if self.answer not in CHOICES:
            raise UnknownName("answer to a doubt", self.answer, WORDS)
        if self.repeat not in {"", *CLASSES}:
            raise UnknownName("class that can be in doubt", self.repeat, CLASSES)
        if self.result is not UNSAID and self.answer != DONE:
            raise UsageError(f"a result goes with 'done', not with {_WORD_OF[self.answer]!r}")
        object.__setattr__(self, "id", digest(str(self), 4))

    @staticmethod
    def from_setting(told: Mapping[str, Any]) -> DoubtRule:
        """Read the form that files have."""
        said = {key: value for key, value in told.items() if key not in {"answer", "arguments"}}
        said |= {f"arg.{name}": text for name, text in told.get("arguments", {}).items()}
        return doubt_rule(told["answer"], said, scope="config")

    @property
    def scope(self) -> str:
        """Who keeps it: ``script``, ``session`` or ``config``."""
        return self.fits.scope

    def applies(self, case: Case, repeat: str) -> bool:
        """Whether it is about an effect of this class."""
        call, entry = case.call, Entry.of(self.fits)
        return (
            self.repeat in {"", repeat}
            and glob(self.fits.tool)(call.tool)
            and entry.low <= call.danger <= entry.high
            and entry.applies(case)
        )

    def __str__(self) -> str:
        said = [w for w in shlex.split(str(self.fits))[1:] if not w.startswith("scope=")]
        said += [f"repeat={self.repeat}"] if self.repeat else []
        if self.result is not UNSAID:
            said.append(f"result={dumps(self.result).decode()}")
        return shlex.join(["doubt", _WORD_OF[self.answer], *said])


def doubt_rule(
    answer: str,
    words: Mapping[str, Any],
    *,
    scope: str,
    arguments: Iterable[str] = ARGUMENTS,
) -> DoubtRule:
    """A rule from the words of a command or the keys of a setting.

    Args:
        answer: ``done``, ``not_done``, ``again`` or ``abort``.
        words: keys of a permission rule, names of arguments or ``arg.NAME``, ``repeat`` and
            ``result``.
        scope: who keeps it.
        arguments: argument names that may stand without ``arg.``.
    """
    if answer not in WORDS:
        raise UnknownName("answer to a doubt", answer, WORDS)
    said = dict(words)
    repeat, result = said.pop("repeat", ""), said.pop("result", UNSAID)
    fits = rule_from(said, "allow", scope="session", arguments=frozenset(arguments))
    return DoubtRule(WORDS[answer], replace(fits, scope=scope, id=""), repeat, result)


def resolving(
    rules: Iterable[DoubtRule], call: Call, repeat: str, workspace: str, now: float
) -> DoubtRule | None:
    """The rule that decides a doubt about this call, or None when somebody has to be asked."""
    case = Case(call, workspace, now)
    fitting = [rule for rule in rules if rule.applies(case, repeat)]
    return min(fitting, key=lambda rule: _CAREFUL.index(rule.answer), default=None)
