"""What each role may do: the whole table, written a second time."""

from __future__ import annotations

import pytest

from workbench.errors import Denied, UnknownName
from workbench.permission.roles import ACTIONS, MAY, ROLES, Action, Caller, Role, role_of

OWN: dict[Role, set[Action]] = {
    "viewer": {"look"},
    "runner": {"look", "start", "drive"},
    "approver": {"look", "answer"},
    "owner": {"look", "start", "drive", "answer"},
}
OTHERS: dict[Role, set[Action]] = {
    "viewer": {"look"},
    "runner": set(),
    "approver": {"look", "answer"},
    "owner": {"look", "start", "drive", "answer"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("is_own", [True, False])
def test_a_role_may_what_the_table_says_and_nothing_else(
    role: Role, action: Action, is_own: bool
) -> None:
    caller = Caller("kim", role, "a1b2c3")
    allowed = action in (OWN if is_own else OTHERS)[role]
    assert caller.may(action, is_own=is_own) is allowed
    if allowed:
        caller.check(action, is_own=is_own)
    else:
        with pytest.raises(Denied, match=f"kim is {role} and may not") as caught:
            caller.check(action, is_own=is_own)
        assert caught.value.data["by"] == "kim.a1b2c3"


def test_every_role_is_in_the_table() -> None:
    assert set(MAY) == set(ROLES)


def test_a_role_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'viewer'"):
        role_of("vewer")


def test_a_token_that_was_revoked_is_not_its_successor() -> None:
    assert Caller("kim", "runner", "a1").by != Caller("kim", "runner", "b2").by
