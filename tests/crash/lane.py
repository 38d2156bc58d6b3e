"""A lane: one folder with one database, and processes that die in it one after the other.

A process first finishes the case that the last one left, then begins the next one and dies in it:
so each kill costs one process. After a number of cases the laws are checked and the lane goes on
in a new folder.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.crash.deeds import Ledger
from tests.crash.laws import Breaches, Judge
from tests.crash.points import Kill
from tests.crash.styles import STYLES
from workbench.errors import WorkbenchError
from workbench.journal.events import Event
from workbench.store.store import Store
from workbench.values import dumps

ROOT = Path(__file__).parents[2]
BOUND_S = 45.0
ROTATE = 20

How = Literal["killed", "torn", "restored", "fenced"]


@dataclass(slots=True)
class Case:
    """One run to be brought to its end through some deaths."""

    name: str
    style: str
    kind: str
    plan: list[list[Kill]]
    """For each process to come, where it dies."""
    how: How = "killed"
    deaths: list[Kill] = field(default_factory=list[Kill])
    ended: dict[str, Any] | None = None

    def task(self, *, finish: bool = False, record: bool = False) -> dict[str, Any]:
        """What a process is told to do about it."""
        kills = [] if finish or not self.plan else self.plan[0]
        told = {"case": self.name, "style": self.style, "kind": self.kind}
        return {**told, "kills": kills, "record": record}

    def __str__(self) -> str:
        deaths = ", ".join(f"{name} #{number} {how}" for name, number, how in self.deaths)
        return f"{self.how} {self.style}/{self.kind} {self.name} [{deaths}]"


@dataclass(slots=True)
class Tally:
    """What all lanes found."""

    counts: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])
    places: set[str] = field(default_factory=set[str])

    def say(self) -> None:
        """Now and then, how far it got, for whoever watches."""
        self.counts["begun"] += 1
        if self.counts["begun"] % 500 == 0:
            told = f"{self.counts['kills']} kills, {len(self.failures)} failures\n"
            sys.stderr.write(told + "".join(f"  {text[:400]}\n" for text in self.failures[-3:]))

    def add(self, case: Case, breaches: Breaches) -> None:
        """Count one case that was judged."""
        self.counts["cases"] += 1
        for kind in Breaches.__slots__:
            for text in getattr(breaches, kind):
                self.counts[kind] += 1
                self.failures.append(f"{kind}: {text} in {case}")


class Lane:
    """One folder at a time, one process at a time."""

    def __init__(self, tally: Tally, expected: dict[tuple[str, str], Any], seed: int) -> None:
        self.tally, self._expected = tally, expected
        self._random = random.Random(seed)
        self._folder = Path(tempfile.mkdtemp(prefix="crash-"))
        self._cases: list[Case] = []
        self._left: Case | None = None
        self._nursery, self._second = Nursery(), Nursery()
        """The second is for whoever takes over while the first one's child stands still."""

    def do(self, case: Case) -> None:
        """Begin a case and let it die; a plain one is finished by whoever comes next."""
        if case.how != "killed":
            self.finish()
            self._alone(case)
            return
        if len(self._cases) >= ROTATE:
            self.finish()
        before = [] if self._left is None else [self._left]
        self._cases.append(case)
        died = self._spawn([*before, case])
        while died and case.plan:
            died = self._spawn([case])

    def finish(self) -> None:
        """Finish what is left, check the laws, and go on in a new folder."""
        if self._left is not None:
            self._left.plan = []
            self._spawn([self._left])
        self._judge()
        shutil.rmtree(self._folder)
        self._folder = Path(tempfile.mkdtemp(prefix="crash-"))
        self._cases = []

    def close(self) -> None:
        """Finish, and leave nothing behind."""
        self.finish()
        shutil.rmtree(self._folder)
        self._nursery.close()
        self._second.close()

    # -- processes -------------------------------------------------------------------------------

    def _spawn(self, cases: list[Case], stopped: Callable[[], None] | None = None) -> bool:
        """Run one process, which finishes all but the last of the cases; whether it was killed."""
        self._left = None
        last = cases[-1]
        tasks = [case.task(finish=case is not last) for case in cases]
        due = last.plan.pop(0) if last.plan else []
        synchronous = "NORMAL" if last.how == "killed" else "FULL"
        job = {"folder": str(self._folder), "tasks": tasks, "synchronous": synchronous}
        code, out, said = self._nursery.run(job, stopped)
        for line in out.splitlines():
            told = json.loads(line)
            next(case for case in cases if case.name == told["case"]).ended = told
        if code == -signal.SIGKILL:
            self.tally.counts["kills"] += 1
            last.deaths += due
            self.tally.places.update(name for name, _, _ in due)
            self._left = last
            self._check_file(last)
        elif code != 0:
            self.tally.counts["wrong"] += 1
            self.tally.failures.append(f"wrong: a process ended with {code} in {last}: {said}")
        elif due:
            self.tally.counts["not_reached"] += 1
        return code == -signal.SIGKILL

    # -- storage that lost something -------------------------------------------------------------

    def _alone(self, case: Case) -> None:
        """A case in a folder of its own, whose files are changed after the death."""
        self._cases.append(case)
        state, copy = self._folder / "state", self._folder / "copy"
        if case.how == "fenced":
            self._spawn([case], lambda: self._take_over(case))
        elif case.how == "restored":
            self._spawn([case], lambda: _copied(state, copy))
            if copy.exists():
                shutil.rmtree(state)
                copy.rename(state)
                self.tally.counts["restored"] += 1
                case.ended, self._left = None, case
        elif self._spawn([case]):
            self._tear(case)
        if case.how != "fenced":
            (state / "workbench.db-shm").unlink(missing_ok=True)
        self.finish()

    def _take_over(self, case: Case) -> None:
        """While its process stands still: another one takes the run, and brings it to its end."""
        task = {**case.task(finish=True), "take_over": True}
        job = {"folder": str(self._folder), "tasks": [task], "synchronous": "FULL"}
        code, _, said = self._second.run(job)
        if code == 0:
            self.tally.counts["fenced"] += 1
        elif "is locked" in said:
            # It stands still in the middle of a transaction: nobody gets past it, and it is said.
            self.tally.counts["blocked"] += 1
            self._ledger(case).write("blocked")
        else:
            self.tally.counts["wrong"] += 1
            self.tally.failures.append(f"wrong: taking over ended with {code} in {case}: {said}")

    def _tear(self, case: Case) -> None:
        """What a power cut leaves of what was written and not synced: some, none, or rubbish."""
        wal = self._folder / "state" / "workbench.db-wal"
        synced = int((self._folder / "synced").read_text() or 0)
        data = wal.read_bytes()
        tail = len(data) - synced
        if tail <= 0:
            return
        self.tally.counts["torn"] += 1
        kept = self._random.randrange(tail)
        rest = self._random.choice((b"", bytes(tail - kept), self._random.randbytes(tail - kept)))
        wal.write_bytes(data[: synced + kept] + rest)
        case.deaths.append((f"torn at {kept} of {tail} bytes, {len(rest)} of rubbish", 1, ""))

    # -- laws ------------------------------------------------------------------------------------

    def _check_file(self, case: Case) -> None:
        """Whether the file that a death left is whole: on a copy, so that the next one finds it."""
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            for name in ("workbench.db", "workbench.db-wal"):
                if (self._folder / "state" / name).exists():
                    shutil.copy(self._folder / "state" / name, folder)
            with closing(sqlite3.connect(f"{folder}/workbench.db")) as link:
                (found,) = link.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            self.tally.add(case, Breaches(corrupt=[str(found)]))

    def _judge(self) -> None:
        if not self._cases:
            return
        store = Store.open(self._folder / "state" / "workbench.db")
        try:
            runs = {row.run_id: list(store.rows(row.run_id)) for row in store.runs(limit=10_000)}
            before = store.runs(limit=10_000)
            store.rebuild()
            torn = [] if store.runs(limit=10_000) == before else ["rebuilding gives other runs"]
        except WorkbenchError as error:
            runs, torn = {}, [str(error)]
        finally:
            store.close()
        for case in self._cases:
            self.tally.add(case, self._judged(case, runs, torn))

    def _judged(self, case: Case, runs: dict[str, list[Event]], torn: list[str]) -> Breaches:
        if case.ended is None:
            return Breaches(wrong=["it did not come to an end"])
        ledger = self._ledger(case).read()
        own = {n: r for n, r in runs.items() if case.name in dumps(r[0].data).decode()}
        judge = Judge(ledger, own, restored=case.how == "restored")
        found = judge.judge()
        found.corrupt += torn
        for run_id, rows in own.items():
            if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
                found.corrupt.append(f"run {run_id} has gaps")
        self._compare(case, case.ended, found)
        self.tally.counts["acts"] += sum(line["what"] == "act" for line in ledger)
        self.tally.counts["effects"] += len(judge.told)
        self.tally.counts["asked"] += sum(line["what"] == "answered" for line in ledger)
        done = sum(line.get("answer") == "done" for line in ledger)
        self.tally.counts["asked_and_done"] += done
        return found

    def _ledger(self, case: Case) -> Ledger:
        return Ledger(self._folder / "ledgers" / f"{case.name}.jsonl")

    def _compare(self, case: Case, ended: dict[str, Any], found: Breaches) -> None:
        if ended["replay"]:
            found.wrong.append(f"the log cannot be driven again: {ended['replay']}")
        wanted = self._expected.get((case.style, case.kind))
        came = plain(case, ended)
        if wanted is not None and came != wanted:
            found.wrong.append(f"it came to {came} and not to {wanted}")


