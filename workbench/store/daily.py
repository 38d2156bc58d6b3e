"""The clean-up that a setting asks for: once a day at most, when the workbench is opened."""

from __future__ import annotations

from typing import Final, Protocol

from workbench.store.collecting import Collectable, collect
from workbench.store.deleting import Freed
from workbench.store.retention import Retention
from workbench.values import Json

DAY_S: Final = 86_400.0
_LAST: Final = "cleaned_up_at"


class Keeping(Collectable, Protocol):
    """What is needed of a store."""

    def get_setting(self, key: str) -> Json:
        """A value kept for the workspace."""
        ...

    def set_setting(self, key: str, value: Json) -> None:
        """Keep a value for the workspace."""
        ...


def clean_up(store: Keeping, wanted: Retention, now: float) -> Freed | None:
    """Clean up if it was not done within a day; None when it was, or nothing is wanted."""
    last = store.get_setting(_LAST)
    if wanted.wants_nothing or (isinstance(last, float) and 0 <= now - last < DAY_S):
        return None
    freed = collect(store, wanted, now)
    store.set_setting(_LAST, now)
    return freed
