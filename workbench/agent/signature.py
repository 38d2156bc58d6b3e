"""Signatures: the contract of one question, typed inputs to typed outputs.

One value, however it is written: as text, as a class, as a typed function. It reads what goes
in and what comes out, and nothing that does not fit passes either way. Reading is strict (see
`workbench.agent.kinds`): no ``"5"`` for 5, no ``True`` for 1; only ``1.0`` for an int is taken
from a model, because nothing is lost.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from workbench.agent import grammar
from workbench.agent.fields import REQUIRED, Field, read_fields
from workbench.agent.forms import InputField, OutputField, fields_of_class, fields_of_function
from workbench.agent.kinds import STR, Kind, Misfit, OneOf, Schema, accepts, walk
from workbench.agent.media import takes_media
from workbench.agent.named import Named
from workbench.agent.reading import NotFound, decoded, find_json, said, unfenced
from workbench.agent.reply import TAKEN, Reply
from workbench.agent.schema import schema_of
from workbench.errors import InputError, ReplyError, SignatureError

__all__ = ["REQUIRED", "Field", "InputField", "OutputField", "Reply", "Signature", "SignatureLike"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Typed inputs, typed outputs, and what to do, in words.

    As a base class it is the class form; the value is then the class's ``signature``:

        class Review(Signature):
            '''Judge the draft.'''
            draft: str = InputField("What to judge")
            verdict: Literal["good", "bad"] = OutputField()
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    instructions: str = ""
    name: str = field(default="", compare=False)
    """A label for messages; two signatures that differ only here are equal."""

    if TYPE_CHECKING:
        # Not for dataclass to see: it would list this among the fields.
        signature: ClassVar[Signature]
        """Of the class form: the value that the class writes down."""

    def __post_init__(self) -> None:
        if not self.outputs:
            raise SignatureError(f"signature {self.name!r} has no output")
        for side in (self.inputs, self.outputs):
            for name, count in Counter(f.name for f in side).items():
                _check_name(name, count, side is self.outputs)
        for output in self.outputs:
            if takes_media(output.type):
                raise SignatureError(
                    f"field {output.name!r}: no model answers with {output.type} here",
                    hint="Have a tool make it, and answer with text about it",
                    field=output.name,
                )

    def __init_subclass__(cls) -> None:
        inputs, outputs = fields_of_class(cls, Signature)
        text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
        cls.signature = Signature(inputs, outputs, text, cls.__name__)

    @staticmethod
    def parse(
        text: str,
        types: Mapping[str, Any] | None = None,
        *,
        instructions: str = "",
        name: str = "",
    ) -> Signature:
        """Read the text form; its grammar is in `workbench.agent.grammar`.

        Args:
            text: ``"question: str, others: list[str] -> argument: str"``.
            types: What other names in the text mean: dataclasses, TypedDicts, Enums, pydantic
                models, JSON schemas.
            instructions: What to do, in words.
            name: A label for messages.
        """
        inputs, outputs = grammar.parse(text, types or {})
        return Signature(inputs, outputs, instructions, name)

    @staticmethod
    def of(written: SignatureLike, types: Mapping[str, Any] | None = None) -> Signature:
        """The signature that a text, a class or a typed function writes down."""
        if isinstance(written, Signature):
            return written
        if isinstance(written, str):
            return Signature.parse(written, types)
        if isinstance(written, type):
            if issubclass(written, Signature) and written is not Signature:
                return written.signature
            raise SignatureError(
                f"class {written.__name__!r} is not a signature",
                hint=f"Write class {written.__name__}(Signature)",
            )
        if not callable(written):
            raise SignatureError(f"{written!r} is not a signature", hint="Write text, or a class")
        inputs, outputs, text = fields_of_function(written)
        return Signature(inputs, outputs, text, getattr(written, "__name__", ""))

    def __str__(self) -> str:
        return grammar.spelled(self.inputs, self.outputs)

    @property
    def types(self) -> dict[str, Any]:
        """What the names in the text form mean: ``Signature.parse(str(s), s.types) == s``."""
        kinds = (kind for f in (*self.inputs, *self.outputs) for kind in walk(f.type))
        return {kind.name: kind.subject for kind in kinds if isinstance(kind, Named)}

    @property
    def is_plain(self) -> bool:
        """Whether the answer is one text, so that plain prose is a valid reply."""
        return len(self.outputs) == 1 and self.outputs[0].type == STR

    def input_schema(self) -> Schema:
        """The JSON schema of the inputs."""
        return schema_of(self.inputs)

    def output_schema(self) -> Schema:
        """The JSON schema of the outputs."""
        return schema_of(self.outputs)

    def read_inputs(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a typed copy of the inputs, defaults filled in, in the signature's order.

        Raises:
            InputError: naming an unknown, missing or wrongly typed input.
        """
        try:
            return read_fields(self.inputs, given)
        except Misfit as misfit:
            raise InputError(
                f"{self._label}input {misfit.place!r} {misfit.problem}",
                hint=misfit.hint,
                field=misfit.field,
                place=misfit.place,
                expected=misfit.expected,
                got=misfit.got,
            ) from None

    def read_outputs(self, given: Mapping[str, Any], *, text: str = "") -> Reply:
        """Return the outputs as a typed `Reply`.

        Args:
            given: Names and values: a model's, or those of a recorded reply.
            text: What the model wrote, for the error.

        Raises:
            ReplyError: naming an unknown, missing or wrongly typed output.
        """
        if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a row's
            raise self._refused(Misfit.wrong("", "an object", given), text)
        try:
            return Reply(read_fields(self.outputs, given, "replied"))
        except Misfit as misfit:
            raise self._refused(misfit, text) from None

    def read_reply(self, text: str) -> Reply:
        """Find the outputs in what a model wrote: plain text if they are one text, else JSON.

        Raises:
            ReplyError: there is no JSON, or it does not fit; ``data`` has field, expected, got
                and the text.
        """
        if self.is_plain:
            return self._plain_reply(text)
        try:
            found = find_json(text, bare=len(self.outputs) == 1)
        except NotFound as missing:
            bare = self._bare_choice(text)
            if bare is not None:
                return bare
            raise self._unreadable(str(missing), text) from None
        if not isinstance(found, dict):
            # A bare JSON value is the output where there is only one.
            found = {next(f.name for f in self.outputs): found}
        return self.read_outputs(cast("dict[str, Any]", found), text=text)

    def _plain_reply(self, text: str) -> Reply:
        only = self.outputs[0].name
        answer = said(text)
        inner = unfenced(answer)
        if _begins_with_key(inner, only):
            # Meant as JSON (a schema was asked for), so it must be whole JSON.
            try:
                found = decoded(inner)
            except NotFound as missing:
                raise self._unreadable(str(missing), text) from None
            answer = self.read_outputs(found, text=text)[only]
        if not answer.strip():
            raise self._unreadable("an empty reply", text)
        return Reply({only: answer})

    def _bare_choice(self, text: str) -> Reply | None:
        """``yes`` alone, where the only output is a Literal that has it."""
        only, *others = self.outputs
        answer = said(text)
        if others or not isinstance(only.type, OneOf) or answer not in only.type.values:
            return None
        return Reply({only.name: answer})

    def _unreadable(self, got: str, text: str) -> ReplyError:
        expected = f"a JSON object with {self._names}"
        return self._refused(
            Misfit("", f"must be {expected}, but is {got}", expected=expected, got=got), text
        )

    def _refused(self, misfit: Misfit, text: str) -> ReplyError:
        which = f"output {misfit.place!r}" if misfit.place else "the reply"
        return ReplyError(
            f"{self._label}{which} {misfit.problem}",
            hint=misfit.hint,
            field=misfit.field,
            place=misfit.place,
            expected=misfit.expected,
            got=misfit.got,
            text=text,
        )

    @property
    def _names(self) -> str:
        return ", ".join(f.name for f in self.outputs)

    @property
    def _label(self) -> str:
        return f"{self.name}: " if self.name else ""

    def __rshift__(self, after: SignatureLike) -> Signature:
        """Compose: outputs go into the next one's inputs of the same name.

        The whole takes this one's inputs and those of the next that nothing feeds, and gives the
        next one's outputs.

        Raises:
            SignatureError: nothing fits together, or a name has two types.
        """
        return _composed(self, Signature.of(after))

    def __rrshift__(self, before: SignatureLike) -> Signature:
        return _composed(Signature.of(before), self)