def plain(case: Case, ended: dict[str, Any]) -> Any:
    """How a case ended, without what is its own and what depends on who came first."""
    told = {"outcome": ended["outcome"], "result": ended["result"], "error": ended["error"]}
    text = json.dumps(told).replace(case.name, "CASE")
    found = json.loads(text)
    style = STYLES.get(case.style)
    if style is not None and found["outcome"] == "returned":
        try:
            found["result"] = style.same(found["result"])
        except AssertionError:
            found["strange"] = True
    return found


def _copied(state: Path, copy: Path) -> None:
    # A bell is a named pipe to whoever listens: no part of what a backup would bring back.
    shutil.copytree(state, copy, ignore=shutil.ignore_patterns("*.bell"))


class Nursery:
    """The process that forks this lane's children, and the files they write to."""

    def __init__(self) -> None:
        self._files = Path(tempfile.mkdtemp(prefix="crash-"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def close(self) -> None:
        """No more children."""
        self._process.communicate()
        shutil.rmtree(self._files)

    def run(
        self, job: dict[str, Any], stopped: Callable[[], None] | None = None
    ) -> tuple[int, str, str]:
        """Run a child; its exit code, what it told, and the end of its complaints.

        Args:
            job: what it is to do.
            stopped: called while it stands still, should it stop itself; then it goes on.
        """
        out, err = self._files / "out", self._files / "err"
        told = self._tell({"job": job, "out": str(out), "err": str(err)})
        pid = told["pid"]
        overdue = threading.Timer(BOUND_S, os.kill, (pid, signal.SIGKILL))
        overdue.start()
        while "code" not in (told := self._hear()):
            if stopped is not None:
                stopped()
            os.kill(pid, signal.SIGCONT)
        late = overdue.finished.is_set()
        overdue.cancel()
        complaint = " · ".join(err.read_text().splitlines()[-4:])
        if late:
            return 1, out.read_text(), f"it did not end within {BOUND_S:g} s; {complaint}"
        return told["code"], out.read_text(), complaint

    def _tell(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def dry(job_cases: list[Case]) -> dict[str, dict[str, Any]]:
    """Bring cases to their ends with nobody dying, and record the points that are reached."""
    nursery = Nursery()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        tasks = [case.task(finish=True, record=True) for case in job_cases]
        code, out, said = nursery.run({"folder": folder, "tasks": tasks})
    nursery.close()
    if code != 0:
        raise RuntimeError(f"a run without any kill ended with {code}: {said}")
    return {told["case"]: told for told in map(json.loads, out.splitlines())}
