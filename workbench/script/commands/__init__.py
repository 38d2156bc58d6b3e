"""Every command there is, by name."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.errors import UnknownName
from workbench.script import scratch
from workbench.script.command import Command
from workbench.script.commands import (
    attending,
    auditing,
    branching,
    budgeting,
    choosing,
    claiming,
    connecting,
    doubting,
    filing,
    fitting,
    keeping,
    looking,
    modelling,
    permitting,
    profiling,
    remembering,
    running,
)


def _known() -> Mapping[str, Command]:
    return COMMANDS


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        *running.COMMANDS,
        *branching.COMMANDS,
        *choosing.COMMANDS,
        modelling.COMMAND,
        *permitting.COMMANDS,
        *auditing.COMMANDS,
        doubting.COMMAND,
        connecting.COMMAND,
        *budgeting.COMMANDS,
        *filing.COMMANDS,
        *looking.COMMANDS,
        profiling.COMMAND,
        *fitting.COMMANDS,
        remembering.COMMAND,
        *keeping.COMMANDS,
        *claiming.COMMANDS,
        *attending.COMMANDS,
        scratch.COMMAND,
        looking.help_command(_known),
    )
}


def find(name: str) -> Command:
    """A command by name. Raises UnknownName with the nearest."""
    if name not in COMMANDS:
        raise UnknownName("command", name, COMMANDS)
    return COMMANDS[name]
