"""What the screen shows, folded from events one at a time: runs, agents, trace, inbox, branches.

Pure: no Textual, no clock, no I/O; every event costs the same however much came before. Rows
already folded are ignored (a run that is loaded while it runs is told twice), and a row that is
missing is noticed: its run's id stands in ``gaps`` until somebody folds the rows from the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from workbench.journal.events import Event, agent_of, agents_of, parent_of
from workbench.journal.family import Branch, mark_of
from workbench.journal.overlay import words
from workbench.tui.asked import Asked, asked_in
from workbench.tui.calls import completed, nested
from workbench.tui.following import take_driver, take_unbegun
from workbench.tui.plans import Plans
from workbench.tui.shown import AgentShown, AgentState, OpenStep, RunShown, short_title
from workbench.tui.streaming import Streaming
from workbench.tui.trace_rows import (
    STEPS,
    Trace,
    TraceRow,
    brief,
    finished,
    row_of,
    started,
    usage_of,
)


class Board:
    """Everything on the screen. ``fold`` is the only way in; views only read."""

    def __init__(self, *, trace_limit: int = 200_000, recent: int = 4_000) -> None:
        self.runs: dict[str, RunShown] = {}
        self.trace = Trace(trace_limit)
        self.inbox: dict[str, Asked] = {}
        self.branches: dict[str, Branch] = {}
        self.gaps: set[str] = set()
        self.dropped = 0
        """Live display events that were let go because the screen was behind."""
        self.said: deque[str] = deque(maxlen=20)
        """Sentences of the core that were not shown yet."""
        self.has_room = True
        """Whether anything can be recorded."""
        self.recent: deque[Event] = deque(maxlen=recent)
        """The newest rows whole, so that a detail shows without asking the log."""
        self.news: set[str] = set()
        """Parts changed since a view last looked: ``runs agents trace inbox branches
        plans``."""
        self.streaming = Streaming(self.trace)
        self.plans = Plans()
        self.asked_at: dict[str, int] = {}
        """For each waiting thing the number of the line that tells of it."""
        self._fold = self._folds()

    def _folds(self) -> dict[str, Callable[[RunShown, Event], None]]:
        """What takes in a row, by its kind."""
        return {
            "run.started": self._run_started,
            "run.finished": self._run_ended,
            "run.suspended": self._run_suspended,
            "run.resumed": self._run_resumed,
            "run.cancelled": self._note,
            "run.paused": self._paused,
            "run.continued": self._paused,
            "interrupt.asked": self._stopping,
            "step.started": self._step_started,
            "step.finished": self._step_ended,
            "step.failed": self._step_ended,
            "step.denied": self._step_ended,
            "step.cancelled": self._step_ended,
            "approval.asked": self._asked,
            "question.asked": self._asked,
            "approval.answered": self._answered,
            "approval.withdrawn": self._answered,
            "question.answered": self._answered,
            "checkpoint.taken": self._checkpoint,
        }

    def fold(self, event: Event) -> None:
        """Take one row in."""
        run = self._run(event)
        if event.seq <= run.last_seq:
            return
        if run.last_seq and event.seq > run.last_seq + 1:
            self.gaps.add(event.run_id)
        run.last_seq = event.seq
        run.last_at = event.at
        self.recent.append(event)
        if self.plans.take(event):
            self.news.add("plans")
        self._fold.get(event.kind, self._note)(run, event)

    def begun(self, run_id: str, key: str, data: Mapping[str, Any]) -> None:
        """A step without an intent row began: its line waits for its outcome's row."""
        run = self.runs.get(run_id)
        if run is not None and key not in run.open:
            self._begin(run, Event(run_id, 0, run.last_at, "step.started", key, dict(data)))

    def live(self, kind: str, run_id: str, key: str, data: Mapping[str, Any]) -> None:
        """Take in what is not a row: streamed text and progress; what waits comes as rows."""
        if kind == "room":  # that there is none stays in the bar while it is so
            self.has_room = not data.get("full")
        if kind in ("notice", "room"):
            self.told(run_id, str(data.get("text", "")))
            return
        run = self.runs.get(run_id)
        if run is not None and kind in ("driver", "fenced"):
            take_driver(self, run, kind, data)
        if run is None or kind not in ("delta", "progress"):
            return
        step = run.open.get(key)
        if step is None:
            take_unbegun(self, run, key, data)
            return
        agent = run.agents.get(step.agent)
        if agent is not None and kind == "progress":
            agent.doing = brief(data.get("text") or data, 60)
        self.streaming.piece((run_id, key), step, kind, data)
        self.news |= {"agents", "trace"}

    def forget(self, run_id: str) -> None:
        """Forget a run, to fold it anew or for good; its lines stay in the trace."""
        for asked in [a for a in self.inbox.values() if a.run_id == run_id]:
            self._leave(asked)
        self.runs.pop(run_id, None)
        branch = self.branches.pop(run_id, None)
        parent = self.branches.get(branch.parent_id) if branch else None
        if parent is not None and run_id in parent.children:
            parent.children.remove(run_id)
        self.news |= {"runs", "agents", "branches"}

    def adopt(self, found: Mapping[str, Branch]) -> None:
        """Take in a family from the log; what was folded since it was read stays."""
        for run_id, branch in found.items():
            known = self.branches.get(run_id)
            if known is not None:
                branch.children += [one for one in known.children if one not in branch.children]
                branch.tokens = max(branch.tokens, known.tokens)
                branch.cost_usd = max(branch.cost_usd, known.cost_usd)
                if len(known.checkpoints) > len(branch.checkpoints):
                    branch.checkpoints = known.checkpoints
            self.branches[run_id] = branch
        self.news.add("branches")

    def complete(self, asked: Asked) -> None:
        """Complete or add a waiting thing from the core's own list."""
        known = asked.id in self.inbox
        self.inbox[asked.id] = asked
        if not known:
            self._wait(asked, 1)
        self.news |= {"inbox", "agents"}

    def pause(self, run_id: str, *, paused: bool) -> None:
        """Show a run as paused or going on."""
        run = self.runs.get(run_id)
        if run is not None and not run.is_over:
            run.status = "paused" if paused else "waiting" if run.waiting else "running"
            self.news |= {"runs", "agents"}

    def told(self, run_id: str, text: str) -> None:
        """Take in a notice: something to be said that is no row."""
        run = self.runs.get(run_id)
        at = run.last_at if run is not None else 0.0
        row = TraceRow(0, at, run_id, "", "notice", brief(text), -1, "", -1.0, 0, 0.0, STEPS)
        self.trace.add(row)
        self.said.append(text)
        self.news |= {"runs", "trace"}

    def state_of(self, agent: AgentShown) -> AgentState:
        """The agent's state in one word."""
        run = self.runs[agent.run_id]
        if agent.waiting:
            return "WAITING"
        if run.is_over:
            return "done"
        if run.status == "paused":
            return "paused"
        return "busy" if agent.busy else "idle"

    # One function for each kind of row.

    def _run(self, event: Event) -> RunShown:
        run = self.runs.get(event.run_id)
        if run is None:
            run = RunShown(event.run_id, started_at=event.at)
            self.runs[event.run_id] = run
            self.branches[event.run_id] = Branch(event.run_id)
            self.news |= {"runs", "agents", "branches"}
        return run

    def _run_started(self, run: RunShown, event: Event) -> None:
        data = event.data
        run.pattern = str(data.get("pattern", ""))
        run.title = short_title(run.pattern, str(data.get("title") or ""))
        run.model = str(data.get("model") or "")
        run.started_at = event.at
        run.status = "running"
        branch = self.branches[run.run_id]
        branch.parent_id = str(data.get("parent") or "")
        branch.cut_seq = int(data.get("cut") or 0)
        branch.label = run.title or run.pattern
        branch.overlay = words(data.get("overlay") or {}, str(data.get("edit") or ""))
        parent = self.branches.get(branch.parent_id)
        if parent is not None and run.run_id not in parent.children:
            parent.children.append(run.run_id)
        self._note(run, event)

    def _run_ended(self, run: RunShown, event: Event) -> None:
        run.status = str(event.data.get("outcome", "returned"))
        run.ended_at = event.at
        self._settle(run)
        self._note(run, event)

    def _run_suspended(self, run: RunShown, event: Event) -> None:
        run.status, run.rests = str(event.data.get("outcome") or "suspended"), True
        run.ended_at = event.at
        self._settle(run)
        self._note(run, event)

    def _paused(self, run: RunShown, event: Event) -> None:
        self.pause(run.run_id, paused=event.kind == "run.paused")
        self._note(run, event)

    def _stopping(self, run: RunShown, event: Event) -> None:
        self.pause(run.run_id, paused=False)
        run.stopping = str(event.data.get("how") or "")
        self._note(run, event)

    def _run_resumed(self, run: RunShown, event: Event) -> None:
        run.status = "waiting" if run.waiting else "running"
        run.rests, run.stopping = False, ""
        run.ended_at = None
        self._note(run, event)

    def _settle(self, run: RunShown) -> None:
        """Nothing of an ended run is under way, and nothing of it waits."""
        for asked in [a for a in self.inbox.values() if a.run_id == run.run_id]:
            self._leave(asked)
        self._put_down(run)

    def rest(self, run: RunShown) -> None:
        """Nobody drives a run any more; what waits can still be answered, for when it goes on."""
        run.status, run.rests, run.ended_at = "suspended", True, run.last_at
        self._put_down(run)

    def _put_down(self, run: RunShown) -> None:
        for step in run.open.values():
            row = self.trace.at(step.number)
            if row is not None and row.state == "running":
                self.trace.replace(step.number, row._replace(state="open"))
        run.open.clear()
        run.stopping = ""
        for agent in run.agents.values():
            agent.busy = 0
            agent.doing = ""
        self.news |= {"runs", "agents", "trace", "branches"}

    def _step_started(self, run: RunShown, event: Event) -> None:
        again = run.open.get(event.key)
        if again is not None:
            row = nested(started(event), run, self.trace, parent_of(event.key))
            self.trace.replace(again.number, row._replace(result="attempt again"))
        else:
            self._begin(run, event)

    def _begin(self, run: RunShown, event: Event) -> None:
        effect = str(event.data.get("effect", ""))
        name = agent_of(event.key)
        row = nested(started(event), run, self.trace, parent_of(event.key))
        number = self.trace.add(row)
        run.open[event.key] = OpenStep(number, name, effect, row.what, event.at)
        if not agents_of(event.key) and event.data.get("line"):
            run.line = str(event.data["line"])
        agent = self._agent(run, event.key, name)
        if agent is not None:
            agent.busy += 1
            agent.doing = f"{effect} {row.what}" if effect != "ask" else "thinking"
            agent.since = event.at
        self.news |= {"trace", "agents"}

    def _step_ended(self, run: RunShown, event: Event) -> None:
        step = run.open.pop(event.key, None)
        begun = self.trace.at(step.number) if step else None
        row = finished(completed(run, event), begun)
        if step is not None and begun is not None:
            self.trace.replace(step.number, row)
        else:
            self.trace.add(nested(row, run, self.trace, parent_of(event.key)))
        run.steps += 1
        self._charge(run, event, step.effect if step else str(event.data.get("effect", "")))
        if step is not None:
            self._rest(run, event, step)
        self.streaming.over((run.run_id, event.key))
        self.news |= {"trace", "agents", "runs", "branches"}

    def _rest(self, run: RunShown, event: Event, step: OpenStep) -> None:
        """The agent of an ended step turns to what is still open around it, or rests."""
        agent = run.agents.get(step.agent)
        if agent is None:
            return
        agent.busy = max(0, agent.busy - 1)
        agent.since = event.at
        around = run.open.get(parent_of(event.key))
        agent.doing = ("thinking" if around else "") if agent.busy else ""

    def _charge(self, run: RunShown, event: Event, effect: str) -> None:
        """Add up what a step cost; scopes report the sum of steps that were added already."""
        tokens, cost = usage_of(event.data)
        if effect in ("ask", "follow") or not (tokens or cost):
            return
        run.tokens += tokens
        run.cost_usd += cost
        branch = self.branches[run.run_id]
        branch.tokens += tokens
        branch.cost_usd += cost
        path = agents_of(event.key)
        for name in dict.fromkeys(path):
            agent = self._agent(run, event.key, name)
            if agent is not None:
                agent.all_tokens += tokens
                agent.all_cost_usd += cost
        if path:
            own = run.agents[path[-1]]
            own.tokens += tokens
            own.cost_usd += cost

    def _agent(self, run: RunShown, key: str, name: str) -> AgentShown | None:
        if not name:
            return None
        agent = run.agents.get(name)
        if agent is None:
            path = agents_of(key)
            place = path.index(name) if name in path else len(path)
            parent = path[place - 1] if place else ""
            agent = AgentShown(run.run_id, name, parent, place)
            run.agents[name] = agent
        return agent

    def _asked(self, run: RunShown, event: Event) -> None:
        asked = asked_in(event)
        self._note(run, event)
        self.asked_at[asked.id] = self.trace.end - 1
        if asked.id not in self.inbox:
            self._agent(run, event.key, asked.agent)
            self.inbox[asked.id] = asked
            self._wait(asked, 1)
        self.news |= {"inbox", "agents", "runs"}

    def _answered(self, run: RunShown, event: Event) -> None:
        asked_id = str(event.data.get("id", ""))
        asked = self.inbox.get(asked_id)
        if asked is not None:
            self._leave(asked)
        number = self.asked_at.pop(asked_id, -1)
        row = self.trace.at(number)
        if row is not None:
            verdict = str(event.data.get("verdict") or event.kind.partition(".")[2])
            took = event.at - row.at
            self.trace.replace(number, row._replace(state=verdict, duration_s=took))
        self._note(run, event)

    def _leave(self, asked: Asked) -> None:
        del self.inbox[asked.id]
        self._wait(asked, -1)
        self.news |= {"inbox", "agents", "runs"}

    def _wait(self, asked: Asked, more: int) -> None:
        run = self.runs.get(asked.run_id)
        if run is None:
            return
        run.waiting = max(0, run.waiting + more)
        if not run.is_over and run.status != "paused":
            run.status = "waiting" if run.waiting else "running"
        agent = run.agents.get(asked.agent)
        if agent is not None:
            agent.waiting = max(0, agent.waiting + more)

    def _checkpoint(self, run: RunShown, event: Event) -> None:
        self.branches[run.run_id].checkpoints.append(mark_of(event, event.seq + 1))
        self.news.add("branches")
        self._note(run, event)

    def _note(self, run: RunShown, event: Event) -> None:
        self.trace.add(nested(row_of(event), run, self.trace, event.key))
        self.news.add("trace")
