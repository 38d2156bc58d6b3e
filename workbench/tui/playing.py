"""Time played again: recorded seconds pass as real ones do, times a speed."""

from __future__ import annotations

from workbench.tui.clock import Clock

FASTEST = 4096


class Playing:
    """Whether the past plays, how fast, and which moment it has come to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.on = False
        self.speed = 1
        """Times real time, a power of two."""
        self._from = 0.0
        self._since = 0.0

    def start(self, moment: float) -> None:
        """Play on from a moment."""
        self.on = True
        self._from, self._since = moment, self._clock.ticks()

    def stop(self) -> None:
        """Stand still."""
        self.on = False

    def moment(self) -> float:
        """Which moment it is by now."""
        return self._from + (self._clock.ticks() - self._since) * self.speed

    def change_speed(self, by: int, moment: float) -> None:
        """Twice or half as fast, from this moment on."""
        speed = self.speed * 2 if by > 0 else self.speed // 2
        self.speed = max(1, min(speed, FASTEST))
        if self.on:
            self.start(moment)

    def real(self, seconds: float) -> float:
        """How long recorded seconds take."""
        return seconds / self.speed
