"""Permission: from the final arguments of a call to a yes, a no, or a person.

`policy.decide` decides; here the facts are gathered before it and its "confirm" is carried to a
person. An approval is bound to exactly what was shown, where and under which policy (see
`binding`), and is good for one attempt. Edited arguments are validated and decided again: a deny
rule still bites.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from workbench.agent.tool import Tool
from workbench.agent.turn import ToolUse
from workbench.errors import ApprovalStale, Denied
from workbench.foreign import Raised, attempt
from workbench.journal.events import agents_of
from workbench.permission.bound import Bound
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts, grade
from workbench.permission.egress import all_of_host, is_free_egress, names_server
from workbench.permission.policy import Decision, Policy, decide
from workbench.permission.rule import Rule
from workbench.run.before_permission import ask_before
from workbench.run.binding import bound_of, check_bound, for_arguments, withdraw
from workbench.run.touch import touch
from workbench.run.waiting import Answer, Waiting, said_of
from workbench.values import digest, dumps
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.run.step import Step
    from workbench.run.world import World


async def permit(step: Step, tool: Tool) -> Facts:
    """Get a tool call permitted; the facts it was decided on. Raises Denied.

    What lets a keyed attempt be made again is its first approval: the key makes them one.
    """
    again = ""
    if step.in_doubt and step.prior is not None and tool.repeat is Repeat.KEYED:
        again = str(step.prior.data.get("digest", ""))
    await step.run.toolbox.ready(tool)
    approval: _Approval | None = None
    counted: Rule | None = None
    while True:
        step.arguments = tool.read(step.arguments)
        facts = await _foreseen(step, tool, step.run.toolbox.facts(tool, step.arguments))
        if untrusted := step.run.usage.untrusted:
            facts = replace(facts, untrusted=untrusted)
        call = _call(step, tool, facts)
        _expire(step)
        decision = decide(step.run.policy, call, now=step.run.world.clock())
        step.extra["danger"], step.action = call.danger.name, call.digest
        if decision.rule is not None and decision.rule is not counted:
            counted = decision.rule
            step.run.world.used(counted.id)
        if decision.verdict == "deny":
            raise Denied(decision.reason, by=_by(decision))
        await ask_before(step, tool.name, call, decision)
        if approval is not None and _holds(step, tool, approval):
            keep_rule(step, tool, call, approval.answer)
            # A wider answer is itself a change of the policy.
            step.permitted.by_person(approval.id, bound_of(step, tool), step.run.policy)
            return facts
        if call.digest == again or _allowed(step, decision):
            step.permitted.by_rule(step.run.policy)
            return facts
        approval = await _approval(step, tool, call, decision)


@dataclass(frozen=True, slots=True)
class _Approval:
    """A person's yes, and what it is good for."""

    id: str
    answer: Answer
    bound: Bound


async def _approval(step: Step, tool: Tool, call: Call, decision: Decision) -> _Approval | None:
    """Ask a person; None when the question is not what it was any more. Raises Denied."""
    waiting = _waiting(step, tool, call, decision, step.permitted.asked)
    step.permitted.asked += 1
    try:
        answer = await put_to_person(step, waiting)
    except ApprovalStale:
        return None
    bound = _bound_in(waiting)
    if answer.verdict == "deny":
        raise Denied(answer.reason or "a person said no", by=answer.by)
    if answer.arguments is not None:
        step.arguments = dict(answer.arguments)
        bound = for_arguments(bound, tool.read(step.arguments))
    return _Approval(waiting.id, answer, bound)


def _bound_in(waiting: Waiting) -> Bound:
    assert waiting.bound is not None
    return waiting.bound


def _holds(step: Step, tool: Tool, approval: _Approval) -> bool:
    """Whether an approval is good for what would be done now; where not, a row says so."""
    why = approval.bound.changes(bound_of(step, tool))
    if why:
        withdraw(step, approval.id, why)
    return not why


def _expire(step: Step) -> None:
    """Have rules whose time is over taken back, and that written down, before they are asked."""
    world = step.run.world
    if world.policy.expires_at <= world.clock() and world.expire_rules is not None:
        world.expire_rules()


