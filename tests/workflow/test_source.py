"""What a workflow is made of, and what counts as a change of it."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.workflow.pattern import pattern
from workbench.workflow.source import COMPILED, source_of
from workbench.workflow.suspects import suspects

STORY = '''"""A story."""

ROUNDS = 2


class Kept:
    """Something with state."""

    size = 1


def shout(text):
    return text.upper()


def unrelated():
    return 1


def inner(text):
    return shout(text)


async def story(name):
    """Tell it."""
    told = [inner(name)]
    for number in range(ROUNDS):
        told.append(str(number) + str(Kept.size))
    return told
'''


def loaded(folder: Path, text: str, name: str = "told") -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    linecache.checkcache(str(path))
    # Two texts of one length within a second are one to Python's cache of bytecode.
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_a_workflow_is_made_of_what_it_names_in_its_file(tmp_path: Path) -> None:
    found = source_of(loaded(tmp_path, STORY).story)
    assert list(found.parts) == ["story", "inner", "ROUNDS", "Kept", "shout"]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"""Tell it."""', '"""Tell it another way."""'),
        ('    """Tell it."""\n', ""),
        ("told = [inner(name)]", "told = [\n        inner(name),  # first\n    ]"),
        ("return told", "return (told)"),
        ('    """Something with state."""\n', "    # what is kept\n"),
    ],
)
def test_comments_docstrings_and_layout_change_the_text_only(
    tmp_path: Path, was: str, now: str
) -> None:
    before = source_of(loaded(tmp_path, STORY).story)
    after = source_of(loaded(tmp_path, STORY.replace(was, now)).story)
    assert before.digest == after.digest
    assert before.parts != after.parts


def test_an_unrelated_function_changes_nothing_at_all(tmp_path: Path) -> None:
    before = source_of(loaded(tmp_path, STORY).story)
    after = source_of(loaded(tmp_path, STORY.replace("return 1", "return 2\n\n\nX = 3")).story)
    assert before == after


@pytest.mark.parametrize(
    ("was", "now", "part"),
    [
        ("told.append(str(number)", "told.append(repr(number)", "story"),
        ("text.upper()", "text.lower()", "shout"),
        ("ROUNDS = 2", "ROUNDS = 3", "ROUNDS"),
        ("size = 1", "size = 2", "Kept"),
    ],
)
def test_a_change_is_said_of_the_part_that_it_is_in(
    tmp_path: Path, was: str, now: str, part: str
) -> None:
    before = source_of(loaded(tmp_path, STORY).story)
    after = source_of(loaded(tmp_path, STORY.replace(was, now)).story)
    assert before.digest != after.digest
    assert [name for name in before.parts if before.parts[name] != after.parts[name]] == [part]


def test_a_file_that_was_changed_after_loading_is_not_taken_for_the_code(tmp_path: Path) -> None:
    module = loaded(tmp_path, STORY)
    path = tmp_path / "told.py"
    path.write_text("# one line more\n" + STORY, encoding="utf-8")
    found = source_of(module.story).parts
    assert all(COMPILED in found[name][0] for name in ("story", "inner", "shout"))


def _made(text: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    return namespace["told"]


def test_code_without_a_file_counts_as_compiled() -> None:
    one, same, other = (
        source_of(_made(f"async def told(x):\n  return x + {number}")) for number in (1, 1, 2)
    )
    assert one == same
    assert one.digest != other.digest
    assert COMPILED in one.parts["told"][0]


def _deco(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapped(*given: Any) -> Any:
        return await function(*given)

    return wrapped


def _adding(number: int) -> Any:
    async def added(x: int) -> int:
        return x + number

    return added


async def plain(x: int, y: int = 0) -> int:
    return x + y


def test_decorators_closures_and_bound_arguments_are_parts() -> None:
    assert {"plain", "_deco.<locals>.wrapped"} <= set(source_of(_deco(plain)).parts)
    assert source_of(_adding(1)).digest != source_of(_adding(2)).digest
    bound, other = functools.partial(plain, y=1), functools.partial(plain, y=2)
    assert source_of(bound).digest != source_of(other).digest
    assert "plain" in source_of(bound).parts


def test_a_partial_is_a_pattern_named_by_its_function() -> None:
    found = pattern(functools.partial(plain, y=1))
    assert found.name == "plain"
    assert [p.name for p in found.parameters if p.is_required] == ["x"]


def test_what_is_no_function_has_no_parts() -> None:
    assert not source_of(len).parts
    assert not source_of(int).parts


def test_the_digest_of_a_syntax_tree_is_the_same_in_every_python(tmp_path: Path) -> None:
    found = source_of(loaded(tmp_path, STORY).story)
    assert found.digest == "4385a78b95b23c6a"


SUSPECT = """import os
import random
import time


def label():
    return f"{random.random()}"


async def told(name):
    found = [label()]
    if os.environ.get("HOME"):
        found.append(time.time())
    for word in {"a", "b"}:
        found.append(word)
    return found + list(set(name))
"""


def test_what_reads_what_no_row_records_is_named_by_file_and_line(tmp_path: Path) -> None:
    assert suspects(loaded(tmp_path, SUSPECT, "suspect").told) == [
        "suspect.py:7 calls random.random()",
        "suspect.py:12 calls os.environ.get()",
        "suspect.py:13 calls time.time()",
        "suspect.py:14 goes through a set in its order",
        "suspect.py:16 goes through a set in list()",
    ]


def test_an_ordinary_workflow_is_not_suspected(tmp_path: Path) -> None:
    assert suspects(loaded(tmp_path, STORY).story) == []
