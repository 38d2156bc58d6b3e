"""All the replay laws over many random programs: ``python -m tests.laws [HOW_MANY]``."""

from __future__ import annotations

import sys

from tests.journal.test_laws import check_change, check_cuts, check_replay

if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for seed in range(many):
        check_replay(seed)
        check_cuts(seed)
        check_change(seed)
        if seed % 1000 == 999:
            sys.stderr.write(f"{seed + 1} programs\n")
    sys.stdout.write(f"{many} programs: same result, nothing performed twice, no silent change\n")
