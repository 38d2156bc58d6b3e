"""What a signal means for runs: the same for the screen, a script and the line prompt.

The first SIGINT lets running effects finish, for as long as they take; the second stops them.
SIGTERM comes from somebody who will not wait: it gives them a moment. SIGHUP and SIGPIPE say that
nobody is there any more. Whatever comes after the second changes nothing more.
"""

from __future__ import annotations

import signal
from typing import Final

from workbench.run.interrupt import Order

HEEDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_S: Final = 1.5
"""What SIGTERM leaves to running effects: whoever sends it often kills after ten seconds."""


def order_of(number: int, times: int) -> Order:
    """The order that a signal is, being the n-th one."""
    name = signal.Signals(number).name
    if times > 1 or number not in {signal.SIGINT, signal.SIGTERM}:
        return Order("immediate", name)
    return Order("graceful", name, patience_s=PATIENCE_S if number == signal.SIGTERM else None)


def is_ignored(number: signal.Signals) -> bool:
    """Whether whoever started the program wants it to outlive its terminal (``nohup``)."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
