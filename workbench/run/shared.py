"""Accounts over many runs: of the session, of the day, of each agent in the day.

The session is this process. Days and agents are shared with every process on the same database:
what was used and reserved is read from the log's ledger before each reservation, and the writer
looks once more in the transaction that stores the intent.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Literal, TypeAlias

from workbench.journal.ledger import Dues
from workbench.journal.limits import EVERYBODY, SPENDABLE, Ceilings, Limits
from workbench.journal.usage import Amount, day_at
from workbench.run.budget import Account
from workbench.run.estimate import Habits
from workbench.run.ports import Log

OnLimit: TypeAlias = Literal["ask", "rest", "stop", "extend"]
ON_LIMIT: Final[tuple[OnLimit, ...]] = ("ask", "rest", "stop", "extend")
"""What becomes of a run at a used-up limit: a person is asked · it rests and can be resumed · it
ends, cleanups and all · the limit is raised by as much again, and that is said."""


class SharedAccount(Account):
    """The day's, or an agent's in the day: as the ledger has it, and what is on its way there."""

    def __init__(self, who: str, limits: Limits) -> None:
        super().__init__("agent" if who else "day", who, limits)
        self.others_run = False
        """Whether another process may still give something back."""
        self._logged = Amount()

    @property
    def held(self) -> Amount:
        """What is reserved: in the ledger, and by intents that are not written yet."""
        total = Amount()
        total.add(self._logged)
        total.add(self.holds.total)
        return total

    def may_settle(self, name: str) -> bool:
        """An intent on its way is counted twice for a moment, so that is worth waiting for."""
        elsewhere = self.others_run and name != "steps"
        return super().may_settle(name) or len(self.holds) > 0 or elsewhere

    def see(self, dues: Dues, *, others_run: bool) -> None:
        """Take over what the ledger says."""
        self.spent, self._logged = dues.of(self.who)
        self.others_run = others_run

    def logged(self, key: Hashable, attempt: int) -> None:
        """An intent was written, or refused: from now on the ledger speaks for it."""
        self.holds.settle(key, attempt)
        self.wake()


class Budgets:
    """Everything that is limited in one opening of the workbench, beside the runs' own."""

    def __init__(self, ceilings: Ceilings | None = None, on_limit: OnLimit = "rest") -> None:
        self.ceilings: Ceilings = ceilings or Ceilings()
        self.on_limit: OnLimit = on_limit
        self.habits = Habits()
        self.session = Account("session", "", self.ceilings.session)
        self.runs: set[str] = set()
        """Runs that this process drives, or drove."""
        self._shared: dict[str, SharedAccount] = {}

    @property
    def is_free(self) -> bool:
        """Whether nothing here limits any effect: asked before every one."""
        ceilings = self.ceilings
        if self._shared or ceilings.agents or not ceilings.day.is_free:
            return False
        return self.session.is_free

    def shared_of(self, agent: str) -> list[SharedAccount]:
        """The accounts over many processes that an agent's effect draws from."""
        names = ["", agent] if agent and (self.ceilings.agents or agent in self._shared) else [""]
        accounts = [self._account(name) for name in names]
        return [account for account in accounts if not account.limits.is_free]

    def _account(self, who: str) -> SharedAccount:
        """One of the accounts, made when it is first drawn from."""
        if who not in self._shared:
            limits = self.ceilings.of_agent(who) if who else self.ceilings.day
            self._shared[who] = SharedAccount(who, limits)
        return self._shared[who]

    def accounts(self) -> list[Account]:
        """Every account there is so far, the session's first."""
        named = [self._account(name) for name in ("", *self.ceilings.agents) if name != EVERYBODY]
        return [self.session, *dict.fromkeys([*named, *self._shared.values()])]

    def look(self, accounts: list[SharedAccount], log: Log, now: float) -> None:
        """Have the accounts say what the ledger says now."""
        if not accounts:
            return
        dues = log.dues(day_at(now))
        others = any(log.owner(run_id) is not None for run_id in dues.holders - self.runs)
        for account in accounts:
            account.see(dues, others_run=others)

    def change(self, ceilings: Ceilings) -> list[Account]:
        """Set other ceilings for this opening; the accounts that are limited otherwise now.

        Only what is set otherwise than before changes: what a person decided about another
        measure stands.
        """
        before, self.ceilings = self.ceilings, ceilings
        changed: list[Account] = []
        for account in [self.session, *self._shared.values()]:
            old, new = _of(before, account), _of(ceilings, account)
            names = [n for n in SPENDABLE if getattr(old, n) != getattr(new, n)]
            if names:
                told = {name: getattr(new, name) for name in names}
                account.change(account.limits.changed(told, account.scope))
                changed.append(account)
        return changed


def _of(ceilings: Ceilings, account: Account) -> Limits:
    if account.scope == "agent":
        return ceilings.of_agent(account.who)
    return ceilings.session if account.scope == "session" else ceilings.day
