"""Keys typed into the command line while requests arrive: none of them decides.

``TYPED_KEYS=10000`` types so many altogether; without it, a part.
"""

from __future__ import annotations

import os
import random
import string

import pytest

from tests.tui.stage import as_waiting, shown
from tests.tui.test_inbox import Desk, desk

KEYS = int(os.environ.get("TYPED_KEYS", "2000"))
LETTERS = [*string.ascii_letters, *string.digits, *"!?.,:;-_/ ", "enter", "backspace", "left"]
PACES = {
    "in bursts": (0.0, 0.03),
    "as fast typists do": (0.05, 0.15),
    "with two fingers": (0.2, 0.8),
    "one letter in seconds": (0.6, 3.0),
}
"""The least and the most between two keys, in seconds of the screen's own clock. The guard waits
for 0.3 and 0.5 s: slower than that, nothing but the place that keys go to keeps them harmless."""


async def _type(here: Desk, pace: tuple[float, float], keys: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(keys):
        if number % 50 == 20:
            danger = rng.choice(["LOW", "MEDIUM", "HIGH", "CRITICAL"])
            asked = here.rows.asked(f"0:ask.coder/{number}:tool.x", "x", danger)
            here.bench.waiting.append(as_waiting(asked))
            await shown(here.app, here.pilot, [asked])
        here.clock.turn(rng.uniform(*pace))
        here.app.simulate_key(rng.choice(LETTERS))
        if number % 10 == 0:
            await here.pilot.pause()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
async def test_no_letter_of_a_text_decides_anything(pace: tuple[float, float]) -> None:
    async with desk("LOW", "HIGH") as here:
        await here.pilot.press("6")
        await _type(here, pace, KEYS // len(PACES), seed=len(str(pace)))
        assert here.bench.answers == []
        assert here.app.main.focused_pane() == "command"
        assert len(here.app.board.inbox) > KEYS // len(PACES) // 60
