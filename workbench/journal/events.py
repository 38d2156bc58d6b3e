"""Rows: the facts a run consists of, in the order in which they became true.

Rules of the table. Rows are only ever added. ``seq`` counts within a run and goes on from the
parent's cut in a fork. ``key`` is the path of the effect a row is about, or empty for the run
itself. Only outcomes, scope starts and ``run.cancelled`` reach a workflow; everything else is an
annotation that people and projections read. Kinds are past participles: they tell what happened.
``by`` is user, program, a rule, a signal … or the signature of another process's request.

Each kind and what its ``data`` holds:

    run.started         pattern, arguments, source, version, code, model, mode, budget, parent,
                        cut, overlay, edit (reply arguments), title, by (not the user here)
                        any first row of an import: imported=true
    run.finished        outcome (returned failed cancelled out_of_budget), result | error
    run.suspended       by, reason, worked_s (seconds at work so far);
                        at a used-up limit: outcome (out_of_budget), error
    run.resumed         by, epoch, left (who drove it before, if that one did not let it go);
                        when something was changed: changes, version, source, code
    run.cancelled       by, reason, error (the run was given up: what it ends with)
    run.paused          by, reason           run.continued       by, reason
    interrupt.asked     by, reason, how (graceful immediate)
    value.defined       digest, value        what later rows name by digest: prompts, agents
    step.started        effect, name (not of model calls), fingerprint, arguments, attempt;
                        model calls: model, prompt;
                        scopes: scope=true, agent, tools, source; others: repeat, line;
                        what is not pure, before it is performed: digest (of the exact final
                        action, as its approval has it), idempotency_key (the same for every
                        attempt, another in a fork), repeat, danger, schema (the tool's digest)
                        and prepared (tools: what a probe will compare with), act and, of what may
                        change files, head, snapshot (tree or none, files, left_out, duration_s);
                        resolved (what was said of the attempt before);
                        untrusted (what strangers wrote and the call reads; outcomes have it too);
                        where something is limited: reserved {usd tokens steps} of this attempt
    step.finished       fingerprint, effect, name, result, duration_s, usage
                        after a doubt: resolved {attempt, answer, by}
    step.failed         fingerprint, effect, name, error {code type message data}, duration_s,
                        resolved; end=unknown when nobody knows of an attempt before
    step.denied         fingerprint, effect, name, error (code "denied"), by, resolved, end
    step.cancelled      fingerprint, effect, name, reason, end (never confirmed unknown), by, why
    attempt.ended       attempt, end (never stopped failed unknown), error, usage
    budget.refused      effect, attempt, limit, scope, who, most, used, held, wanted: stands where
                        an intent would, which found no room below a limit over many runs
    approval.asked      id, tool, arguments, danger, facts, agent, why, rule, expires_at, digest,
                        bound (see `workbench.permission.bound`)
    approval.answered   id, verdict (allow deny), by, scope, reason, arguments (if edited), tool,
                        agent
    approval.withdrawn  id, reason; also of an answered one that was not good any more
    question.asked      id, text, choices, asked_as (question in_doubt budget plan interrupt);
                        a doubt: tool, arguments, agent, rule, selected, evidence (see
                        `workbench.run.evidence`); a used-up limit: agent, why, preview
    question.answered   id, answer, by; a doubt: asked_as, by (a person, or ``rule ID``),
                        result (of "done")
    hook.changed        hook, event, before, after
    hook.refused        hook, event, reason
    checkpoint.taken    name, by (user workflow rule), at (an earlier row that is named)
    message.sent        to, text, by
    rule.added          rule, by            rule.removed     rule, id, by
    rule.expired        rule, by
    mode.changed        mode, by
    budget.changed      limits (all that hold now), by, passed (calls of unknown price that were let
                        pass); scope and who, when it is not the run's own
    file.changed        path, workspace, before, after (names of contents or null; see
                        `workbench.journal.files`), before_mode, mode, before_bytes, size_bytes,
                        restorable, limit, name
    snapshot.taken      after an effect: tree or none, before, changed, unlisted, head, files,
                        left_out, duration_s

What ends an attempt or an effect may also say: settles (the attempt whose reservation is free
again), unsettled (the effect is a step, and what that attempt took nobody knows: it stays
reserved), steps=0 (it was refused before its budget, so it is no step), day (on which it was
reserved, if that is another).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from workbench.values import digest

OUTCOMES = frozenset({"step.finished", "step.failed", "step.denied", "step.cancelled"})
"""Kinds that answer an effect, exactly one for each effect of a run."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row."""

    run_id: str
    seq: int
    """1, 2, 3 … within the run; a fork's rows go on from the cut."""
    at: float
    """Seconds since 1970 UTC, by the wall clock: for people. Order is ``seq``."""
    kind: str
    key: str
    data: dict[str, Any]

    @property
    def is_fed(self) -> bool:
        """Whether a workflow gets to know of this row."""
        kind = self.kind
        if kind in OUTCOMES or kind == "run.cancelled":
            return True
        return kind == "step.started" and self.data.get("scope") is True


def fingerprint(kind: str, name: str, arguments: bytes) -> str:
    """What a row and a request must have in common: a digest of what was requested."""
    return digest(f"{kind}\0{name}\0".encode() + arguments, 8)


def segment(ordinal: int, kind: str, name: str) -> str:
    """A path's last part: ``0:ask.skeptic``; slashes in names are quoted."""
    return f"{ordinal}:{kind}.{_quoted(name)}" if name else f"{ordinal}:{kind}"


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    return quote(name, safe=" @+=,:~")


def agents_of(key: str) -> list[str]:
    """The agents on the way to a key, outermost first."""
    return [*_agents_on(key)] if "ask." in key else []


def agent_of(key: str) -> str:
    """The agent a key belongs to, or the empty string for the pattern itself."""
    agents = _agents_on(key) if "ask." in key else ()
    return agents[-1] if agents else ""


def _agents_on(key: str) -> tuple[str, ...]:
    """The agents on a way. A turn has many keys and one path above them."""
    above, _, last = key.rpartition("/")
    return _agents_above(above) + _agents_in(last)


@lru_cache(maxsize=4096)
def _agents_above(path: str) -> tuple[str, ...]:
    return tuple(agent for part in path.split("/") for agent in _agents_in(part))


def _agents_in(part: str) -> tuple[str, ...]:
    own = part.partition(":")[2] or part
    return (unquote(own[4:]),) if own.startswith("ask.") else ()


def parent_of(key: str) -> str:
    """The key one level up, or the empty string."""
    return key.rpartition("/")[0]
