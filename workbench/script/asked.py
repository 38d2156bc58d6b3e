"""The history of approvals, read backwards a page at a time: for the command and for the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.journal.approvals import Asked, asked_in
from workbench.journal.events import Event

PAGE_ROWS = 500


def asked_of(store: Any, words: str = "", run_id: str = "") -> Iterator[Asked]:
    """What was ever asked, newest first; reads no further than questions are taken.

    Args:
        store: the log.
        words: all of them stand in what is shown.
        run_id: of one run only.
    """
    return asked_in(_rows(store, run_id), words)


def _rows(store: Any, run_id: str) -> Iterator[Event]:
    page: list[tuple[int, Event]] = store.approvals(run_id, limit=PAGE_ROWS)
    while page:
        yield from (row for _, row in page)
        page = store.approvals(run_id, before=page[-1][0], limit=PAGE_ROWS)
