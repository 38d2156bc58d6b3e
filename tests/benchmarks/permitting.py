"""What safety costs: a decision, text made plain, an entry of the audit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks import floors
from tests.benchmarks.measuring import Measured, Took, best, least, timed
from tests.benchmarks.stage import echo
from workbench.agent.tool import Tool
from workbench.journal.events import Event
from workbench.permission.call import Call
from workbench.permission.danger import grade
from workbench.permission.policy import Policy, decide
from workbench.permission.rule import Rule
from workbench.plain import one_line, plain
from workbench.run.permit import action_digest
from workbench.store.store import Store
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.facts import facts
from workbench.tools.place import Place
from workbench.tools.sandbox.report import SandboxReport
from workbench.values import digest, dumps

_FULL = SandboxReport("full", "bubblewrap")
_PIECES = [f"no{n}" for n in range(10)]
_CALLS = 200
_ENTRIES = 2_000
_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """Calls of one tool, each with another argument, and the least that looking at one takes."""

    tool: Tool
    argument: str
    spelled: str
    """The argument of call ``{n}``."""
    bare: Callable[[str], object]
    more: tuple[tuple[str, Any], ...] = ()

    def arguments(self) -> list[dict[str, Any]]:
        """Of every call."""
        return [{self.argument: self.spelled.format(n=n), **dict(self.more)} for n in range(_CALLS)]


_ASKED = {
    "function": _Asked(echo, "text", "a text of some length, number {n}", str.strip),
    "path": _Asked(
        BUILT_IN["write_file"], "path", "src/deep/part{n}.py", os.path.realpath,
        (("content", "x = 1\n" * 100),),
    ),
    "command": _Asked(BUILT_IN["bash_command"], "command", "git log -n {n}", str.split),
    "url": _Asked(BUILT_IN["http_get"], "url", "https://example.com/page/{n}?a=b", urlsplit),
}  # fmt: skip


def permit() -> Iterator[Measured]:
    """100 rules, ten of them on the tool, the last one of which decides.

    ``decide`` is the decision, right after the look at the call, as in the gate; ``permit`` is
    both, of arguments never seen before, with the call's digest and danger. The floors: ten bare
    comparisons, and with them one bare look.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), Path(folder) / "state", _FULL, ("example.com:443",))
        for name, asked in _ASKED.items():
            policy = Policy("confirm", (*_elsewhere(), *_on(asked)), str(place.workspace))
            calls = [_call(asked, given, place) for given in asked.arguments()]
            assert all(decide(policy, call, now=0.0).rule == policy.rules[-1] for call in calls)
            texts = [str(call.arguments[asked.argument]) for call in calls]
            compared = _each(texts, lambda text: [piece in text for piece in _PIECES])
            took = _each(calls, lambda call, policy=policy: decide(policy, call, now=0.0))
            yield Measured(f"decide.{name}", took.wall, "us", 5, compared.wall, took.cpu)
            took = _whole(asked, place, policy)
            looked = _each(texts, asked.bare).wall + compared.wall
            yield Measured(f"permit.{name}", took.wall, "us", None, looked, took.cpu)


def _elsewhere() -> list[Rule]:
    """90 rules that are about other tools."""
    tools = [f"other_{n}" for n in range(18)]
    return [Rule("deny", tool, arguments={"path": f"d{n}/*"}) for n in range(5) for tool in tools]


def _on(asked: _Asked) -> list[Rule]:
    """Ten rules about one tool; each has to be looked at, and only the last applies."""
    tool, name = asked.tool.name, asked.argument
    return [
        *(Rule("deny", tool, arguments={name: f"*secret{n}*"}) for n in range(3)),
        *(Rule("deny", tool, arguments={name: f"prod{n}/*"}) for n in range(2)),
        Rule("confirm", tool, agent="review*"),
        *(Rule("allow", tool, arguments={name: f"docs{n}/*"}) for n in range(3)),
        Rule("allow", tool, agent="coder", arguments={name: "*"}),
    ]


def _call(asked: _Asked, given: dict[str, Any], place: Place) -> Call:
    """As `workbench.run.permit` makes it of a step."""
    found = facts(asked.tool, given, place)
    return Call(
        tool=asked.tool.name,
        agents=("lead", "coder"),
        arguments=given,
        digest=action_digest(asked.tool.name, given),
        run_id="run",
        facts=found,
        danger=grade(found),
    )