async def _foreseen(step: Step, tool: Tool, facts: Facts) -> Facts:
    """The facts, with a word about the files when nothing could bring them back."""
    if touch(tool, facts) != "opaque":
        return facts
    why = await step.run.world.copies.outlook(step.run.folder)
    return (
        replace(facts, notes=(*facts.notes, f"no snapshot of the files: {why}")) if why else facts
    )


async def permit_bare(step: Step, tool: Tool, facts: Facts, why: str) -> None:
    """Ask a person whether a call may happen although its snapshot failed. Raises Denied.

    Raises ApprovalStale when anything changed meanwhile: then all of it is permitted anew.
    """
    noted = replace(facts, notes=(*facts.notes, f"without a snapshot: {why}"))
    decision = Decision("confirm", f"{why}; what the call changes could not be brought back")
    waiting = _waiting(step, tool, _call(step, tool, noted), decision, "bare")
    answer = await put_to_person(step, waiting)
    if answer.verdict == "deny":
        raise Denied(f"{answer.reason or 'a person said no'} ({why})", by=answer.by)
    check_bound(step, waiting.id, _bound_in(waiting))


def _call(step: Step, tool: Tool, facts: Facts) -> Call:
    return Call(
        tool=tool.name,
        agents=tuple(agents_of(step.key)),
        arguments=step.arguments,
        digest=digest_of(step, tool, step.arguments),
        run_id=step.run.run_id,
        facts=facts,
        danger=grade(facts),
        key=step.key,
    )


async def call_of(step: Step, tool: Tool | None) -> Call:
    """The call that an earlier attempt was, as a rule about doubts sees it."""
    assert step.prior is not None
    effect, facts = step.parked.effect, Facts("compute")
    arguments = step.arguments
    if tool is not None:
        await step.run.toolbox.ready(tool)
        found = attempt(step.run.toolbox.facts, tool, arguments)
        facts = Facts(tool.act) if isinstance(found, Raised) else found.value
    elif effect.kind == "call":
        arguments = {str(n): value for n, value in enumerate(arguments["arguments"])}
        arguments |= step.arguments["named"]
    return Call(
        tool=effect.name or effect.kind,
        agents=tuple(agents_of(step.key)),
        arguments=arguments,
        digest=str(step.prior.data.get("digest", "")),
        run_id=step.run.run_id,
        facts=facts,
        danger=grade(facts),
        key=step.key,
    )


def digest_of(step: Step, tool: Tool | None, arguments: dict[str, Any]) -> str:
    """Names exactly this action."""
    if tool is None:
        return step.digest_of(arguments)
    return action_digest(step.run.scopes.digest_of(tool), arguments)


def action_digest(schema: str, arguments: dict[str, Any]) -> str:
    """The same of a tool, known by the digest of its schema, with final arguments."""
    return digest(dumps([schema, arguments]))


def _allowed(step: Step, decision: Decision) -> bool:
    """Whether an "allow" stands; in a screen a script's rule only selects the answer."""
    if decision.verdict != "allow":
        return False
    scripted = decision.rule is not None and decision.rule.scope == "script"
    return not (scripted and step.run.world.scripts_only_preselect)


def _by(decision: Decision) -> str:
    return f"rule {decision.rule.id}" if decision.rule is not None else "mode"


async def put_to_person(step: Step, waiting: Waiting) -> Answer:
    """Ask, with a row before and after. Raises Denied in a cleanup, ApprovalStale."""
    if step.parked.cleanup:
        raise Denied("a cleanup may not ask anybody", by="cleanup")
    rows, key = step.run.rows, step.key
    rows.append("approval.asked", key, _asked_data(waiting))
    limit = step.run.world.approval_timeout_s
    try:
        answer = await step.run.world.inbox.ask(waiting, limit)
    except TimeoutError:
        answer = Answer("deny", by="timeout", reason=f"nobody answered within {limit:g} s")
    except ApprovalStale as stale:
        withdraw(step, waiting.id, stale.message)
        raise
    except asyncio.CancelledError:
        rows.append("approval.withdrawn", key, {"id": waiting.id, "reason": "no longer wanted"})
        raise
    told: dict[str, Any] = {"id": waiting.id, "verdict": answer.verdict, "by": answer.by}
    told |= {"scope": answer.scope, "reason": answer.reason, "digest": waiting.digest}
    told |= {"tool": waiting.tool, "agent": waiting.agent}
    if answer.arguments is not None:
        told["arguments"] = dict(answer.arguments)
    rows.append("approval.answered", key, told)
    return answer


