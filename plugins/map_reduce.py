"""Map and reduce: one agent works on every item, another joins the parts until one is left."""

from collections.abc import Sequence

from workbench import Agent, StepFailed, WorkbenchError, ask, checkpoint, pattern, together


@pattern
async def map_reduce(
    mapper: Agent,
    reducer: Agent,
    items: Sequence[str],
    at_once: int = 8,
    fan_in: int = 8,
    may_fail: int = 0,
) -> str:
    """Have each item worked on by itself, and the parts joined in rounds until one is left.

    Parts keep the order of their items. An item that fails is left out if that many may fail;
    one more is a failure. Costs a turn of the mapper for each item, and of the reducer about one
    for every ``fan_in`` parts, at least one.

    Args:
        mapper: an agent with ``item: str -> part: str``.
        reducer: an agent with ``parts: list[str] -> whole: str``.
        items: one or more.
        at_once: how many items are worked on at the same time; 1 or more.
        fan_in: how many parts the reducer gets at a time; 2 or more.
        may_fail: how many items may fail.
    """
    if not items or at_once < 1 or fan_in < 2 or may_fail < 0:
        raise WorkbenchError(
            f"nothing to map and reduce: {len(items)} items, {at_once=}, {fan_in=}, {may_fail=}"
        )
    parts: list[str] = []
    for start in range(0, len(items), at_once):
        parts += await together(_part(mapper, i) for i in items[start : start + at_once])
    left = [part for part in parts if part]
    if len(items) - len(left) > may_fail or not left:
        raise WorkbenchError(f"{len(items) - len(left)} of {len(items)} items failed")
    await checkpoint("mapped")
    while True:
        groups = [left[n : n + fan_in] for n in range(0, len(left), fan_in)]
        left = await together(_whole(reducer, group) for group in groups)
        if len(left) == 1:
            return left[0]


async def _part(mapper: Agent, item: str) -> str:
    try:
        return str((await ask(mapper, item=item)).part)
    except StepFailed:
        return ""


async def _whole(reducer: Agent, parts: list[str]) -> str:
    return str((await ask(reducer, parts=parts)).whole)
