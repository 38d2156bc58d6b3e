"""JSON schemas: whole ones made from fields, and foreign ones checked against a value.

Made ones carry no references unless a type contains itself: small models and some servers read
past a ``$ref``. Foreign ones (of MCP tools, of types defined in a file) are checked by the part
of JSON Schema that says what fits where; patterns and formats are left to whoever owns them,
because a stranger's regular expression can take for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbench.agent.fields import Field, object_schema
from workbench.agent.kinds import Misfit, Schema, shown

_DEPTH = 200
_STEPS = 100_000
_PREFIXES = ("#/$defs/", "#/definitions/")


def schema_of(fields: Sequence[Field]) -> Schema:
    """The complete JSON schema of an object with these fields."""
    definitions: dict[str, Schema] = {}
    return inlined({**object_schema(fields, definitions), "$defs": definitions})


def inlined(schema: Schema) -> Schema:
    """The same schema without references, except those of types that contain themselves."""
    definitions = cast("dict[str, Schema]", schema.get("$defs", {}))
    kept: set[str] = set()

    def visit(node: Any, path: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [visit(item, path) for item in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        found = cast("dict[str, Any]", node)
        name = str(found.get("$ref", "")).removeprefix(_PREFIXES[0])
        if name not in definitions:
            return {key: visit(item, path) for key, item in found.items()}
        if name in path or _reaches(definitions, name, name):
            kept.add(name)
            return found
        beside = {key: visit(item, path) for key, item in found.items() if key != "$ref"}
        return {**visit(definitions[name], (*path, name)), **beside}

    whole = visit({key: item for key, item in schema.items() if key != "$defs"}, ())
    done: dict[str, Any] = {}
    while left := kept - done.keys():
        name = min(left)
        done[name] = visit(definitions[name], (name,))
    return {**whole, "$defs": done} if done else whole


def _reaches(definitions: Mapping[str, Schema], start: str, goal: str) -> bool:
    """Whether following references from one definition leads to another (or back to itself)."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in _referred(definitions.get(waiting.pop(), {})):
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False


def _referred(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for item in cast("list[Any]", node) for name in _referred(item)]
    if not isinstance(node, dict):
        return []
    found = cast("dict[str, Any]", node)
    here = [str(found["$ref"]).removeprefix(_PREFIXES[0])] if "$ref" in found else []
    return here + [name for item in found.values() for name in _referred(item)]


def fit(schema: Any, value: Any, place: str) -> Any:
    """Return a copy of the value that satisfies the schema, or raise `Misfit`.

    Args:
        schema: JSON schema; what it says beyond the checked part is not looked at.
        value: Any JSON value.
        place: Its path, for messages; empty for the arguments of a tool as a whole.
    """
    return _fit(schema, value, place, _Walk(schema))


@dataclass(slots=True)
class _Walk:
    """One checking of one value: where references lead, and how much more may be done.

    A schema of three lines can refer to itself so that checking doubles at every step.
    """

    root: Any
    depth: int = 0
    steps: int = 0

    def down(self, place: str) -> None:
        self.depth += 1
        self.steps += 1
        if self.depth > _DEPTH:
            raise TooMuch(place, "is nested too deep for its schema")
        if self.steps > _STEPS:
            raise TooMuch(place, "takes too long to check against its schema")


class TooMuch(Misfit):
    """The checking was given up; no other option of the schema is tried."""


def _fit(schema: Any, value: Any, place: str, walk: _Walk) -> Any:
    walk.down(place)
    try:
        if schema is False:
            raise Misfit(place, "is not allowed")
        if not isinstance(schema, Mapping):
            return value
        return _by_rules(cast("Mapping[str, Any]", schema), value, place, walk)
    finally:
        walk.depth -= 1


def _by_rules(rules: Mapping[str, Any], value: Any, place: str, walk: _Walk) -> Any:
    if "$ref" in rules:
        value = _fit(_resolved(rules["$ref"], walk.root), value, place, walk)
    value = _of_type(rules, value, place)
    _in_bounds(rules, value, place)
    value = _combined(rules, value, place, walk)
    if isinstance(value, Mapping):
        return _object(rules, cast("Mapping[str, Any]", value), place, walk)
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        rule = rules.get("items", True)
        return [_fit(rule, item, f"{place}[{i}]", walk) for i, item in enumerate(items)]
    return value


def _list(rules: Mapping[str, Any], word: str) -> list[Any]:
    """What a schema lists under a word; nothing where a stranger wrote something else."""
    found = rules.get(word)
    return cast("list[Any]", found) if isinstance(found, list) else []


