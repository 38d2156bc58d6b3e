"""What the screen needs of a workbench, and the jobs it gives it.

Each job is a coroutine that runs on the core's own loop; the screen gets a future. Reads from the
log go to a thread, so that a long run being opened holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from workbench.errors import UnknownName, UsageError
from workbench.journal.events import OUTCOMES, Event
from workbench.tui import front_elsewhere as elsewhere
from workbench.tui.asked import Asked, asked_from
from workbench.tui.deciding import SCOPES, Given, Grant
from workbench.tui.status import Around

if TYPE_CHECKING:
    from workbench.journal.requests import Owner
    from workbench.run.interrupt import Order
    from workbench.run.waiting import Answer, Waiting

MODES = ("plan", "confirm", "edits", "auto")

How = Literal["graceful", "immediate"]


class ShownRun(Protocol):
    """A live run."""

    run_id: str

    @property
    def status(self) -> str:
        """Running, paused, or how it ended."""
        ...

    def interrupt(self, how: How, by: str = "user") -> None:
        """Stop at the next step, or now."""
        ...

    def cancel(self, key: str | None = None, reason: str = "") -> bool:
        """Cancel one call, or all; whether there was anything to cancel."""
        ...

    def pause(self) -> None:
        """Start nothing new."""
        ...

    def go_on(self) -> None:
        """Take up again."""
        ...

    def steer(self, agent: str, text: str) -> None:
        """Say something to an agent."""
        ...


class Front(Protocol):
    """The workbench, as far as the screen uses it."""

    store: Any
    patterns: Mapping[str, Any]
    agents: Mapping[str, Any]

    @property
    def runs(self) -> Mapping[str, Any]:
        """Live runs by id."""
        ...

    @property
    def waiting(self) -> Sequence[Waiting]:
        """What waits for a person."""
        ...

    @property
    def policy(self) -> Any:
        """Mode and rules."""
        ...

    @property
    def default_model(self) -> Any:
        """Which model answers when none was chosen."""
        ...

    def subscribe(self, callback: Callable[..., None], /) -> Callable[[], None]:
        """Be told everything."""
        ...

    async def answer(self, waiting_id: str, answer: Answer) -> Any:
        """Answer what waits."""
        ...

    async def resume(self, run_id: str) -> Any:
        """Go on with a run."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A row with the outcome of its step, as far as the log has them."""

    event: Event
    outcome: Event | None = None


async def around(bench: Front) -> Around:
    """What the status bar shows besides the run."""
    return Around(
        mode=str(getattr(bench.policy, "mode", "")),
        model=model_words(bench.default_model),
        sandbox=str(getattr(bench, "sandbox", "")),
    )


def model_words(chosen: Any) -> str:
    """``ollama qwen3:4b``; the playbook says that there is no LLM behind it."""
    name = str(chosen or "")
    provider, _, model = name.partition(":")
    if provider == "playbook":
        return "playbook · no LLM"
    return f"{provider} {model}".strip()


async def waiting(bench: Front) -> list[Asked]:
    """Everything that waits, with what only the core knows of it."""
    return [*(asked_from(one) for one in bench.waiting), *await elsewhere.waiting(bench)]


async def set_next_mode(bench: Any) -> Around:
    """The mode after the present one; what waits is judged anew."""
    mode = str(bench.policy.mode)
    place = MODES.index(mode) if mode in MODES else 0
    result = bench.set_mode(MODES[(place + 1) % len(MODES)])
    if asyncio.iscoroutine(result):
        await result
    return await around(bench)


async def grants(bench: Any, waiting_id: str) -> dict[str, Grant]:
    """What allowing a waiting request with each scope would write and let go, by the policy."""
    # The core has these loaded; the first frame does not wait for them.
    from workbench.permission.policy import decide  # noqa: PLC0415 - at the first scope
    from workbench.run.permit import rule_for  # noqa: PLC0415

    waits = {one.id: one for one in [*bench.waiting, *await elsewhere.waits(bench)]}
    if waiting_id not in waits:
        raise UnknownName("waiting request", waiting_id, [])
    asked = waits.pop(waiting_id)
    found = {"call": Grant("none: good for one attempt of exactly these arguments")}
    if asked.call is None:
        return found
    tool, now = bench.tools[asked.tool], bench.world.clock()
    for scope in SCOPES[1:]:
        rule = rule_for(tool, asked.call, scope)
        policy = bench.policy.with_rules(rule)
        released = [
            one.id
            for one in waits.values()
            if one.call is not None and decide(policy, one.call, now=now).verdict == "allow"
        ]
        found[scope] = Grant(str(rule), tuple(released))
    return found


async def answer(bench: Front, given: Given) -> str:
    """Send a decision; a sentence while another process has not taken it up, else nothing."""
    if elsewhere.is_followed(bench, given.id.partition(":")[0]):
        return await elsewhere.answer(bench, given)
    from workbench.run.waiting import Answer, typed_result  # noqa: PLC0415 - at the first answer

    said = Answer(
        verdict=given.verdict,
        by="user",
        reason=given.reason,
        scope=given.scope,
        arguments=given.arguments,
        answer=given.answer,
        result=typed_result(given.result),
    )
    result = bench.answer(given.id, said)
    if asyncio.iscoroutine(result):
        await result
    return ""


async def interrupt(bench: Front, run_id: str, how: How) -> int:
    """Stop one run, or with no id all of this process; how many were told."""
    if elsewhere.is_followed(bench, run_id):
        await elsewhere.ask(bench, run_id, "interrupt", how=how)
        return 1
    runs = [run for key, run in bench.runs.items() if run_id in ("", key)]
    live = [run for run in runs if run.status in elsewhere.LIVE]
    for run in live:
        run.interrupt(how, by="user")
    return len(live)


