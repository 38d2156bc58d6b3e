"""A question counts down only while somebody could have answered it."""

from __future__ import annotations

import asyncio

import pytest

from tests.run.stage import acted
from workbench.run.waiting import Answer, Inbox, Waiting


def _asked() -> Waiting:
    return Waiting("r:k/approval#0", "permission", "r", "k", "", "well?", 0.0, expires_at=1.0)


@acted
async def test_nobody_answers_in_time() -> None:
    inbox = Inbox(lambda _waiting, _what: None)
    with pytest.raises(TimeoutError):
        await inbox.ask(_asked(), 0.01)
    assert inbox.waiting == {}


@acted
async def test_it_begins_afresh_when_the_process_was_stopped_over_its_end() -> None:
    told: list[str] = []
    inbox = Inbox(lambda _waiting, what: told.append(what))
    asking = asyncio.ensure_future(inbox.ask(_asked(), 60.0))
    await asyncio.sleep(0)
    inbox._is_over("r:k/approval#0", asyncio.get_running_loop().time() - 30)
    (waiting,) = inbox.waiting.values()
    assert waiting.expires_at is not None
    assert waiting.expires_at > 1.0
    assert not asking.done()
    inbox.answer(waiting.id, Answer("deny"))
    assert (await asking).verdict == "deny"
    assert told == ["asked", "answered"]
