"""Look at the world for one call: where it would act, on what, and what is proven about it.

Only looking: nothing is opened for its content and no name server is asked. What no decision
could allow (the state folder, a private address without a grant) is refused here already, so
that nobody is asked a question whose answer does not count. `perform` looks again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from workbench.permission.danger import Act, Danger, Facts, Sandbox
from workbench.permission.paths import guarded
from workbench.permission.shell import Shell
from workbench.permission.urls import Url
from workbench.plain import one_line
from workbench.run.touch import RESTORE
from workbench.tools import descent
from workbench.tools.addresses import is_granted, refuse_reach
from workbench.tools.credentials import check
from workbench.tools.place import Place
from workbench.tools.shell import find_program, in_workspace
from workbench.values import dumps

if TYPE_CHECKING:
    from workbench.agent.tool import Tool


def facts(tool: Tool, arguments: Mapping[str, Any], place: Place) -> Facts:
    """Everything the decision about one call needs to know."""
    plain = _plain(tool.act, place.sandbox.level, tool.floor)
    if tool.function is not None:
        return plain
    if tool.name == RESTORE:
        return _of_paths(plain, [str(one["path"]) for one in arguments["changes"]], place)
    match tool.act:
        case "read" | "write" | "delete":
            return _of_path(plain, str(arguments.get("path") or "."), place)
        case "run":
            return _of_command(plain, str(arguments.get("command", "")), place)
        case "fetch" | "send" | "erase":
            return _of_address(plain, arguments, place)
        case _:
            return plain


@lru_cache(maxsize=256)
def _plain(act: Act, sandbox: Sandbox, floor: Danger) -> Facts:
    """What is known before looking; all there is to know of a Python function's call."""
    return Facts(act=act, sandbox=sandbox, floor=floor)


def _of_path(plain: Facts, asked: str, place: Place) -> Facts:
    target = descent.locate(asked, place, keep_link=plain.act == "delete")
    descent.refuse_state(target, place)
    below = "/".join(target.parts)
    protection = guarded(below, plain.act)
    found = _standing(target)
    notes = [str(protection)] if protection else []
    if target.outside:
        notes.append(f"leads out of the workspace, to {target.path}")
    shared = plain.act == "read" and _is_shared(found)
    if shared:
        notes.append("has several names, and the others may lie outside the workspace")
    return replace(
        plain,
        targets=(str(target.path),),
        outside=target.outside or shared,
        protected=protection is not None,
        exists=found is not None,
        notes=tuple(notes),
    )


def _of_paths(plain: Facts, paths: list[str], place: Place) -> Facts:
    """A call about many files is as grave as the gravest of them."""
    found = [_of_path(replace(plain, act="delete"), path, place) for path in paths]
    return replace(
        plain,
        targets=tuple(target for one in found for target in one.targets),
        outside=any(one.outside for one in found),
        protected=any(one.protected for one in found),
        exists=any(one.exists for one in found),
        notes=tuple(dict.fromkeys(note for one in found for note in one.notes)),
    )


def _standing(target: descent.Target) -> os.stat_result | None:
    try:
        return target.path.lstat()
    except OSError:
        return None


def _is_shared(found: os.stat_result | None) -> bool:
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_nlink > 1


def _of_command(plain: Facts, text: str, place: Place) -> Facts:
    shell = Shell.parse(text)
    read = [_of_read(plain, path, place) for path in shell.reads]
    notes = [*shell.notes, *(note for one in read for note in one.notes)]
    stray = _stray_program(shell.argv, place)
    if stray:
        notes.append(stray)
    outside = any(one.outside for one in read)
    secret = _secret_named(shell)
    if secret:
        notes.append(f"it names {secret}")
    protected = bool(secret) or any(one.protected for one in read)
    return replace(
        plain,
        targets=tuple(target for one in read for target in one.targets),
        outside=outside,
        protected=protected,
        argv=shell.argv,
        simple=shell.simple and not (outside or protected or stray),
        notes=tuple(dict.fromkeys(notes)),
    )


def _secret_named(shell: Shell) -> str:
    """The first word of any command in it that names what may hold a secret, and why; or empty."""
    for words in shell.parts:
        for word in words[1:]:
            found = guarded(word, "read")
            if found:
                return f"{one_line(word)}: {found}"
    return ""


def _of_read(plain: Facts, path: str, place: Place) -> Facts:
    """What a path is that a command reads, when its links are followed."""
    return _of_path(replace(plain, act="read"), path, place)


def _stray_program(argv: tuple[str, ...] | None, place: Place) -> str:
    """Why the program of a command is not one of the system's, or empty."""
    if not argv:
        return ""
    program = find_program(argv[0], place)
    if program is None:
        return f"there is no program {argv[0]!r}"
    if in_workspace(program, place):
        return f"{argv[0]} lies in the workspace, at {program}"
    return "" if "/" not in argv[0] else f"{argv[0]} is named by its path"


def _of_address(plain: Facts, arguments: Mapping[str, Any], place: Place) -> Facts:
    url = Url.parse(str(arguments.get("url", "")))
    granted = is_granted(url, place.grants)
    if url.reach is not None:
        refuse_reach(url, url.host, granted=granted)
    notes = [] if granted else [f"{url.place} was never granted"]
    notes += check(_headers(arguments), url, place.credentials)
    notes += [sent] if (sent := _sent(url, arguments)) else []
    return replace(plain, targets=(url.origin,), host=url.host, granted=granted, notes=tuple(notes))


def _sent(url: Url, arguments: Mapping[str, Any]) -> str:
    """How much a request carries, for a person who cannot count it."""
    body, data = arguments.get("body"), arguments.get("json")
    sizes = {
        "query": len(url.target.partition("?")[2]),
        "headers": sum(len(f"{name}{value}") for name, value in _headers(arguments).items()),
        "body": len(str(body).encode("utf-8", "surrogatepass")) if body else 0,
    }
    sizes["body"] += len(dumps(data)) if data is not None else 0
    parts = ", ".join(f"{size:,} bytes of {name}" for name, size in sizes.items() if size)
    return f"sends {parts} to {url.place}" if parts else ""


def _headers(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    given: Any = arguments.get("headers")
    return cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