async def pause(bench: Front, run_id: str, *, paused: bool = False) -> bool:
    """Pause a run, or let it go on; whether it is paused now.

    Args:
        bench: the workbench.
        run_id: the run.
        paused: how the screen shows it, for a run that another process drives.
    """
    if elsewhere.is_followed(bench, run_id):
        await elsewhere.ask(bench, run_id, "go_on" if paused else "pause")
        return not paused
    run = _live(bench, run_id)
    if run.status == "paused":
        run.go_on()
        return False
    run.pause()
    return True


async def cancel_call(bench: Front, run_id: str, key: str) -> bool:
    """Cancel one call; False when it has ended already."""
    if elsewhere.is_followed(bench, run_id):
        await elsewhere.ask(bench, run_id, "cancel", key=key, reason="cancelled by the user")
        return True
    return _live(bench, run_id).cancel(key, "cancelled by the user")


async def hear_alarms(bench: Any, told: Callable[[str], None]) -> None:
    """Be told, from another thread, what holds up the core while it does."""
    bench.watchdog.alarm = told


async def count_afresh(bench: Any) -> None:
    """Give what waits its whole time again."""
    bench.world.inbox.count_afresh()


async def come_to_rest(bench: Any, order: Order) -> None:
    """Give every run an order and wait until all of them rest."""
    bench.stop(order)
    await bench.rested()


async def steer(bench: Front, run_id: str, agent: str, text: str) -> str:
    """Say something to an agent; it hears it with its next model call."""
    if elsewhere.is_followed(bench, run_id):
        return await elsewhere.ask(bench, run_id, "steer", agent=agent, text=text)
    _live(bench, run_id).steer(agent, text)
    return ""


async def drop(bench: Any, run_id: str) -> None:
    """End a resting run for good."""
    bench.take_up.drop(run_id)


MOST_ROWS = 20_000
"""Of a run that is opened, the newest so many: what came before is looked up when it is wanted."""
_EARLY = {"run.started", "checkpoint.taken"}
"""Rows that are shown however old they are; both kinds have an index."""


async def rows_of(bench: Front, run_id: str) -> list[Event]:
    """A run's rows, its parents' included: its start and the newest ones when they are many."""
    return await asyncio.to_thread(_rows_of, bench.store, run_id)


def _rows_of(store: Any, run_id: str) -> list[Event]:
    store.catch_up()
    after = max(store.last_seq(run_id) - MOST_ROWS, 0)
    early = store.rows(run_id, upto=after, kinds=_EARLY) if after else ()
    return [*early, *store.rows(run_id, after=after)]


async def records_of(bench: Front, run_ids: Collection[str]) -> list[Any]:
    """Runs as lists show them: sums over all their rows, and how they stand."""

    def found() -> Iterator[Any]:
        for run_id in run_ids:
            with suppress(UnknownName):  # a parent can have been deleted
                yield bench.store.run(run_id)

    return await asyncio.to_thread(lambda: [*found()])


async def find_run(bench: Front, reference: str) -> str:
    """A run's whole id."""
    return str(bench.store.run(reference).run_id)


@dataclass(frozen=True, slots=True)
class Listed:
    """A run of the list, and the other process that drives it."""

    row: Any
    driver: Owner | None = None


async def run_list(bench: Front, search: str) -> list[Listed]:
    """Runs of this workspace, newest first."""
    return await asyncio.to_thread(_run_list, bench, search)


def _run_list(bench: Front, search: str) -> list[Listed]:
    rows = bench.store.runs(limit=10_000, search=search)
    shared = getattr(bench.store, "shared", None)
    drivers = {
        row.run_id: shared.driver(row.run_id)
        for row in rows
        if shared is not None and row.status == "running" and row.run_id not in bench.runs
    }
    return [Listed(row, drivers.get(row.run_id)) for row in rows]


async def delete_run(bench: Front, run_id: str) -> None:
    """Delete a run from the log."""
    if run_id in bench.runs and bench.runs[run_id].status in ("running", "paused"):
        raise UsageError(f"run {run_id[:4]} is still running")
    await asyncio.to_thread(bench.store.delete_runs, [run_id])


async def pattern_list(bench: Front) -> list[Any]:
    """Patterns by name."""
    return [bench.patterns[name] for name in sorted(bench.patterns)]


async def found(bench: Front, run_id: str, seq: int, upto: int | None = None) -> Found:
    """A row in full with its step's outcome, if that was there by row ``upto``."""
    return await asyncio.to_thread(_find, bench.store, run_id, seq, upto)


def row_at(store: Any, run_id: str, seq: int) -> Event | None:
    """A row of a run; None when the run has none there. Raises UnknownName without the run."""
    rows = store.rows(run_id, after=seq - 1, upto=seq)
    return next((row for row in rows if row.seq == seq), None)


def _find(store: Any, run_id: str, seq: int, upto: int | None) -> Found:
    event = row_at(store, run_id, seq)
    if event is None:
        raise UnknownName("row", str(seq), [])
    if event.kind != "step.started":
        return Found(event)
    later = store.rows(run_id, after=seq, upto=upto, kinds=OUTCOMES)
    return Found(event, next((row for row in later if row.key == event.key), None))


def _live(bench: Front, run_id: str) -> ShownRun:
    run = bench.runs.get(run_id)
    if run is None:
        raise UnknownName("live run", run_id[:8], [key[:8] for key in bench.runs])
    return run
