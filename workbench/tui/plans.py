"""Plans on the screen: the items of each planning turn with their states, and how they are written.

Folded from rows like everything on the board. What a plan says comes from a model or a person and
is shown as it stands; nothing is left out, because a person accepts what these lines show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from workbench.journal.events import OUTCOMES, Event
from workbench.plain import Plain, one_line
from workbench.tui.cells import Role
from workbench.tui.grades import state_role
from workbench.tui.written import BLANK, Written, labelled, text_lines

_ITEM = "item "
_ENDS = {"step.finished": "done", "step.failed": "failed", "step.denied": "denied"}


@dataclass(slots=True)
class PlanShown:
    """The plan of one turn."""

    items: list[Mapping[str, Any]] = field(default_factory=list["Mapping[str, Any]"])
    states: dict[str, str] = field(default_factory=dict[str, str])
    """By item: ``running done failed denied cancelled``; the others are still open."""
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def words(self) -> str:
        """How far it is, in a few words."""
        done = sum(self.states.get(str(item["id"])) == "done" for item in self.items)
        return f"plan: {done} of {len(self.items)} items done"


class Plans:
    """The plans of all turns on the board, by run and scope."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], PlanShown] = {}

    def at(self, run_id: str, key: str) -> PlanShown | None:
        """The plan of the turn that a key stands for or in."""
        return self._known.get((run_id, _turn(key)))

    def take(self, event: Event) -> bool:
        """Take one row in; whether a plan is another now."""
        name = str(event.data.get("name", ""))
        if name == "plan" and event.kind == "step.finished":
            return self._planned(event)
        if not name.startswith(_ITEM) or event.data.get("effect") != "follow":
            return False
        plan, item = self.at(event.run_id, event.key), name.removeprefix(_ITEM)
        if plan is None:
            return False
        if event.kind in OUTCOMES:
            plan.states[item] = _ENDS.get(event.kind, "cancelled")
            error: Mapping[str, Any] = event.data.get("error") or {}
            plan.reasons[item] = str(error.get("message", ""))
        else:
            plan.states[item] = "running"
        return True

    def copied(self) -> Plans:
        """A copy that later rows do not change."""
        found = Plans()
        for turn, plan in self._known.items():
            found._known[turn] = replace(plan, states=dict(plan.states), reasons=dict(plan.reasons))
        return found

    def _planned(self, event: Event) -> bool:
        items = items_of(event.data.get("result"))
        if items:
            self._known[event.run_id, _turn(event.key)] = PlanShown(items)
        return bool(items)


def items_of(value: Any) -> list[Mapping[str, Any]]:
    """The items in what a planner or a review returned; empty when these are none."""
    found: Any = cast("Mapping[str, Any]", value).get("items") if isinstance(value, dict) else value
    if not isinstance(found, list):
        return []
    items = cast("list[Any]", found)
    return items if all(isinstance(item, dict) and "id" in item for item in items) else []


_ORDER = ("id", "do", "criterion", "tools", "depends_on", "check")


def in_order(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with what matters first: rows hold it by the alphabet."""
    known = [name for name in _ORDER if name in item]
    return {name: item[name] for name in [*known, *(n for n in item if n not in known)]}


def _turn(key: str) -> str:
    """The key of the innermost agent's turn that a key stands for or in."""
    parts = key.split("/")
    while parts and not parts[-1].partition(":")[2].startswith("ask."):
        parts.pop()
    return "/".join(parts)


def plan_lines(
    items: Sequence[Mapping[str, Any]], width: int, shown: PlanShown | None = None
) -> Iterator[Written]:
    """A plan item by item, with the states of its items where it runs."""
    for number, item in enumerate(items, 1):
        name = str(item.get("id", ""))
        state = "" if shown is None else shown.states.get(name, "open")
        role: Role = state_role(state)
        yield (
            (Plain(f"{number:>2} "), "dim"),
            (one_line(name), "strong"),
            (Plain(f"  {state}" if state else ""), role),
        )
        yield from text_lines(str(item.get("do", "")), width, indent=3)
        reason = "" if shown is None else shown.reasons.get(name, "")
        if reason:
            yield from text_lines(reason, width, indent=3, role="bad")
        for label, value in _beside(item):
            yield from _indented(label, value, width)
    if shown is not None:
        yield BLANK


def _beside(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an item says beside what is to be done, in words of the screen."""
    yield "after", _joined(item.get("depends_on"))
    yield "calls", _joined(item.get("tools"))
    yield "done if", str(item.get("criterion", ""))
    check: Any = item.get("check") or {}
    told = cast("Mapping[str, Any]", check).items() if isinstance(check, dict) else ()
    yield "check", ", ".join(f"{name} {value}" for name, value in told if value)
    for name in item:
        if name not in _ORDER:
            yield name, str(item[name])


def _joined(value: Any) -> str:
    names = cast("list[Any]", value) if isinstance(value, list) else [value] if value else []
    return ", ".join(map(str, names))


def _indented(label: str, value: str, width: int) -> Iterator[Written]:
    if not value:
        return
    for line in labelled(label, value, width - 3):
        yield ((Plain("   "), ""), *line)
