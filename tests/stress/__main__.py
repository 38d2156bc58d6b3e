"""The command: ``python -m tests.stress damage [--count N] | soak [--minutes N] | full``.

``damage`` spoils files at random places, ``soak`` has several processes write into one file, and
``full`` fills a real disk under runs, kills them and lets them go on.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tests.stress import damage, full, soak


def main(arguments: list[str]) -> int:
    """Do one of them; 0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress")
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("damage", help="spoil files at random places")
    sub.add_argument("--count", type=int, default=400)
    sub.add_argument("--seed", type=int, default=1)
    sub = commands.add_parser("soak", help="several processes on one file")
    sub.add_argument("--minutes", type=float, default=5)
    sub.add_argument("--writers", type=int, default=3)
    sub = commands.add_parser("full", help="fill a disk under runs (as root)")
    sub.add_argument("--count", type=int, default=60)
    sub.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    found: dict[str, Any]
    match given.command:
        case "damage":
            found = damage.run(given.count, given.seed, _say)
            held = not found["wrong"]
        case "soak":
            found = soak.run(given.minutes, given.writers, _say)
            held = not (found["lost"] or found["out_of_order"]) and found["integrity"] == "ok"
        case _:
            found = full.run(given.count, given.seed, _say)
            held = not found["wrong"]
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if held else 1


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
