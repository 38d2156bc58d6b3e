"""The command: ``python -m tests.fuzz [--minutes N] [--only NAME …]``: 0 when every rule held.

What breaks a rule is made as short as it can be, printed, and tried first the next time.
"""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, given, settings

from tests.fuzz.rules import TARGETS, Target

EXAMPLES = 500
"""In one go at one reader, before it is the next one's turn."""
LIMIT_MS = 2_000
"""What one text may take."""


def main(arguments: list[str]) -> int:
    """Throw texts at readers until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", nargs="*", choices=[*TARGETS], default=[*TARGETS])
    chosen = parser.parse_args(arguments)
    ends, thrown, broken = time.monotonic() + chosen.minutes * 60, 0, set[str]()
    while time.monotonic() < ends and not broken:
        for name in chosen.only:
            try:
                throw(TARGETS[name], EXAMPLES)
            except AssertionError as error:
                broken.add(name)
                sys.stdout.write(f"{name}: {error}\n")
            thrown += EXAMPLES
    sys.stdout.write(f"{thrown} texts, broken: {', '.join(sorted(broken)) or 'nothing'}\n")
    return 1 if broken else 0


def throw(target: Target, count: int) -> None:
    """Throw so many texts at one reader. Raises AssertionError, or DeadlineExceeded."""

    @settings(
        max_examples=count,
        deadline=LIMIT_MS,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=False,
    )
    @given(target.texts)
    def thrown(text: str) -> None:
        target.rule(text)

    thrown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
