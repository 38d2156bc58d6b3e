"""Tokens as they are kept, and who comes in with one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError, UnknownName, UsageError
from workbench.listening.bearer import REFUSALS_A_MINUTE, Refused, TokenDoor
from workbench.listening.tokens import Tokens
from workbench.permission.roles import Caller

PLACE = "127.0.0.1:4711"


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


def door(tokens: Tokens, now: list[float]) -> TokenDoor:
    return TokenDoor(PLACE, tokens, lambda: now[0], lambda: now[0])


def sent(word: str, **more: list[str]) -> dict[str, list[str]]:
    return {"host": [PLACE], "authorization": [f"Bearer {word}"], **more}


def test_a_token_lets_its_name_in_until_it_is_revoked(tokens: Tokens) -> None:
    made, word = tokens.add("kim", "runner", 0.0)
    at = door(tokens, [0.0])
    assert at.judge(sent(word)) == Caller("kim", "runner", made.id)
    tokens.revoke("kim")
    assert isinstance(at.judge(sent(word)), Refused)
    with pytest.raises(UnknownName):
        tokens.revoke("kim")


def test_a_token_ends_when_its_time_is_over(tokens: Tokens) -> None:
    _, word = tokens.add("kim", "runner", 0.0, lasts_s=60.0)
    now = [59.9]
    at = door(tokens, now)
    assert isinstance(at.judge(sent(word)), Caller)
    now[0] = 60.0
    assert isinstance(at.judge(sent(word)), Refused)


@given(st.text(max_size=80))
def test_no_other_word_lets_anybody_in(tmp_path_factory: pytest.TempPathFactory, word: str) -> None:
    tokens = Tokens(tmp_path_factory.mktemp("tokens"))
    made, _ = tokens.add("kim", "owner", 0.0)
    assert tokens.find(word, 0.0) is None
    assert tokens.find(made.digest, 0.0) is None


def test_headers_that_are_there_twice_or_from_a_page_are_refused(tokens: Tokens) -> None:
    _, word = tokens.add("kim", "owner", 0.0)
    at = door(tokens, [0.0])
    good = sent(word)
    assert isinstance(at.judge(good), Caller)
    tries: list[dict[str, list[str]]] = [
        {"host": []},
        {"host": [PLACE, PLACE]},
        {"host": ["localhost:4711"]},
        {"authorization": []},
        {"authorization": good["authorization"] * 2},
        {"authorization": [word]},
        {"origin": ["null"]},
        {"origin": [f"http://{PLACE}"]},
        {"sec-fetch-site": ["same-origin"]},
    ]
    for changed in tries:
        assert isinstance(at.judge({**good, **changed}), Refused), changed


def test_requests_beyond_the_rate_wait_and_come_back(tokens: Tokens) -> None:
    _, word = tokens.add("kim", "owner", 0.0, rate=2)
    _, other = tokens.add("lee", "owner", 0.0, rate=2)
    now = [0.0]
    at = door(tokens, now)
    found = [at.judge(sent(word)) for _ in range(4)]
    assert [isinstance(one, Caller) for one in found] == [True, True, False, False]
    refused = [one for one in found if isinstance(one, Refused)]
    assert [(one.status, one.retry_s, one.is_told) for one in refused] == [
        (429, 30, True),
        (429, 30, False),
    ]
    assert isinstance(at.judge(sent(other)), Caller)
    now[0] = 30.0
    assert isinstance(at.judge(sent(word)), Caller)


def test_of_very_many_refusals_not_each_is_told(tokens: Tokens) -> None:
    at = door(tokens, [0.0])
    found = [at.judge(sent("wrong")) for _ in range(REFUSALS_A_MINUTE + 5)]
    told = [one for one in found if isinstance(one, Refused) and one.is_told]
    assert len(told) == REFUSALS_A_MINUTE
    assert isinstance(found[-1], Refused)
    assert (found[-1].status, found[-1].retry_s) == (429, 1)


def test_a_name_stands_once_and_is_a_word(tokens: Tokens) -> None:
    tokens.add("kim", "viewer", 0.0)
    with pytest.raises(UsageError, match="already"):
        tokens.add("kim", "owner", 0.0)
    for name in ("", "a b", "é", "x" * 41, "a\nb", "../x"):
        with pytest.raises(UsageError):
            tokens.add(name, "viewer", 0.0)
    assert [token.name for token in tokens.all()] == ["kim"]


def test_many_who_add_at_once_lose_none(tokens: Tokens) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = {f"t{n}" for n in range(24)}
        for each in [pool.submit(tokens.add, name, "viewer", 0.0) for name in names]:
            each.result()
    assert {token.name for token in tokens.all()} == names


def test_a_file_that_others_can_read_or_that_is_broken_lets_nobody_in(tokens: Tokens) -> None:
    tokens.add("kim", "viewer", 0.0)
    assert tokens.file.stat().st_mode & 0o777 == 0o600
    tokens.file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        tokens.all()
    tokens.file.chmod(0o600)
    for text in ("{", "[1]", '[{"id": "x"}]', '{"a": 1}', "null"):
        tokens.file.write_text(text)
        with pytest.raises(ConfigError):
            tokens.all()
