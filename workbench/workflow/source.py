"""Source: what code a workflow is made of, as digests that say what was changed.

A workflow is its function and whatever of the same file that function names, and these name in
turn: functions, patterns, classes, plain constants, what a closure or a `partial` holds. Each is
a *part* with two digests: of what its code says (comments, docstrings and layout do not count;
the same in every Python), and of its text as it stands. Where no text is to be had (a prompt, code
made at run time) the compiled code counts, which only the same Python can compare.

What this does not see: other files, methods that are looked up by name, values that can change.
It need not: whether a changed workflow still fits its log is found out by driving it
(`workbench.journal.replay`); digests only say what to tell a person.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias, cast

from workbench.foreign import Raised, attempt
from workbench.values import digest

Part: TypeAlias = tuple[str, str]
"""Digests of what a part says and of its text."""

COMPILED = "compiled:"
"""Before a digest of compiled code."""

_Definition: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Source:
    """The parts of a workflow, by name, the workflow's own function first."""

    parts: Mapping[str, Part] = field(default_factory=dict[str, Part])

    @property
    def digest(self) -> str:
        """One digest over what all the parts say."""
        return digest("\0".join(sorted(code for code, _ in self.parts.values())), 8)


def bare(function: Any) -> FunctionType | None:
    """The Python function inside a pattern, tool, decorator, method or partial; None for others."""
    return next((one for one in reversed(_layers(function)) if isinstance(one, FunctionType)), None)


def _layers(value: Any) -> list[Any]:
    """A value and what it is wrapped around, outermost first: patterns, decorators, partials."""
    found: list[Any] = []
    while value is not None and len(found) < 32 and not isinstance(value, ModuleType | type):
        found.append(value)
        value = _inside(value)
    return found


def _inside(outer: Any) -> Any:
    if isinstance(outer, partial):
        return cast("Any", outer).func
    for name in ("__wrapped__", "__func__", "function"):
        found = attempt(getattr, outer, name, None)
        if not isinstance(found, Raised) and callable(found.value):
            return found.value
    return None


@lru_cache(maxsize=512)
def source_of(workflow: Callable[..., Any]) -> Source:
    """What a workflow is made of. Nothing is imported or run; its file is read once."""
    return Source({name: _part(name, value) for name, value in _made_of(workflow).items()})


def definitions_of(workflow: Callable[..., Any]) -> Iterator[tuple[str, ast.AST]]:
    """The syntax trees of a workflow's parts, each with its file."""
    for name, value in _made_of(workflow).items():
        found = None if _is_plain(value) else _definition(name, value)
        root = bare(workflow)
        if found is not None and root is not None:
            yield root.__code__.co_filename, found


def _made_of(workflow: Callable[..., Any]) -> dict[str, Any]:
    """A workflow's own function, then all that it names and holds of the same file, by name."""
    root = bare(workflow)
    if root is None:
        return {}
    parts: dict[str, Any] = {}
    left: list[tuple[str, Any]] = [(root.__code__.co_qualname, root), ("", workflow)]
    while left:
        name, value = left.pop(0)
        for layer in [value] if _is_plain(value) or isinstance(value, type) else _layers(value):
            called = layer.__code__.co_qualname if isinstance(layer, FunctionType) else name
            if called not in parts and _is_part(called, layer, root):
                parts[called] = layer
                left += _named_by(layer)
            elif isinstance(layer, partial):
                left += _bound(cast("partial[Any]", layer))
    return parts


def _is_part(name: str, value: Any, root: FunctionType) -> bool:
    if isinstance(value, type):
        return value.__module__ == root.__module__ and root.__globals__.get(name) is value
    if isinstance(value, FunctionType):
        return value.__code__.co_filename == root.__code__.co_filename
    return _is_plain(value)


def _part(name: str, value: Any) -> Part:
    if _is_plain(value):
        said = digest(f"{name.rpartition('.')[2]} = {value!r}", 8)
        return said, said
    found = _definition(name, value)
    if found is not None:
        return _digests(found, _file_of(value))
    compiled = _compiled(value.__code__) if isinstance(value, FunctionType) else [name]
    said = COMPILED + digest("\0".join(compiled), 8)
    return said, said


def _definition(name: str, value: Any) -> _Definition | None:
    """The text's own definition of a function or class; None when the text is not to be had."""
    file = _file_of(value)
    if isinstance(value, type):
        return file.named.get(name)
    code = value.__code__
    found = file.at.get(code.co_firstlineno)
    is_it = found is not None and found.name == code.co_name and _takes_the_same(found, value)
    return found if is_it else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, cast("tuple[Any, ...]", value)))
    return isinstance(value, _PLAIN)


