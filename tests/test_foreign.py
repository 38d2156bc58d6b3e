from __future__ import annotations

import asyncio

import pytest

from workbench.errors import Cancelled
from workbench.foreign import Raised, Returned, attempt, attempt_async


def test_what_foreign_code_returns_is_a_value() -> None:
    assert attempt(int, "3") == Returned(3)


def test_what_foreign_code_raises_is_a_value() -> None:
    outcome = attempt(int, "three")
    assert isinstance(outcome, Raised)
    assert isinstance(outcome.error, ValueError)


@pytest.mark.parametrize("control", [KeyboardInterrupt, SystemExit, GeneratorExit, Cancelled])
def test_control_exceptions_pass_through(control: type[BaseException]) -> None:
    def stops() -> None:
        raise control

    async def stops_later() -> None:
        await asyncio.sleep(0)
        raise control

    with pytest.raises(control):
        attempt(stops)
    with pytest.raises(control):
        asyncio.run(_attempted(stops_later()))


async def _attempted(awaitable: object) -> object:
    return await attempt_async(awaitable)  # type: ignore[arg-type]


def test_awaited_code_is_treated_alike() -> None:
    async def fine() -> int:
        return 3

    async def broken() -> int:
        raise ValueError("three")

    assert asyncio.run(_attempted(fine())) == Returned(3)
    outcome = asyncio.run(_attempted(broken()))
    assert isinstance(outcome, Raised)
    assert str(outcome.error) == "three"


def test_a_cancellation_of_asyncio_passes_through() -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(_attempted(asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
