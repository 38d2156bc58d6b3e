"""What the user can have told: what was asked and answered, what holds, who is there.

A method returns at once; when the core has answered, the screen that asked is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.tui import front_overviews as front

if TYPE_CHECKING:
    from workbench.journal.approvals import Asked
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Decided, Reading, Rules

Failed = Callable[[str], None]


class Overviews:
    """Wishes about overviews, carried to the core and their results to a screen."""

    def __init__(self, app: KaizenApp) -> None:
        self._app = app

    def more_approvals(
        self, reading: Reading, then: Callable[[list[Asked]], None], failed: Failed
    ) -> None:
        """The next older questions."""
        self._app.ask_core(lambda bench: front.more_approvals(bench, reading), then, failed)

    def approval(
        self, run_id: str, seq: int, ends: tuple[int, ...], then: Callable[[Decided], None]
    ) -> None:
        """A question in full."""
        self._app.ask_core(lambda bench: front.approval(bench, (run_id, seq), ends), then)

    def verify(
        self, moved: Callable[[int], None], then: Callable[[list[str]], None], failed: Failed
    ) -> None:
        """Go through the audit; ``moved`` is told each tenth of it that is done."""
        told = 0

        def watched(done: int, total: int) -> None:
            nonlocal told
            tenth = min(done * 10 // max(total, 1), 9)
            if tenth > told:
                told = tenth
                self._app.later(lambda: moved(tenth * 10))

        self._app.ask_core(lambda bench: front.verify(bench, watched), then, failed)

    def rules(self, then: Callable[[Rules], None]) -> None:
        """The rules in force."""
        self._app.ask_core(front.rules, then)

    def remove_rule(self, rule_id: str, then: Callable[[Rules], None]) -> None:
        """Take a rule back."""
        self._app.ask_core(lambda bench: front.remove_rule(bench, rule_id), then)
