"""Rules in a row that ask about the same argument, dismissed together when none of them fits.

Most rules are not about most calls, and one argument tells them apart. A glob cannot fit where its
longest piece is in no spelling of the argument; so a row of rules is passed over when none of
their pieces is. That is looked for in C; whatever passes is asked rule by rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from workbench.permission.case import Case
from workbench.permission.globs import needle
from workbench.permission.matching import Entry, Holds

_WORTH_IT = 3
"""Rules from which looking for all pieces is less than asking each."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Rules in their order."""

    entries: tuple[Entry, ...]
    may_matter: Holds | None
    """What holds whenever one of them matters; None where each has to be asked."""


def rows_of(entries: Iterable[Entry]) -> Iterator[Alike]:
    """The same rules in the same order, in rows that are alike."""
    for name, found in groupby(entries, _told_by):
        row = tuple(found)
        yield Alike(row, _some_piece(name, row) if name and len(row) >= _WORTH_IT else None)


def _told_by(entry: Entry) -> str:
    """The argument that tells whether a rule can apply, or empty."""
    return next((name for name, glob in entry.rule.arguments.items() if needle(glob)), "")


def _some_piece(name: str, row: tuple[Entry, ...]) -> Holds:
    pieces = tuple({needle(entry.rule.arguments[name]): None for entry in row})
    sightless = any(entry.sightless for entry in row)

    def may_matter(case: Case) -> bool:
        spelled = case.all_of(name)
        for piece in pieces:
            if piece in spelled:
                return True
        return sightless and case.is_opaque()

    return may_matter
