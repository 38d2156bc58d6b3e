"""Plans as values: items, what shows that they are done, and how an agent that plans goes about it.

Pure: what is read here comes from a model or a person, so every refusal names the item it is about.
How a plan is made, carried out and verified is in `workbench.agent.planning`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, cast

from workbench.agent import grammar
from workbench.agent.fields import read_fields
from workbench.agent.kinds import Misfit
from workbench.agent.signature import Signature
from workbench.errors import InputError, nearest

MOST_ITEMS = 50
"""Of any plan, whatever an agent's own limit says."""
_LONGEST_ID = 100


@dataclass(frozen=True, slots=True)
class Check:
    """Something that a tool can find out: a command that succeeds, or a file that is there."""

    command: str = ""
    """A command that must end with 0."""
    file: str = ""
    """A path that must exist."""
    contains: str = ""
    """What the file, or else what the command prints, must contain."""

    def __str__(self) -> str:
        what = (
            f"command {self.command!r} succeeds" if self.command else f"file {self.file!r} is there"
        )
        return f"{what} and has {self.contains!r}" if self.contains else what

    @property
    def problem(self) -> str:
        """Why it says nothing, or empty."""
        if bool(self.command.strip()) == bool(self.file.strip()):
            return "names either a command or a file"
        return ""


Criterion: TypeAlias = "str | Check"
"""Words for a judge, or something that a tool finds out."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do."""

    id: str
    """A short name, its own in the plan."""
    do: str
    """What is to be done, in words."""
    criterion: str
    """How one sees that it is done."""
    tools: list[str] = field(default_factory=list[str])
    """What it may call, and has to: an item with tools that called none did nothing."""
    depends_on: list[str] = field(default_factory=list[str])
    """Ids of the items that come first."""
    check: Check | None = None
    """The criterion as a command or a file, where there is such a one; else a judge decides."""


@dataclass(frozen=True, slots=True)
class Planning:
    """How an agent with style ``plan`` or ``verify`` goes about it."""

    approve: Literal["ask", "never"] = "never"
    """``ask``: a person reads each plan, may edit it, and accepts or refuses it before it runs,
    unless a rule about the tool ``plan`` says so."""
    rounds: int = 3
    """The most plans of one turn: the first, and those made after a failure."""
    items: int = 12
    """The most items of one plan."""
    at_once: int = 4
    """How many items that do not depend on one another run at the same time."""
    checks: tuple[Criterion, ...] = ()
    """Of style ``verify``: what must hold of the answer."""
    judge: str = ""
    """A registered agent that judges what no tool finds out (`JUDGE`); empty: the agent itself."""

    @staticmethod
    def read(given: Mapping[str, Any] | Planning, style: str) -> Planning:
        """Read the settings. Raises InputError naming the key."""
        found = given if isinstance(given, Planning) else Planning(**_settings(given))
        _check_numbers(found)
        for check in found.checks:
            if isinstance(check, Check) and check.problem:
                raise _refused(f"a check {check.problem}: {asdict(check)}")
            if not str(check).strip():
                raise _refused("a check says nothing")
        if style == "verify" and not found.checks:
            raise _refused("style 'verify' needs checks", 'checks=["…"] or [{"command": "…"}]')
        if style == "plan" and found.checks:
            raise _refused("style 'plan' verifies no checks", "Write style 'verify'")
        return found

    def definition(self) -> dict[str, Any]:
        """As JSON; `read` reads it back."""
        checks = [asdict(one) if isinstance(one, Check) else one for one in self.checks]
        return {**asdict(self), "checks": checks}


_SETTINGS, _ = grammar.parse(
    'approve: Literal["ask", "never"] = "never", rounds: int = 3, items: int = 12, '
    'at_once: int = 4, checks: list[str | Check] = [], judge: str = "" -> planning',
    {"Check": Check},
)

JUDGE = Signature.parse(
    "task: str, result: str, criteria: list[str], evidence: list[str] "
    "-> passed: bool, reasons: list[str]",
    instructions="Judge whether the result fulfils every criterion. The evidence says what was "
    "really done; what nothing shows was not done. passed is true only if every criterion is "
    "fulfilled; give a reason for each that is not.",
)
"""What a judge is asked, and answers."""


