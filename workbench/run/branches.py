"""Branches: places in runs and what can be made of them, before anything is driven.

A fork is planned and checked here, previewed or recorded; driving it is the session's. A name for
a place of a run that nobody drives is one more row of that run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from workbench.agent.tool import Tool
from workbench.journal import overlay
from workbench.journal.checkpoints import check_given_name
from workbench.journal.events import Event
from workbench.journal.places import place_of
from workbench.run.fork import Fork, Plan
from workbench.run.ports import Keeper
from workbench.run.preview import Preview, agents_known, previewed, tools_known
from workbench.run.world import World

At = int | str | None
"""A place: a row's number, a checkpoint's name, or None for the newest row."""


class Branches:
    """The places of a workbench's runs."""

    def __init__(
        self, keeper: Keeper, world: World, session_id: str, publish: Callable[[Event], None]
    ) -> None:
        self._keeper, self._world = keeper, world
        self._session_id, self._publish = session_id, publish

    def plan(
        self, run_id: str, at: At, changes: Mapping[str, Any], *, title: str = "", as_id: str = ""
    ) -> tuple[Fork, Plan]:
        """A fork and its plan, checked as far as that goes before it is driven.

        Raises:
            UnknownName: a run, checkpoint, change, tool, agent or model that there is not.
            InputError: no such row, or a change that cannot be applied.
        """
        self._keeper.flush()
        changes = self._world.redaction.value(changes)
        source = self._keeper.run(run_id)
        wanted = Fork(
            source.run_id,
            as_id or secrets.token_hex(4),
            title or f"fork of {source.title}",
            self._session_id,
            at,
            changes,
            self._world.budgets.ceilings.run,
        )
        plan = wanted.plan(self._keeper, self._tools().get)
        overlay.check(
            {name: plan.overlay[name] for name in changes if name in plan.overlay},
            model=self._world.check_model,
            tools=lambda: [*self._tools(), *tools_known(self._keeper, source.run_id)],
            agents=cache(lambda: agents_known(self._keeper, source.run_id, self._world.agents)),
        )
        return wanted, plan

    def preview(self, run_id: str, at: At = None, /, **overlay: Any) -> Preview:
        """What a fork would share, ask anew, do otherwise and not inherit; records nothing."""
        return previewed(self._keeper, *self.plan(run_id, at, overlay))

    def branch(
        self, run_id: str, at: At = None, /, *, title: str = "", as_id: str = "", **overlay: Any
    ) -> str:
        """Record a fork without driving it: one row, whatever the run's length. Its id.

        Whether its pattern still fits shows when it is resumed.
        """
        wanted, plan = self.plan(run_id, at, overlay, title=title, as_id=as_id)
        rows = wanted.rows(plan, self._world.clock())
        self._keeper.append(rows)
        self._keeper.flush()
        for row in rows:
            self._publish(row)
        return wanted.run_id

    def mark(self, run_id: str, name: str, at: At, by: str) -> Event:
        """Name a place of a run that nobody drives. Raises RunOwned when somebody does."""
        check_given_name(name)
        self._keeper.flush()
        row = self._keeper.run(run_id)
        place = place_of(self._keeper, row.run_id, at)
        self._keeper.claim(row.run_id)
        try:
            seq = self._keeper.last_seq(row.run_id) + 1
            data = self._world.redaction.value({"name": name, "by": by, "at": place})
            mark = Event(row.run_id, seq, self._world.clock(), "checkpoint.taken", "", data)
            self._keeper.append([mark])
            self._keeper.flush()
        finally:
            self._keeper.release(row.run_id)
        self._publish(mark)
        return mark

    def _tools(self) -> dict[str, Tool]:
        return {**self._world.brought, **self._world.tools}
