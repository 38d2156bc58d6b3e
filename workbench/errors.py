"""Every error of the workbench, split by who must act.

    WorkbenchError
    ├── the user
    │   ├── UsageError            a command or argument that does not exist          exit 2
    │   │   ├── UnknownName       … with the nearest name that does
    │   │   └── TooLate           somebody else has answered already
    │   ├── ConfigError           a file or setting that cannot be used              exit 3
    │   │   ├── PluginError       a plugin that cannot be loaded
    │   │   └── NotTrusted        a folder or file that nobody has trusted yet
    │   ├── StoreError            the database cannot be used as it is               exit 3
    │   │   ├── StoreNewer        written by a later version
    │   │   ├── StoreForeign      not one of ours
    │   │   ├── StoreDamaged      unreadable in part
    │   │   ├── StoreFull         no room to record anything
    │   │   ├── AuditBroken       the audit or what it stands for was changed
    │   │   └── Fenced            another process has taken the run over
    │   ├── RunOwned              another process drives the run                     exit 2
    │   ├── Denied                a rule, a mode or a person said no                 exit 5
    │   │   └── ApprovalStale     what was approved is not what would be done now
    │   ├── LimitReached          a budget or ceiling is used up                     exit 6
    │   └── InDoubt               nobody knows whether an effect happened            exit 7
    ├── the author of a workflow, agent, tool or signature                           exit 1
    │   ├── Diverged              a resumed workflow asks for something else
    │   ├── ForeignAwait          a workflow awaited something that is not an effect
    │   ├── Deadlock              every path of a run waits for a message
    │   ├── NotAValue             something that JSON cannot carry
    │   ├── SignatureError        a signature that does not parse
    │   └── InputError            inputs that do not fit a signature or a pattern    exit 2
    │       └── MediaError        an image, sound or document that cannot be taken
    ├── the outside world                                                            exit 1
    │   ├── ModelError            a model's server, or what it answered
    │   │   ├── ModelUnreachable  nobody answers                                     exit 4
    │   │   ├── Unrecorded        asked of a recording, and never asked then
    │   │   └── ReplyError        an answer that its signature refuses; carries it
    │   ├── Unverified            work that was not shown to be done; carries it and why
    │   ├── ToolError             a tool tried and failed
    │   │   ├── NotDone           somebody said that it never came to it
    │   │   └── EndUnknown        it was begun, and nobody will say how it ended
    │   └── SnapshotFailed        files could not be kept as they stand
    └── StepFailed                how a workflow meets any failure of a step: built from its row

    Cancelled (BaseException)     a race lost, a deadline over, a call or run ended

A message is composed here, from data, names the value it is about and, where one exists, the
nearest right one. `code` is the stable word that rows, JSON output and `except` clauses rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None when none is near."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


class WorkbenchError(Exception):
    """The root: catch it to catch everything the workbench raises on purpose."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What the one who must act can do next; a full sentence or empty."""
        self.data: dict[str, Any] = data

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(WorkbenchError):
    """A command, option or argument that is not one."""

    code = "usage"
    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing carries."""

    code = "unknown_name"

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        guess = nearest(name, names)
        if guess:
            hint = f"Did you mean {guess!r}?"
        elif names:
            shown = ", ".join(names[:8])
            hint = f"Known: {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        else:
            hint = f"There is no {what} at all yet"
        super().__init__(f"no {what} {name!r}", hint=hint, what=what, name=name, nearest=guess)


class ConfigError(WorkbenchError):
    """A setting, or a file of settings, that cannot be used; names file, line and key."""

    code = "config"
    exit_code = 3


class PluginError(ConfigError):
    """A plugin that cannot be loaded."""

    code = "plugin"


class NotTrusted(ConfigError):
    """Something from a folder was needed before anybody trusted the folder."""

    code = "not_trusted"


class StoreError(WorkbenchError):
    """The database cannot be used as it is; nothing was changed."""

    code = "store"
    exit_code = 3


class StoreNewer(StoreError):
    """The database was written by a later version; it can be read, not written."""

    code = "store_newer"


class StoreForeign(StoreError):
    """The file is not a workbench database."""

    code = "store_foreign"


class StoreDamaged(StoreError):
    """Parts of the database cannot be read."""

    code = "store_damaged"


class StoreFull(StoreError):
    """There is no room to record anything, so nothing new may start."""

    code = "store_full"


class AuditBroken(StoreError):
    """The audit's chain, or what it stands for, is not what was written; names the first entry."""

    code = "audit_broken"


class Fenced(StoreError):
    """The run was given to another process; nothing of this one is recorded any more."""

    code = "fenced"


class TooLate(UsageError):
    """What was to be answered has been answered already, or was withdrawn; says by whom."""

    code = "too_late"


