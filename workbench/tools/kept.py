"""A change to a file as rows tell it, with the contents of both sides kept."""

from __future__ import annotations

import stat

from workbench.permission.paths import is_secret
from workbench.tools import descent
from workbench.tools.place import Place
from workbench.tools.replacing import Change, content, shown
from workbench.values import Json


def recorded(tool: str, wanted: Change, folder: int, place: Place) -> dict[str, Json]:
    """A change as its rows tell it; the contents of both sides are kept when this returns."""
    seen, name = wanted.seen, shown(wanted.target, place)
    limit = _limit(wanted, place)
    old = None if limit or seen is None else content(seen, wanted.target, folder, place)
    before = place.keep(old) if old is not None else wanted.before
    if wanted.after is not None and not is_secret(name):
        place.keep(wanted.after)
    mode = seen.st_mode if seen and wanted.after is not None else None
    if wanted.mode is not None and wanted.after is not None:
        mode = stat.S_IFREG | wanted.mode
    return {
        "real_path": str(wanted.target.path),
        "path": name,
        "workspace": str(place.workspace),
        "before": before,
        "after": wanted.digest,
        "before_mode": seen.st_mode if seen else None,
        "mode": mode,
        "before_bytes": seen.st_size if seen else 0,
        "size_bytes": len(wanted.after) if wanted.after is not None else 0,
        "restorable": not limit,
        "limit": limit,
        "name": tool,
    }


def _limit(wanted: Change, place: Place) -> str:
    """Why what stands there is not kept, or empty."""
    seen = wanted.seen
    if seen is None:
        return ""
    if not stat.S_ISREG(seen.st_mode):
        return f"it was {descent.kind_of(seen.st_mode, article=True)}"
    if seen.st_size > place.limits.write_bytes:
        return f"it had more than {place.limits.write_bytes} bytes"
    return "its name is one of a secret's" if is_secret(shown(wanted.target, place)) else ""
