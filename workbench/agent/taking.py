"""Take in the media among an agent's inputs, before its first request: through the gate.

Each one that is still a path, an address, or a document without its text is a call of
`read_media` or `fetch_media`, permitted and recorded as any tool's. So a run that is resumed or
forked has what was read then, whatever became of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from workbench.agent.fields import Field
from workbench.agent.media import needs_reading, references, replaced, takes_media
from workbench.errors import MediaError, StepFailed
from workbench.values import dumps
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.verbs import together

_NOT_THE_MEDIUMS = frozenset({"limit", "store_full", "in_doubt"})


async def taken_in(fields: tuple[Field, ...], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs with every medium read.

    Raises:
        MediaError: naming the field and what is wrong with the medium.
    """
    wanted = [field.name for field in fields if takes_media(field.type) and field.name in inputs]
    if not wanted:
        return inputs
    pending: dict[bytes, tuple[str, Mapping[str, Any]]] = {}
    for name in wanted:
        for row in references(inputs[name]):
            if needs_reading(row):
                pending.setdefault(dumps(row), (name, row))
    found = cast(
        "list[Any]", await together(_read(name, row) for name, row in pending.values())
    ) if pending else []  # fmt: skip
    read = dict(zip(pending, found, strict=True))
    return {
        name: replaced(value, lambda row: read.get(dumps(row), row)) if name in wanted else value
        for name, value in inputs.items()
    }


async def _read(field: str, row: Mapping[str, Any]) -> Any:
    tool = "fetch_media" if "url" in row else "read_media"
    names = ("media", "url") if "url" in row else ("media", "path", "digest", "name")
    arguments = {name: row[name] for name in names if name in row}
    effect: Effect[Any] = Effect("tool", tool, arguments, repeat=Repeat.PURE)
    try:
        return await effect
    except StepFailed as error:
        if error.error_code in _NOT_THE_MEDIUMS:
            raise
        raise MediaError(
            f"input {field!r}: {error}", field=field, reason=str(error), code_of=error.error_code
        ) from error
