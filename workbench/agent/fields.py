"""Fields: named, typed places of a signature, a tool or a record, read and described together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from workbench.agent.kinds import Care, Kind, Misfit, Schema
from workbench.errors import SignatureError
from workbench.values import copied


class Absent(Enum):
    """What stands where a default would: two ways of having none."""

    REQUIRED = "REQUIRED"
    """The value must be given."""
    LEFT_OUT = "LEFT_OUT"
    """The value may be left out, and whoever builds the record fills it in itself."""

    def __repr__(self) -> str:
        return self.value


REQUIRED = Absent.REQUIRED
LEFT_OUT = Absent.LEFT_OUT

Default: TypeAlias = Any
"""A value of the field's kind, or `REQUIRED` (records also know `LEFT_OUT`)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named place: what may stand there, what it means, and what stands there unsaid."""

    name: str
    type: Kind
    description: str = ""
    default: Default = REQUIRED

    def __post_init__(self) -> None:
        if isinstance(self.default, Absent):
            return
        try:
            object.__setattr__(self, "default", self.type.read(self.default, self.name))
        except Misfit as misfit:
            raise SignatureError(
                f"field {self.name!r}: its default {misfit.problem}",
                hint=f"Write {self.type} | None" if self.default is None else misfit.hint,
                field=self.name,
            ) from None

    def fresh_default(self) -> Any:
        """A copy of the default, so that nobody shares a list with the signature."""
        return self.type.read(self.default, self.name)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """The field's JSON schema, with its description and default."""
        found = dict(self.type.schema(definitions))
        if self.description:
            found["description"] = self.description
        if not isinstance(self.default, Absent):
            found["default"] = copied(self.default)
        return found


def read_fields(
    fields: Sequence[Field], given: Mapping[str, Any], care: Care = "given", inside: str = ""
) -> dict[str, Any]:
    """Return a typed copy of the values in the order of the fields, defaults filled in.

    Args:
        fields: What may and must be there.
        given: Names and values.
        care: See `workbench.agent.kinds`.
        inside: The place of the record these fields belong to; empty for a signature's own.

    Raises:
        Misfit: a name is unknown, a value is missing or of the wrong type.
    """
    before = f"{inside}." if inside else ""
    names = [field.name for field in fields]
    for name in given:
        if name not in names:
            raise Misfit.unknown(before, str(name), names)
    found: dict[str, Any] = {}
    for field in fields:
        if field.name in given:
            found[field.name] = field.type.read(given[field.name], before + field.name, care)
        elif field.default is REQUIRED:
            raise Misfit(before + field.name, "is missing", expected=str(field.type), got="nothing")
        elif field.default is not LEFT_OUT:
            found[field.name] = field.fresh_default()
    return found


def object_schema(fields: Sequence[Field], definitions: dict[str, Schema]) -> Schema:
    """The JSON schema of an object that has these fields and no others."""
    return {
        "type": "object",
        "properties": {field.name: field.schema(definitions) for field in fields},
        "required": [field.name for field in fields if field.default is REQUIRED],
        "additionalProperties": False,
    }