class RunOwned(WorkbenchError):
    """Another process drives this run."""

    code = "run_owned"
    exit_code = 2


class Denied(WorkbenchError):
    """A rule, a mode or a person refused an effect."""

    code = "denied"
    exit_code = 5


class ApprovalStale(Denied):
    """What was approved is not what would be done now; it is asked anew."""

    code = "approval_stale"


class LimitReached(WorkbenchError):
    """A budget or a ceiling is used up."""

    code = "limit"
    exit_code = 6


class InDoubt(WorkbenchError):
    """An effect was started and nobody knows whether it happened."""

    code = "in_doubt"
    exit_code = 7


class Diverged(WorkbenchError):
    """Driven over its log, a workflow asked for something else than it did then.

    Nothing live was started, and the run is as it was. ``data["report"]`` says what stood where
    (`workbench.journal.divergence`); where a run is known, ``run_id``, what was ``changes``, the
    likely ``cause`` and the ``choices``, each a command.
    """

    code = "diverged"

    def __init__(self, message: str, **data: Any) -> None:
        hint = "Fork before this point, or resume with the code it was started with"
        super().__init__(message, hint=hint, **data)


class ForeignAwait(WorkbenchError):
    """A workflow awaited a thing of another world (a future, a sleep, a lock)."""

    code = "foreign_await"


class Deadlock(WorkbenchError):
    """Every path of a run waits in ``receive`` and nobody is left to send."""

    code = "deadlock"


class NotAValue(WorkbenchError):
    """Something that JSON cannot carry was given as an argument or a result."""

    code = "not_a_value"


class SignatureError(WorkbenchError):
    """A signature that does not parse; names the field and the place in the text."""

    code = "signature"


class InputError(WorkbenchError):
    """Inputs that are unknown, missing or of the wrong type."""

    code = "input"
    exit_code = 2


class MediaError(InputError):
    """An image, audio or document that cannot be taken; ``data['reason']`` says why."""

    code = "media"


class ModelError(WorkbenchError):
    """A model's server failed; ``data['retry']`` says whether trying again can help."""

    code = "model"


class ModelUnreachable(ModelError):
    """Nobody answers where the model should be."""

    code = "model_unreachable"
    exit_code = 4


class Unrecorded(ModelError):
    """A recorded run was asked what nobody asked then; ``nearest`` says what comes closest."""

    code = "unrecorded"


class ReplyError(ModelError):
    """A reply that its signature refuses, after the one repair round."""

    code = "reply"


class Unverified(WorkbenchError):
    """Work that was not shown to be done; ``data`` has the ``result`` and the ``reasons``."""

    code = "unverified"


class ToolError(WorkbenchError):
    """A tool tried and failed; the agent is told the message."""

    code = "tool"


class NotDone(ToolError):
    """An effect was begun, nobody saw its end, and it was said that it did not happen."""

    code = "not_done"


class EndUnknown(ToolError):
    """A call was begun and whoever carried it out is gone or silent: it may have happened.

    Of what only reads it is a failure like any other; of anything else the gate makes a doubt.
    """

    code = "end_unknown"


class SnapshotFailed(WorkbenchError):
    """A snapshot of a folder that should have been possible was not: a full disk, mostly."""

    code = "snapshot"


class StepFailed(WorkbenchError):
    """A step failed: the same, live and replayed, because it is built from the step's row."""

    code = "step_failed"

    def __init__(self, error: Mapping[str, Any], *, key: str = "") -> None:
        super().__init__(str(error.get("message", "")))
        self.error_code = str(error.get("code", "error"))
        """The ``code`` of what happened: ``denied``, ``tool``, ``model_unreachable`` …"""
        self.type_name = str(error.get("type", ""))
        self.key = key
        self.data = dict(error.get("data") or {})


class Cancelled(BaseException):
    """Thrown at an await that will not be answered: cleanup in ``finally`` still runs.

    ``reason`` is ``race``, ``together``, ``within``, ``scope`` or ``run`` when the whole path
    is being ended, and ``call`` when only this one effect was.
    """

    def __init__(self, reason: str = "run") -> None:
        super().__init__(reason)
        self.reason = reason


def describe(error: BaseException) -> dict[str, Any]:
    """The row form of an error: code, type name, message, data. Tracebacks go aside."""
    if isinstance(error, StepFailed):
        return {
            "code": error.error_code,
            "type": error.type_name,
            "message": error.message,
            "data": error.data,
        }
    code = error.code if isinstance(error, WorkbenchError) else "error"
    data = error.data if isinstance(error, WorkbenchError) else {}
    return {"code": code, "type": type(error).__name__, "message": str(error), "data": data}
