"""The command: ``python -m tests.stress damage [--count N] [--seed N] | soak …``."""

from __future__ import annotations

import argparse
import json
import sys

from tests.stress import damage


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.stress")
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("damage", help="spoil files at random places")
    sub.add_argument("--count", type=int, default=400)
    sub.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = damage.run(given.count, given.seed, _say)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.exit(1 if found["wrong"] else 0)
