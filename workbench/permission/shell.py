"""What a shell text would run: read with a real grammar, judged by a positive table.

The reading only saves questions; the sandbox is the boundary. Two readers must agree before
anything is said with certainty: tree-sitter's bash grammar gives the structure, `words.literal`
reads each word by itself, and between the words of a simple command there may be nothing but
blanks. Whatever either does not understand becomes a note and a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from workbench.permission.readers import judge
from workbench.permission.words import NotLiteral, hidden, literal
from workbench.permission.wrapped import unwrap

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

LONGEST = 65_536
"""Characters that are read; a longer text is opaque."""

_MOST_PARTS = 5_000
_DEEPEST = 8

_NOTES = {
    "pipeline": "pipe",
    "list": "several commands",
    "subshell": "subshell",
    "compound_statement": "compound command",
    "command_substitution": "command substitution",
    "process_substitution": "process substitution",
    "simple_expansion": "expansion",
    "expansion": "expansion",
    "arithmetic_expansion": "arithmetic expansion",
    "brace_expression": "brace expansion",
    "file_redirect": "redirection",
    "redirected_statement": "redirection",
    "heredoc_redirect": "here-document",
    "herestring_redirect": "here-string",
    "variable_assignment": "assignment",
    "variable_assignments": "assignment",
    "declaration_command": "declaration",
    "unset_command": "declaration",
    "negated_command": "negation",
    "test_command": "test",
    "function_definition": "function",
    "if_statement": "control flow",
    "while_statement": "control flow",
    "for_statement": "control flow",
    "c_style_for_statement": "control flow",
    "case_statement": "control flow",
    "ansi_c_string": "ANSI quotes",
    "translated_string": "translated string",
    "comment": "comment",
    "ERROR": "a part that the grammar does not know",
}


_EXPANDING = frozenset("$`*?[{~")
"""Characters that a literal name hardly has: it stands there as written, so it is not known."""

_COMMANDS = frozenset({"command", "declaration_command", "unset_command"})
_ASIDE = frozenset({"variable_assignment", "file_redirect", "herestring_redirect"})
"""What stands in a simple command without being one of its words."""


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

    @staticmethod
    @lru_cache(maxsize=512)
    def parse(text: str) -> Shell:
        """Read a text. Never raises: what cannot be read is opaque and says why."""
        return _read(text)


def _read(text: str) -> Shell:
    unread = _unreadable(text)
    if unread:
        return Shell(None, False, (), (unread,), opaque=True)
    source = text.encode()
    found = _Found()
    root = _collect(source, found)
    _follow(found)
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


@cache
def _parser() -> Parser:
    """The grammar, loaded when the first command is read."""
    import tree_sitter  # noqa: PLC0415
    import tree_sitter_bash  # noqa: PLC0415

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as it is written, and where."""

    start: int
    end: int
    text: str


