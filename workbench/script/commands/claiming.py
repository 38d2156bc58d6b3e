"""`expect`: claims about the last run, which make a script a test."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from workbench.errors import UsageError, WorkbenchError, nearest
from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.ended import Ended
from workbench.script.session import Session

_CLAIM = re.compile(r"([A-Za-z_][\w.-]*)(<=|>=|!=|<|>|=|~)(.*)", re.DOTALL)
_AMOUNTS = ("steps", "cost", "tokens", "denied", "model_calls", "tool_calls")
_NAMES = ("outcome", "output", "error", *_AMOUNTS)
_MOST_BYTES = 10_000_000


class Unmet(WorkbenchError):
    """A claim of a script that is not so."""

    code = "unmet"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: ``steps<=5``, ``output.verdict~*yes*``."""

    name: str
    sign: str
    wanted: Any

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{_shown(self.wanted)}"

    def holds(self, got: Any) -> bool:
        """Whether it is so. Raises UsageError when the two cannot be compared."""
        match self.sign:
            case "=":
                return got == self.wanted
            case "!=":
                return got != self.wanted
            case "~":
                return fnmatchcase(_shown(got), _shown(self.wanted))
            case _:
                return self._ordered(got)

    def _ordered(self, got: Any) -> bool:
        if not _is_number(got) or not _is_number(self.wanted):
            raise UsageError(f"{str(self)!r} compares {_shown(got)!r}, which is no number")
        return {
            "<=": got <= self.wanted,
            ">=": got >= self.wanted,
            "<": got < self.wanted,
            ">": got > self.wanted,
        }[self.sign]


async def _expect(session: Session, call: Call) -> Output:
    if call.line.words[:1] == ("file",):
        told = _file(session, call)
        return Output((f"as expected: {told}",), {"claims": [told]})
    claims = [Claim(name, "=", value) for name, value in call.inputs.items()]
    claims += [_read(word) for word in call.line.words]
    if not claims:
        raise UsageError("'expect' needs a claim", hint=f"About: {', '.join(_NAMES)}, file")
    ended = session.ended(session.find(call.text("run")))
    found = [(claim, _got(claim.name, ended)) for claim in claims]
    for claim, got in found:
        if not claim.holds(got):
            raise _unmet(str(claim), got, ended)
    told = [str(claim) for claim, _ in found]
    return Output((f"as expected: {', '.join(told)}",), {"claims": list(told)})


def _unmet(claim: str, got: Any, ended: Ended) -> Unmet:
    why = f" ({ended.message})" if ended.message and not claim.startswith("error") else ""
    return Unmet(
        f"expected {claim}, got {_shown(got)}{why}",
        claim=claim,
        got=got,
        run_id=ended.run_id,
    )


def _read(word: str) -> Claim:
    found = _CLAIM.fullmatch(word)
    if found is None:
        raise UsageError(
            f"{word!r} is no claim", hint="Like outcome=returned, steps<=5, output~*yes*"
        )
    text = found[3]
    try:
        wanted: Any = text if found[2] == "~" else json.loads(text)
    except json.JSONDecodeError:
        wanted = text
    return Claim(found[1], found[2], wanted)


def _got(name: str, ended: Ended) -> Any:
    """What a run has under a name; ``output.a.b`` goes into the result."""
    first, *path = name.split(".")
    if first not in _NAMES:
        guess = nearest(first, [*_NAMES, "file"])
        hint = f"Did you mean {guess!r}?" if guess else f"About: {', '.join(_NAMES)}, file"
        raise UsageError(f"there is no claim about {name!r}", hint=hint)
    if first == "output":
        return _inside(ended.result, path, name)
    if first == "error":
        return _inside(ended.error or {}, path or ["code"], name)
    usage = ended.usage
    told = {
        "outcome": ended.outcome,
        "cost": usage["cost_usd"],
        "tokens": usage["input_tokens"] + usage["output_tokens"],
        "denied": len(ended.denied),
    }
    return told[first] if first in told else usage[first]


def _inside(value: Any, path: list[str], name: str) -> Any:
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = cast("Mapping[str, Any]", value)[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("Any", value)):
            value = cast("list[Any]", value)[int(part)]
        else:
            raise Unmet(f"expected {name}, but there is no {part!r} in {_shown(value)[:200]}")
    return value


def _file(session: Session, call: Call) -> str:
    """``file PATH exists``, ``file PATH missing``, ``file PATH contains TEXT``."""
    _, *words = call.line.words
    match words:
        case [name, "exists"]:
            if not (session.workspace / name).is_file():
                raise Unmet(f"expected a file {name!r}, and there is none", file=name)
        case [name, "missing"]:
            if (session.workspace / name).exists():
                raise Unmet(f"expected no file {name!r}, and there is one", file=name)
        case [name, "contains", text]:
            content = _content(session, name)
            if text not in content:
                got = f"{content[:200]!r}" + ("…" if len(content) > 200 else "")
                raise Unmet(f"expected {text!r} in {name!r}, got {got}", file=name)
        case _:
            raise UsageError(
                "'expect file' does not read like that",
                hint="expect file PATH exists | missing | contains TEXT",
            )
    return " ".join(("file", *words))


def _content(session: Session, name: str) -> str:
    try:
        with (session.workspace / name).open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise Unmet(f"expected a file {name!r}: {error.strerror}", file=name) from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


COMMANDS = (
    Command(
        "expect",
        "Claim something about the last run or a file; a false claim ends the script.",
        _expect,
        (
            Parameter("claims", "outcome=… output.field=… output~GLOB steps<=N …", rest=True),
            Parameter("run", "which run", "run", named_only=True),
        ),
        takes_inputs=True,
        details=(
            "About outcome, output, error, steps, tokens, cost, denied, model_calls, tool_calls,"
            " with = != < <= > >= or ~ for a glob; or 'file PATH exists | missing | contains TEXT'."
            " A line whose run fails does not end the script if an expect about its outcome"
            " follows at once."
        ),
        examples=("expect outcome=returned output~*ship* steps<=20", "expect file plan.md exists"),
    ),
)
