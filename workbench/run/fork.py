"""The first rows of a fork: where it begins, and what is different from there on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from workbench.agent.agent import Agent
from workbench.agent.prompt import REASONING, asked
from workbench.agent.tool import Tool
from workbench.errors import InputError, ReplyError
from workbench.journal import overlay
from workbench.journal.events import OUTCOMES, Event, parent_of
from workbench.journal.fork import edited, newest_reply
from workbench.journal.limits import SHAPES, Limits
from workbench.journal.places import Reader, cut_of, newest
from workbench.journal.turns import call_keys, calls_of
from workbench.run.header import STARTER, Header
from workbench.values import dumps

FindTool = Callable[[str], "Tool | None"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A fork that can be made: where it is cut, and what it does otherwise."""

    source: Header
    """The first row of the source's root: pattern and arguments are its."""
    cut: int
    """The last row it shares."""
    place: int
    """The row that was named; an edited reply is cut before the reply it replaces."""
    overlay: Mapping[str, Any]
    edited: Event | None = None
    what: str = ""
    """What was edited: ``reply`` or ``arguments``."""


@dataclass(frozen=True, slots=True)
class Fork:
    """What is wanted of a fork."""

    source: str
    """The run it shares a beginning with."""
    run_id: str
    title: str
    session: str
    at: int | str | None = None
    """A row's ``seq``, a checkpoint's name, or None for the newest row."""
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """By the names of `overlay.LASTING` and `overlay.EDITS`; the source's go on holding."""
    limits: Limits = field(default_factory=Limits)
    """The settings' own: nothing of the source's budget is inherited."""

    def plan(self, reader: Reader, find: FindTool) -> Plan:
        """Find the place and make the edit; nothing is recorded.

        Args:
            reader: the log.
            find: a tool by name, to check edited arguments against; None when it is not known.

        Raises:
            UnknownName: a change, or a checkpoint, that there is not.
            InputError: no such row, nothing to edit, or an edit that does not fit.
        """
        overlay.check_names(self.changes)
        place = cut = cut_of(reader, self.source, self.at)
        reply, what = None, ""
        if (wanted := self.changes.get("reply")) is not None:
            reply, what = _edited_reply(reader, self.source, cut, wanted), "reply"
        elif (given := self.changes.get("arguments")) is not None:
            reply, what = _edited_call(reader, self.source, cut, given, find), "arguments"
        if reply is not None:
            cut = reply.seq - 1
        begun = list(reader.rows(self.source, kinds={"run.started", "run.resumed"}))
        started = [row for row in begun if row.kind == "run.started"]
        last = Header.from_row(started[-1])
        # A fork may have files of its own, which its own forks go on with.
        first = Header.from_row(started[0])
        first = replace(first, workspace=last.workspace, **_code_at(begun, cut))
        return Plan(first, cut, place, overlay.merged(last.overlay, self.changes), reply, what)

    def rows(self, plan: Plan, now: float) -> list[Event]:
        """The rows that make it: one, or two when a reply was edited."""
        data = {
            **plan.source.to_data(),
            "parent": self.source,
            "cut": plan.cut,
            "overlay": plan.overlay,
            "limits": self._limits(plan.source.limits),
            "title": self.title,
            "session": self.session,
        }
        data.pop("by", None)
        if by := STARTER.get():
            data["by"] = by
        if plan.what:
            data["edit"] = plan.what
        rows = [Event(self.run_id, plan.cut + 1, now, "run.started", "", data)]
        if plan.edited is not None:
            told = plan.edited
            rows.append(Event(self.run_id, plan.cut + 2, now, told.kind, told.key, told.data))
        return rows

    def _limits(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Fresh, but the shape stays: what the shared rows show has to follow from it again."""
        fresh = dict.fromkeys(SHAPES) | {name: source[name] for name in SHAPES if name in source}
        return self.limits.changed(fresh).to_json()


def _edited_reply(reader: Reader, run_id: str, cut: int, wanted: Any) -> Event:
    reply = newest_reply(reader, run_id, cut)
    return edited(reply, text=_said(_agent_of(reader, run_id, reply), wanted))


def _said(agent: Agent | None, wanted: Any) -> str:
    """The edited reply as the model would have written it, once its signature accepts it."""
    text = wanted if isinstance(wanted, str) else dumps(wanted).decode()
    if agent is None:
        return text
    signature = asked(agent)
    try:
        if isinstance(wanted, Mapping):
            given = cast("Mapping[str, Any]", wanted)
            outputs = agent.signature.read_outputs(_outputs_in(agent, given))
            if signature.is_plain:
                return str(outputs[signature.outputs[0].name])
            if signature.outputs[0] is REASONING:
                text = dumps({REASONING.name: "", **given}).decode()
        signature.read_reply(text)
    except ReplyError as error:
        raise InputError(
            f"the edited reply does not fit what {agent.name} answers: {error.message}",
            hint=error.hint or f"It answers: {agent.signature}",
            **{name: error.data.get(name) for name in ("field", "place", "expected", "got")},
        ) from None
    return text


def _outputs_in(agent: Agent, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs among what was given: the reasoning before them is none."""
    own = {output.name for output in agent.signature.outputs}
    return {k: v for k, v in wanted.items() if k in own or k != REASONING.name}


def _edited_call(reader: Reader, run_id: str, cut: int, given: Any, find: FindTool) -> Event:
    """The newest reply, with other arguments in the first of its calls that has no outcome yet."""
    if not isinstance(given, Mapping):
        raise InputError(f"arguments are an object, and not {given!r}")
    arguments = dict(cast("Mapping[str, Any]", given))
    reply = newest_reply(reader, run_id, cut)
    place = next_call(reader, run_id, cut, reply)
    if place is None:
        raise InputError(
            f"no tool call is asked next at row {cut} of run {run_id}",
            hint="Fork between a reply that asks for a tool and the tool's outcome",
        )
    calls = [dict(call) for call in calls_of(reply)]
    tool = find(str(calls[place]["name"]))
    if tool is not None:
        tool.read(arguments)
    calls[place]["arguments"] = arguments
    return edited(reply, text=str(reply.data["result"].get("text", "")), calls=calls)


def next_call(reader: Reader, run_id: str, cut: int, reply: Event) -> int | None:
    """Which call of a reply is asked next at a cut: the first without an outcome."""
    turn, done = parent_of(reply.key), set[str]()
    for row in reader.rows(run_id, after=reply.seq, upto=cut):
        if row.key == turn or (row.data.get("effect") == "model" and parent_of(row.key) == turn):
            return None  # the turn went on, or ended: nothing is left to ask
        if row.kind in OUTCOMES:
            done.add(row.key)
    return next((place for place, key in enumerate(call_keys(reply)) if key not in done), None)


def _agent_of(reader: Reader, run_id: str, reply: Event) -> Agent | None:
    """The agent that a reply is from, as the run defined it."""
    turn = parent_of(reply.key)
    started = newest(reader, run_id, reply.seq, {"step.started"}, lambda row: row.key == turn)
    if started is None or "agent" not in started.data:
        return None
    name = started.data["agent"]
    defined = newest(
        reader, run_id, started.seq, {"value.defined"}, lambda row: row.data["digest"] == name
    )
    return Agent.from_definition(defined.data["value"]) if defined is not None else None


def _code_at(begun: Iterable[Event], cut: int) -> dict[str, Any]:
    """With what the source was driven where the fork begins: nothing if its rows do not say."""
    said = [row.data for row in begun if row.seq <= cut and "code" in row.data]
    return {name: said[-1][name] for name in ("version", "source", "code")} if said else {}