def _waiting(step: Step, tool: Tool, call: Call, decision: Decision, asked: int | str) -> Waiting:
    world = step.run.world
    now = world.clock()
    subject = step.parked.effect.subject
    limit = world.approval_timeout_s
    return Waiting(
        id=f"{step.run.run_id}:{step.key}/approval#{asked}",
        kind="permission",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=said_of(tool.name, step.arguments),
        asked_at=now,
        tool=tool.name,
        arguments=step.arguments,
        danger=call.danger,
        facts=call.facts,
        why=subject.why if isinstance(subject, ToolUse) else "",
        rule=f"{decision.reason}{_again(step)}",
        preview=step.run.toolbox.preview(tool, step.arguments),
        expires_at=now + limit if limit is not None else None,
        choices=("allow", "deny"),
        selected="allow" if decision.verdict == "allow" else "",
        digest=call.digest,
        bound=bound_of(step, tool),
        call=call,
    )


def _again(step: Step) -> str:
    """That it was asked before, and why that does not count."""
    why = step.permitted.why_again
    return f"; asked again because {why}" if why else ""


def _asked_data(waiting: Waiting) -> dict[str, Any]:
    facts = waiting.facts
    return {
        "id": waiting.id,
        "tool": waiting.tool,
        "arguments": dict(waiting.arguments),
        "danger": (waiting.danger or Danger.SAFE).name,
        "notes": list(facts.notes) if facts else [],
        "agent": waiting.agent,
        "why": waiting.why,
        "rule": waiting.rule,
        "expires_at": waiting.expires_at,
        "digest": waiting.digest,
        "bound": waiting.bound.to_json() if waiting.bound else {},
    }


def keep_rule(step: Step, tool: Tool, call: Call, answer: Answer) -> None:
    """An answer given for more than this call becomes a rule, and is said."""
    if answer.scope == "call" or step.run.world.add_rule is None:
        return
    rule = rule_for(tool, call, answer.scope)
    step.run.world.add_rule(rule, answer.by)


def rule_for(tool: Tool, call: Call, scope: str) -> Rule:
    """The rule that a wider answer writes: as narrow as what was shown allows."""
    exact = call.facts.argv if tool.act == "run" else None
    free = is_free_egress(call.facts)
    host = all_of_host(call) if free else {}
    alone = call.danger >= Danger.CRITICAL or (
        free and not (host or exact or names_server(tool.name))
    )
    return Rule(
        verdict="allow",
        tool=tool.name,
        agent=call.agents[-1] if call.agents and scope == "agent" else "*",
        arguments=host,
        argv=exact,
        danger=f"<={call.danger.name}",
        scope=cast("Literal['agent', 'run', 'session', 'workspace']", scope),
        run_id=call.run_id if scope in {"agent", "run"} else "",
        digest=call.digest if alone else "",
    )


def reconsidered(world: World, policy_of: Callable[[str], Policy]) -> list[tuple[str, Answer]]:
    """What the policy in force says of the permissions that wait: answers to give now."""
    answers: list[tuple[str, Answer]] = []
    for waiting in world.inbox.unanswered:
        if waiting.call is None:
            continue
        decision = decide(policy_of(waiting.run_id), waiting.call, now=world.clock())
        scripted = decision.rule is not None and decision.rule.scope == "script"
        if decision.verdict == "deny":
            answers.append((waiting.id, Answer("deny", by=_by(decision), reason=decision.reason)))
        elif decision.verdict == "allow" and not (scripted and world.scripts_only_preselect):
            answers.append((waiting.id, Answer("allow", by=_by(decision))))
    return answers


def outdated(world: World, policy_of: Callable[[str], Policy]) -> list[tuple[str, ApprovalStale]]:
    """The permissions that wait and were asked for under another policy: to be asked anew."""
    return [
        (waiting.id, ApprovalStale("the policy changed since it was asked", by="policy"))
        for waiting in world.inbox.unanswered
        if waiting.bound is not None and waiting.bound.policy != policy_of(waiting.run_id).version
    ]
