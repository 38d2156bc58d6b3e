"""Playbook files: what the offline model answers, and when, read into values.

The file says it in the reader's words:

    playbook: tour
    latency_s: 0.2                  # before each answer; tokens_per_s: 60 streams it
    answers:
      - agent: planner              # a glob; every agent when left out
        when: {round: 0, inputs: {question: "*tests*"}}
        text: I look at the notes first.
        calls:
          - {tool: read_file, arguments: {path: notes.md}}
      - agent: planner
        when: {last: read_file, failed: true}
        reply: {plan: "I could not read it: {result}"}
      - when: {system: "*be rude*"}
        fault: rate_limited

The first answer whose conditions all hold is given. Everything wrong names file, line and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from workbench.errors import ConfigError
from workbench.located import Located, Place, read_located
from workbench.models.playbook_faults import FaultName

_TOP = frozenset({"playbook", "latency_s", "tokens_per_s", "answers"})
_ANSWER = frozenset(
    {"agent", "when", "reply", "calls", "text", "fault", "retry_after_s", "latency_s"}
    | {"tokens_per_s", "thinking"}
)
_WHEN = frozenset({"round", "inputs", "system", "last", "failed", "text", "said", "offered"})
_FAULTS = frozenset(get_args(FaultName))


@dataclass(frozen=True, slots=True)
class When:
    """Conditions; what is left out holds always. Texts are globs."""

    rounds: tuple[int, int] | None = None
    """From and to: how often the assistant has spoken."""
    inputs: Mapping[str, str] | None = None
    system: str | None = None
    last: str | None = None
    """The tool whose result is the newest; the empty text: no tool has answered yet."""
    failed: bool | None = None
    text: str | None = None
    """The newest tool result."""
    said: str | None = None
    """The newest thing the user said: a person's steering, a repair."""
    offered: str | None = None
    """A tool that the agent may call."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A tool call to make."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: outputs or text, or tool calls, or a fault."""

    agent: str = "*"
    when: When = When()
    reply: str | Mapping[str, Any] | None = None
    calls: tuple[PlannedCall, ...] = ()
    text: str = ""
    thinking: str = ""
    fault: FaultName | None = None
    retry_after_s: float | None = None
    latency_s: float = 0.0
    tokens_per_s: float = 0.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Playbook:
    """A read file."""

    name: str
    answers: tuple[Answer, ...] = ()
    where: str = ""
    latency_s: float = 0.0
    tokens_per_s: float = 0.0


DEFAULT = Playbook("default")
"""Needs no file: every answer is a sample made from the signature."""


def read_playbook(text: str, where: str) -> Playbook:
    """Read a playbook's text; ``where`` names it in errors.

    Raises:
        ConfigError: something in it is not as it must be.
    """
    return _Reader(read_located(text, ".yaml", where)).playbook()


