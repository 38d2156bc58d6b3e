"""The jobs behind the overviews: what was asked and answered, what holds, who is there.

What reads the log runs in a thread; the language of commands is loaded when one of these is first
asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.agent.agent import Agent
from workbench.agent.files import MAX_BYTES, load_agents
from workbench.config.text import SUFFIXES
from workbench.errors import UnknownName, WorkbenchError
from workbench.journal.approvals import Asked, left_of
from workbench.journal.audit import Entry
from workbench.journal.events import Event
from workbench.models.survey import Provider
from workbench.run.changes import agent_digest
from workbench.run.uses import InForce
from workbench.tui.front import around, row_at
from workbench.tui.front_elsewhere import LIVE
from workbench.tui.status import Around

if TYPE_CHECKING:
    from workbench.script.doctor import Finding
    from workbench.script.profiled import Account

PORTION = 200
"""So many questions at most come to the screen at once."""
LOOKED = 2_000
"""So many are looked through at most before the screen hears how far a search is."""


@dataclass(slots=True)
class Reading:
    """The history of approvals being read backwards; one portion at a time, one reader."""

    words: str = ""
    looked: int = 0
    """How many questions were looked through."""
    is_over: bool = False
    """There are no older ones."""
    _asked: Iterator[Asked] | None = field(default=None, repr=False)

    def more(self, store: Any) -> list[Asked]:
        """The next questions that fit; none yet when they are rare."""
        from workbench.script.asked import asked_of  # noqa: PLC0415 - as above

        if self._asked is None:
            store.catch_up()
            self._asked = asked_of(store)
        found: list[Asked] = []
        seen = 0
        for asked in islice(self._asked, LOOKED):
            seen += 1
            if asked.matches(self.words):
                found.append(asked)
            if len(found) == PORTION:
                break
        self.looked += seen
        self.is_over = seen < LOOKED and len(found) < PORTION
        return found


async def more_approvals(bench: Any, reading: Reading) -> list[Asked]:
    """Read on."""
    return await asyncio.to_thread(reading.more, bench.store)


@dataclass(frozen=True, slots=True)
class Decided:
    """A question in full: its row, those that ended it, and what the audit has of them."""

    asked: Event
    ends: tuple[Event, ...]
    entries: tuple[Entry, ...]


async def approval(bench: Any, asked: tuple[str, int], ends: tuple[int, ...]) -> Decided:
    """A question in full, from the log and from the audit."""

    def read() -> Decided:
        run_id, seq = asked
        entries = bench.store.audit.of_rows(run_id, (seq, *ends))
        left = {entry.seq: left_of(entry) for entry in entries}
        rows: list[Event] = []
        for number in (seq, *ends):
            row = _row(bench.store, run_id, number) or left.get(number)
            if row is None:
                raise UnknownName("row", f"{run_id[:8]}@{number}", [])
            rows.append(row)
        return Decided(rows[0], tuple(rows[1:]), tuple(entries))

    return await asyncio.to_thread(read)


def _row(store: Any, run_id: str, seq: int) -> Event | None:
    """A row of a run; None when the run was deleted."""
    try:
        return row_at(store, run_id, seq)
    except UnknownName:
        return None


async def profiled(bench: Any, run_id: str) -> Account:
    """Where a run's time, tokens and words went. Reads all of its rows."""
    from workbench.script.profiled import account  # noqa: PLC0415 - as above

    return await asyncio.to_thread(account, bench.store, run_id)


async def findings(bench: Any) -> list[Finding]:
    """What works here, and the command that mends what does not. Takes a second or two.

    A process of its own looks: the database is open in this one, and nothing else may open it.
    """
    from workbench.script.doctor import Finding, terminal_findings  # noqa: PLC0415 - as above

    workspace: Path = bench.config.workspace
    words = ("doctor", "--output", "json", "--workspace", str(workspace))
    looks = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "workbench", *words),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    told, complaint = await looks.communicate()
    if looks.returncode:
        raise WorkbenchError(complaint.decode(errors="replace").strip() or "doctor said nothing")
    found = [Finding(**one) for one in json.loads(told)]
    ours = [*terminal_findings(os.environ)]
    return [*ours, *(one for one in found if one.name != "terminal")]