def _whole(asked: _Asked, place: Place, policy: Policy) -> Took:
    """The best of several rounds, none of which has seen its arguments before."""
    rounds = (
        [{**given, asked.argument: f"{given[asked.argument]}{n}"} for given in asked.arguments()]
        for n in range(100, 105)
    )
    return min(
        (
            _each(given, lambda one: decide(policy, _call(asked, one, place), now=0.0), times=1)
            for given in rounds
        ),
        key=lambda took: took.wall,
    )


def _each(items: list[Any], act: Callable[[Any], object], times: int = 99) -> Took:
    """Microseconds for one."""

    def all_of_them() -> None:
        for item in items:
            act(item)

    return best(all_of_them, times).per(len(items)).in_us()


_TEXTS = {
    "ascii": ("The quick brown fox jumps over the lazy dog, 0123456789.\n", 100),
    "utf8": ("Grüße aus Köln — naïve café, ∑ π ≤ 3, 漢字かな, Здравствуйте.\n", 100),
    "emoji": ("All 42 tests passed 👍 in 3.1 s, nothing to do 🎉\n", None),
    "colours": ("\x1b[32mPASSED\x1b[0m tests/run/test_gate.py::test_a_name  [ 42%]\n", None),
    "hostile": ("\x1b]52;c;AAAA\x07 \u202eevil\u202c a\u200bb \U000e0041\x9b2J\r\n", None),
}


def plained() -> Iterator[Measured]:
    """Text on its way to a terminal, 200,000 characters at a time; the floor encodes it."""
    for name, (line, target) in _TEXTS.items():
        text = line * (_CHARACTERS // len(line))
        size = len(text.encode()) / 1e6
        floor = size / best(text.encode).wall
        for way, act in (("plain", plain), ("line", one_line)):
            took = best(lambda act=act, text=text: act(text), 15)
            speed, worked = size / took.wall, size / took.cpu
            aim = target if act is plain else None
            yield Measured(f"{way}.{name}", speed, "MB/s", aim, floor, worked, "higher")


def audit() -> Iterator[Measured]:
    """What an entry adds to a row that is a decision; the floor is a digest and an insert."""
    with tempfile.TemporaryDirectory() as folder, closing(_opened(Path(folder))) as store:
        runs = [(_logged(store, "approval.answered", n), _logged(store, "message.sent", n))
                for n in range(7)]  # fmt: skip
    entered, bare = least(with_entry for with_entry, _ in runs), least(took for _, took in runs)
    more = entered.wall - bare.wall
    yield Measured("audit.entry", more, "us", None, _chained().wall, entered.cpu - bare.cpu)


def _opened(folder: Path) -> Store:
    return Store.open(folder / "workbench.db", synchronous="NORMAL")


_SAID = {"id": "run:run/0:tool.write_file/approval#0", "verdict": "allow", "by": "user",
         "scope": "call", "reason": "", "digest": "0" * 32, "tool": "write_file"}  # fmt: skip


def _logged(store: Store, kind: str, number: int) -> Took:
    """Microseconds for a row of this kind, of many that are committed together."""
    run, key = f"{kind}-{number}", "run/0:tool.write_file"
    store.append([Event(run, 1, 1.0, "run.started", "", {})])
    rows = [Event(run, seq, 1.0, kind, key, _SAID) for seq in range(2, _ENTRIES + 2)]

    def log() -> None:
        store.append(rows)
        store.flush()

    return timed(log).per(_ENTRIES).in_us()


def _chained() -> Took:
    """A chain of digests in a bare table."""
    with tempfile.TemporaryDirectory() as folder:
        link = floors.table(Path(folder) / "bare.db", "NORMAL")
        said, last = dumps(_SAID).decode(), ""

        def chain() -> None:
            nonlocal last
            link.execute("BEGIN IMMEDIATE")
            for _ in range(_ENTRIES):
                last = digest(f"{last}{said}", 32)
                link.execute("INSERT INTO events (run_id, data) VALUES (?, ?)", (last, said))
            link.execute("COMMIT")

        return best(chain).per(_ENTRIES).in_us()