def _takes_the_same(found: _Definition, function: FunctionType) -> bool:
    """Whether the text is that of the function: its file may have been changed since."""
    if isinstance(found, ast.ClassDef):
        return False
    names = [one.arg for one in (*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs)]
    return names == list(function.__code__.co_varnames[: len(names)])


def _named_by(value: Any) -> Iterator[tuple[str, Any]]:
    """Whatever a function holds in its closure or names of its module."""
    if not isinstance(value, FunctionType):
        return
    code, known = value.__code__, value.__globals__
    cells: tuple[Any, ...] = value.__closure__ or ()
    for name, cell in zip(code.co_freevars, cells, strict=True):
        content = attempt(getattr, cell, "cell_contents")
        if not isinstance(content, Raised):
            yield f"{code.co_qualname}.{name}", content.value
    for name in _names(code):
        if name in known and not name.startswith("__"):
            yield name, known[name]


def _bound(value: partial[Any]) -> Iterator[tuple[str, Any]]:
    yield "partial", tuple(value.args)
    for name, given in value.keywords.items():
        yield f"partial.{name}", given


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _compiled(code: CodeType) -> Iterator[str]:
    """What compiled code says, wherever it stands."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _compiled(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, cast("frozenset[Any]", constant))))
        else:
            yield repr(constant)


# -- the text --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """The definitions of a file: all by their first line, those at its top by name."""

    lines: tuple[str, ...] = ()
    at: Mapping[int, _Definition] = field(default_factory=dict[int, _Definition])
    named: Mapping[str, _Definition] = field(default_factory=dict[str, _Definition])


def _file_of(value: FunctionType | type) -> _File:
    if isinstance(value, FunctionType):
        return _parsed(_text(value.__globals__, value.__code__.co_filename))
    known = vars(sys.modules[value.__module__]) if value.__module__ in sys.modules else {}
    return _parsed(_text(known, str(known.get("__file__", ""))))


def _text(known: dict[str, Any], file: str) -> str:
    """The text of a module's file, as it was loaded where its loader knows."""
    if known.get("__file__") == file:
        # The loader of a trusted plugin has the very bytes; the file may be another by now.
        found = attempt(lambda: known["__loader__"].get_source(known["__name__"]))
        if not isinstance(found, Raised) and isinstance(found.value, str):
            return found.value
    return "".join(linecache.getlines(file, known))


@lru_cache(maxsize=64)
def _parsed(text: str) -> _File:
    tree = attempt(ast.parse, text)
    if isinstance(tree, Raised):
        return _File()
    at: dict[int, _Definition] = {}
    for node in ast.walk(tree.value):
        if isinstance(node, _DEFINITIONS):
            at[_first_line(node)] = node
    named = {node.name: node for node in tree.value.body if isinstance(node, _DEFINITIONS)}
    return _File(tuple(text.splitlines()), at, named)


def _first_line(node: _Definition) -> int:
    """Where a definition begins, its decorators included: as compiled code counts."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _digests(node: _Definition, file: _File) -> Part:
    lines = file.lines[_first_line(node) - 1 : node.end_lineno]
    return digest("\0".join(_spelt(node)), 8), digest("\n".join(lines), 8)


_SILENT = frozenset({"type_comment", "kind", "ctx", "type_params"})
"""Fields that say nothing of what the code does, or that not every Python has."""


def _spelt(tree: ast.AST) -> Iterator[str]:
    """What a syntax tree says: no places, no docstrings, no fields that are empty."""
    left: list[Any] = [tree]
    while left:
        item = left.pop()
        if isinstance(item, ast.AST):
            yield f"({type(item).__name__}"
            left.append(_Word(")"))
            for name in reversed(item._fields):
                value = getattr(item, name, None)
                if name not in _SILENT and value is not None and value != []:
                    left += [_silent(item) if name == "body" else value, _Word(f".{name}")]
        elif isinstance(item, list):
            left += [_Word("]"), *reversed(cast("list[Any]", item)), _Word("[")]
        else:
            yield item if isinstance(item, _Word) else repr(item)


class _Word(str):
    """A mark of ours between what the code says."""

    __slots__ = ()


def _silent(node: Any) -> Any:
    """A body without its docstring."""
    if isinstance(node, _DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
        return node.body[1:] or [ast.Pass()]
    return node.body
