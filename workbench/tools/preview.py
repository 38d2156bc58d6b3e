"""Show what a call would change, as a unified diff, before anybody says yes.

Everything that will change is shown; what is too large to compare is said in numbers instead,
because a diff that silently ends would hide what it leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from workbench.errors import WorkbenchError
from workbench.permission.danger import Facts
from workbench.tools.change import intended
from workbench.tools.place import Place

_COMPARED = 20_000


def difference(tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> str:
    """The diff of a write or an edit; a sentence when there is none to show."""
    try:
        wanted, old = intended(tool, arguments, place, decided)
    except WorkbenchError as error:
        return f"This call will fail: {error}"
    new, name = wanted.after or b"", str(arguments["path"])
    if wanted.seen is not None and old is None:
        return f"Replaces {wanted.seen.st_size} bytes by {len(new)}; too large to compare."
    if old == new and wanted.seen is not None:
        return "Changes nothing."
    return diff_of(old or b"", new, name, existed=wanted.seen is not None)


def diff_of(old: bytes, new: bytes, name: str, *, existed: bool) -> str:
    """The unified diff of two contents; a sentence when there is none to show."""
    if b"\0" in old or b"\0" in new:
        return f"Replaces {len(old)} bytes by {len(new)}; not text.\n"
    before, after = _lines(old), _lines(new)
    if len(before) + len(after) > _COMPARED:
        return f"Replaces {len(before)} lines by {len(after)}; too many to compare.\n"
    origin = name if existed else "/dev/null"
    lines = unified_diff(before, after, origin, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no line end\n" for line in lines)


def _lines(data: bytes) -> list[str]:
    """Lines end at LF alone, so that a CR stays visible in them."""
    parts = data.decode("utf-8", "replace").split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines
