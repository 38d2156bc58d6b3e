"""Every command in a text, found with tree-sitter's bash grammar, and what is odd about it.

The grammar knows bash's structure but not each of its corners: it cuts some words in two and
takes words behind a redirection for file names. Both are mended here, because a command that is
denied must be met wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from workbench.permission.words import NotLiteral, literal
from workbench.permission.wrapped import unwrap

if TYPE_CHECKING:
    from tree_sitter import Language, Node

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
ASIDE = frozenset({"variable_assignment", "file_redirect", "herestring_redirect"})
"""What stands in a simple command without being one of its words."""


@cache
def _language() -> Language:
    """The grammar, loaded when the first command is read."""
    import tree_sitter  # noqa: PLC0415
    import tree_sitter_bash  # noqa: PLC0415

    return tree_sitter.Language(tree_sitter_bash.language())


def _tree(source: bytes) -> Node:
    """The root of a text's tree. A parser of its own each time: threads share none."""
    from tree_sitter import Parser  # noqa: PLC0415

    return Parser(_language()).parse(source).root_node


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written, and where."""

    start: int
    end: int
    text: str


class Found:
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


def collect(source: bytes, found: Found) -> Node:
    """Read one text and note every command of it, in the order in which they are written."""
    root = _tree(source)
    moved: dict[int, list[Node]] = {}
    for node in _nodes(root):
        found.note(node)
        if node.type == "redirected_statement":
            _move_words(node, moved, found)
        elif node.type in _COMMANDS and not found.is_full():
            _add(words_of(node, source, moved.get(node.id, [])), found)
    return root


def _move_words(statement: Node, moved: dict[int, list[Node]], found: Found) -> None:
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


def words_of(command: Node, source: bytes, moved: Sequence[Node] = ()) -> list[Word]:
    r"""A command's words; of ``export A=1`` the assignment is one.

    The grammar cuts some words in two (``'r'\m``). For bash a word ends only where something
    stands between it and the next, so nodes that touch are one word again here.
    """
    words: list[Word] = []
    for node in (*command.children, *moved):
        if command.type == "command" and node.type in ASIDE:
            continue
        start = node.start_byte
        if words and words[-1].end == start:
            start = words.pop().start
        text = source[start : node.end_byte].decode(errors="replace")
        words.append(Word(start, node.end_byte, text))
    return words


def _add(words: list[Word], found: Found) -> None:
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


def follow(found: Found) -> None:
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
                collect_inner(inner.script, found)
            waiting += [(new, depth + 1) for new in found.parts[before:]]


def collect_inner(script: str, found: Found) -> None:
    """The commands of a text inside a word; its notes would confuse, only its parts count."""
    inner = Found()
    collect(script.encode(errors="replace"), inner)
    found.parts += inner.parts
    found.opaque = found.opaque or inner.opaque
