"""What a server may ask of us: a person's answer, where the workspace lies; nothing else.

Asking our model (sampling) is not offered: a server would spend the user's money and see what no
gate has looked at. It is told so by not being told that we can. Addresses to open in a browser
are declined as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypedDict

from workbench.tools.mcp.server import McpServer

Asks: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""``(server, message, schema)``: the answers by field, or None for a no."""
Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]


class Callbacks(TypedDict, total=False):
    """What a client is given to answer with; what is missing, the server is told we cannot do."""

    elicitation_callback: Any
    list_roots_callback: Any


def answering(server: McpServer, roots: str, ask: Ask) -> Callbacks:
    """The callbacks that the settings allow."""
    from mcp_types import ElicitResult, ListRootsResult, Root  # noqa: PLC0415 - at first need

    async def elicited(_context: Any, params: Any) -> Any:
        if params.mode != "form":
            return ElicitResult(action="decline")
        answers = await ask(params.message, dict(params.requested_schema))
        if answers is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=answers)

    async def rooted(_context: Any) -> Any:
        return ListRootsResult(roots=[Root.model_validate({"uri": roots, "name": "workspace"})])

    found = Callbacks()
    if server.elicitation:
        found["elicitation_callback"] = elicited
    if server.roots:
        found["list_roots_callback"] = rooted
    return found
