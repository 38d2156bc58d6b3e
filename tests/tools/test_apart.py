from __future__ import annotations

import asyncio
import os
import time

import pytest

from workbench.errors import Denied, ToolError
from workbench.tools.apart import apart


def _ask(where: str, limit_s: float = 5.0, **question: object) -> object:
    return asyncio.run(apart(where, question, limit_s, "the work"))


def test_a_function_answers_from_another_process() -> None:
    assert _ask("workbench.tools.pages:text_of", html="<p>a</p>") == "a"


def test_what_it_refuses_is_refused_here(tmp_path: object) -> None:
    arguments = {"pattern": "x", "path": "../.."}
    limits: dict[str, float] = {}
    place = {"workspace": str(tmp_path), "state": f"{tmp_path}/state", "limits": limits}
    with pytest.raises(Denied, match="out of the workspace"):
        _ask("workbench.tools.search:search_apart", arguments=arguments, place=place, decided=None)
    arguments = {"pattern": "("}
    with pytest.raises(ToolError, match="not a regular expression"):
        _ask("workbench.tools.search:search_apart", arguments=arguments, place=place, decided=None)


def test_it_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    assert _ask("os:getenv", key="MY_SECRET") is None
    assert _ask("os:getpid") != os.getpid()


def test_it_is_killed_when_its_time_is_over() -> None:
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"the work took longer than 0.2 s"):
        _ask("signal:pause", 0.2)
    assert time.monotonic() - began < 4


def test_one_that_dies_is_an_error() -> None:
    with pytest.raises(ToolError, match="ended without an answer"):
        _ask("os:abort")