async def verify(bench: Any, moved: Callable[[int, int], None]) -> list[str]:
    """Go through the audit; what there is to say of it. Raises AuditBroken."""
    from workbench.script.commands.auditing import verified_lines  # noqa: PLC0415 - as above

    return verified_lines(await asyncio.to_thread(bench.store.audit.verify, "", moved))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force, and what is to be known beside them."""

    rules: tuple[InForce, ...]
    live: frozenset[str]
    """The runs that go on here."""
    files: str
    """Which files of settings wrote rules."""


async def rules(bench: Any) -> Rules:
    """The rules that hold now."""
    live = (key for key, run in bench.runs.items() if run.status in LIVE)
    config = getattr(bench, "config", None)
    files = [config.sources.get(name, "") for name in ("rules", "doubts")] if config else []
    return Rules(tuple(bench.in_force), frozenset(live), ", ".join(filter(None, files)))


async def remove_rule(bench: Any, rule_id: str) -> Rules:
    """Take a rule back; those that are left."""
    bench.remove_rule(rule_id)
    return await rules(bench)


@dataclass(frozen=True, slots=True)
class Models:
    """Where models come from, and who answers with which."""

    providers: tuple[Provider, ...]
    chosen: str
    why: str
    named: dict[str, tuple[str, ...]]
    """The agents that name a model of their own, by model."""


async def models(bench: Any) -> Models:
    """What is configured; nobody is asked."""
    named: dict[str, tuple[str, ...]] = {}
    for name, agent in sorted(bench.agents.items()):
        for model in filter(None, (agent.model, *agent.fallback)):
            named[model] = (*named.get(model, ()), name)
    providers = tuple(await bench.providers())
    return Models(providers, bench.default_model, bench.model_reason, named)


async def choose_model(bench: Any, name: str) -> Around:
    """Have agents without a model of their own use this one, as the command ``model`` does."""
    bench.default_model = name
    return await around(bench)


@dataclass(frozen=True, slots=True)
class Defined:
    """An agent that is defined, and where."""

    agent: Agent
    digest: str
    """Of its definition, as rows name it."""
    origin: str


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents that are defined."""

    agents: tuple[Defined, ...]
    model: str
    """What those use that name none."""
    notes: tuple[str, ...]
    """Files of agents that cannot be read now."""


async def agents(bench: Any) -> Agents:
    """The agents by name, with what their files say now."""
    folder = bench.config.workspace / bench.config.agents
    files, notes = await asyncio.to_thread(_in_files, folder)
    plugins = bench.agent_plugins
    found = [
        Defined(agent, agent_digest(agent), _origin(agent, files.get(name), plugins.get(name)))
        for name, agent in sorted(bench.agents.items())
    ]
    return Agents(tuple(found), bench.default_model, tuple(notes))


def _in_files(folder: Path) -> tuple[dict[str, tuple[Path, Agent]], list[str]]:
    """Agents by name as the workspace's files have them now, and what is wrong with files."""
    found: dict[str, tuple[Path, Agent]] = {}
    notes: list[str] = []
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in (file for file in files if file.suffix in SUFFIXES and file.is_file()):
        try:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(MAX_BYTES + 1)  # more is refused where it is read
            found |= {one.name: (file, one) for one in load_agents(text, file.suffix, str(file))}
        except (WorkbenchError, OSError, UnicodeDecodeError) as error:
            notes.append(f"{file} cannot be read now: {error}")
    return found, notes


def _origin(agent: Agent, written: tuple[Path, Agent] | None, plugin: str | None) -> str:
    if written is not None and written[1] == agent:
        return str(written[0])
    if written is not None:
        return f"{written[0]}, which says something else now"
    return plugin or "no file of this workspace: a command or a program defined it"
