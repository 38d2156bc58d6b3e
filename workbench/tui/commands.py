"""The one place where the screen meets the script language.

A line after a slash is the same command object as a line of a script, so it is carried out by
`workbench.script`, on the core's thread. What one line leaves behind for the next (the last run,
names given with ``as=``) is kept in one session for as long as the screen is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.plain import plain
from workbench.tui.keymap import short

if TYPE_CHECKING:
    from workbench.script.session import Session

TOUR = "tour.kz"


class Commands:
    """The screen's session of commands."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        """Shows a sentence; called on the core's thread."""
        self._session: Session | None = None

    async def execute(self, bench: Any, line: str, *, run_id: str = "") -> str:
        """Carry out one line; what it has to say. ``run_id`` is the run it means by default."""
        # Imported when the first command is typed: it brings the whole language with it.
        from workbench.script.execute import execute  # noqa: PLC0415
        from workbench.script.session import Suspended  # noqa: PLC0415

        session = self._of(bench)
        if run_id:
            session.last = run_id
        try:
            output = await execute(session, line)
        except Suspended:
            return "its run is suspended; r in the checkpoints resumes it"
        return "\n".join(output.lines)

    async def complete(self, bench: Any, text: str) -> list[str]:
        """The whole lines that the text could become."""
        from workbench.script.execute import complete  # noqa: PLC0415 - as above

        head, space, _ = text.rpartition(" ")
        return [head + space + word for word in complete(self._of(bench), text)]

    async def play(self, bench: Any, script: Path | None) -> str:
        """Play a script's lines, or the tour's when none is named; a sentence at its end."""
        from workbench.config.folders import shipped  # noqa: PLC0415 - as above
        from workbench.script.run_script import run_script  # noqa: PLC0415

        path = (script or shipped("examples") / TOUR).resolve()
        text = await asyncio.to_thread(path.read_text, "utf-8")
        code = await run_script(bench, text, str(path), _Teller(self._tell))
        ended = "done" if code == 0 else f"ended with exit code {code}"
        return f"{path.name}: {ended}; look around as long as you like, {short('app.quit')} leaves"

    def _of(self, bench: Any) -> Session:
        from workbench.script.session import Session  # noqa: PLC0415 - as above

        if self._session is None:
            self._session = Session(bench, moving=self._moving, fetching=self._moving)
        return self._session

    @contextmanager
    def _moving(self, title: str) -> Generator[Callable[[int, int], None]]:
        """Say how far something long is, each tenth of it."""
        told = 0

        def moved(done: int, total: int) -> None:
            nonlocal told
            tenth = done * 10 // total if total else 0
            if tenth > told:
                told = tenth
                self._tell(f"{title}: {tenth}0 %")

        yield moved


class _Teller:
    """Says in the hint line what a script's lines say."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def begun(self, line: Any) -> None:
        """A line begins."""
        self._tell(f"> {plain(str(line))[:200]}")

    def done(self, line: Any, output: Any) -> None:
        """A line is done."""
        if output.lines:
            self._tell(f"{line.name}: {plain(output.lines[0])[:200]}")

    def notice(self, text: str) -> None:
        """Something else."""
        self._tell(text)
