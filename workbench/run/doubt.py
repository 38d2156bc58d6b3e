"""Doubt: an effect was started, the program died, and its outcome is not recorded.

What may be done follows from its class. Pure effects simply run again, keyed ones under the same
key. One that can be probed is looked at. For everything else somebody says what became of it: a
rule the user wrote, or a person, with no default. Whatever runs again is exactly what was begun,
and is permitted anew.

An answer is a row before anything is made of it. So it is used once: a run that is taken up
after that row finds the answer there, and a second attempt that is cut off is a new doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.agent.probe import Probed
from workbench.errors import InDoubt, NotDone, UnknownName
from workbench.foreign import Returned, attempt, attempt_async
from workbench.permission.doubting import AGAIN, CHOICES, DONE, UNSAID, resolving
from workbench.redaction import REDACTED
from workbench.run.changes import tool_changed
from workbench.run.evidence import Evidence, Findings
from workbench.run.permit import call_of, digest_of
from workbench.run.use_tool import attempt_of, tool_of
from workbench.run.waiting import Waiting
from workbench.run.working_copy import note_found, since_intent, undisturbed
from workbench.values import dumps
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.agent.tool import Tool
    from workbench.permission.doubting import DoubtRule
    from workbench.run.step import Step


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of an attempt, and who says so."""

    answer: str
    """One of `CHOICES`."""
    by: str
    """A person, ``rule ID``, ``probe``, or the class that lets it run again."""
    result: Any = None


async def settle_doubt(step: Step) -> tuple[Any] | None:
    """What became of an earlier attempt: its result in a tuple, or None to perform (again).

    Raises:
        NotDone: somebody said that it did not happen.
        InDoubt: somebody gave the run up, or it is a cleanup, for which nobody is asked.
    """
    assert step.prior is not None
    tool = _tool_of(step)
    repeat = _class_of(step, tool)
    if repeat is Repeat.PURE:
        return None
    step.in_doubt, step.arguments = True, _exact_arguments(step, tool)
    found = _recorded(step) or await _resolve(step, tool, repeat)
    if found.answer == DONE:
        await note_found(step, tool)
    step.extra["resolved"] = {"attempt": _number(step), "answer": found.answer, "by": found.by}
    return _carried_out(step, found)


def _number(step: Step) -> int:
    """Of the attempt in doubt."""
    assert step.prior is not None
    return int(step.prior.data.get("attempt", 1))


def _tool_of(step: Step) -> Tool | None:
    """The tool, if it is one and is still there."""
    if step.parked.effect.kind != "tool":
        return None
    try:
        return tool_of(step)
    except UnknownName:
        return None


def _class_of(step: Step, tool: Tool | None) -> Repeat:
    """The class that holds: today's, unless the attempt was made without what that one needs."""
    assert step.prior is not None
    effect = step.parked.effect
    if effect.kind == "tool":
        today = tool.repeat if tool is not None else Repeat.UNSAFE
    else:
        today = effect.repeat
    had_no_key = step.prior.data.get("repeat") != Repeat.KEYED.value
    return Repeat.UNSAFE if today is Repeat.KEYED and had_no_key else today


def _recorded(step: Step) -> Resolution | None:
    """The answer that was given before the program died once more."""
    row = step.left.tried.answered if step.left.tried else None
    if row is None:
        return None
    return Resolution(row.data["answer"], row.data["by"], row.data.get("result"))


def _exact_arguments(step: Step, tool: Tool | None) -> dict[str, Any]:
    """The final arguments of the attempt: as recorded, or as requested where those are the same.

    The log keeps no secret, so arguments with one are whole in the request alone.
    """
    assert step.prior is not None
    recorded, requested = step.prior.data, Returned(step.arguments)
    if tool is not None:
        read = attempt(tool.read, step.arguments)
        requested = read if isinstance(read, Returned) else requested
    exact = digest_of(step, tool, requested.value) == recorded.get("digest")
    return dict(requested.value if exact else recorded["arguments"])


async def _resolve(step: Step, tool: Tool | None, repeat: Repeat) -> Resolution:
    if repeat is Repeat.KEYED:
        return Resolution(AGAIN, "keyed")
    evidence = await _gathered(step, tool, repeat)
    probed = evidence.found.probed
    if probed is not None and probed.verdict == "done":
        return Resolution(DONE, "probe", probed.result)
    if probed is not None and probed.verdict == "not_done":
        return Resolution(AGAIN, "probe")
    if step.parked.cleanup:
        raise InDoubt(_unknown(step), key=step.key)
    return await _answered(step, tool, evidence)


