"""Signatures and values that hypothesis makes: what the laws of the language are tried on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from workbench.agent.fields import REQUIRED, Field
from workbench.agent.kinds import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    DictOf,
    Either,
    Kind,
    ListOf,
    OneOf,
    Scalar,
    either,
)
from workbench.agent.signature import Signature

texts = st.text(st.characters(codec="utf-8"), max_size=12)
ints = st.integers(-(2**70), 2**70)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | ints | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)

names = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True).map(lambda name: f"f_{name}")

scalars: st.SearchStrategy[Kind] = st.sampled_from([STR, INT, FLOAT, BOOL, OBJECT])


def _literal(values: list[Any]) -> Kind:
    different: dict[Any, Any] = {(type(value), value): value for value in values}
    return OneOf(tuple(different.values()))


literals = st.lists(
    texts | st.integers(-9, 9) | st.booleans() | st.none(), min_size=1, max_size=4
).map(_literal)

kinds: st.SearchStrategy[Kind] = st.recursive(
    scalars | literals,
    lambda inner: (
        inner.map(ListOf)
        | inner.map(DictOf)
        | inner.map(lambda kind: either(kind, NONE))
        | st.tuples(inner, inner).map(lambda pair: either(*pair))
    ),
    max_leaves=4,
)


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    """Values that fit a kind, as a model would write them."""
    match kind:
        case Scalar(name):
            plain: dict[str, st.SearchStrategy[Any]] = {
                "str": texts,
                "int": ints,
                "float": floats,
                "bool": st.booleans(),
                "None": st.none(),
                "object": json_values,
            }
            return plain[name]
        case ListOf(item):
            return st.lists(values_of(item), max_size=3)
        case DictOf(value):
            return st.dictionaries(texts, values_of(value), max_size=3)
        case OneOf(values):
            return st.sampled_from(values)
        case Either(options):
            return st.one_of(*(values_of(option) for option in options))
        case _:
            raise AssertionError(kind)


@st.composite
def fields(draw: st.DrawFn, name: str) -> Field:
    """One field, sometimes with a description and a default."""
    kind = draw(kinds)
    default = draw(st.just(REQUIRED) | values_of(kind))
    return Field(name, kind, draw(texts), default)


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    """A signature of a few fields on each side."""
    used = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    made = [draw(fields(name)) for name in used]
    cut = draw(st.integers(0, len(made) - 1))
    return Signature(tuple(made[:cut]), tuple(made[cut:]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Signature, dict[str, Any]]:
    """A signature and outputs that fit it."""
    signature = draw(signatures())
    return signature, {field.name: draw(values_of(field.type)) for field in signature.outputs}
