"""Samples: a value that fits a JSON schema, the same one every time.

This is what lets any agent run with no model at all: its signature's schema says what an answer
looks like, so one is made from it. Values prefer what ends loops (True, the first choice, the
highest score), and an output named like an input of the same type repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

Schema: TypeAlias = Mapping[str, Any]

_DEPTH = 12
"""Below this, a schema that contains itself is answered with as little as it allows."""

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1M",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_PATTERNS = ("a", "1", "A", "00", "aa", "abc", "A1", "a-1", "2026-01-01", "1.0.0", "#000000")
_KINDS = {"string": str, "boolean": bool, "integer": int, "number": float}


def sample(schema: Schema, inputs: Mapping[str, Any], label: str = "") -> Any:
    """A value that ``schema`` accepts; ``label`` and ``inputs`` colour its texts."""
    return _Making(schema, inputs).value(schema, label, 0)


def sentence(name: str, inputs: Mapping[str, Any], label: str = "") -> str:
    """A short text about the inputs: who says what about which question."""
    about = next((value for value in inputs.values() if isinstance(value, str) and value), "")
    words = " ".join(about.split()[:12])
    said = ": ".join(part for part in (label, name) if part) or "answer"
    return f"{said} for {words}" if words else said


@dataclass(frozen=True, slots=True)
class _Making:
    """One sample being made: the whole schema, for its references, and the inputs."""

    root: Schema
    inputs: Mapping[str, Any]

    def value(self, schema: Any, label: str, depth: int) -> Any:
        found = self.resolved(_as_schema(schema))
        for key in ("const", "default"):
            if key in found:
                return found[key]
        if choices := found.get("enum"):
            return choices[0]
        for key in ("anyOf", "oneOf"):
            if found.get(key):
                return self.value(_chosen(found, key, depth), label, depth + 1)
        return self.of_type(_type_of(found), found, label, depth)

    def of_type(self, kind: str, found: Schema, label: str, depth: int) -> Any:
        if kind == "object":
            return self.object(found, label, depth)
        if kind == "array":
            return self.array(found, label, depth)
        if kind in ("integer", "number"):
            number = _number(found)
            return int(number) if kind == "integer" else float(number)
        if kind in ("boolean", "null"):
            return True if kind == "boolean" else None
        return _text(found, sentence("", self.inputs, label))

    def object(self, schema: Schema, label: str, depth: int) -> dict[str, Any]:
        properties: Schema = schema.get("properties") or {}
        required: list[str] = schema.get("required") or []
        wanted = [name for name in properties if depth <= _DEPTH or name in required]
        found: dict[str, Any] = {}
        for name in dict.fromkeys([*wanted, *required]):
            part = properties.get(name, {})
            if depth == 0 and name in self.inputs and self.repeats(part, self.inputs[name]):
                found[name] = self.inputs[name]
            else:
                found[name] = self.value(part, f"{label}: {name}" if label else name, depth + 1)
        for number in range(max(0, int(schema.get("minProperties") or 0) - len(found))):
            extra = schema.get("additionalProperties")
            found[f"key{number + 1}"] = self.value(extra, label, depth + 1)
        return found

    def array(self, schema: Schema, label: str, depth: int) -> list[Any]:
        parts: list[Any] = schema.get("prefixItems") or []
        first = [self.value(part, label, depth + 1) for part in parts]
        items = schema.get("items", {})
        least = int(schema.get("minItems") or 0)
        none = depth > _DEPTH or bool(first) or schema.get("maxItems") == 0 or items is False
        count = max(0, (least if none else max(least, 1)) - len(first))
        rest = [self.value(items, label, depth + 1) for _ in range(count)]
        return [*first, *(_distinct(rest) if schema.get("uniqueItems") else rest)]

    def repeats(self, schema: Any, value: Any) -> bool:
        """Whether an input may stand as the output of its name: same plain type, no limits."""
        found = self.resolved(_as_schema(schema))
        if set(found) - {"title", "description", "type"}:
            return False
        return type(value) is _KINDS.get(str(found.get("type")))

    def resolved(self, schema: Schema) -> Schema:
        """The schema with its references followed and its ``allOf`` parts merged."""
        for _ in range(_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                break
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self.target(reference), **rest}
        parts: list[Any] = schema.get("allOf") or []
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            _merge(merged, self.resolved(_as_schema(part)))
        return merged

    def target(self, reference: str) -> Schema:
        found: Any = self.root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = _as_schema(found).get(part.replace("~1", "/").replace("~0", "~"))
        return _as_schema(found)


def _as_schema(value: Any) -> Schema:
    """``true``, ``false`` and nothing are schemas too: those that say nothing."""
    return cast("Schema", value) if isinstance(value, Mapping) else {}


def _merge(merged: dict[str, Any], part: Schema) -> None:
    for key, value in part.items():
        match merged.get(key), value:
            case {**mine}, {**theirs}:
                merged[key] = {**mine, **theirs}
            case [*mine], [*theirs]:
                merged[key] = [*mine, *theirs]
            case _:
                merged.setdefault(key, value)


def _chosen(schema: Schema, key: str, depth: int) -> Schema:
    """Of several forms the first, but deep down the one that ends (null)."""
    forms = [_as_schema(form) for form in schema[key]]
    ends = [form for form in forms if form.get("type") == "null"]
    goes_on = [form for form in forms if form.get("type") != "null"]
    order = [*ends, *goes_on] if depth > _DEPTH else [*goes_on, *ends]
    rest = {name: value for name, value in schema.items() if name not in (key, "title")}
    return {**rest, **order[0]}


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = cast("list[str]", kind)
        return next((one for one in kinds if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _distinct(values: list[Any]) -> list[Any]:
    """The same kind of value, each different, as far as its kind allows."""
    found: list[Any] = []
    for index, value in enumerate(values):
        if isinstance(value, str) and index:
            found.append(f"{value} {index + 1}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(value + index)
        else:
            found.append(value)
    return found


def _number(schema: Schema) -> float:
    step = schema.get("multipleOf") or (1 if schema.get("type") == "integer" else 0)
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if high is not None:
        found = float(high)
    elif below is not None:
        under = low if low is not None else above
        found = below - (step or (1 if under is None else (below - under) / 2))
    elif low is not None:
        found = float(low)
    else:
        found = (above or 0) + (step or 1)
    return found - found % step if step else found


def _text(schema: Schema, text: str) -> str:
    if shape := _FORMATS.get(str(schema.get("format"))):
        return shape
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    if pattern := schema.get("pattern"):
        tried = (text, *_PATTERNS, "a" * max(1, least), "1" * max(1, least))
        return next((one for one in tried if _matches(pattern, one)), text)
    text = text if len(text) >= least else text + "." * (least - len(text))
    return text if most is None else text[: int(most)]


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
