"""One call under decision, and the spellings of its arguments, each worked out once.

A thing has many spellings, so a glob is never compared with the agent's own text alone. A rule
that *restricts* looks at all of them: the text, its normal form, the real path behind it, each
command inside a compound one, with and without its folder. A rule that *allows* looks only at the
canonical ones: the real path, the address as connected to, the words of a single literal command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from workbench.errors import InputError
from workbench.permission.call import Call
from workbench.permission.paths import normal
from workbench.permission.shell import Shell
from workbench.permission.urls import Url
from workbench.values import dumps

PATHS = frozenset({"path", "file", "folder", "directory", "source", "target", "destination"})
"""Arguments that name a place in the file system."""

Things: TypeAlias = tuple[tuple[str, ...], ...]
"""What an argument stands for, and the canonical spellings of each: ``/ws/a`` and ``a``."""


class Case:
    """A call, seen from a workspace at a time. What it remembers lasts for one decision."""

    __slots__ = (
        "_all", "_any", "_canonical", "_places", "_rows", "_shell", "call", "now", "workspace",
    )  # fmt: skip

    def __init__(self, call: Call, workspace: str, now: float) -> None:
        self.call = call
        self.workspace = workspace
        self.now = now
        self._any: dict[str, set[str]] = {}
        self._canonical: dict[str, Things] = {}
        self._all: dict[str, str] = {}
        self._places: Things | None = None
        self._shell: Shell | None = None
        self._rows: dict[str, dict[str, Any]] | None = None

    def any_of(self, name: str) -> set[str]:
        """Every spelling of an argument, canonical or not: one that fits is enough to restrict."""
        found = self._any.get(name)
        if found is None:
            found = self._any[name] = self._spell(name)
        return found

    def canonical(self, name: str) -> Things:
        """What it stands for: each must fit in one of its spellings to allow; none never fits."""
        found = self._canonical.get(name)
        if found is None:
            found = self._canonical[name] = self._things(name)
        return found

    def all_of(self, name: str) -> str:
        """All spellings of an argument in one text: what is not in it is in none of them."""
        found = self._all.get(name)
        if found is None:
            found = self._all[name] = "\0".join(self.any_of(name))
        return found

    def shell(self) -> Shell:
        """The command, read."""
        if self._shell is None:
            self._shell = Shell.parse(text_of(self.call.arguments.get("command", "")))
        return self._shell

    def is_opaque(self) -> bool:
        """Whether it runs something that its text does not name."""
        return self.call.facts.act == "run" and self.shell().opaque

    def row(self, agent: str) -> dict[str, Any]:
        """The call as a filter sees it, in the name of one of its agents."""
        if self._rows is None:
            self._rows = {}
        if agent not in self._rows:
            self._rows[agent] = self.call.row(agent)
        return self._rows[agent]

    def _spell(self, name: str) -> set[str]:
        value = self.call.arguments.get(name)
        if name in PATHS:
            return self._spell_path(value)
        said: set[str] = set() if value is None else {text_of(value)}
        said.update(*self.canonical(name))
        if name == "url":
            said.update(self.call.facts.targets)
        elif name == "command" and self.call.facts.act == "run":
            said |= self.shell().spelled
        return said

    def _spell_path(self, value: Any) -> set[str]:
        said: set[str] = set()
        said.update(*self._seen())  # normal forms, all of them
        if value is not None and (text := text_of(value)) not in said:
            said.update((text, normal(text)))
        if not self.workspace:
            said.update(_tails(self.call.facts.targets))
        return said

    def _seen(self) -> Things:
        """Each target as it is, and as seen from the workspace when it lies there."""
        if self._places is None:
            top = self.workspace.rstrip("/") + "/" if self.workspace else ""
            places: list[tuple[str, str]] = []
            for target in self.call.facts.targets:
                real = normal(target)
                places.append((real, real.removeprefix(top)))
            self._places = tuple(places)
        return self._places

    def _things(self, name: str) -> Things:
        value = self.call.arguments.get(name)
        if name in PATHS:
            return self._real_paths(value)
        if name == "url":
            return _url(value)
        if name == "command" and self.call.facts.act == "run":
            argv = self.shell().argv
            return ((" ".join(argv),),) if argv else ()
        return () if value is None else ((text_of(value),),)

    def _real_paths(self, value: Any) -> Things:
        """The targets. Without a workspace to look from, the text must be how each one ends."""
        targets = self.call.facts.targets
        if targets and self.workspace:
            return self._seen()
        if not isinstance(value, str) or ".." in value.split("/"):
            return ()
        text = normal(value)
        ended = all(target == text or target.endswith("/" + text) for target in targets)
        return ((text,),) if ended else ()


def _tails(targets: tuple[str, ...]) -> Iterator[str]:
    """Each target as seen from any folder above it, for when the workspace is not known."""
    for target in targets:
        parts = target.split("/")
        yield from ("/".join(parts[place:]) for place in range(1, len(parts)))


def text_of(value: Any) -> str:
    """An argument as globs see it: text as it is, anything else as canonical JSON."""
    return value if isinstance(value, str) else dumps(value).decode()


def _url(value: Any) -> Things:
    try:
        return ((str(Url.parse(value)),),) if isinstance(value, str) else ()
    except InputError:
        return ()