SignatureLike: TypeAlias = "Signature | type[Signature] | str | Callable[..., Any]"
"""Everything that writes a signature down."""


def _check_name(name: str, count: int, is_output: bool) -> None:
    side = "output" if is_output else "input"
    if count > 1:
        raise SignatureError(f"field {name!r} stands twice among the {side}s", field=name)
    if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
        raise SignatureError(f"field {name!r}: this cannot be an attribute's name", field=name)
    if is_output and name in TAKEN:
        raise SignatureError(f"field {name!r}: a reply needs that name itself", field=name)


def _begins_with_key(text: str, name: str) -> bool:
    rest, key = text[1:].lstrip() if text.startswith("{") else "", f'"{name}"'
    if rest.startswith(key):
        return rest[len(key) :].lstrip()[:1] in ("", ":")
    return bool(rest) and key.startswith(rest)


def _composed(first: Signature, second: Signature) -> Signature:
    made = {f.name: f for f in first.outputs}
    fed = [f for f in second.inputs if f.name in made]
    if not fed:
        raise SignatureError(
            f"none of the outputs {', '.join(made)} is an input of the next signature",
            hint=f"Its inputs: {', '.join(f.name for f in second.inputs) or 'none'}",
        )
    for f in fed:
        _check_joint(f.name, made[f.name].type, f.type)
    inputs = {f.name: f for f in first.inputs}
    for f in second.inputs:
        if f.name not in made:
            known = inputs.setdefault(f.name, f)
            if known.type != f.type:
                raise SignatureError(
                    f"field {f.name!r} is {known.type} in one signature and {f.type} in the next",
                    field=f.name,
                )
    texts = (first.instructions, second.instructions)
    return Signature(
        tuple(inputs.values()),
        second.outputs,
        "\n\n".join(text for text in texts if text),
        " >> ".join(name for name in (first.name, second.name) if name),
    )


def _check_joint(name: str, offered: Kind, wanted: Kind) -> None:
    if not accepts(wanted, offered):
        raise SignatureError(
            f"field {name!r} is {offered} as output, and the next signature wants {wanted}",
            field=name,
        )