def _mapping(rules: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    found = rules.get(word)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _resolved(reference: Any, root: Any) -> Any:
    for prefix in _PREFIXES:
        if isinstance(reference, str) and reference.startswith(prefix):
            group = _mapping(root, prefix.split("/")[1])
            return group.get(reference.removeprefix(prefix), True)
    return root if reference == "#" else True


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
    "null": (type(None),),
}


def _of_type(rules: Mapping[str, Any], value: Any, place: str) -> Any:
    stated = rules.get("type")
    names = cast("list[Any]", stated if isinstance(stated, list) else [stated])
    if stated is not None:
        value = _as_one_of(names, value, place)
    choices = rules.get("enum", [rules["const"]] if "const" in rules else None)
    if isinstance(choices, list) and not any(
        _same(choice, value) for choice in cast("list[Any]", choices)
    ):
        listed = ", ".join(map(repr, cast("list[Any]", choices)))
        raise Misfit.wrong(place, f"one of {listed}", value)
    return value


def _as_one_of(names: Sequence[Any], value: Any, place: str) -> Any:
    is_bool = isinstance(value, bool)
    for name in names:
        if name == "integer" and not is_bool:
            if isinstance(value, int):
                return value
            # To JSON Schema 1.0 is an integer.
            if isinstance(value, float) and value.is_integer():
                return int(value)
        kinds = _TYPES.get(str(name))
        if kinds and isinstance(value, kinds) and (not is_bool or name == "boolean"):
            return value
        if kinds is None and name != "integer":
            return value
    raise Misfit.wrong(place, " or ".join(map(str, names)), value)


def _same(choice: Any, value: Any) -> bool:
    return choice == value and isinstance(choice, bool) is isinstance(value, bool)


def _in_bounds(rules: Mapping[str, Any], value: Any, place: str) -> None:
    measured: float
    match value:
        case str():
            measured, suffix, unit = len(value), "Length", " characters"
        case list() | tuple():
            measured, suffix, unit = len(cast("list[Any]", value)), "Items", " items"
        case int() | float() if not isinstance(value, bool):
            measured, suffix, unit = value, "imum", ""
        case _:
            return
    least, most = rules.get(f"min{suffix}"), rules.get(f"max{suffix}")
    if isinstance(least, int | float) and measured < least:
        raise Misfit.wrong(place, f"at least {least}{unit}", value)
    if isinstance(most, int | float) and measured > most:
        raise Misfit.wrong(place, f"at most {most}{unit}", value)


def _combined(rules: Mapping[str, Any], value: Any, place: str, walk: _Walk) -> Any:
    for rule in _list(rules, "allOf"):
        value = _fit(rule, value, place, walk)
    for word in ("anyOf", "oneOf"):
        options = _list(rules, word)
        if options:
            value = _first_fit(options, value, place, walk)
    return value


def _first_fit(options: list[Any], value: Any, place: str, walk: _Walk) -> Any:
    deepest: Misfit | None = None
    for option in options:
        try:
            return _fit(option, value, place, walk)
        except TooMuch:
            raise
        except Misfit as misfit:
            if deepest is None or len(misfit.place) > len(deepest.place):
                deepest = misfit
    if deepest and len(deepest.place) > len(place):
        raise deepest
    raise Misfit.wrong(place, " or ".join(map(_wanted, options)), value)


def _wanted(rules: Any) -> str:
    """What a schema wants, in a word or a few."""
    if not isinstance(rules, Mapping):
        return "something"
    found = cast("Mapping[str, Any]", rules)
    return str(found.get("type") or found.get("enum") or found.get("title") or "something")


def _object(
    rules: Mapping[str, Any], value: Mapping[str, Any], place: str, walk: _Walk
) -> dict[str, Any]:
    before = f"{place}." if place else ""
    properties = _mapping(rules, "properties")
    others = rules.get("additionalProperties", True)
    found: dict[str, Any] = {}
    for name, item in value.items():
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a program's dict
            raise Misfit(place, f"has the key {shown(name)}; keys are text")
        if name not in properties and others is False:
            raise Misfit.unknown(before, name, sorted(properties))
        rule = properties.get(name, others)
        found[name] = _fit(rule, item, before + name, walk)
    for name in _list(rules, "required"):
        if isinstance(name, str) and name not in value:
            wanted = _wanted(properties.get(name))
            raise Misfit(before + name, "is missing", expected=wanted, got="nothing")
    return found
