"""What a plan needs of a person and of the budgets: to be read before it runs, and to be paid for.

A review is a question whose answer may be an edited plan. That one is checked as the first was,
while the person is still there to mend it, and is recorded as what runs. A rule about the tool
``plan`` answers before anybody is asked, as a rule about a call does; a mode alone never does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import Denied, InputError
from workbench.journal.events import agents_of
from workbench.journal.limits import SPENDABLE
from workbench.journal.usage import Amount
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts
from workbench.permission.policy import Decision, decide
from workbench.run.estimate import Expected
from workbench.run.reserve import accounts_of, start
from workbench.run.waiting import Answer, Waiting

if TYPE_CHECKING:
    from workbench.run.step import Step

ACCEPT, REFUSE = CHOICES = ("accept", "refuse")


async def review(step: Step) -> dict[str, Any]:
    """Have a person accept, edit or refuse a plan; the items as they were accepted.

    Raises:
        Denied: it was refused.
    """
    await start(step, None)
    given, check = step.arguments, step.parked.effect.subject

    def check_edit(edited: Mapping[str, Any]) -> None:
        check(_items(edited))

    count = len(given["items"])
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/review#0",
        kind="plan",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"run this plan of {count} item{'s' if count != 1 else ''}?",
        asked_at=step.run.world.clock(),
        arguments=given,
        choices=CHOICES,
        check_edit=check_edit,
    )
    rows = step.run.rows
    ruled = _by_rule(step)
    scripted = ruled is not None and ruled.rule is not None and ruled.rule.scope == "script"
    if ruled is not None and scripted and step.run.world.scripts_only_preselect:
        waiting, ruled = replace(waiting, selected=_SAID[ruled.verdict]), None
    rows.append("question.asked", step.key, waiting.asked_data())
    if ruled is not None and ruled.rule is not None:
        answer = Answer(answer=_SAID[ruled.verdict], by=f"rule {ruled.rule.id}")
    else:
        answer = await step.run.world.inbox.ask(waiting)
    said = {"id": waiting.id, "answer": answer.answer, "by": answer.by, "asked_as": "plan"}
    said |= {"reason": answer.reason} if answer.reason else {}
    rows.append("question.answered", step.key, said)
    if answer.answer == REFUSE:
        why = f": {answer.reason}" if answer.reason else ""
        raise Denied(f"the plan was refused by {answer.by}{why}", by=answer.by)
    if answer.arguments is None:
        return {"items": given["items"]}
    return {"items": _items(answer.arguments), "edited": True}


_SAID = {"allow": ACCEPT, "deny": REFUSE}


def _by_rule(step: Step) -> Decision | None:
    """What a rule that somebody wrote says of this plan; None where nobody wrote one."""
    call = Call(
        tool="plan",
        agents=tuple(agents_of(step.key)),
        arguments=step.arguments,
        digest=step.digest_of(step.arguments),
        run_id=step.run.run_id,
        facts=Facts("compute"),
        danger=Danger.MEDIUM,
        key=step.key,
    )
    found = decide(step.run.policy, call, now=step.run.world.clock())
    return found if found.rule is not None and found.verdict in _SAID else None


def _items(edited: Mapping[str, Any]) -> list[Any]:
    items = edited.get("items")
    if not isinstance(items, list) or len(edited) > 1:
        raise InputError('an edited plan is {"items": [...]} and nothing else', field="items")
    return items  # pyright: ignore[reportUnknownVariableType] - whoever reads items checks them


async def afford(step: Step) -> dict[str, Any]:
    """See that so much can be paid for, as every effect does; nothing of it is used.

    Returns:
        What the run has used, and the least that is left of what is limited.

    Raises:
        LimitReached: it cannot, and nobody gave more.
    """
    given = step.arguments
    most = {name: given[name] for name in SPENDABLE if given.get(name)}
    amount = Amount(**{**most, "steps": max(1, int(most.get("steps", 1)))})
    await start(step, None, lambda: Expected(amount, amount, (0, 0)))
    budget = step.run.budget
    left: dict[str, float] = {}
    for account in accounts_of(step):
        for name in SPENDABLE:
            # What is held for this very look is not gone.
            room = account.room(name) + getattr(step.reserved.held or Amount(), name)
            if math.isfinite(room):
                left[name] = min(left.get(name, math.inf), round(room, 6))
    return {"used": budget.spent.to_json(), "left": left}