async def _gathered(step: Step, tool: Tool | None, repeat: Repeat) -> Evidence:
    assert step.prior is not None
    assert step.left.tried is not None
    prior, ended = step.prior.data, step.left.tried.ended
    async with undisturbed(step, tool):
        found = await _found_out(step, tool) if tool is not None else Findings()
    return Evidence(
        attempt=_number(step),
        repeat=repeat.value,
        began_at=step.prior.at,
        line=prior.get("line", ""),
        ended=ended.data["end"] if ended is not None else "",
        found=found,
        tool=tool_changed(prior, tool, step.run.world.tools),
    )


async def _found_out(step: Step, tool: Tool) -> Findings:
    assert step.prior is not None
    prepared = step.prior.data.get("prepared")
    looked = await attempt_async(
        step.run.toolbox.find_out(tool, step.arguments, prepared, attempt_of(step))
    )
    found = looked.value if isinstance(looked, Returned) else _not_found_out(looked.error)
    return replace(found, changes=found.changes or await since_intent(step))


def _not_found_out(error: BaseException) -> Findings:
    return Findings(Probed("unknown", said=f"looking at it failed: {error}"))


async def _answered(step: Step, tool: Tool | None, evidence: Evidence) -> Resolution:
    """What a rule says, or else a person; as two rows, whoever it was."""
    world = step.run.world
    rule = await _rule_for(step, tool, evidence)
    waiting = _waiting(step, evidence, rule)
    rows = step.run.rows
    rows.append("question.asked", step.key, waiting.asked_data())
    if rule is not None and not world.scripts_only_preselect:
        given, by, result = rule.answer, f"rule {rule.id}", rule.result
        world.used(rule.id)
    else:
        answer = await world.inbox.ask(waiting)
        given, by, result = str(answer.answer), answer.by, answer.result
    found = Resolution(given, by)
    if given == DONE:
        found = Resolution(given, by, waiting.presumed if result is UNSAID else result)
    told = {"id": waiting.id, "asked_as": "in_doubt", "answer": given, "by": by}
    if given == DONE:
        told["result"] = found.result
    rows.append("question.answered", step.key, told)
    return found


async def _rule_for(step: Step, tool: Tool | None, evidence: Evidence) -> DoubtRule | None:
    world = step.run.world
    if not world.doubts:
        return None
    call = await call_of(step, tool)
    return resolving(world.doubts, call, evidence.repeat, step.run.policy.workspace, world.clock())


def _waiting(step: Step, evidence: Evidence, rule: DoubtRule | None) -> Waiting:
    effect, world = step.parked.effect, step.run.world
    name = effect.name or effect.kind
    presumed = evidence.found.presumed
    if presumed is None:
        presumed = f"a person confirmed that {name} was done"
    # What is shown has passed the log's door, like the row that says it is asked.
    shown = world.redaction.value(
        {
            "arguments": step.arguments,
            "evidence": evidence.to_json(),
            "presumed": presumed,
        }
    )
    return Waiting(
        id=f"{step.run.run_id}:{step.key}/doubt#{evidence.attempt}",
        kind="in_doubt",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"did {name} happen? it was begun and its end is not recorded",
        asked_at=world.clock(),
        tool=name,
        arguments=shown["arguments"],
        rule=f"rule {rule.id}: {rule}" if rule is not None else "",
        choices=CHOICES,
        selected=rule.answer if rule is not None else "",
        evidence=Evidence.from_json(shown["evidence"]),
        presumed=shown["presumed"],
    )


def _carried_out(step: Step, found: Resolution) -> tuple[Any] | None:
    match found.answer:
        case "done":
            return (found.result,)
        case "not done":
            step.in_doubt = False
            name = step.parked.effect.name or step.parked.effect.kind
            raise NotDone(f"{name} did not happen: the program ended before it did", by=found.by)
        case "run again":
            _refuse_redacted(step)
            return None
        case _:
            error = InDoubt(_unknown(step), key=step.key)
            step.run.give_up(error, found.by)
            raise error


def _refuse_redacted(step: Step) -> None:
    """Exactly the same cannot be done when a secret that the log does not keep was part of it."""
    assert step.prior is not None
    exact = digest_of(step, _tool_of(step), step.arguments) == step.prior.data.get("digest")
    if not exact and REDACTED in dumps(step.arguments).decode():
        raise InDoubt(
            f"{_unknown(step)}, and a secret among its arguments is not in the log, so exactly"
            " the same cannot be run again",
            key=step.key,
        )


def _unknown(step: Step) -> str:
    effect = step.parked.effect
    return f"nobody knows whether {effect.name or effect.kind!r} happened"
