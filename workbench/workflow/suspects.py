"""Suspects: places in a workflow that read what no row records.

A clock, a random number, the environment, a file, the order of a set: read inside a workflow, it
is something else when the log is driven again. This only looks at the text of the workflow and of
what it names in its file; it finds the usual ways and is no proof of anything.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from workbench.workflow.source import definitions_of

_MODULES = frozenset(
    {"time", "random", "secrets", "uuid", "socket", "subprocess", "os", "platform"}
)
_METHODS = frozenset({"now", "utcnow", "today", "read_text", "read_bytes", "iterdir", "glob"})
_FUNCTIONS = frozenset({"open", "input", "id", "hash", "getenv"})
_ITERATORS = frozenset({"list", "tuple", "enumerate", "iter", "next", "zip", "map", "join"})


def suspects(workflow: Callable[..., Any]) -> list[str]:
    """``story.py:14 calls time.time()``, in the order of the lines."""
    found: dict[int, str] = {}
    for file, tree in definitions_of(workflow):
        for node in ast.walk(tree):
            for line, what in _found(node):
                found.setdefault(line, f"{file.rpartition('/')[2]}:{line} {what}")
    return [found[line] for line in sorted(found)]


def _found(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Call(func=function):
            name = _dotted(function)
            if _is_read(name):
                yield node.lineno, f"calls {name}()"
            elif name.rpartition(".")[2] in _ITERATORS and any(map(_is_set, node.args)):
                yield node.lineno, f"goes through a set in {name}()"
        case ast.Attribute() if _dotted(node) == "os.environ":
            yield node.lineno, "reads os.environ"
        case ast.For(iter=over) | ast.AsyncFor(iter=over) if _is_set(over):
            yield node.lineno, "goes through a set in its order"
        case ast.comprehension(iter=over) if _is_set(over):
            yield over.lineno, "goes through a set in its order"
        case _:
            pass


def _is_read(name: str) -> bool:
    first, dot, _ = name.partition(".")
    if not dot:
        return name in _FUNCTIONS
    if name.startswith("os.path."):
        return False
    return first in _MODULES or name.rpartition(".")[2] in _METHODS


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and _dotted(node.func) in {"set", "frozenset"}


def _dotted(node: ast.expr) -> str:
    """``time.time``, or the empty string for what is not a plain chain of names."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join(reversed([*names, node.id])) if isinstance(node, ast.Name) else ""
