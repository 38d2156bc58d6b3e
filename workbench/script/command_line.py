"""What the command line said, as a value for every front alike.

It stands alone because the screen's first frame waits for whatever this imports.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from workbench.config import Config, load
from workbench.errors import NotTrusted

if TYPE_CHECKING:
    from workbench.script.output import Form


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line said, for every front alike."""

    argv: Sequence[str] = ()
    workspace: Path = Path()
    config: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict[str, Any])
    form: Form = "text"
    confirm: bool = False
    resume: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def settings(self, workspace: Path | None = None) -> Config:
        """The settings that hold for a front that runs something. Raises NotTrusted."""
        config = load(self.config, flags=self.flags, workspace=workspace or self.workspace)
        if config.untrusted:
            names = ", ".join(config.untrusted)
            raise NotTrusted(
                f"{names} of {config.workspace} is not trusted",
                hint="Read it, then: kaizen-tui trust",
            )
        return config
