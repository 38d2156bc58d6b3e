"""The core's thread: jobs run there, errors come back, nothing hangs."""

from collections.abc import AsyncGenerator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from threading import current_thread

import pytest

from tests.tui.stage import FakeBench
from workbench.errors import StoreNewer, UsageError
from workbench.tui.core_thread import CoreThread
from workbench.tui.feed import Feed


async def where(_bench: FakeBench) -> str:
    return current_thread().name


async def fail(_bench: FakeBench) -> None:
    raise UsageError("no such thing")


def test_jobs_run_on_the_cores_own_thread_even_if_given_before_it_is_open() -> None:
    core = CoreThread(FakeBench().opened, Feed(lambda: None))
    core.start()
    assert core.call(where).result(5) == "core"
    core.stop().result(5)


def test_an_error_of_a_job_comes_back_and_the_core_goes_on() -> None:
    core = CoreThread(FakeBench().opened, Feed(lambda: None))
    core.start()
    with pytest.raises(UsageError, match="no such thing"):
        core.call(fail).result(5)
    assert core.call(where).result(5) == "core"
    core.stop().result(5)


def test_a_workbench_that_does_not_open_fails_its_jobs_with_the_reason() -> None:
    @asynccontextmanager
    async def broken() -> AsyncGenerator[FakeBench]:
        raise StoreNewer("written by a later version")
        yield FakeBench()

    core = CoreThread(broken, Feed(lambda: None))
    core.start()
    with pytest.raises(StoreNewer):
        core.ended.result(5)
    with pytest.raises(StoreNewer):
        core.call(where).result(5)


def test_after_it_was_stopped_a_job_is_refused() -> None:
    core = CoreThread(FakeBench().opened, Feed(lambda: None))
    core.start()
    core.stop().result(5)
    with pytest.raises(UsageError, match="closed"):
        core.call(where).result(5)


def test_jobs_given_while_it_closes_are_done_or_refused_and_never_forgotten() -> None:
    core = CoreThread(FakeBench().opened, Feed(lambda: None))
    core.start()
    core.call(where).result(5)
    ended = core.stop()
    given = [core.call(where)]
    while not ended.done():
        given.append(core.call(where))
    for job in given:
        with suppress(UsageError, CancelledError):
            assert job.result(5) == "core"
