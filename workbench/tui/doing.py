"""What the user can have done: one method for each wish, each a job for the core.

Mixed into the app. A method returns at once; when the core has answered, the board or the hint
line says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from workbench.journal.events import Event
from workbench.tui import commands, front
from workbench.tui.asked import Asked
from workbench.tui.branches import TreeRow
from workbench.tui.clock import Clock
from workbench.tui.deciding import Given
from workbench.tui.front import Found
from workbench.tui.panes.detail import event_text
from workbench.tui.screens.fork import ForkScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.patterns import PatternsScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.state import Board

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp
    from workbench.tui.screens.workbench import WorkbenchScreen

T = TypeVar("T")
