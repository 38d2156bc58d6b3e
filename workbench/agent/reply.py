"""What a workflow gets from an agent: the outputs, as attributes and as a mapping.

The outputs live in the instance's own namespace, which Python looks at before a class's
methods. So an output named ``items`` or ``values`` is that output, not the mapping's method,
and only two names are taken: ``dict(reply)`` needs ``keys``, a row needs ``model_dump``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from workbench.errors import nearest

TAKEN = frozenset({"keys", "model_dump"})
"""Names that no output can have."""


class Reply(Mapping[str, Any]):
    """The outputs of one turn, each of its declared type. Equal to any mapping with the same."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        vars(self).update(values)

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __len__(self) -> int:
        return len(vars(self))

    def __contains__(self, name: object) -> bool:
        return name in vars(self)

    def model_dump(self, mode: str = "python") -> dict[str, Any]:
        """The outputs as a plain dict."""
        return dict(vars(self))

    def __getattr__(self, name: str) -> Any:
        guess = nearest(name, vars(self))
        known = f"did you mean {guess!r}?" if guess else f"there are {', '.join(vars(self))}"
        raise AttributeError(f"the reply has no output {name!r}; {known}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a reply is a value; its {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a reply is a value; its {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return vars(self) == dict(other)  # pyright: ignore[reportUnknownArgumentType]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Reply({', '.join(f'{name}={_short(value)}' for name, value in vars(self).items())})"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:180]}… ({len(text)} characters)"
