"""Which cases there are, and running them: singles at every point, doubles, triples, torn files.

The points are not listed anywhere: each style is run once with nobody dying, and every point that
was reached is one to die at. So a new place in the code is in the matrix as soon as it is there.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.crash.lane import Case, How, Lane, Tally, dry, plain
from tests.crash.points import Kill, Point
from tests.crash.styles import STYLES

PARTS = {
    "singles": 0.7,
    "doubles": 0.08,
    "triples": 0.03,
    "torn": 0.1,
    "restored": 0.05,
    "fenced": 0.03,
}
"""What a part of the matrix is made of, by its share of the kills."""

FULL = {"doubles": 1400, "triples": 600, "torn": 300, "restored": 150, "fenced": 150}
"""How many of each the whole matrix has, beside a kill at every point."""

Reached = dict[tuple[str, str], list[Point]]
"""The points that a style with a class of effects reaches."""


def run(
    *,
    how_many: int | None,
    minutes: float | None = None,
    jobs: int = 2,
    seed: int = 1,
    style: str = "",
) -> dict[str, Any]:
    """Run the matrix, or a part of about so many kills; everything that is worth knowing."""
    begun = time.monotonic()
    wanted = [case for case in _dry_cases() if style in {"", case.style}]
    ended = dry(wanted)
    reached: Reached = {}
    expected: dict[tuple[str, str], Any] = {}
    for case in wanted:
        reached[case.style, case.kind] = [(name, n) for name, n in ended[case.name]["points"]]
        expected[case.style, case.kind] = plain(case, ended[case.name])
    chosen = random.Random(seed)
    cases = _all(reached, chosen) if how_many is None else _part(reached, how_many, chosen)
    deadline = None if minutes is None else begun + 60 * minutes
    tally = Tally()
    _drive(cases, [Lane(tally, expected, seed + n) for n in range(jobs)], deadline)
    return {**_summary(tally, reached, cases, time.monotonic() - begun), "seed": seed}


def _drive(cases: Sequence[Case], lanes: Sequence[Lane], deadline: float | None) -> None:
    line, lock = iter(cases), threading.Lock()
    failed: list[BaseException] = []

    def work(lane: Lane) -> None:
        try:
            while deadline is None or time.monotonic() < deadline:
                with lock:
                    case = next(line, None)
                if case is None:
                    break
                lane.do(case)
                lane.tally.say()
            lane.close()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _dry_cases() -> list[Case]:
    pairs = [(name, kind) for name, style in STYLES.items() for kind in style.kinds]
    pairs += [("forked", "mixed"), ("forked", "unsafe"), ("script", "mixed")]
    return [Case(f"d{n:06}", style, kind, []) for n, (style, kind) in enumerate(pairs)]


class _Naming:
    def __init__(self) -> None:
        self._number = 0

    def case(self, pair: tuple[str, str], plan: list[list[Kill]], how: How = "killed") -> Case:
        self._number += 1
        return Case(f"c{self._number:06}", *pair, plan, how)


def _all(reached: Reached, chosen: random.Random) -> list[Case]:
    """Every point once, and so many at random of each of the other ways."""
    naming = _Naming()
    singles = [(pair, point) for pair, points in reached.items() for point in points]
    cases = [naming.case(pair, [[(*point, "KILL")]]) for pair, point in singles]
    cases += _others(naming, reached, FULL, chosen)
    chosen.shuffle(cases)
    return cases


def _part(reached: Reached, how_many: int, chosen: random.Random) -> list[Case]:
    """Every place at least once, as far as the number goes, and then at random."""
    naming = _Naming()
    by_place: dict[str, list[tuple[tuple[str, str], Point]]] = defaultdict(list)
    for pair, points in reached.items():
        for point in points:
            by_place[point[0]].append((pair, point))
    places = list(by_place)
    chosen.shuffle(places)
    wanted = max(1, round(how_many * PARTS["singles"]))
    picked = [chosen.choice(by_place[place]) for place in places[:wanted]]
    while len(picked) < wanted:
        picked.append(chosen.choice(by_place[chosen.choice(places)]))
    cases = [naming.case(pair, [[(*point, "KILL")]]) for pair, point in picked]
    counts = {name: round(how_many * share) for name, share in PARTS.items()}
    cases += _others(naming, reached, counts, chosen)
    chosen.shuffle(cases)
    return cases


def _others(
    naming: _Naming, reached: Reached, counts: Mapping[str, int], chosen: random.Random
) -> Iterable[Case]:
    pairs = list(reached)

    def points(count: int, start: str = "") -> tuple[tuple[str, str], list[Point]]:
        pair = chosen.choice(pairs)
        fit = [n for n, point in enumerate(reached[pair]) if point[0].startswith(start)]
        return pair, [reached[pair][n] for n in sorted(chosen.choices(fit, k=count))]

    for name, count in (("doubles", 2), ("triples", 3)):
        for _ in range(counts[name]):
            pair, found = points(count)
            chosen.shuffle(found)
            yield naming.case(pair, [[(*point, "KILL")] for point in found])
    for _ in range(counts["torn"]):
        pair, found = points(1, "committed, not told")
        yield naming.case(pair, [[(*found[0], "KILL")]], "torn")
    for _ in range(counts["fenced"]):
        pair, found = points(1, "told")
        if pair[0] not in {"script", "forked"}:
            yield naming.case(pair, [[(*found[0], "STOP")]], "fenced")
    for _ in range(counts["restored"]):
        pair, (first, second) = points(2)
        yield naming.case(pair, [[(*first, "STOP"), (*second, "KILL")]], "restored")


def _summary(
    tally: Tally, reached: Reached, cases: Sequence[Case], took_s: float
) -> dict[str, Any]:
    names = ("kills", "lost", "repeated", "unflagged", "corrupt", "wrong")
    more = (
        "acts",
        "effects",
        "asked",
        "asked_and_done",
        "torn",
        "restored",
        "fenced",
        "blocked",
        "not_reached",
    )
    counts = {name: tally.counts[name] for name in names}
    return {
        **counts,
        "broken": sum(counts[name] for name in names[1:]),
        "cases": tally.counts["cases"],
        "planned": len(cases),
        "styles": len(reached),
        "points": sum(map(len, reached.values())),
        "places": len({name for points in reached.values() for name, _ in points}),
        "places_killed_at": len(tally.places),
        **{name: tally.counts[name] for name in more},
        "seconds": round(took_s, 1),
        "failures": tally.failures,
    }
