"""`kaizen-tui hooks`: the events there are, and who is asked or told, in which order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.config import Config, load
from workbench.config.folders import shipped
from workbench.config.trust import standing
from workbench.plugins import discover
from workbench.run.hook_events import TABLE
from workbench.script.command import Output
from workbench.script.command_line import Asked
from workbench.script.output import Streams


@dataclass(frozen=True, slots=True)
class Registered:
    """One hook as it is listed."""

    event: str
    name: str
    priority: int
    deadline_s: float
    where: str
    origin: str


def hooks(asked: Asked) -> int:
    """Print the table of events, and the hooks of this workspace."""
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    listed = [*_registered(asked, config)] if config.has("hooks") else []
    listed.sort(key=lambda one: (one.event, -one.priority))
    lines = ["events:"]
    for event in TABLE:
        lines.append(f"  {event.name:<22}{event.may}: {event.when}")
        if event.fields:
            lines.append(f"  {'':<22}{', '.join(event.fields)}")
    lines += ["  or any row's kind (step.failed), or * for all of them", "", "registered:"]
    lines += [
        f"  {one.event:<22}{one.name}  priority {one.priority}, {one.deadline_s:g} s"
        f"{f', where {one.where}' if one.where else ''}  ({one.origin})"
        for one in listed
    ] or ["  none"]
    data = {"events": [asdict(one) for one in TABLE], "hooks": [asdict(one) for one in listed]}
    Streams(asked.form, asked.out, asked.err).data(Output(tuple(lines), data))
    return 0


def _registered(asked: Asked, config: Config) -> Iterator[Registered]:
    """In the order of registration: of plugins, then of the settings."""
    stands = standing(asked.workspace, os.environ)
    trusted = stands.files if stands.trusted else None
    ours = shipped("plugins")
    own = None if (asked.workspace / "plugins").resolve() == ours.resolve() else asked.workspace
    found = discover(ours, workspace=own, trusted=trusted, allowed=config.plugins)
    for plugin in found.plugins:
        for h in plugin.hooks:
            yield Registered(h.event, h.name, h.priority, h.deadline_s, h.where, plugin.origin)
    for one in config.hooks:
        command = one["command"]
        yield Registered(
            one["event"],
            one.get("name") or Path(command[0]).name,
            one.get("priority", 0),
            one.get("deadline_s", 5.0),
            one.get("where", ""),
            f"your settings: {' '.join(command)}",
        )