class _Found:
    """What one walk through a tree has come across."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, ...]] = []
        self.notes: dict[str, None] = {}
        self.opaque = False

    def is_full(self) -> bool:
        """Whether more commands are there than anybody looks at; then nothing is proven."""
        if len(self.parts) < _MOST_PARTS:
            return False
        self.opaque = True
        self.notes[f"more than {_MOST_PARTS} commands"] = None
        return True

    def note(self, node: Node) -> None:
        """Remember why this kind of node keeps a text from being simple."""
        if node.is_missing:
            self.notes[_NOTES["ERROR"]] = None
            self.opaque = True
        elif node.type in _NOTES:
            self.notes[_NOTES[node.type]] = None
            self.opaque = self.opaque or node.type in {"ERROR", "function_definition"}


def _collect(source: bytes, found: _Found) -> Node:
    """Read one text and note every command of it, in the order in which they are written."""
    root = _parser().parse(source).root_node
    moved: dict[int, list[Node]] = {}
    for node in _nodes(root):
        found.note(node)
        if node.type == "redirected_statement":
            _move_words(node, moved, found)
        elif node.type in _COMMANDS and not found.is_full():
            _add(_words(node, source, moved.get(node.id, [])), found)
    return root


def _move_words(statement: Node, moved: dict[int, list[Node]], found: _Found) -> None:
    """Give words behind a redirection (``rm > log x``) back to the command they belong to.

    The grammar counts them as more files to redirect to.
    """
    words: list[Node] = []
    for redirect in statement.children_by_field_name("redirect"):
        inner = [redirect, *redirect.children_by_field_name("redirect")]
        words += redirect.children_by_field_name("argument")
        for one in inner:
            words += one.children_by_field_name("destination")[1:]
    if not words:
        return
    command = statement.child_by_field_name("body")
    while command and command.type not in _COMMANDS:
        command = command.named_children[-1] if command.named_children else None
    if command is None:
        found.opaque = True
    else:
        moved.setdefault(command.id, []).extend(words)


def _nodes(root: Node) -> Iterator[Node]:
    """All nodes, without recursion: a hostile text is nested deeply."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _words(command: Node, source: bytes, moved: Sequence[Node] = ()) -> list[_Word]:
    r"""A command's words; of ``export A=1`` the assignment is one.

    The grammar cuts some words in two (``'r'\m``). For bash a word ends only where something
    stands between it and the next, so nodes that touch are one word again here.
    """
    words: list[_Word] = []
    for node in (*command.children, *moved):
        if command.type == "command" and node.type in _ASIDE:
            continue
        start = node.start_byte
        if words and words[-1].end == start:
            start = words.pop().start
        text = source[start : node.end_byte].decode(errors="replace")
        words.append(_Word(start, node.end_byte, text))
    return words


def _add(words: list[_Word], found: _Found) -> None:
    part: list[str] = []
    for place, word in enumerate(words):
        try:
            part.append(literal(word.text))
        except NotLiteral as reason:
            part.append(word.text)
            found.notes[f"{reason} in word {place + 1}"] = None
            found.opaque = found.opaque or place == 0
    if part:
        found.parts.append(tuple(part))


def _follow(found: _Found) -> None:
    """Add what the parts would start themselves: ``env rm x``, ``bash -c 'rm x'``."""
    waiting = [(part, 0) for part in reversed(found.parts)]
    while waiting:
        part, depth = waiting.pop()
        for inner in unwrap(part):
            if found.is_full():
                return
            if depth >= _DEEPEST or not (inner.argv or inner.script):
                found.opaque = True
                continue
            before = len(found.parts)
            if inner.argv:
                found.parts.append(inner.argv)
                found.opaque = found.opaque or not _EXPANDING.isdisjoint(inner.argv[0])
            else:
                _collect_inner(inner.script, found)
            waiting += [(new, depth + 1) for new in found.parts[before:]]


def _collect_inner(script: str, found: _Found) -> None:
    """The commands of a text inside a word; its notes would confuse, only its parts count."""
    inner = _Found()
    _collect(script.encode(errors="replace"), inner)
    found.parts += inner.parts
    found.opaque = found.opaque or inner.opaque


def _one_command(root: Node, source: bytes, found: _Found) -> tuple[str, ...] | None:
    """The literal words, when the text is one command, its words, and blanks between them."""
    if root.has_error or len(root.children) != 1 or root.children[0].type != "command":
        _note_several(root, found)
        return None
    command = root.children[0]
    kinds = [node.type for node in command.children]
    if kinds[0] != "command_name" or not _ASIDE.isdisjoint(kinds):
        return None
    argv: list[str] = []
    end = 0
    for word in _words(command, source):
        if source[end : word.start].strip(b" \t" if argv else b" \t\n"):
            found.notes["something between two words"] = None
            return None
        end = word.end
        try:
            argv.append(literal(word.text))
        except NotLiteral:
            return None
    return None if source[end:].strip(b" \t\n") else tuple(argv)


def _note_several(root: Node, found: _Found) -> None:
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
