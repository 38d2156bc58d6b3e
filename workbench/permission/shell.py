"""What a shell text would run: read with a real grammar, judged by a positive table.

The reading only saves questions; the sandbox is the boundary. Two readers must agree before
anything is said with certainty: tree-sitter's bash grammar gives the structure, `words.literal`
reads each word by itself, and between the words of a simple command there may be nothing but
blanks. Whatever either does not understand becomes a note and a question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.permission.grammar import ASIDE, Found, collect, collect_inner, follow, words_of
from workbench.permission.readers import judge
from workbench.permission.words import NotLiteral, hidden, literal

if TYPE_CHECKING:
    from tree_sitter import Node

LONGEST = 65_536
"""Characters that are read; a longer text is opaque."""

_LONGEST_KEPT = 4_096
"""Characters of a text whose reading is remembered: whoever decides needs what facts needed."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The verdict about one text."""

    argv: tuple[str, ...] | None
    """The words of the one command it is, when it is exactly one with literal words."""
    simple: bool
    """Proven: that one command only reads, with known flags, inside the workspace by its text."""
    parts: tuple[tuple[str, ...], ...]
    """The words of every command in it, nested ones and those that other commands start
    included; a word that is not literal stands as it was written. For matching what is denied."""
    notes: tuple[str, ...]
    """Why it is not simple, in words for a person."""
    reads: tuple[str, ...] = ()
    """When simple: the paths it names, whose links are still to be looked at."""
    opaque: bool = False
    """Something in it runs that the text does not name, so that nothing proves a denial away."""
    commands: frozenset[tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The parts, and each by the bare name of its program as well."""
    spelled: frozenset[str] = field(init=False, repr=False, compare=False)
    """The same as texts."""

    def __post_init__(self) -> None:
        bare = ((part[0].rpartition("/")[2], *part[1:]) for part in self.parts)
        commands = frozenset((*self.parts, *bare))
        object.__setattr__(self, "commands", commands)
        object.__setattr__(self, "spelled", frozenset(map(" ".join, commands)))

    @staticmethod
    def parse(text: str) -> Shell:
        """Read a text. Never raises: what cannot be read is opaque and says why."""
        return _remembered(text) if len(text) <= _LONGEST_KEPT else _read(text)


@lru_cache(maxsize=512)
def _remembered(text: str) -> Shell:
    return _read(text)


def _read(text: str) -> Shell:
    unread = _unreadable(text)
    if unread:
        return Shell(None, False, (), (unread,), opaque=True)
    source = text.encode()
    found = Found()
    root = collect(source, found)
    if "\\\n" in text:  # bash joins such lines before anything else, but not between quotes
        found.notes["joined lines"] = None
        collect_inner(text.replace("\\\n", ""), found)
    follow(found)
    secret = hidden(text)
    if secret:
        found.notes[f"hidden character {secret}"] = None
        found.opaque = True
    argv = None if secret else _one_command(root, source, found)
    parts = tuple(found.parts)
    if argv is None:
        notes = tuple(found.notes) or ("not one command",)
        return Shell(None, False, parts, notes, opaque=found.opaque)
    why, reads = _judged(text, argv)
    return Shell(argv, not why, parts, (why,) if why else (), reads, found.opaque)


def _unreadable(text: str) -> str:
    if len(text) > LONGEST:
        return f"longer than {LONGEST} characters"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "text that is not Unicode"
    return ""


def _one_command(root: Node, source: bytes, found: Found) -> tuple[str, ...] | None:
    """The literal words, when the text is one command, its words, and blanks between them."""
    if root.has_error or len(root.children) != 1 or root.children[0].type != "command":
        _note_several(root, found)
        return None
    command = root.children[0]
    kinds = [node.type for node in command.children]
    if kinds[:1] != ["command_name"] or not ASIDE.isdisjoint(kinds):
        return None
    argv: list[str] = []
    end = 0
    for word in words_of(command, source):
        if source[end : word.start].strip(b" \t" if argv else b" \t\n"):
            found.notes["something between two words"] = None
            return None
        end = word.end
        try:
            argv.append(literal(word.text))
        except NotLiteral:
            return None
    return None if source[end:].strip(b" \t\n") else tuple(argv)


def _note_several(root: Node, found: Found) -> None:
    kinds = {child.type for child in root.children}
    if not root.children:
        found.notes["no command"] = None
    elif "&" in kinds:
        found.notes["background command"] = None
    elif len(root.children) > 1 and "comment" not in kinds:
        found.notes["several commands"] = None


def _judged(text: str, argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Why one literal command is not simple, or nothing and what it reads."""
    body = text.strip(" \n")
    if "\n" in body or "\t" in body:
        return "line break or tab", ()
    if not body.startswith(argv[0] + " ") and body != argv[0]:
        return "quotes in the command's name", ()
    judgement = judge(argv)
    return judgement.why, judgement.reads
