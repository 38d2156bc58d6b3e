"""An overlay: what a fork does otherwise, for everything it performs after its cut.

It is applied at the gate and never enters a fingerprint, so what was recorded before the cut is
replayed as it was. A fork of a fork inherits it; a change given as None takes one back. Model,
instructions and tools are for all agents, or by agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from workbench.errors import InputError, UnknownName

LASTING: Final = ("model", "instructions", "options", "tools")
"""Changes that hold from the cut on."""

EDITS: Final = ("reply", "arguments")
"""Changes of what was said last: a row of the fork, and no part of its overlay."""


def part_for(overlay: Mapping[str, Any], name: str, agent: str) -> Any:
    """What an overlay says of a part for an agent; None when it says nothing."""
    said: Any = overlay.get(name)
    return cast("Mapping[str, Any]", said).get(agent) if isinstance(said, Mapping) else said


def check_names(changes: Mapping[str, Any]) -> None:
    """Refuse changes that there are not. Raises UnknownName."""
    for name in changes:
        if name not in LASTING + EDITS:
            raise UnknownName("fork change", name, LASTING + EDITS)
    if all(changes.get(name) is not None for name in EDITS):
        raise InputError("a fork edits the last reply or the arguments of its call, not both")


def merged(inherited: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The overlay of a fork: its source's, with what is changed; None takes a part back."""
    both = {**inherited, **{name: changes[name] for name in LASTING if name in changes}}
    return {name: value for name, value in both.items() if value is not None}


def check(
    overlay: Mapping[str, Any],
    *,
    model: Callable[[str], None],
    tools: Callable[[], Sequence[str]],
    agents: Callable[[], Sequence[str]],
) -> None:
    """Refuse an overlay that cannot be applied.

    Args:
        overlay: by the names of `LASTING`.
        model: refuses a model that no provider can mean.
        tools: the names of all tools there are.
        agents: the names of all agents that are known here or to the run.

    Raises:
        InputError: a part has the wrong type.
        UnknownName: a tool, agent, model or provider that there is not.
    """
    for name, value in overlay.items():
        if name == "options":
            _check_options(value)
            continue
        parts = cast("Mapping[str, Any]", value if isinstance(value, Mapping) else {"": value})
        for agent, part in parts.items():
            if agent and agent not in (known := agents()):
                raise UnknownName("agent", agent, known)
            _check_part(name, part, model, tools)


def _check_part(
    name: str, part: Any, model: Callable[[str], None], tools: Callable[[], Sequence[str]]
) -> None:
    if name == "tools":
        _check_tools(part, tools)
        return
    if not isinstance(part, str):
        raise InputError(f"{name} of a fork is text, or text by agent, and not {part!r}")
    if name == "model":
        model(part)


def _check_tools(part: Any, tools: Callable[[], Sequence[str]]) -> None:
    names = cast("list[Any]", part)
    if not isinstance(part, (list, tuple)) or not all(isinstance(one, str) for one in names):
        raise InputError(
            f"tools of a fork are a list of names, or one by agent, and not {part!r}",
            hint='Like tools=["read_file"], or tools=[] for none',
        )
    known = tools()
    for one in names:
        if one not in known:
            raise UnknownName("tool", one, known)
    if len(set(names)) < len(names):
        raise InputError(f"tools of a fork names a tool twice: {', '.join(names)}")


def _check_options(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InputError(
            f"options of a fork are an object, and not {value!r}",
            hint='Like options={"temperature": 0}',
        )


def words(overlay: Mapping[str, Any], edited: str = "") -> str:
    """What a fork does otherwise, on one line, for people."""
    said = [f"{edited} edited"] if edited else []
    said += [_words_of(name, overlay[name]) for name in LASTING if name in overlay]
    return ", ".join(said)


def _words_of(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and name != "options":
        return f"{name} of {', '.join(cast('Mapping[str, Any]', value))}"
    if name == "options":
        return " ".join(f"{key}={item}" for key, item in cast("Mapping[str, Any]", value).items())
    if name == "tools":
        return f"tools {', '.join(cast('list[str]', value)) or 'none'}"
    return "other instructions" if name == "instructions" else f"model {value}"
