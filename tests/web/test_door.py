"""Who comes in: the decisions, without a socket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.listening.allowance import Allowance
from workbench.web.door import PAGES_A_MINUTE, REFUSALS_A_MINUTE, Door, Knock

PLACE = "127.0.0.1:4711"
OURS = {"host": [PLACE]}


def door() -> Door:
    return Door(PLACE, lambda: 0.0)


def token_of(made: Door) -> str:
    return made.link.partition("token=")[2]


def test_the_link_lets_one_browser_in_and_no_second() -> None:
    made = door()
    token = token_of(made)
    first, second = (made.judge(Knock(OURS, token=token)) for _ in range(2))
    assert (first.status, first.gives_cookie) == (200, True)
    assert (second.status, second.gives_cookie) == (403, False)
    assert made.judge(Knock(OURS, cookie=made.cookie)).status == 200


def test_a_refused_request_does_not_use_the_link_up() -> None:
    made = door()
    token = token_of(made)
    for headers in (
        {},
        {"host": ["evil.example:4711"]},
        {"host": [PLACE, PLACE]},
        {**OURS, "origin": ["http://evil.example"]},
        {**OURS, "origin": ["null"]},
    ):
        assert made.judge(Knock(headers, token=token)).status == 403
    assert made.judge(Knock(OURS, token=token)).status == 200


def test_a_page_of_another_port_may_link_here_but_not_use_the_cookie() -> None:
    made = door()
    navigating = {**OURS, "sec-fetch-site": ["same-site"], "sec-fetch-mode": ["navigate"]}
    assert made.judge(Knock(navigating, cookie=made.cookie)).status == 403
    assert made.judge(Knock(navigating, token=token_of(made))).status == 200


def test_the_page_may_be_loaded_again_after_it_was_reached_by_a_link_elsewhere() -> None:
    made = door()
    again = {**OURS, "sec-fetch-site": ["cross-site"], "sec-fetch-mode": ["navigate"]}
    asked_by_a_script = {**again, "sec-fetch-mode": ["no-cors"]}
    assert made.judge(Knock(again, cookie=made.cookie)).status == 200
    assert made.judge(Knock(asked_by_a_script, cookie=made.cookie)).status == 403


@given(
    host=st.text(max_size=20) | st.sampled_from([PLACE, "localhost:4711", "127.0.0.1", "[::1]"]),
    origin=st.none() | st.text(max_size=20) | st.sampled_from([f"http://{PLACE}", "null"]),
    cookie=st.text(max_size=50),
    token=st.none() | st.text(max_size=50),
)
def test_nothing_comes_in_without_a_secret(
    host: str, origin: str | None, cookie: str, token: str | None
) -> None:
    made = door()
    headers = {"host": [host], **({} if origin is None else {"origin": [origin]})}
    assert made.judge(Knock(headers, cookie, token)).status == 403
    expected = 200 if host == PLACE and origin in (None, f"http://{PLACE}") else 403
    assert made.judge(Knock(headers, made.cookie)).status == expected


def test_after_many_refusals_only_who_has_a_secret_is_heard() -> None:
    made = door()
    token = token_of(made)
    found = [made.judge(Knock(OURS, token="wrong")).status for _ in range(REFUSALS_A_MINUTE + 1)]
    assert found == [403] * REFUSALS_A_MINUTE + [429]
    assert made.judge(Knock(OURS, cookie="wrong")).status == 429
    assert made.judge(Knock(OURS, token=token)).status == 200
    assert made.judge(Knock(OURS, cookie=made.cookie)).status == 200


def test_an_allowance_is_given_back_evenly_and_never_more_than_it_was() -> None:
    now = 0.0
    allowance = Allowance(PAGES_A_MINUTE, lambda: now)
    assert all(allowance.take() for _ in range(PAGES_A_MINUTE))
    assert not allowance.take()
    now = 60.0 / PAGES_A_MINUTE * 3.001
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now = 1e6
    assert sum(allowance.take() for _ in range(2 * PAGES_A_MINUTE)) == PAGES_A_MINUTE


def test_no_two_servers_share_a_secret() -> None:
    made = [door() for _ in range(20)]
    assert len({token_of(each) for each in made} | {each.cookie for each in made}) == 40
