"""Which rows say that a run has read what strangers wrote.

Nothing is kept beside the rows: a run that is resumed, a fork made after the read, and a run that
was carried elsewhere have them too. What came in as a file is a stranger's from its first row on,
whatever its rows say.
"""

from __future__ import annotations

from typing import Final

from workbench.journal.events import Event

IMPORTED: Final = "imported"
"""True in the first row of a run that came in: said where it is taken in, never by a file."""

_SHOWN_CHARS = 300


def source_of(row: Event) -> str:
    """What was read, in a few words for a person; empty for a row that brings nothing in."""
    if row.data.get(IMPORTED):
        return f"the imported run {row.run_id}"
    source = row.data.get("untrusted")
    return source[:_SHOWN_CHARS] if isinstance(source, str) else ""
