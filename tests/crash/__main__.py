"""The crash matrix: ``python -m tests.crash [--full] [--json] [--minutes N]``.

Kills real processes with SIGKILL wherever a row is appended, queued, committed, told or delivered
and wherever something is performed, for every style of workflow and every class of effect; then
lets new processes finish what was begun, and holds a ledger of what was really done against the
log. Without ``--full`` it takes a part of all points, every place at least once.
"""

from __future__ import annotations

import argparse
import json
import sys

from tests.crash.matrix import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--full", action="store_true", help="every point of every style")
    parser.add_argument("--json", action="store_true", help="print one object and nothing else")
    parser.add_argument("--minutes", type=float, default=None, help="begin nothing new after this")
    parser.add_argument("--kills", type=int, default=330, help="about how many, without --full")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--style", default="", help="only this style")
    given = parser.parse_args()
    found = run(
        how_many=None if given.full else given.kills,
        minutes=given.minutes,
        jobs=given.jobs,
        seed=given.seed,
        style=given.style,
    )
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        failures = found.pop("failures")
        sys.stdout.writelines(f"{failure}\n" for failure in failures[:40])
        sys.stdout.write("  ".join(f"{name}={value}" for name, value in found.items()) + "\n")
    sys.exit(1 if found["broken"] else 0)