def item_schema(tools: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of one item, for an agent with these tools: it can name no others."""
    text, names = {"type": "string"}, {"type": "string", "enum": [*tools]}
    check = {"command": text, "file": text, "contains": text}
    told: dict[str, Any] = {
        "id": {**text, "maxLength": 60, "description": "A short name, its own in the plan"},
        "do": {**text, "description": "What is to be done"},
        "criterion": {**text, "description": "How one sees that it is done"},
        "tools": {
            "type": "array",
            "items": names if tools else text,
            "maxItems": len(tools),
            "default": [],
            "description": "What it has to call to be done; empty for what needs only thought",
        },
        "depends_on": {
            "type": "array",
            "items": text,
            "default": [],
            "description": "Ids of the items whose results it needs",
        },
        "check": {
            "anyOf": [_object(check, ()), {"type": "null"}],
            "default": None,
            "description": "The criterion as a command that must succeed, or a file that must "
            "exist, either with what it must contain; null where there is no such",
        },
    }
    return _object(told, ("id", "do", "criterion"))


def _object(properties: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*required],
        "additionalProperties": False,
    }


def read_items(
    items: Iterable[Any], tools: Collection[str], most: int, done: Collection[str] = ()
) -> tuple[Item, ...]:
    """Check the items of a plan.

    Args:
        items: as `Item`, or as JSON from a row or a person.
        tools: the names of the agent's tools.
        most: how many items there may be.
        done: ids of items of earlier plans that are done; new ones may depend on them.

    Raises:
        InputError: naming the item and what is wrong with it.
    """
    found = tuple(_item(one, number) for number, one in enumerate(items, 1))
    if not found:
        raise InputError("the plan has no item", hint="Plan at least one", field="items")
    if len(found) > min(most, MOST_ITEMS):
        least = min(most, MOST_ITEMS)
        raise InputError(f"the plan has {len(found)} items, and {least} is the most", field="items")
    ids = [item.id for item in found]
    for place, item in enumerate(found):
        _check_item(item, place, ids, tools, done)
    if circle := _circle(found):
        raise InputError(f"items depend on each other in a circle: {' → '.join(circle)}")
    return found


def ready(items: Sequence[Item], done: Collection[str]) -> list[Item]:
    """The items that are not done and whose dependencies are, in the plan's order."""
    return [i for i in items if i.id not in done and all(one in done for one in i.depends_on)]


def written(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The items as JSON, without what is empty."""
    told = [_filled(asdict(item)) for item in items]
    return [{**one, **({"check": _filled(one["check"])} if "check" in one else {})} for one in told]


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _item(given: Any, number: int) -> Item:
    if isinstance(given, Item):
        return given
    name = cast("dict[str, Any]", given).get("id") if isinstance(given, dict) else None
    what = f"item {name!r}" if isinstance(name, str) and name else f"item {number}"
    try:
        return cast("Item", read_fields(_ITEM.inputs, {"item": given})["item"])
    except Misfit as misfit:
        place = misfit.place.removeprefix("item").removeprefix(".")
        where = f"{what}: {place!r}" if place else what
        raise InputError(f"{where} {misfit.problem}", hint=misfit.hint, field="items") from None


_ITEM = Signature.parse("item: Item -> ok: bool", {"Item": Item})


def _check_item(
    item: Item, place: int, ids: Sequence[str], tools: Collection[str], done: Collection[str]
) -> None:
    if not _is_name(item.id):
        raise InputError(f"item {place + 1} needs an id: one short line, not {item.id[:40]!r}")

    def refuse(problem: str, guess: str | None = None) -> InputError:
        hint = f"Did you mean {guess!r}?" if guess else ""
        return InputError(f"item {item.id!r} {problem}", hint=hint, field="items", item=item.id)

    if ids.index(item.id) != place:
        raise refuse("stands twice in the plan")
    if item.id in done:
        raise refuse("is done already: give what is left a name of its own")
    for name in ("do", "criterion"):
        if not getattr(item, name).strip():
            raise refuse(f"says no {name!r}")
    wanted = [
        (tool, tools, "wants the tool {!r}, which the agent does not have") for tool in item.tools
    ]
    known = [*ids, *done]
    wanted += [(one, known, "depends on {!r}, which is no item") for one in item.depends_on]
    for name, there, problem in wanted:
        if name not in there:
            raise refuse(problem.format(name), nearest(name, there))
    if item.check is not None:
        _check_check(item.check, tools, refuse)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST_ID and text.isprintable()


def _check_check(check: Check, tools: Collection[str], refuse: Any) -> None:
    """A plan may look with what the agent has, and with nothing else."""
    if check.problem:
        raise refuse(f"has a check that {check.problem.replace('names', 'does not name')}")
    if check.command and "bash_command" not in tools:
        raise refuse("is checked by a command, and the agent has no bash_command")
    if check.file and not any("file" in tool for tool in tools):
        raise refuse("is checked by a file, and the agent has no tool for files")


def _circle(items: Sequence[Item]) -> list[str]:
    """Ids that depend on one another, the first one again at the end; empty if none do."""
    left = {item.id: list(item.depends_on) for item in items}
    while free := [name for name, needs in left.items() if not any(n in left for n in needs)]:
        for name in free:
            del left[name]
    if not left:
        return []
    way = [next(iter(left))]
    while way[-1] not in way[:-1]:
        way.append(next(one for one in left[way[-1]] if one in left))
    return way[way.index(way[-1]) :]


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = read_fields(_SETTINGS, given)
    except Misfit as misfit:
        raise _refused(f"{misfit.place!r} {misfit.problem}", misfit.hint) from None
    return {**found, "checks": tuple(found["checks"])}


def _check_numbers(planning: Planning) -> None:
    for name in ("rounds", "items", "at_once"):
        if not 1 <= getattr(planning, name) <= MOST_ITEMS:
            raise _refused(f"{name!r} is from 1 to {MOST_ITEMS}, not {getattr(planning, name)!r}")


def _refused(problem: str, hint: str = "") -> InputError:
    return InputError(f"planning: {problem}", hint=hint, field="planning")
