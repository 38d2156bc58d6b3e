"""Verifying: whether what was asked for holds, by tools where they can find out, else by a judge.

Whatever is not shown to hold does not: a check that could not be made, a call that was denied and
a judge's answer that cannot be read are reasons against, never for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.agent.agent import Agent
from workbench.agent.plan import JUDGE, Check, Criterion
from workbench.agent.tool import Tool
from workbench.agent.turn import FINAL, ToolUse, turn
from workbench.errors import StepFailed
from workbench.values import dumps
from workbench.workflow.effects import Effect
from workbench.workflow.verbs import ask

_SHOWN: Final = 600
"""Characters of a value that reasons and evidence show."""
_MOST_READS: Final = 100
"""Parts of one file that are read in search of a text."""


@dataclass(frozen=True, slots=True)
class Verifying:
    """What it takes to verify something of one agent's turn."""

    agent: Agent
    task: str
    looking: Mapping[str, Tool]
    """What the agent may look with when it is its own judge."""
    find: Callable[[str], Tool]
    role: Callable[..., Agent]
    """Makes the agent another of its roles."""

    async def unmet(
        self, criteria: Sequence[Criterion], result: Any, evidence: Sequence[str]
    ) -> list[str]:
        """Why criteria do not hold; empty if every one was found to.

        Tools come first: what they refute, no judge is asked about.
        """
        reasons: list[str] = []
        found = [*evidence]
        for check in criteria:
            if isinstance(check, Check):
                reason, seen = await self._checked(check)
                reasons += [reason] if reason else []
                found.append(seen)
        words = [one for one in criteria if isinstance(one, str)]
        if reasons or not words:
            return reasons
        return await self._judged(words, result, found)

    async def _judged(self, words: list[str], result: Any, evidence: list[str]) -> list[str]:
        inputs = {"task": self.task, "result": result if isinstance(result, str) else _text(result)}
        inputs |= {"criteria": words, "evidence": evidence}
        if self.agent.planning.judge:
            verdict = await ask(self.agent.planning.judge, **inputs)
        else:
            judge = self.role(JUDGE, self.looking)
            verdict = await turn(judge, self.looking, inputs, self.find)
        if "passed" not in verdict or "reasons" not in verdict:
            return [f"{self.agent.planning.judge!r} is no judge: it answers no passed and reasons"]
        if verdict["passed"] is True:
            return []
        return [str(one) for one in verdict["reasons"]] or ["the judge said no, and not why"]

    async def _checked(self, check: Check) -> tuple[str, str]:
        """Why a check does not hold (empty if it does), and what was seen."""
        try:
            reason = await (self._command(check) if check.command else self._file(check))
        except StepFailed as error:
            if error.error_code in FINAL:
                raise
            reason = f"{check} could not be checked: {error.error_code}: {error}"
        return reason, f"checked: {check}: {reason or 'yes'}"

    async def _command(self, check: Check) -> str:
        ended = await self._use("bash_command", check, command=check.command)
        code, output = ended.get("exit_code"), str(ended.get("output") or "")
        if code != 0:
            return f"command {check.command!r} ended with {code}: {shown(output)}"
        if check.contains and check.contains not in output:
            return f"command {check.command!r} does not print {check.contains!r}: {shown(output)}"
        return ""

    async def _file(self, check: Check) -> str:
        there = await self._use("file_exists", check, path=check.file)
        if there.get("exists") is not True:
            return f"file {check.file!r} is not there"
        if not check.contains or await self._has(check):
            return ""
        return f"file {check.file!r} does not contain {check.contains!r}"

    async def _has(self, check: Check) -> bool:
        """Whether a file contains a text, read part by part; what joins two parts is seen too."""
        line, before = 1, ""
        for _ in range(_MOST_READS):
            part = await self._use("read_file", check, path=check.file, offset=line)
            text = before + part["text"]
            if check.contains in text:
                return True
            if not part.get("truncated"):
                return False
            # The last line of a part may be cut: it is read again with what follows it.
            line += max(1, part["lines"] - 1)
            before = "" if part["lines"] > 1 else text[-len(check.contains) :]
        return False

    async def _use(self, name: str, check: Check, **arguments: Any) -> Any:
        tool = self.find(name)
        use = ToolUse(tool, f"to verify that {check}")
        wanted: Effect[Any] = Effect("tool", name, tool.read(arguments), use, tool.repeat)
        return await wanted


def shown(value: Any) -> str:
    """A value as a text of bounded length, its beginning and its end."""
    text = value if isinstance(value, str) else _text(value)
    if len(text) <= _SHOWN:
        return text
    half = _SHOWN // 2
    return f"{text[:half]} […{len(text) - 2 * half} characters…] {text[-half:]}"


def _text(value: Any) -> str:
    return dumps(value).decode()
