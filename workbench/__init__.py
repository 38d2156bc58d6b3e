"""The front door: everything a program, a pattern or a tool of one's own needs.

Names load when they are first used, so importing this costs next to nothing and pulls in no
screen, no model client and no database.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""As type checkers know it; importing it from typing would cost half of what this file may."""

__version__ = "0.1.0"

_PLACES = {
    "Agent": "agent.agent",
    "Audio": "agent.media",
    "Cancelled": "errors",
    "Document": "agent.media",
    "Done": "agent.probe",
    "IdempotencyKey": "workflow.keyed",
    "Image": "agent.media",
    "InputField": "agent.signature",
    "OutputField": "agent.signature",
    "Refused": "run.hooks",
    "Signature": "agent.signature",
    "StepFailed": "errors",
    "Workbench": "bench",
    "WorkbenchError": "errors",
    "as_they_finish": "workflow.verbs",
    "ask": "workflow.verbs",
    "ask_sync": "bench",
    "call": "workflow.verbs",
    "checkpoint": "workflow.verbs",
    "discover": "workflow.verbs",
    "follow": "workflow.verbs",
    "forget": "workflow.verbs",
    "hook": "run.hooks",
    "now": "workflow.verbs",
    "pattern": "workflow.pattern",
    "question": "workflow.verbs",
    "race": "workflow.verbs",
    "random": "workflow.verbs",
    "recall": "workflow.verbs",
    "receive": "workflow.verbs",
    "remember": "workflow.verbs",
    "send": "workflow.verbs",
    "sleep": "workflow.verbs",
    "together": "workflow.verbs",
    "tool": "agent.tool",
    "use": "workflow.verbs",
    "within": "workflow.verbs",
}

__all__ = [*_PLACES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from workbench.agent.agent import Agent as Agent
    from workbench.agent.media import Audio as Audio
    from workbench.agent.media import Document as Document
    from workbench.agent.media import Image as Image
    from workbench.agent.probe import Done as Done
    from workbench.agent.signature import InputField as InputField
    from workbench.agent.signature import OutputField as OutputField
    from workbench.agent.signature import Signature as Signature
    from workbench.agent.tool import tool as tool
    from workbench.bench import Workbench as Workbench
    from workbench.bench import ask_sync as ask_sync
    from workbench.errors import Cancelled as Cancelled
    from workbench.errors import StepFailed as StepFailed
    from workbench.errors import WorkbenchError as WorkbenchError
    from workbench.run.hooks import Refused as Refused
    from workbench.run.hooks import hook as hook
    from workbench.workflow.keyed import IdempotencyKey as IdempotencyKey
    from workbench.workflow.pattern import pattern as pattern
    from workbench.workflow.verbs import as_they_finish as as_they_finish
    from workbench.workflow.verbs import ask as ask
    from workbench.workflow.verbs import call as call
    from workbench.workflow.verbs import checkpoint as checkpoint
    from workbench.workflow.verbs import discover as discover
    from workbench.workflow.verbs import follow as follow
    from workbench.workflow.verbs import forget as forget
    from workbench.workflow.verbs import now as now
    from workbench.workflow.verbs import question as question
    from workbench.workflow.verbs import race as race
    from workbench.workflow.verbs import random as random
    from workbench.workflow.verbs import recall as recall
    from workbench.workflow.verbs import receive as receive
    from workbench.workflow.verbs import remember as remember
    from workbench.workflow.verbs import send as send
    from workbench.workflow.verbs import sleep as sleep
    from workbench.workflow.verbs import together as together
    from workbench.workflow.verbs import use as use
    from workbench.workflow.verbs import within as within


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"workbench.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
