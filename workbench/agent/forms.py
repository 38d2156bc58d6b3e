"""Signatures written as Python: a class with InputField and OutputField, or a typed function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, cast, get_origin, get_type_hints

from workbench.agent.annotations import described, is_record, kind_of, members_of
from workbench.agent.docstrings import argument_texts, summary
from workbench.agent.fields import LEFT_OUT, REQUIRED, Field
from workbench.agent.kinds import STR, Kind
from workbench.agent.named import Model
from workbench.errors import SignatureError


@dataclass(frozen=True, slots=True)
class Marked:
    """What InputField and OutputField leave in a class body until the class is read."""

    is_input: bool
    description: str
    default: Any


def InputField(description: str = "", *, default: Any = REQUIRED) -> Any:  # noqa: N802 - reads as a type
    """Mark an input in the class form of a signature."""
    return Marked(is_input=True, description=description, default=default)


def OutputField(description: str = "", *, default: Any = REQUIRED) -> Any:  # noqa: N802 - reads as a type
    """Mark an output in the class form of a signature."""
    return Marked(is_input=False, description=description, default=default)


def fields_of_class(cls: type, root: type) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The inputs and outputs marked in a class and the classes between it and the root."""
    marks: dict[str, Marked] = {}
    for layer in reversed(cls.__mro__):
        if layer is root or not issubclass(layer, root):
            continue
        for name in inspect.get_annotations(layer):
            if not isinstance(vars(layer).get(name), Marked):
                raise SignatureError(
                    f"{cls.__name__}: field {name!r} is neither input nor output",
                    hint=f"Write {name}: … = InputField() or OutputField()",
                    field=name,
                )
        marks |= {n: mark for n, mark in vars(layer).items() if isinstance(mark, Marked)}
    found = [(_marked(cls, name, mark, _hints(cls)), mark) for name, mark in marks.items()]
    inputs = tuple(field for field, mark in found if mark.is_input)
    return inputs, tuple(field for field, mark in found if not mark.is_input)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise SignatureError(
            f"{cls.__name__}: {error}", hint="Define that type at module level", field=error.name
        ) from None


def _marked(cls: type, name: str, mark: Marked, hints: dict[str, Any]) -> Field:
    kind = kind_of(hints[name], f"{cls.__name__}: field {name!r}") if name in hints else STR
    return Field(name, kind, mark.description, mark.default)


def parameters_of(function: Callable[..., Any], without: str = "") -> tuple[Field, ...]:
    """The parameters of a typed function as fields, described by its docstring.

    Args:
        function: the function.
        without: a parameter that is no field, because somebody else fills it.

    Raises:
        SignatureError: naming the parameter that has no type, no meaning, or no name to call.
    """
    texts = argument_texts(inspect.getdoc(function) or "")
    found: list[Field] = []
    for parameter in _signature(function).parameters.values():
        name, where = parameter.name, f"{_name(function)}: parameter {parameter.name!r}"
        if name == without:
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise SignatureError(
                f"{where} cannot be given by name", hint="Name each parameter", field=name
            )
        if parameter.annotation is parameter.empty:
            raise SignatureError(f"{where} has no type", hint=f"Write {name}: str", field=name)
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        text = described(parameter.annotation) or texts.get(name, "")
        found.append(Field(name, kind_of(parameter.annotation, where), text, default))
    return tuple(found)


def fields_of_function(
    function: Callable[..., Any],
) -> tuple[tuple[Field, ...], tuple[Field, ...], str]:
    """A typed function's parameters, what it returns as outputs, and its docstring."""
    returned = _signature(function).return_annotation
    if returned in (inspect.Signature.empty, None, type(None)):
        raise SignatureError(
            f"{_name(function)} does not say what it returns", hint="Write -> str", field="result"
        )
    outputs = _members(returned) or (
        Field("result", kind_of(returned, f"{_name(function)}: result"), described(returned)),
    )
    return parameters_of(function), outputs, summary(inspect.getdoc(function) or "")


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        where = _whose(function, error.name or "")
        raise SignatureError(
            f"{_name(function)}: {where}{error}", hint="Define that type at module level"
        ) from None


def _whose(function: Callable[..., Any], missing: str) -> str:
    for name, annotation in getattr(function, "__annotations__", {}).items():
        if isinstance(annotation, str) and missing in annotation:
            return f"parameter {name!r}: "
    return ""


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _members(returned: Any) -> tuple[Field, ...]:
    """The fields of a record that is returned; empty when it is not a record."""
    if hasattr(returned, "model_fields"):
        return _model_members(returned)
    if not is_record(returned):
        return ()
    return tuple(_present(returned, member) for member in members_of(returned))


def _present(record: type, member: Field) -> Field:
    """The member as an output: an output is always there, so it needs a known default."""
    if member.default is not LEFT_OUT:
        return member
    factory = _factory(record, member.name)
    if (get_origin(factory) or factory) not in (list, dict):
        raise SignatureError(
            f"{record.__name__}: field {member.name!r} may be left out, and an output may not",
            hint=f"Give it a default, or return it as one: result: {record.__name__}",
            field=member.name,
        )
    return Field(member.name, member.type, member.description, factory())


def _factory(record: type, name: str) -> Any:
    found = (
        next((f for f in fields(cast("Any", record)) if f.name == name), None)
        if is_dataclass(record)
        else None
    )
    return found.default_factory if found and found.default_factory is not MISSING else None


def _model_members(model: Any) -> tuple[Field, ...]:
    """A pydantic model's fields; validators of the whole model have no place among them."""
    rules = model.__pydantic_decorators__
    if (
        rules.field_validators
        or rules.model_validators
        or rules.validators
        or rules.root_validators
    ):
        raise SignatureError(
            f"{model.__name__} has validators of its own, which single outputs would lose",
            hint=f"Make it the type of one output, as in list[{model.__name__}] or a signature "
            f"with an output of type {model.__name__}",
        )
    return tuple(_model_member(model, name, info) for name, info in model.model_fields.items())


def _model_member(model: Any, name: str, info: Any) -> Field:
    if info.default_factory not in (None, list, dict):
        raise SignatureError(
            f"{model.__name__}: field {name!r} has a default that is made each time",
            hint="Give it a plain default",
            field=name,
        )
    default = REQUIRED if info.is_required() else info.get_default(call_default_factory=True)
    kind: Kind
    if info.metadata:
        # Constraints are pydantic's to check, so the field stays a type of pydantic's.
        constrained = Annotated[(info.annotation, *info.metadata)]  # type: ignore[valid-type]
        kind = Model(f"{model.__name__}_{name}", constrained)
    else:
        kind = kind_of(info.annotation, f"{model.__name__}: field {name!r}")
    return Field(name, kind, info.description or "", default)
