"""The command about what the runs of the workspace remember."""

from __future__ import annotations

from typing import Any

from workbench.errors import UnknownName, UsageError
from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.rows import brief
from workbench.script.session import Session
from workbench.values import dumps

_MOST_LISTED = 100


async def _memory(session: Session, call: Call) -> Output:
    what, words = call.text("what", "list"), call.text("words")
    if what != "list" and not words:
        needed = "words" if what == "search" else "a key"
        raise UsageError(f"memory {what} needs {needed}", hint=f"Write: memory {what} WORDS")
    return _found(session, words) if what in {"list", "search"} else _one(session, what, words)


def _found(session: Session, words: str) -> Output:
    memory = session.bench.store.memory
    found = memory.search(words, _MOST_LISTED)
    lines = [brief(f"{one['key']}  {_said(one['value'])}") for one in found]
    if len(found) == _MOST_LISTED:
        lines.append(f"these are the newest {_MOST_LISTED}; for others: memory search WORDS")
    return Output(tuple(lines) or ("nothing is remembered",), found)


def _one(session: Session, what: str, key: str) -> Output:
    memory = session.bench.store.memory
    if key not in memory:
        raise UnknownName("memory", key, list(memory))
    if what == "show":
        value = memory[key]
        return Output(tuple(_said(value).splitlines()) or ("",), {"key": key, "value": value})
    memory.pop(key, None)
    return Output((f"forgot {key}",), {"forgot": key})


def _said(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


COMMAND = Command(
    "memory",
    "List, show, search or forget what the runs of this workspace remember.",
    _memory,
    (
        Parameter("what", "what to do", choices=("list", "show", "search", "forget")),
        Parameter("words", "a key, or words to look for", rest=True),
    ),
    details="What a single run remembers stands in its rows: trace kind:remember.",
    examples=("memory search deploy port", "memory forget old-plan"),
)
