"""Read an image, audio or document for an agent: the bytes become a blob, the result names it.

A file is reached as every file tool reaches one, an address as the HTTP tools reach it. Of a
document the text is taken out in a process of its own, because the file may be anybody's.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from workbench.agent.content import MOST_BYTES, What, found_in
from workbench.agent.media import reference
from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.permission.paths import is_secret
from workbench.redaction import Redaction
from workbench.tools import descent
from workbench.tools.apart import apart
from workbench.tools.place import Place
from workbench.tools.web import fetched

FETCH = "fetch_media"
READ = "read_media"
_EXTRACT_S = 20.0


async def read_media(
    name: str, given: Mapping[str, Any], place: Place, decided: Facts | None, redaction: Redaction
) -> dict[str, Any]:
    """Take in what a path, an address or a digest names; what a row says of it.

    Raises:
        ToolError: it cannot be reached or read.
        Denied: it may not be.
        MediaError: it is nothing of the kind that is wanted, too large, or without text.
    """
    what: What = given["media"]
    if name == FETCH:
        source = str(given["url"])
        content = await fetched(source, place, decided, MOST_BYTES)
        named = source.partition("?")[0].rpartition("/")[2]
    elif digest := given.get("digest"):
        named, content = str(given.get("name") or ""), await asyncio.to_thread(place.kept, digest)
    elif path := given.get("path"):
        named, content = path, await asyncio.to_thread(_file, path, place, decided)
    else:
        raise ToolError("give a path or a digest")
    found = found_in(content, named)
    row = reference(what, content, named, found)
    if what == "document":
        row |= await _extracted(content, named, found.type, place, redaction)
    await asyncio.to_thread(place.keep, content)
    return row


def _file(asked: str, place: Place, decided: Facts | None) -> bytes:
    """The whole of a file that is no larger than a model could be given."""
    with descent.reported("read", asked, place):
        target = descent.locate(asked, place)
        descent.admit(target, place, decided)
        if not target.parts:
            raise ToolError(f"{asked!r} is a folder, not a file")
        if is_secret("/".join(target.parts)):
            raise Denied(f"{asked!r} may hold a secret, and a content is kept: it is not taken in")
        with descent.folder_of(target, place) as folder:
            descriptor = descent.open_regular(target, target.parts[-1], folder, place)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if status.st_nlink > 1 and not (decided and decided.outside):
                raise Denied(f"{asked!r} has several names, which may lie outside the workspace")
            if status.st_size > MOST_BYTES:
                raise ToolError(
                    f"{asked!r} has {status.st_size} bytes, and {MOST_BYTES} are the most"
                )
            return file.read(MOST_BYTES + 1) if status.st_size else b""


async def _extracted(
    content: bytes, name: str, media_type: str, place: Place, redaction: Redaction
) -> dict[str, Any]:
    if media_type == "text/plain":
        made: dict[str, Any] = {"type": media_type, "text": content.decode()}
    else:
        question = {"content": b64encode(content).decode(), "name": name, "type": media_type}
        what = f"reading {name!r}" if name else "reading the document"
        made = await apart("workbench.tools.documents:text_of", question, _EXTRACT_S, what)
    text = redaction.text(made["text"]).encode("utf-8", "replace")
    return {**made, "text": await asyncio.to_thread(place.keep, text)}
