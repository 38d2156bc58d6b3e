"""What waits for a person, as the inbox holds it: made from a log row or from the core's list.

The log row comes first and says what is asked; the core's own entry adds what only it knows (the
diff of a write, what a script's rule would answer). Both become the same value here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, cast

from workbench.journal.events import Event, agents_of
from workbench.permission.danger import Danger
from workbench.tui.trace_rows import brief, danger_of

CHOICES: Mapping[str, tuple[str, ...]] = {
    "in_doubt": ("done", "not done", "run again", "abort"),
    "budget": ("continue", "extend", "stop"),
    "interrupt": ("continue", "extend", "stop"),
    "plan": ("accept", "refuse"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One waiting thing."""

    id: str
    kind: str
    """``permission question in_doubt budget plan`` and whatever else the core asks."""
    run_id: str
    key: str = ""
    agents: tuple[str, ...] = ()
    """The agent that asks and its parents, outermost first; empty for the pattern itself."""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    danger: Danger | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    why: str = ""
    rule: str = ""
    preview: str = ""
    asked_at: float = 0.0
    expires_at: float | None = None
    choices: tuple[str, ...] = ()
    text: str = ""
    known: tuple[tuple[str, str], ...] = ()
    """Of a doubt: what is known about the attempt, each with a label."""
    presumed: Any = None
    """Of a doubt: what "done" comes back with when no result is typed."""
    selected: str = ""
    """What a rule of a script preselects: ``allow``, ``deny``, an answer to a doubt, or empty."""
    driver: str = ""
    """The other process whose run asks."""
    digest: str = ""
    """Of exactly this action."""
    gone: str = ""
    """Why it no longer waits; kept on the screen only under the user's hands."""

    @property
    def agent(self) -> str:
        """Who asks."""
        return self.agents[-1] if self.agents else ""

    @property
    def is_permission(self) -> bool:
        """Whether it is allowed or denied rather than answered."""
        return self.kind == "permission"

    @property
    def is_doubt(self) -> bool:
        """Whether it asks what became of something that was begun."""
        return self.kind == "in_doubt"

    @property
    def is_plan(self) -> bool:
        """Whether it is a plan to be accepted, as it stands or edited."""
        return self.kind == "plan"

    @property
    def is_grave(self) -> bool:
        """Whether it opens on Deny."""
        return self.danger is not None and self.danger >= Danger.HIGH

    @property
    def is_critical(self) -> bool:
        """Whether allowing needs the tool's name typed."""
        return self.danger is not None and self.danger >= Danger.CRITICAL

    @property
    def subject(self) -> str:
        """The action on one line."""
        if self.is_permission:
            return f"{self.tool} {brief(self.arguments)}".strip()
        return self.text[:400] or self.kind


def asked_in(event: Event) -> Asked:
    """The waiting thing that an ``approval.asked`` or ``question.asked`` row tells of."""
    data = event.data
    is_question = event.kind == "question.asked"
    kind = str(data.get("asked_as", "question")) if is_question else "permission"
    return Asked(
        id=str(data.get("id", "")),
        kind=kind,
        run_id=event.run_id,
        key=event.key,
        agents=_agents(event.key, data.get("agent")),
        tool=str(data.get("tool", "")),
        arguments=_mapping(data.get("arguments")),
        danger=_danger(data.get("danger")),
        facts=_mapping(data.get("facts")) or {"notes": data.get("notes") or ()},
        why=_text(data.get("why")),
        rule=_text(data.get("rule")),
        preview=_text(data.get("preview")),
        asked_at=event.at,
        expires_at=_time(data.get("expires_at")),
        choices=_choices(kind, data.get("choices")),
        text=_text(data.get("text")),
        known=_known(data.get("evidence")),
        selected=_text(data.get("selected")),
        digest=_text(data.get("digest")),
    )


def asked_from(waiting: Any) -> Asked:
    """The same from the core's `Waiting`, or from an object with its attributes."""
    kind = str(getattr(waiting, "kind", "permission"))
    key = str(getattr(waiting, "key", ""))
    return Asked(
        id=str(waiting.id),
        kind=kind,
        run_id=str(waiting.run_id),
        key=key,
        agents=_agents(key, getattr(waiting, "agent", "")),
        tool=_text(getattr(waiting, "tool", "")),
        arguments=_mapping(getattr(waiting, "arguments", None)),
        danger=_danger(getattr(waiting, "danger", None)),
        facts=_mapping(getattr(waiting, "facts", None)),
        why=_text(getattr(waiting, "why", "")),
        rule=_text(getattr(waiting, "rule", "")),
        preview=_text(getattr(waiting, "preview", "")),
        asked_at=_time(getattr(waiting, "asked_at", None)) or 0.0,
        expires_at=_time(getattr(waiting, "expires_at", None)),
        choices=_choices(kind, getattr(waiting, "choices", ())),
        text=_text(getattr(waiting, "text", "")),
        known=_known(getattr(waiting, "evidence", None)),
        presumed=getattr(waiting, "presumed", None),
        selected=_text(getattr(waiting, "selected", "")),
        digest=_text(getattr(waiting, "digest", "")),
    )


def _known(evidence: Any) -> tuple[tuple[str, str], ...]:
    """What evidence says, from the core's value or from a row."""
    if evidence is None:
        return ()
    from workbench.run.evidence import Evidence  # noqa: PLC0415 - doubts are rare

    found = evidence if isinstance(evidence, Evidence) else Evidence.from_json(evidence)
    return tuple(found.lines())


def _agents(key: str, agent: Any) -> tuple[str, ...]:
    found = tuple(agents_of(key))
    if not agent or (found and found[-1] == agent):
        return found
    return (*found, str(agent))


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return {}


def _danger(value: Any) -> Danger | None:
    grade = danger_of(value)
    return Danger(grade) if grade >= 0 else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _choices(kind: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return tuple(str(choice) for choice in cast("Sequence[Any]", value))
    return CHOICES.get(kind, ())
