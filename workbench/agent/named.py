"""Kinds with a name of their own: records, choices, pydantic models, types given as JSON schema.

A text form can only name them; what the name stands for is handed in with ``types={...}``. What
a workflow gets is an instance of the Python type, built anew, so that a reply and the row it is
read back from give the same object. pydantic is imported only when one of its models is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, cast

from workbench.agent.fields import Field, object_schema, read_fields
from workbench.agent.kinds import Care, Kind, Misfit, Schema, plain
from workbench.agent.schema import fit
from workbench.errors import SignatureError
from workbench.values import dumps

_LEVELS = 100
"""Records inside records: more would exhaust the stack, and no row could carry it."""


@dataclass(frozen=True, slots=True)
class Named(Kind):
    """A kind that prints as its name; ``subject`` is the Python type or schema behind it."""

    name: str
    subject: Any

    def _define(self, definitions: dict[str, Schema], made: Callable[[], Schema]) -> Schema:
        """Refer to the definition of this name, making it at the first mention."""
        if self.name not in definitions:
            # The empty place holder ends the recursion of a type that contains itself.
            definitions[self.name] = {}
            definitions[self.name] = made()
        return {"$ref": f"#/$defs/{self.name}"}

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Record(Named):
    """A dataclass or TypedDict: fields of known kinds."""

    members: Callable[[], tuple[Field, ...]] = field(compare=False, repr=False)
    """Resolved at first use, because a record may contain itself."""

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take an object with the fields, or an instance, whose fields are read too."""
        is_instance = is_dataclass(self.subject) and isinstance(value, cast("type", self.subject))
        if not is_instance and not isinstance(value, Mapping):
            # Before the members are known: they may be just about to be, with None as a default.
            raise Misfit.wrong(place, self.name, value)
        if place.count(".") > _LEVELS:
            raise Misfit(place, f"is nested deeper than {_LEVELS} levels")
        members = self.members()
        given: Mapping[str, Any] = (
            {member.name: getattr(cast("Any", value), member.name) for member in members}
            if is_instance
            else cast("Mapping[str, Any]", value)
        )
        found = read_fields(members, given, care, place)
        return self._built(found, place) if is_dataclass(self.subject) else found

    def _built(self, found: dict[str, Any], place: str) -> Any:
        try:
            return self.subject(**found)
        except (ValueError, TypeError) as error:
            problem = f"is refused by {self.name}: {error}"
            raise Misfit(place, problem, expected=self.name, got=str(error)) from error

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An object of the fields."""
        return self._define(definitions, lambda: object_schema(self.members(), definitions))


@dataclass(frozen=True, slots=True)
class Choice(Named):
    """An Enum whose values are JSON scalars; read by value, given to a workflow as its member."""

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take a member or a member's value."""
        for member in cast("type[Enum]", self.subject):
            known = member.value
            if value is member or (type(known) is type(value) and known == value):
                return member
        raise Misfit.wrong(place, f"one of {', '.join(map(repr, self._values()))}", value)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An enum of the values."""
        return {"enum": self._values()}

    def _values(self) -> list[Any]:
        return [member.value for member in cast("type[Enum]", self.subject)]


@dataclass(frozen=True, slots=True)
class Model(Named):
    """A pydantic model (or anything its TypeAdapter takes), read by pydantic itself, strictly."""

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take an instance, or what the model itself accepts as JSON."""
        if isinstance(self.subject, type) and isinstance(value, self.subject):
            return value
        import pydantic  # noqa: PLC0415 - heavy, and only needed by those who use its models

        written = dumps(plain(value, place, self.name))
        try:
            # As JSON: what is strict there is what a model can write (dates as text, for one).
            # By name too: rows hold field names, where replies have the schema's aliases.
            return _adapter(self.subject).validate_json(
                written, strict=True, by_alias=True, by_name=True
            )
        except pydantic.ValidationError as error:
            raise self._misfit(error, place) from None

    def _misfit(self, error: Any, place: str) -> Misfit:
        first = error.errors(include_url=False)[0]
        for part in first["loc"]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}"
        problem = f"does not fit {self.name}: {first['msg']}"
        return Misfit(place, problem, expected=self.name, got=repr(first["input"])[:80])

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """The model's own."""
        return self._define(definitions, lambda: self._made(definitions))

    def _made(self, definitions: dict[str, Schema]) -> Schema:
        made = _adapter(self.subject).json_schema(ref_template="#/$defs/{model}")
        return hoisted(made, definitions, self.name)


@lru_cache(maxsize=512)
def _adapter(subject: Any) -> Any:
    import pydantic  # noqa: PLC0415 - as above

    return pydantic.TypeAdapter(subject)


@dataclass(frozen=True, slots=True)
class SchemaType(Named):
    """A type that somebody wrote down as a JSON schema, in a file for one: its values are JSON."""

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take what the schema accepts."""
        return fit(self.subject, plain(value, place, self.name), place)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """The schema as it was written."""
        return self._define(definitions, lambda: hoisted(self.subject, definitions, self.name))


def hoisted(made: Schema, definitions: dict[str, Schema], name: str) -> Schema:
    """Move a schema's own definitions up to where all definitions are; returns the rest.

    Raises:
        SignatureError: two different types have the same name.
    """
    for inner, schema in cast("dict[str, Schema]", made.get("$defs", {})).items():
        # A model that contains itself defines itself; that is not a second type.
        if inner != name and definitions.setdefault(inner, schema) != schema:
            raise SignatureError(f"two types are named {inner!r}; give one of them another name")
    rest = {key: item for key, item in made.items() if key != "$defs"}
    itself = made.get("$defs", {}).get(name)
    return itself if itself is not None and rest == {"$ref": f"#/$defs/{name}"} else rest
