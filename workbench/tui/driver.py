"""Textual's driver for terminals, mended where it meets signals."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Comes back once from being stopped, whoever stopped it and however often."""

    def _sigcont_application(self, *_: object) -> None:
        """Take the terminal again.

        After a SIGSTOP, which nobody sees coming, application mode was never left: Textual would
        start a second thread that reads keys beside the first, and each would get half of them.
        """
        if self._auto_restart:
            if self._key_thread is not None and self._key_thread.is_alive():
                self.suspend_application_mode()
            self.resume_application_mode()
            resumed = getattr(self._app, "came_back", None)
            if resumed is not None:
                resumed()
