"""How often something may be done: so many in any minute, evenly given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Allowance:
    """So many in any minute, evenly given back."""

    most: int
    clock: Callable[[], float]
    """In seconds."""
    left: float = field(init=False)
    _seen: float = field(init=False)

    def __post_init__(self) -> None:
        self.left, self._seen = float(self.most), self.clock()

    def take(self) -> bool:
        """Use one up; False when there is none."""
        now = self.clock()
        self.left = min(float(self.most), self.left + (now - self._seen) * self.most / 60)
        self._seen = now
        if self.left < 1:
            return False
        self.left -= 1
        return True

    @property
    def wait_s(self) -> float:
        """Seconds until there is one again, as it was found by the last `take`."""
        return max(0.0, (1 - self.left) * 60 / self.most)
