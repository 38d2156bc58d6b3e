"""``kaizen-tui plugins check``: find patterns that read what no row records.

Each pattern is rehearsed with sample replies in two processes (`rehearse_apart`), which differ in
everything that a workflow must not depend on: the seed of hashes and so the order of sets, the
time, random numbers, environment variables, the folder they stand in. What the pattern asks for
must be the same. I/O of its own is refused and named by file and line; what only looks suspicious
is said and is no fault.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from workbench.config import load
from workbench.config.folders import shipped
from workbench.config.trust import standing
from workbench.errors import PluginError, UnknownName, UsageError
from workbench.script.command import Output
from workbench.script.command_line import Asked
from workbench.script.diverged import effect_line
from workbench.script.output import Streams
from workbench.script.shell import shell_line

_TIME_S = 60.0
_KEPT = ("PATH", "HOME", "LANG", "LC_", "LD_", "DYLD_", "PYTHON", "VIRTUAL_ENV", "XDG_", "TMP")
"""Beginnings of the environment variables that Python itself needs as they are."""


_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
"""Where an object is in memory: of one that says nothing else of itself."""


def check_plugins(asked: Asked, words: Sequence[str]) -> int:
    """Rehearse patterns twice, say what differs; 0 when nothing does.

    Args:
        asked: what the command line said.
        words: names of plugins or patterns (none: all), and ``key=value`` inputs.

    Raises:
        UnknownName: nothing is called so.
        PluginError: they cannot be rehearsed at all.
    """
    line = shell_line("check", words)
    if line.named and len(line.words) != 1:
        raise UsageError("inputs are for one pattern", hint="Name it: plugins check NAME key=value")
    job = json.dumps(_job(asked, line.words, line.named))
    with tempfile.TemporaryDirectory() as elsewhere:
        one = _rehearsed(job, {**os.environ, "PYTHONHASHSEED": "1"}, None)
        two = _rehearsed(job, {**_altered(os.environ), "PYTHONHASHSEED": "2"}, elsewhere)
    found = [_compared(a, b) for a, b in zip(one, two, strict=True)]
    known = {told[name] for told in one for name in ("plugin", "pattern")}
    for name in line.words:
        if name not in known:
            raise UnknownName("pattern", name, _names(asked))
    lines = [text for told in found for text in _lines(told)]
    Streams(asked.form, asked.out, asked.err).data(Output(tuple(lines), found))
    return 0 if all(told["steady"] for told in found) else 1


def _job(asked: Asked, names: Sequence[str], inputs: Mapping[str, Any]) -> dict[str, Any]:
    config = load(asked.config, flags=asked.flags, workspace=asked.workspace)
    stands = standing(asked.workspace, os.environ)
    ours = shipped("plugins")
    is_own = (asked.workspace / "plugins").resolve() != ours.resolve()
    return {
        "shipped": str(ours.resolve()),
        "workspace": str(asked.workspace.resolve()) if is_own else "",
        "trusted": dict(stands.files) if stands.trusted else None,
        "allowed": list(config.plugins),
        "names": list(names),
        "inputs": dict(inputs),
    }


def _names(asked: Asked) -> list[str]:
    told = _rehearsed(json.dumps(_job(asked, (), {})), dict(os.environ), None)
    return [one["pattern"] for one in told]


def _altered(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with every value another that Python can do without."""
    return {
        name: value if name.startswith(_KEPT) else f"{value}-"
        for name, value in environment.items()
    }


def _rehearsed(job: str, environment: dict[str, str], folder: str | None) -> list[dict[str, Any]]:
    # -P: the folder that is checked must not lend its files to the check.
    command = [sys.executable, "-P", "-m", "workbench.script.rehearse_apart"]
    try:
        done = subprocess.run(
            command,
            input=job,
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIME_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PluginError(
            f"the rehearsal did not end within {_TIME_S:g} s",
            hint="Name one pattern to find out which it is",
        ) from None
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise PluginError(f"the rehearsal ended with code {done.returncode}: {last[:300]}")
    return json.loads(done.stdout)


def _compared(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """What two rehearsals of a pattern have to say."""
    pairs = enumerate(zip(one["asked"], two["asked"], strict=False), 1)
    differs = next(((n, a, b) for n, (a, b) in pairs if _what(a) != _what(b)), None)
    if differs is None and len(one["asked"]) != len(two["asked"]):
        n = min(len(one["asked"]), len(two["asked"]))
        differs = n + 1, _at(one["asked"], n), _at(two["asked"], n)
    difference = {"request": differs[0], "one": differs[1], "two": differs[2]} if differs else None
    if difference is None and _ADDRESS.sub("", one["ended"]) != _ADDRESS.sub("", two["ended"]):
        difference = {"request": 0, "one": one["ended"], "two": two["ended"]}
    refused = list(dict.fromkeys([*one["refused"], *two["refused"]]))
    return {
        "plugin": one["plugin"],
        "pattern": one["pattern"],
        "origin": one["origin"],
        "steady": difference is None and not refused,
        "effects": len(one["asked"]),
        "difference": difference,
        "refused": refused,
        "suspects": one["suspects"],
        "ended": one["ended"],
        "failed": one["failed"],
    }


def _what(effect: Mapping[str, Any]) -> tuple[Any, ...]:
    return effect["key"], effect["fingerprint"]


def _at(asked: Sequence[Any], place: int) -> Any:
    return asked[place] if place < len(asked) else None


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    name, difference = told["pattern"], told["difference"]
    verdict = "the same both times" if told["steady"] else "NOT STEADY"
    many = f"{told['effects']} effect{'' if told['effects'] == 1 else 's'}"
    yield f"{name}: {verdict}, {many}  ({told['origin']})"
    if difference is not None:
        number = difference["request"]
        yield f"  request {number} differs:" if number else "  it ends in another way:"
        for which in ("one", "two"):
            side = difference[which]
            text = str(side or "nothing")
            if isinstance(side, Mapping):
                text = effect_line(cast("Mapping[str, Any]", side))
            yield f"    {which:<5} {text}"
    yield from (f"  {text}" for text in told["refused"])
    if not told["ended"]:
        yield f"  broken off after {many}: with samples for replies it may never end"
    if told["failed"] or (told["ended"].startswith("raised") and not told["refused"]):
        yield f"  not rehearsed further: it {told['ended']}; give it inputs with key=value"
    yield from (f"  look at {text}" for text in told["suspects"])
