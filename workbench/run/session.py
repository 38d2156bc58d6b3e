"""A session: one opening of the workbench on a workspace, and the runs it drives.

It starts, resumes and forks runs, answers what waits for a person, and owns mode and rules. It
finds no file and reads no setting: what it works with is handed to it (`workbench.bench`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, cast

from workbench.agent.agent import Agent
from workbench.errors import UnknownName, UsageError
from workbench.foreign import Raised, attempt
from workbench.journal.events import Event
from workbench.journal.places import place_of
from workbench.journal.requests import Request, RequestKind
from workbench.permission.policy import Policy
from workbench.run.at_limit import change_limits
from workbench.run.branches import Branches
from workbench.run.carry_out import request
from workbench.run.following import NOBODY, Before, Following
from workbench.run.header import STARTER, Header
from workbench.run.interrupt import OWNER, Order
from workbench.run.leaving import Leaving
from workbench.run.one import ask_one, use_one
from workbench.run.own_files import with_own_files
from workbench.run.ports import Keeper
from workbench.run.requests import Requests
from workbench.run.restoring import restore
from workbench.run.ruled import Ruled
from workbench.run.run import Run
from workbench.run.scopes import agents_in, bound_inputs
from workbench.run.take_up import TakeUp
from workbench.run.timekeeper import note_waiting
from workbench.run.waiting import Answer, Waiting
from workbench.run.watchdog import Watchdog
from workbench.run.world import Acks, Live, Performer, World
from workbench.workflow.pattern import Pattern, pattern

Files = Literal["", "shared", "own"]
Told = Callable[[Event | Live], None]


class Session(Ruled):
    """The runs of one opening. All of it lives on one event loop."""

    def __init__(
        self,
        store: Keeper,
        world: Callable[[Told], World],
        workspace: Path,
        *,
        version: str,
        raised: Mapping[str, Any],
        keep_rules: Callable[[Policy], None],
    ) -> None:
        self.session_id = secrets.token_hex(3)
        self._workspace, self._version = workspace, version
        self._raised = raised
        self._subscribers: list[Told] = []
        self._acks = Acks(asyncio.get_running_loop())
        super().__init__(world(self._publish), store, keep_rules)
        self.world.room.tell = self._tell_of_room
        store.watch_room(lambda full: self._acks.put(lambda: self.world.room.changed(full)))
        self.world.patterns |= {"ask": ask_one, "use": use_one, restore.name: restore}
        self._stopping: Order | None = None
        """What every run is told at its start, once the session is about to end."""
        self.branches = Branches(store, self.world, self.session_id, self._publish)
        """Places in runs, and forks before they are driven."""
        self.requests = Requests(self, store.shared)
        self.following = Following(store, self._publish)
        self._leaving = Leaving(store, self.world, self.following.follow_instead)
        self.watchdog = Watchdog(self.runs, self._acks, self._publish)
        self.world.stir = self.watchdog.stir
        self.take_up = TakeUp(store, self.world, self._acks, self._publish, version)
        """How runs are taken up again: finds out whether they fit the code of now."""

    async def close(self) -> None:
        """Suspend what runs, at once and in bounded time."""
        await self.following.close()
        self.stop(Order("immediate", "program", "the workbench was closed"))
        await self._leaving.close(self.runs.values())
        await self.world.hooks.tellers.close()
        await self.requests.close()
        self.watchdog.stop()

    # -- what there is ---------------------------------------------------------------------------

    @property
    def waiting(self) -> list[Waiting]:
        """Everything that waits for a person, oldest first."""
        return list(self.world.inbox.waiting.values())

    def where(self, run_id: str) -> dict[str, tuple[str, int]]:
        """File and line at which each path of a live run waits."""
        return self.live(run_id).drive.where()

    def live(self, run_id: str) -> Run:
        """A run this process knows, by id or the beginning of it."""
        found = [run for name, run in self.runs.items() if name.startswith(run_id)]
        if len(found) != 1 or not run_id:
            raise UnknownName("live run", run_id, self.runs)
        return found[0]

    def subscribe(self, told: Told) -> Callable[[], None]:
        """Have every row and live event told, on this loop; returns how to stop it."""
        self._subscribers.append(told)
        return lambda: self._subscribers.remove(told)

    def perform_with(self, kind: str, performer: Performer) -> None:
        """Perform effects of a kind of one's own."""
        self.world.performers[kind] = performer

    # -- starting, resuming, forking -------------------------------------------------------------

    async def start(
        self,
        what: Pattern[..., Any] | Callable[..., Coroutine[Any, Any, Any]] | str,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        run_id: str = "",
        title: str = "",
        limits: Mapping[str, Any] | None = None,
        workspace: Path | None = None,
        **named: Any,
    ) -> Run:
        """Start a run of a pattern; inputs by mapping or by name. Returns at once.

        Args:
            what: a pattern, an async function, or the name of a known one.
            inputs: its inputs, for names that are parameters here.
            run_id: for whoever has to find it again; made up if empty.
            title: how the list of runs shows it.
            limits: its ceilings where the settings' own do not hold; None lifts one.
            workspace: the folder its tools work in; None for the workbench's own.
            named: its inputs.
        """
        found = self._pattern(what)
        given = {**(inputs or {}), **named}
        found.check(given)
        name = run_id or secrets.token_hex(4)
        bound = bound_inputs(self.world, name, found, given)
        header = Header(
            name,
            found.name,
            bound,
            **self.take_up.driven_with(found, bound),
            model=self.world.default_model,
            mode=self.world.policy.mode,
            title=title or found.name,
            limits=self.world.budgets.ceilings.run.changed(limits or {}).to_json(),
            session=self.session_id,
            workspace=str(workspace or self._workspace),
            by=STARTER.get(),
        )
        self.world.room.check()
        self._keeper.claim(header.run_id)
        run = Run(self.world, self._acks, header, found.function(**bound))
        for agent in agents_in(bound):
            run.scopes.adopt_quietly(agent)
        self._watch(run)
        run.begin()
        self._bring_under_orders(run)
        return run

    async def ask(self, agent: Agent | str, /, **inputs: Any) -> Any:
        """Ask one agent once and wait for its reply."""
        name = agent if isinstance(agent, str) else agent.name
        given = {"agent": agent, "inputs": inputs}
        run = await self.start(ask_one, given, title=f"ask {name}")
        return await run.result()

    async def resume(
        self, run_id: str, *, what: Pattern[..., Any] | None = None, take_over: bool = False
    ) -> Run:
        """Go on with a run that was suspended, interrupted or killed."""
        row = self._keeper.run(run_id)
        known = self.runs.get(row.run_id)
        if known is not None and known.status in {"running", "paused"}:
            return known
        self.world.room.check()
        await self._leaving.let_go(row.run_id)
        if not row.rests and row.status != "damaged":  # claiming that says what it has lost
            raise UsageError(
                f"run {row.run_id} has ended ({row.status})",
                hint=f"Fork it instead: kaizen-tui fork {row.run_id}",
            )
        before = Before.of(self._keeper.shared, row.run_id, ordered=take_over)
        epoch = self._keeper.claim(row.run_id, take_over=take_over)
        with ExitStack() as undo:
            undo.callback(self._keeper.release, row.run_id)
            run = self._taken_up(list(self._keeper.rows(row.run_id)), what, epoch, before=before)
            undo.pop_all()
        return run

    def _taken_up(
        self,
        rows: Sequence[Event],
        what: Pattern[..., Any] | None,
        epoch: int,
        unwritten: Sequence[Event] = (),
        before: Before = NOBODY,
    ) -> Run:
        taken = self.take_up.take(rows, what, is_new=bool(unwritten))
        left = before.left(rows)
        raised = None if unwritten else self._raised
        run = taken.go_on(epoch, unwritten, left=left, limits=raised)
        self._watch(run, before.requests)
        self._bring_under_orders(run)
        if left:
            run.notice(f"run {run.run_id}: {left}")
        return run

    async def fork(
        self,
        run_id: str,
        at: int | str | None = None,
        /,
        *,
        title: str = "",
        as_id: str = "",
        files: Files = "",
        **overlay: Any,
    ) -> Run:
        """A new run that shares another's beginning, with something changed from there on.

        Args:
            run_id: the run to fork, or the beginning of its id.
            at: a row's ``seq``, a checkpoint's name, or None for the newest row.
            title: how the list of runs shows it.
            as_id: the new run's id, for whoever has to find it again; made up if empty.
            files: ``own`` for a copy of the files as they were there, ``shared`` for the folder
                as it is; empty for what the settings say.
            overlay: ``model``, ``instructions``, ``tools`` (each for all agents, or by agent),
                ``options``; ``reply`` (what the newest model reply should have been: text or
                outputs) or ``arguments`` (of the tool call that is asked next).

        Raises:
            Diverged: its pattern asks for something else now; nothing is recorded.
        """
        wanted, plan = self.branches.plan(run_id, at, overlay, title=title, as_id=as_id)
        first = wanted.rows(plan, self.world.clock())
        if (files or self.world.fork_files) == "own":
            first = await with_own_files(self._keeper, self.world, wanted, plan, first)
        shared = self._keeper.rows(wanted.source, upto=plan.cut)
        epoch = self._keeper.claim(wanted.run_id)
        with ExitStack() as undo:
            undo.callback(self._keeper.release, wanted.run_id)
            undo.callback(self.world.copies.discard, wanted.run_id)
            run = self._taken_up([*shared, *first], None, epoch, unwritten=first)
            undo.pop_all()
        return run

    async def mark(
        self, run_id: str, name: str, at: int | str | None = None, /, by: str = "user"
    ) -> Event:
        """Name a place of a run, so that one finds it again; it need not be running."""
        run = self.runs.get(run_id)
        if run is None or run.status not in {"running", "paused"}:
            await self._leaving.let_go(run_id)
            return self.branches.mark(run_id, name, at, by)
        self._keeper.flush()
        where = None if at in (None, "last") else place_of(self._keeper, run_id, at)
        return run.checkpoint(name, by=by, at=where)

    def _pattern(self, what: Any) -> Pattern[..., Any]:
        if isinstance(what, Pattern):
            # What is given is what runs, even if another is known by that name.
            known = cast("Pattern[..., Any]", what)
            self.world.patterns.setdefault(known.name, known)
            return known
        if callable(what):
            return self._pattern(pattern(cast("Any", what)))
        if what not in self.world.patterns:
            raise UnknownName("pattern", what, self.world.patterns)
        return self.world.patterns[what]

    def _watch(self, run: Run, waited: Collection[str] = ()) -> None:
        self.runs[run.run_id] = run
        self.following.leave(run.run_id)
        self.requests.attend(waited)
        self._leaving.watch(run)

    def _bring_under_orders(self, run: Run) -> None:
        """Have it share the fate of the call that started it, and of this session."""
        if (owner := OWNER.get()) is not None:
            owner.run.hold.adopt(run, owner)
        if self._stopping is not None:
            run.hold.order(self._stopping)

    # -- interrupting ----------------------------------------------------------------------------

    def order(self, order: Order, run_id: str = "") -> int:
        """Give an order to one live run, or with no id to all; how many it changed.

        This is the one door for whoever interrupts: keys, signals, other processes' requests.
        """
        runs = [self.live(run_id)] if run_id else list(self.runs.values())
        return sum(run.hold.order(order) for run in runs)

    def stop(self, order: Order) -> int:
        """Give an order to every run, those included that are started from now on."""
        self._stopping = order
        return self.order(order)

    async def rested(self) -> None:
        """Wait, in bounded time, until every run that was stopped rests."""
        await self._leaving.rested(self.runs.values())

    # -- other processes -------------------------------------------------------------------------

    async def request(
        self, run_id: str, kind: RequestKind, /, *, by: str = "user", **data: Any
    ) -> Request:
        """Have a run do something, in whatever process it is driven; see `carry_out.request`."""
        return await request(self, run_id, kind, data, by)

    # -- answers, modes, rules -------------------------------------------------------------------

    async def answer(self, waiting_id: str, answer: Answer) -> None:
        """Answer something that waits; UnknownName when it does not wait any more."""
        self.world.inbox.answer(waiting_id, answer)

    def set_limits(self, run_id: str, limits: Mapping[str, Any], by: str = "user") -> None:
        """Change a live run's ceilings, by measure; None lifts one."""
        change_limits(self.live(run_id), limits, by)

    def _tell_of_room(self, text: str) -> None:
        full = self.world.room.full is not None
        self._publish(Live("room", "", "", {"text": text, "full": full}))

    def _publish(self, event: Event | Live) -> None:
        note_waiting(self.runs, event)
        for told in list(self._subscribers):
            answer = attempt(told, event)
            if isinstance(answer, Raised):
                # A subscriber's fault is not the run's: its row is told to the others.
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"a subscriber failed: {told!r}", "exception": answer.error}
                )
