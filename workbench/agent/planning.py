"""Agents that plan: a turn that makes a plan, carries it out item by item, and answers from it.

    plan → review (when a person wants to see it) → items → answer → verify (style ``verify``)
      ↑ what is done, what failed and why ←────────────┴──────────────────┘

Each of these is a scope with a name of its own in the log, so that a resumed run repeats nothing
and a person can read where it stands. An item is done once its worker really called what it had
to, returned something, and its criterion was found to hold; nothing else makes it so. What was not
shown within the rounds ends as `Unverified`, with the last result and the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from workbench.agent.agent import Agent
from workbench.agent.media import takes_media
from workbench.agent.plan import Check, Item, item_schema, read_items, ready, written
from workbench.agent.signature import Field, Signature
from workbench.agent.taking import taken_in
from workbench.agent.tool import Tool
from workbench.agent.turn import Turned, turn
from workbench.agent.verifying import Verifying, shown
from workbench.errors import (
    Cancelled,
    InputError,
    LimitReached,
    ReplyError,
    StepFailed,
    Unverified,
)
from workbench.values import dumps
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.pattern import Pattern
from workbench.workflow.verbs import follow, together

_OF_THE_ITEM: Final = frozenset({"rounds", "repeats"})
"""Limits at which an item fails and another plan may do better; at the others the turn ends."""

_FOR_ALL: Final = frozenset({"store_full", "in_doubt", "unknown_name", "model_unreachable"})
"""Failures that no other plan helps: no room, doubt, no such judge, no server."""

_PLANNER = (
    "Plan how the task is done, and do nothing else: each item is carried out by you afterwards, "
    "on its own, knowing only the task, the item and the results it depends on. Name for each "
    "item what it has to call. What is done stays done; plan what is left. Where something "
    "failed, the reasons say why: plan another way. left is what may still be used up."
)
_WORKER = (
    "Carry out this one item of a plan, by calling the tools you have, and answer with what came "
    "of it. The criterion says how one sees that it is done. Say plainly what you did not do."
)
_ANSWER = "Every item of the plan is done: results has what came of each. Answer the task."


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of the items that are done, in the order in which they were."""

    items: dict[str, Item] = field(default_factory=dict[str, Item])
    outcomes: dict[str, Any] = field(default_factory=dict[str, Any])

    def told(self) -> list[dict[str, Any]]:
        """For a planner."""
        return [
            {"id": name, "do": self.items[name].do, "result": shown(one["result"])}
            for name, one in self.outcomes.items()
        ]

    def results(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """What they returned, by id."""
        wanted = self.outcomes if names is None else names
        return {name: self.outcomes[name]["result"] for name in wanted}


async def planned(
    agent: Agent,
    tools: Mapping[str, Tool],
    inputs: Mapping[str, Any],
    find: Callable[[str], Tool],
) -> dict[str, Any]:
    """Take a turn by plan; the outputs as values. Arguments as for `workbench.agent.turn.turn`.

    Raises:
        Unverified: not done, or not shown to be, in all its rounds.
        ReplyError: twice running no plan, or no answer, that can be read.
        LimitReached: what is left of a budget does not pay for another round.
        StepFailed: the plan was refused, or what no other plan can help.
    """
    inputs = await taken_in(agent.signature.inputs, inputs)
    return await _Work(agent, tools, inputs, find).all()


@dataclass(frozen=True, eq=False)
class _Work:
    """One turn by plan: whose, with which tools, on which task."""

    agent: Agent
    tools: Mapping[str, Tool]
    inputs: Mapping[str, Any]
    find: Callable[[str], Tool]

    async def all(self) -> dict[str, Any]:
        """Plan, carry out, answer, verify; again with what failed, until it holds."""
        done, failed, last = _Done(), list[dict[str, Any]](), None
        spent = await _afford({})
        left = spent["left"]
        for number in range(self.agent.planning.rounds):
            if number:
                now = await _afford({})
                left = await self._left(number, _between(spent, now), last, failed)
                spent = now
            items = await self._agreed(done, failed, left)
            failed = await self._carried_out(items, done)
            if not failed:
                last = await self._scope("answer", self.answer, results=done.results())
                failed = await self._unverified(last, done)
            if not failed:
                return last or {}
        raise Unverified(
            f"agent {self.agent.name!r} is not done after {_count(self.agent.planning.rounds)}: "
            f"{_first_reason(failed)}",
            hint="Give it more rounds, or mend what the reasons name",
            result=last if last is not None else done.results(),
            reasons=failed,
        )

    async def _left(
        self, number: int, cost: dict[str, Any], last: Any, failed: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """What may still be used up; another round begins only if it can be paid for."""
        try:
            return (await _afford(cost))["left"]
        except StepFailed as error:
            if error.error_code != LimitReached.code:
                raise
            data: dict[str, Any] = {**error.data, "result": last, "reasons": failed}
            text = f"agent {self.agent.name!r} stops before plan {number + 1}: {error.message}"
            raise LimitReached(text, hint="", **data) from None

    # -- the plan --------------------------------------------------------------------------------

    async def _agreed(
        self, done: _Done, failed: list[dict[str, Any]], left: Mapping[str, Any]
    ) -> tuple[Item, ...]:
        """A plan, as a person accepted it where one is asked."""
        told = {"done": done.told(), "failed": failed, "left": left}
        items = await self._scope("plan", self.plan, **told)
        if self.agent.planning.approve == "ask":
            read = partial(self._read, done=[*done.outcomes])
            given = {"items": items, "tools": [*self.tools], "done": [*done.outcomes]}
            review: Effect[Any] = Effect("review", "plan", given, subject=read, repeat=Repeat.PURE)
            items = (await review)["items"]
        return self._read(items, [*done.outcomes])

    def _read(self, items: Sequence[Any], done: Sequence[str]) -> tuple[Item, ...]:
        return read_items(items, self.tools, self.agent.planning.items, done)

    async def plan(
        self, done: list[Any], failed: list[Any], left: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Have the agent plan: it may look around, and nothing else."""
        signature = Signature.parse(
            "task: str, tools: list[str], done: list[dict], failed: list[dict], left: dict "
            "-> items: list[Item]",
            {"Item": item_schema([*self.tools])},
            instructions=f"{_PLANNER} At most {self.agent.planning.items} items.",
        )
        looking = self._looking()
        inputs = {"task": self.task, "tools": self._described(), "done": done}
        inputs |= {"failed": failed, "left": left}

        def check(reply: Mapping[str, Any]) -> None:
            try:
                self._read(reply["items"], [one["id"] for one in done])
            except InputError as error:
                text = dumps(reply["items"]).decode()
                raise ReplyError(error.message, hint=error.hint, text=text, **error.data) from None

        planner, inputs = self._role(self._seeing(signature), looking), {**inputs, **self.media}
        found = await turn(planner, looking, inputs, self.find, check=check)
        return written(self._read(found["items"], [one["id"] for one in done]))

    # -- the items -------------------------------------------------------------------------------

    async def _carried_out(self, items: Sequence[Item], done: _Done) -> list[dict[str, Any]]:
        """Carry the items out in the order of their dependencies; what failed, and why."""
        failed: list[dict[str, Any]] = []
        while not failed and (free := ready(items, done.outcomes)):
            now = free[: self.agent.planning.at_once]
            outcomes = await together(self._item(item, done) for item in now)
            for item, outcome in zip(now, outcomes, strict=True):
                if "why" in outcome:
                    failed.append({"id": item.id, "do": item.do, **outcome})
                else:
                    done.items[item.id] = item
                    done.outcomes[item.id] = outcome
        return failed

    async def _item(self, item: Item, done: _Done) -> dict[str, Any]:
        """What came of an item, or ``why`` it is not done."""
        (told,) = written([item])
        results = done.results(item.depends_on)
        try:
            return await self._scope(f"item {item.id}", self.carry_out, item=told, results=results)
        except StepFailed as error:
            if _ends_all(error):
                raise
            reasons: list[str] = error.data.get("reasons") or [error.message]
            more = {"result": shown(error.data["result"])} if "result" in error.data else {}
            return {"why": reasons, **more}
        except Cancelled as error:
            if error.reason != "call":
                raise
            return {"why": ["a person ended this item"]}

    async def carry_out(self, item: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
        """Have the agent do one item, and see for oneself that it is done."""
        (wanted,) = self._read([{**item, "depends_on": []}], [])
        tools = {name: self.tools[name] for name in wanted.tools}
        signature = Signature.parse(
            "task: str, item: str, criterion: str, results: dict -> result: str",
            instructions=_WORKER,
        )
        inputs = {"task": self.task, "item": wanted.do, "criterion": wanted.criterion}
        inputs |= {"results": results, **self.media}
        turned = Turned()
        worker = self._role(self._seeing(signature), tools)
        found = await turn(worker, tools, inputs, self.find, turned=turned)
        result, evidence = found["result"], turned.evidence()
        if tools and not turned.acted:
            raise Unverified(
                f"item {wanted.id!r} called none of its tools: nothing was done",
                result=result,
                reasons=[f"it had to call {' or '.join(tools)}, and no such call succeeded",
                         *evidence],
            )  # fmt: skip
        criterion: str | Check = wanted.check or wanted.criterion
        reasons = await self._verifying().unmet([criterion], result, evidence)
        if reasons:
            raise Unverified(
                f"item {wanted.id!r} is not done: {reasons[0]}", result=result, reasons=reasons
            )
        return {"result": result, "called": [*turned.acted]}

    # -- the answer ------------------------------------------------------------------------------

    async def answer(self, results: dict[str, Any]) -> dict[str, Any]:
        """Have the agent answer by its own signature, from what its items came to."""
        own = self.agent.signature
        came = Field("results", Signature.parse("results: dict -> ok: bool").inputs[0].type)
        text = "\n\n".join(part for part in (own.instructions, _ANSWER) if part)
        signature = Signature((*own.inputs, came), own.outputs, text, own.name)
        answerer = self._role(signature, {}, examples=self.agent.examples)
        return await turn(answerer, {}, {**self.inputs, "results": results}, self.find)

    async def _unverified(self, answer: Any, done: _Done) -> list[dict[str, Any]]:
        """Why the answer does not hold, as something that failed; empty if it does."""
        checks = self.agent.planning.checks
        if not checks:
            return []
        evidence = [f"{name}: {shown(one)}" for name, one in done.results().items()]
        try:
            await self._scope("verify", self.verify, answer=answer, evidence=evidence)
        except StepFailed as error:
            if _ends_all(error):
                raise
            why: list[str] = error.data.get("reasons") or [error.message]
            return [{"id": "the answer", "why": why, "result": shown(answer)}]
        return []

    async def verify(self, answer: dict[str, Any], evidence: list[str]) -> dict[str, Any]:
        """See whether all that was asked of the answer holds."""
        checks = self.agent.planning.checks
        reasons = await self._verifying().unmet(checks, answer, evidence)
        if reasons:
            raise Unverified(
                f"the answer was not verified: {reasons[0]}", result=answer, reasons=reasons
            )
        return {"passed": True, "criteria": [str(check) for check in checks]}

    # -- parts -----------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """The inputs as a text."""
        values = [*self.inputs.values()]
        only = len(values) == 1 and isinstance(values[0], str)
        return str(values[0]) if only else dumps(self.inputs).decode()

    @property
    def media(self) -> dict[str, Any]:
        """The inputs that no text can stand for."""
        fields = self.agent.signature.inputs
        return {f.name: self.inputs[f.name] for f in fields if takes_media(f.type)}

    def _seeing(self, signature: Signature) -> Signature:
        """A role that is given the media as well."""
        own = tuple(f for f in self.agent.signature.inputs if f.name in self.media)
        return replace(signature, inputs=(*signature.inputs, *own)) if own else signature

    def _verifying(self) -> Verifying:
        return Verifying(self.agent, self.task, self._looking(), self.find, self._role)

    def _looking(self) -> dict[str, Tool]:
        """Those of its tools that only read."""
        named = self.tools.items()
        return {n: t for n, t in named if t.act == "read" and t.repeat is Repeat.PURE}

    def _described(self) -> list[str]:
        return [f"{name}: {tool.description}" for name, tool in self.tools.items()]

    def _role(
        self, signature: Signature, tools: Mapping[str, Tool], examples: Sequence[Any] = ()
    ) -> Agent:
        """The same agent with another job: its model, instructions, options, rules and budget."""
        agent = self.agent
        return Agent(
            agent.name,
            signature,
            instructions=agent.instructions,
            tools=[*tools.values()],
            model=agent.model,
            fallback=agent.fallback,
            style="auto" if tools else "single",
            max_rounds=agent.max_rounds,
            options=agent.options,
            examples=examples,
        )

    def _scope(
        self, name: str, function: Callable[..., Coroutine[Any, Any, Any]], **inputs: Any
    ) -> Effect[Any]:
        return follow(Pattern(function, name), **inputs)


def _afford(amount: Mapping[str, Any]) -> Effect[Any]:
    """See that so much can be paid for; what was used and what is left."""
    return Effect("afford", "plan", dict(amount))


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a round took."""
    return {name: used - before["used"].get(name, 0) for name, used in after["used"].items()}


def _ends_all(error: StepFailed) -> bool:
    """Whether a failure is none of an item's own."""
    if error.error_code == LimitReached.code:
        return error.data.get("limit") not in _OF_THE_ITEM
    return error.error_code in _FOR_ALL


def _count(rounds: int) -> str:
    return "one plan" if rounds == 1 else f"{rounds} plans"


def _first_reason(failed: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{one['id']}: {one['why'][0]}" for one in failed[:3])