@dataclass(frozen=True, slots=True)
class _Reader:
    file: Located

    def playbook(self) -> Playbook:
        top = self.mapping(self.file.value, (), _TOP)
        if "playbook" not in top:
            raise self.file.wrong((), "the key 'playbook' with its name is missing")
        name = self.text(top["playbook"], ("playbook",))
        pace = {key: self.number(top, (), key, 0.0) for key in ("latency_s", "tokens_per_s")}
        given: Any = _given(top, "answers", [])
        if not isinstance(given, list):
            raise self.file.wrong(("answers",), "must be a list")
        items = cast("list[Any]", given)
        answers = tuple(self.answer(item, ("answers", i), pace) for i, item in enumerate(items))
        return Playbook(name, answers, self.file.where, **pace)

    def answer(self, value: Any, place: Place, pace: Mapping[str, float]) -> Answer:
        found = self.mapping(value, place, _ANSWER)
        fault = self.fault(found, place)
        ways = [key for key in ("reply", "calls", "fault") if key in found]
        # A fault may say of which answer it is the ruin; nothing else goes together.
        if ("reply" in ways and "calls" in ways) or not (ways or "text" in found):
            raise self.file.wrong(
                place,
                "needs one of 'reply', 'calls', 'text' or 'fault'",
                "Only a fault adds to them",
            )
        after = self.number(found, place, "retry_after_s", None)
        return Answer(
            agent=self.text(found.get("agent", "*"), (*place, "agent")),
            when=self.when(_given(found, "when", {}), (*place, "when")),
            reply=self.reply(found, place),
            calls=self.calls(_given(found, "calls", []), (*place, "calls")),
            text=self.text(found.get("text", ""), (*place, "text")),
            thinking=self.text(found.get("thinking", ""), (*place, "thinking")),
            fault=fault,
            retry_after_s=after,
            latency_s=self.number(found, place, "latency_s", pace["latency_s"]),
            tokens_per_s=self.number(found, place, "tokens_per_s", pace["tokens_per_s"]),
            line=self.file.lines.get(place, 0),
        )

    def fault(self, found: Mapping[str, Any], place: Place) -> FaultName | None:
        name = found.get("fault")
        if name is None or name in _FAULTS:
            return name
        raise self.file.unknown((*place, "fault"), "fault", str(name), _FAULTS)

    def reply(self, found: Mapping[str, Any], place: Place) -> str | Mapping[str, Any] | None:
        value = found.get("reply")
        if value is None or isinstance(value, str | dict):
            return cast("str | dict[str, Any] | None", value)
        raise self.file.wrong((*place, "reply"), "must be a text or a mapping of outputs")

    def when(self, value: Any, place: Place) -> When:
        found = self.mapping(value, place, _WHEN)
        texts = {
            key: self.text(found[key], (*place, key))
            for key in ("system", "last", "text", "said", "offered")
            if key in found
        }
        inputs: dict[str, str] | None = None
        if "inputs" in found:
            globs = self.mapping(found["inputs"], (*place, "inputs"), None)
            inputs = {k: self.text(v, (*place, "inputs", k)) for k, v in globs.items()}
        failed = found.get("failed")
        if not isinstance(failed, bool | None):
            raise self.file.wrong((*place, "failed"), "must be true or false")
        return When(
            self.rounds(found.get("round"), (*place, "round")), inputs, failed=failed, **texts
        )

    def rounds(self, value: Any, place: Place) -> tuple[int, int] | None:
        """``2``, ``"2-4"`` or ``"2-"``."""
        if value is None:
            return None
        low, dash, high = str(value).partition("-")
        try:
            first = int(low)
            return first, (int(high) if high else 10**9) if dash else first
        except ValueError:
            message = f"{value!r} is no round"
            raise self.file.wrong(place, message, "Write 0, or '1-3', or '2-'") from None

    def calls(self, value: Any, place: Place) -> tuple[PlannedCall, ...]:
        if not isinstance(value, list):
            raise self.file.wrong(place, "must be a list of {tool, arguments}")
        calls: list[PlannedCall] = []
        for index, item in enumerate(cast("list[Any]", value)):
            found = self.mapping(item, (*place, index), frozenset({"tool", "arguments"}))
            if "tool" not in found:
                raise self.file.wrong((*place, index), "names no 'tool'")
            tool = self.text(found["tool"], (*place, index, "tool"))
            arguments = self.mapping(
                _given(found, "arguments", {}), (*place, index, "arguments"), None
            )
            calls.append(PlannedCall(tool, arguments))
        return tuple(calls)

    def mapping(self, value: Any, place: Place, known: frozenset[str] | None) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.file.wrong(place, "must be a mapping")
        found = cast("dict[str, Any]", value)
        for key in found:
            if known is not None and key not in known:
                raise self.file.unknown((*place, key), "key", key, known)
        return found

    def text(self, value: Any, place: Place) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        raise self.file.wrong(place, "must be a text")

    def number(self, found: Mapping[str, Any], place: Place, key: str, default: Any) -> Any:
        value = found.get(key, default)
        if value is None and default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 3600:
            raise self._number_wrong((*place, key))
        return float(value)

    def _number_wrong(self, place: Place) -> ConfigError:
        return self.file.wrong(place, "must be a number from 0 to 3600")


def _given(found: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    """What stands at a key; written with nothing behind it, it counts as left out."""
    value = found.get(key)
    return otherwise if value is None else value
