"""What the user can have told: what was asked and answered, what holds, who is there.

A method returns at once; when the core has answered, the screen that asked is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.tui import front_overviews as front
from workbench.tui.pulling import Pulls

if TYPE_CHECKING:
    from workbench.journal.approvals import Asked
    from workbench.models.survey import Provider
    from workbench.script.doctor import Finding
    from workbench.script.profiled import Account
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Agents, Decided, Models, Reading, Rules
    from workbench.tui.status import Around

Failed = Callable[[str], None]


class Overviews:
    """Wishes about overviews, carried to the core and their results to a screen."""

    def __init__(self, app: KaizenApp) -> None:
        self._app = app
        self.pulls = Pulls(app)

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

    def models(self, then: Callable[[Models], None]) -> None:
        """What is configured; nobody is asked over the network."""
        self._app.ask_core(front.models, then)

    def ask_provider(self, provider: Provider, then: Callable[[Provider], None]) -> None:
        """Ask a provider which models it has."""

        def failed(text: str) -> None:
            then(replace(provider, models=(), state=text))

        self._app.ask_core(lambda bench: bench.ask_provider(provider), then, failed)

    def choose_model(self, name: str, then: Callable[[], None]) -> None:
        """Select a model."""

        def told(around: Around) -> None:
            self._app.show_around(around)
            self._app.say(f"agents without a model of their own use {name}")
            then()

        self._app.ask_core(lambda bench: front.choose_model(bench, name), told)

    def profile(self, run_id: str, then: Callable[[Account], None]) -> None:
        """Where a run's time, tokens and words went."""
        self._app.ask_core(lambda bench: front.profiled(bench, run_id), then)

    def findings(self, then: Callable[[list[Finding]], None]) -> None:
        """What works here and what does not."""
        self._app.ask_core(front.findings, then)

    def agents(self, then: Callable[[Agents], None]) -> None:
        """The agents that are defined."""
        self._app.ask_core(front.agents, then)
