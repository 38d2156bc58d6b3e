"""One process of the matrix: finish what another one left, begin something else, and die.

``python -m tests.crash.child JOB`` where JOB is JSON: the folder and the tasks. Each finished task
is one line of JSON on stdout. A job with several tasks saves starting processes: what the last
process left undone is finished here before the next case begins.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.crash.deeds import SLOW_S, TOOLS, Here, Ledger, Talker, done, note, press
from tests.crash.points import Kill, Points, surround
from tests.crash.styles import PATTERNS, SCRIPT, STYLES
from workbench.agent.agent import Agent
from workbench.bench import Workbench
from workbench.errors import UnknownName, WorkbenchError
from workbench.journal.events import Event
from workbench.journal.replay import replay
from workbench.run.header import Header, outcome_data
from workbench.run.recall import recall
from workbench.run.run import Run
from workbench.run.scopes import read_agents
from workbench.run.unlooped import unlooped
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.script.run_script import resumable, run_script

TOKEN = re.compile(r"tok:[\w.]+")
UNFINISHED = ("running", "suspended")


@dataclass(frozen=True, slots=True)
class Task:
    """A case to be brought to its end, and where not to let it come to its end."""

    case: str
    style: str
    kind: str
    kills: list[Kill] = field(default_factory=list[Kill])
    record: bool = False
    take_over: bool = False
    """Also from a process that still lives."""

    @staticmethod
    def read(values: dict[str, Any]) -> Task:
        """From JSON."""
        kills = [(name, number, how) for name, number, how in values.pop("kills", [])]
        return Task(**values, kills=kills)


class Child:
    """The workbench of this process, and how it is brought to do tasks."""

    def __init__(self, bench: Workbench, folder: Path, synced: Path) -> None:
        self.bench, self.folder = bench, folder
        self.points = Points()
        self._wal = f"{bench.store.path}-wal"  # type: ignore[union-attr]
        self._synced = os.open(synced, os.O_WRONLY | os.O_CREAT, 0o600)
        bench.world.models = Talker()
        bench.world.tools.update({tool.name: tool for tool in TOOLS})
        agent = Agent("talker", "task: str -> text: str", tools=("deed", "keyed_deed", "look"))
        bench.world.agents["talker"] = agent
        bench.perform_with("press", press)
        for known in PATTERNS:
            bench.world.patterns[known.name] = known
        Here.bench, Here.hit = bench, self.points.hit
        surround(bench, self.points, note, self._note)
        bench.subscribe(self._answer)

    def _note(self) -> None:
        """How much of the WAL somebody was told about; with FULL, it is synced."""
        size = os.stat(self._wal).st_size if os.path.exists(self._wal) else 0  # noqa: PTH110, PTH116
        os.pwrite(self._synced, f"{size:12}".encode(), 0)

    async def do(self, task: Task) -> None:
        """Bring one case to its end, and say how it ended."""
        Here.ledger = Ledger(self.folder / "ledgers" / f"{task.case}.jsonl")
        Here.incarnation = sum(line["what"] == "open" for line in Here.ledger.read())
        last = {row.run_id: row.last_seq for row in self.bench.store.runs(limit=1000)}
        Here.ledger.write("open", incarnation=Here.incarnation, last=last)
        self._note()
        Here.run = None
        self.points.watch(task.kills)
        async with asyncio.timeout(15):
            found = await {"script": self._script, "forked": self._fork}.get(task.style, self._run)(
                task
            )
        reached = self.points.rest() if task.record else self.points.rest()[:0]
        _say(case=task.case, **found, points=reached, left=self.points.left)

    async def _run(self, task: Task) -> dict[str, Any]:
        """Start it, or go on with it, until it has ended."""
        try:
            self.bench.store.run(task.case)
        except UnknownName:
            given = {"case": task.case, "kind": task.kind}
            started = STYLES[task.style].pattern
            Here.run = await self.bench.start(started, given, run_id=task.case)
            await Here.run.finished()
        return await self._go_on(task.case, take_over=task.take_over)

    async def _go_on(self, run_id: str, *, take_over: bool = False) -> dict[str, Any]:
        while self.bench.store.run(run_id).status in UNFINISHED:
            Here.run = await self.bench.resume(run_id, take_over=take_over)
            await Here.run.finished()
            # Whoever watches the run lets go of it a moment after its end.
            await asyncio.sleep(SLOW_S)
        return self._ended(run_id)

    async def _fork(self, task: Task) -> dict[str, Any]:
        """A fork of a finished run; what the two share is done once, the rest by each."""
        await self._run(replace(task, style="sequence"))
        forks = self.bench.store.children(task.case)
        if not forks:
            ends = list(self.bench.store.rows(task.case, kinds={"step.finished"}))
            Here.run = await self.bench.fork(task.case, ends[1].seq)
            await Here.run.finished()
            return await self._go_on(Here.run.run_id)
        return await self._go_on(forks[0].run_id)

    async def _script(self, task: Task) -> dict[str, Any]:
        try:
            resumable(self.bench, task.case)
            resume = True
        except WorkbenchError as error:
            resume = "nothing to resume" in str(error)
            if resume:
                return self._ended(_script_run(self.bench, task.case))
        text = SCRIPT.format(case=task.case)
        await run_script(self.bench, text, task.case, resume=resume)
        return self._ended(_script_run(self.bench, task.case))

    def _ended(self, run_id: str) -> dict[str, Any]:
        self.bench.store.flush()
        rows = list(self.bench.store.rows(run_id))
        told = next(row.data for row in reversed(rows) if row.kind == "run.finished")
        data = {"outcome": told["outcome"], "result": told.get("result")}
        return {**data, "error": told.get("error"), "replay": self._replayed(rows)}

    def _replayed(self, rows: list[Event]) -> str:
        """Drive the whole log anew: empty when it comes to the same end, else what differs."""
        header = Header.from_row(rows[0])
        found = self.bench.world.patterns.get(header.pattern)
        if found is None:
            return ""
        workflow = found.function(**read_agents(header.arguments))
        run = Run(self.bench.world, self.bench._acks, header, workflow)
        for row in rows:
            recall(run, row)
        try:
            unlooped(replay, run.drive, [row for row in rows if row.kind != "run.finished"])
        except WorkbenchError as error:
            return f"{type(error).__name__}: {error} {error.data}"
        if run.drive.outcome is None:
            return f"still waits for {sorted(run.drive.parked)}"
        end, told = outcome_data(run.drive.outcome), rows[-1].data
        same = all(end.get(name) == told.get(name) for name in ("outcome", "result"))
        return "" if same else f"comes to {end} and not {told}"

    def _answer(self, event: Event | Live) -> None:
        """What a person would say who looks at what really happened."""
        if isinstance(event, Event) or event.kind != "waiting" or event.data["what"] != "asked":
            return
        waiting = self.bench.world.inbox.waiting[event.data["id"]]
        answer = Answer(answer="yes") if waiting.kind == "question" else Answer()
        if waiting.kind == "in_doubt":
            token = TOKEN.findall(json.dumps(dict(waiting.arguments)))[0]
            answer = Answer(answer="run again")
            if any(act["run"] in {"", waiting.run_id} for act in Here.ledger.acts(token)):
                answer = Answer(answer="done", result=done(token))
            Here.ledger.write("answered", token=token, answer=answer.answer)
        self.points.hit(f"before the answer: {waiting.kind}")
        # Other things go on while a person thinks.
        late_s = SLOW_S / 2 if waiting.kind == "in_doubt" else 0
        asyncio.get_running_loop().call_later(late_s, self._give, waiting.id, answer)

    def _give(self, waiting_id: str, answer: Answer) -> None:
        if waiting_id in self.bench.world.inbox.waiting:
            self.bench.world.inbox.answer(waiting_id, answer)


def _script_run(bench: Workbench, case: str) -> str:
    title = f"script {case}"
    return next(row.run_id for row in bench.store.runs(limit=1000) if row.title == title)


def _say(**told: Any) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


async def work(job: dict[str, Any]) -> None:
    """Do the tasks of a job, one after the other."""
    folder = Path(job["folder"])
    for name in ("state", "work", "ledgers"):
        (folder / name).mkdir(exist_ok=True)
    config = {
        "model": "playbook:default",
        "synchronous": job.get("synchronous", "NORMAL"),
        "features": {"sandbox": False, "plugins": False, "ollama": False},
        "mode": "edits",
    }
    database, work = folder / "state" / "workbench.db", folder / "work"
    async with Workbench.open(database, workspace=work, config=config) as bench:
        child = Child(bench, folder, folder / "synced")
        for values in job["tasks"]:
            await child.do(Task.read(values))


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.argv[1])))
