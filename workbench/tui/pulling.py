"""A model being fetched, as the screen shows it: one at a time, its screen open or not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.plain import Plain, one_line
from workbench.tui.keymap import short
from workbench.tui.model_text import size_words

if TYPE_CHECKING:
    from workbench.models.ollama_pull import PullProgress
    from workbench.tui.app import KaizenApp

_BAR = 10


@dataclass(slots=True)
class Pull:
    """How far one is."""

    name: str
    """With its provider: ``ollama:qwen3:4b``."""
    status: str = "asking"
    done: int = 0
    total: int = 0
    future: Future[None] | None = field(default=None, repr=False)

    @property
    def model(self) -> str:
        """The name as its host has it."""
        return self.name.partition(":")[2]

    def words(self) -> Plain:
        """A bar, and what it stands for in words."""
        if not self.total:
            return one_line(f"fetching {self.model}: {self.status}")
        full = min(_BAR, self.done * _BAR // self.total)
        bar = "█" * full + "░" * (_BAR - full)
        sizes = f"{size_words(self.done) or '0'} of {size_words(self.total)}"
        percent = min(100, self.done * 100 // self.total)
        return one_line(f"fetching {self.model} {percent} % {bar} {sizes}  {self.status}")


class Pulls:
    """The pull that goes on, if one does."""

    def __init__(self, app: KaizenApp) -> None:
        self._app = app
        self.current: Pull | None = None
        self.watcher: Callable[[], None] = lambda: None
        """Told whenever there is news: the screen that shows it."""

    def begin(self, name: str) -> None:
        """Have a model fetched."""
        pull = self.current = Pull(name)
        told = [0]

        def news(progress: PullProgress) -> None:
            # From the core's thread, hundreds a second: the screen hears of whole percents.
            mark = progress.completed_bytes * 100 // max(progress.total_bytes, 1)
            if mark != told[0] or progress.status != pull.status:
                told[0] = mark
                self._app.later(lambda: self._moved(pull, progress))

        async def job(bench: Any) -> None:
            model, whole = bench.hub.pulls(name)
            bench.store.audit.enter("model.pulled", {"name": whole, "by": "user"})
            await model.pull(whole, news)

        pull.future = self._app.core.call(job)
        pull.future.add_done_callback(lambda done: self._app.later(lambda: self._over(pull, done)))
        self._app.say(f"{name} is being fetched; {short('models.stop')} cancels")
        self.watcher()

    def cancel(self) -> bool:
        """End it; whether there was one."""
        pull = self.current
        return pull is not None and pull.future is not None and pull.future.cancel()

    def _moved(self, pull: Pull, news: PullProgress) -> None:
        pull.status, pull.done, pull.total = news.status, news.completed_bytes, news.total_bytes
        self.watcher()

    def _over(self, pull: Pull, done: Future[None]) -> None:
        self.current = None
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            self._app.say(f"fetching {pull.name} was cancelled; the next one goes on from there")
        elif error is not None:
            self._app.say(str(error) or type(error).__name__)
        else:
            self._app.say(f"{pull.name} is there")
        self.watcher()
