"""What is known of the sandbox: its level, who provides it, and why it is no better.

A value, so that the status bar, the gate and the shell tool all speak of the same thing. The
level is what a canary *proved* on this machine, never what a program's presence suggests.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.permission.danger import Sandbox


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """One finding about the sandbox, made at start by `workbench.tools.sandbox.detect`."""

    level: Sandbox = "none"
    backend: str = ""
    """``bubblewrap``, ``landlock``, or empty when nothing confines a command."""
    program: str = ""
    """The absolute path of the program that was tried."""
    why: str = "nobody looked for a sandbox"
    """A sentence for a person: what was proven, or what is missing."""


UNCONFINED = SandboxReport()
