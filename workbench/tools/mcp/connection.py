"""A connection to one server: entered and left by one task of its own, used by many.

The client of ``mcp`` has to be left by the task that entered it, so that task does nothing else.
Calls are made from whichever task wants them. Nothing is ever sent a second time from here: a call
whose answer does not come is `EndUnknown`, and the gate says what that means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from workbench.errors import EndUnknown, ToolError
from workbench.foreign import Raised, attempt_async
from workbench.plain import one_line
from workbench.tools.mcp.asking import Asks, answering
from workbench.tools.mcp.offer import MOST_TOOLS, PROMPT, READ, Offer, offer_of
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.stdio import Heard

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client._transport import TransportStreams

T = TypeVar("T")

_MOST_PAGES: Final = 100
_MOST_SAID: Final = 500
_LEAVE_S: Final = 8.0
_NO_ANSWER: Final = "Server returned an error response"
"""What ``mcp`` says of an HTTP error without a message of the protocol in it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call is made with, beside its arguments."""

    name: str
    """The server's own name for the tool."""
    arguments: Mapping[str, Any]
    on_progress: Callable[[str], None]
    asks: Asks
    """Puts a question of the server's to a person."""


class Connection:
    """One connection; made anew when it was lost. Lives on the core's loop."""

    def __init__(
        self,
        server: McpServer,
        opened: Callable[[Heard], AbstractAsyncContextManager[TransportStreams]],
        roots: str,
    ) -> None:
        """Prepare; `enter` connects.

        Args:
            server: which.
            opened: opens what messages go over.
            roots: the workspace's address, if the server may know it.
        """
        self.server, self._opened, self._roots = server, opened, roots
        self.offer: Offer | None = None
        """As it was listed last."""
        self.is_lost = False
        self._heard = Heard(self._lost)
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._gone = asyncio.Event()
        self._stale = False
        self._slots = asyncio.Semaphore(1 if server.elicitation else server.calls)
        self._current: tuple[Wanted, asyncio.Timeout] | None = None
        """The call that a question belongs to: with questions there is one call at a time."""

    # -- beginning and end ------------------------------------------------------------------------

    async def enter(self) -> None:
        """Connect and list what is offered. Raises ToolError, with the server's last words."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._own(ready), name=f"mcp {self.server.name}")
        try:
            async with asyncio.timeout(self.server.start_s):
                await ready
        except TimeoutError:
            late = f"did not answer within {self.server.start_s:g} s"
            raise self._failed(late) from None
        finally:
            if self.offer is None:
                await self.leave()

    async def leave(self) -> None:
        """Let go of the server, and see its process end."""
        self.is_lost = True
        self._leave.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=_LEAVE_S if self._client else 0.0)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_LEAVE_S)

    async def _own(self, ready: asyncio.Future[None]) -> None:
        """Enter the client, wait until it is to be left, and leave it: all in this one task."""
        ended = await attempt_async(self._entered(ready))
        self.is_lost = True
        self._gone.set()
        if not ready.done():
            error = ended.error if isinstance(ended, Raised) else None
            ready.set_exception(self._failed(f"cannot be spoken with{_because(error)}"))

    async def _entered(self, ready: asyncio.Future[None]) -> None:
        from mcp import Client  # noqa: PLC0415 - at first need
        from mcp_types import Implementation  # noqa: PLC0415

        callbacks = answering(self.server, self._roots, self._ask)
        async with Client(
            self._opened(self._heard),
            client_info=Implementation(name="kaizen-tui", version=version("kaizen-tui")),
            message_handler=self._told,
            **callbacks,
        ) as client:
            self._client = client
            self.offer = await self._listed(client)
            if not ready.done():
                ready.set_result(None)
            await self._leave.wait()

    def _lost(self) -> None:
        self.is_lost = True
        self._leave.set()

    def _failed(self, what: str) -> ToolError:
        words = self._heard.last_words
        said = f"; its last words: {words}" if words else ""
        return ToolError(f"the MCP server {self.server.name!r} {self._heard.why or what}{said}")

    # -- what it offers ---------------------------------------------------------------------------

    async def _listed(self, client: Client) -> Offer:
        tools: list[Mapping[str, Any]] = []
        capabilities = client.server_capabilities
        cursor: str | None = None
        for _ in range(_MOST_PAGES if capabilities.tools else 0):
            page = await client.list_tools(cursor=cursor, cache_mode="refresh")
            tools += [tool.model_dump(by_alias=True, exclude_none=True) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None or len(tools) > MOST_TOOLS:
                break
        return offer_of(
            tools,
            resources=capabilities.resources is not None,
            prompts=capabilities.prompts is not None,
        )

    async def current_offer(self) -> Offer:
        """What it offers now: listed anew only when it has said that this changed."""
        if self.offer is None or self._stale:
            await self.list_anew()
        assert self.offer is not None
        return self.offer

    async def list_anew(self) -> None:
        """Ask it for its tools. Raises ToolError."""
        self._stale = False
        self.offer = await self._answered(self._listed)

    async def _told(self, message: Any) -> None:
        if "list_changed" in getattr(message, "method", ""):
            self._stale = True

    async def browse(self, what: str) -> list[dict[str, Any]]:
        """The first page of its ``resources`` or ``prompts``, as the protocol has them."""

        async def listed(client: Client) -> list[dict[str, Any]]:
            if what == "prompts":
                found: list[Any] = list((await client.list_prompts()).prompts)
            else:
                found = list((await client.list_resources()).resources)
            return [one.model_dump(by_alias=True, exclude_none=True) for one in found]

        return await self._answered(listed)

    # -- calls ------------------------------------------------------------------------------------

    async def call(self, wanted: Wanted, own: bool) -> dict[str, Any]:
        """Make a call; the answer in the protocol's own JSON.

        Args:
            wanted: the call.
            own: it is a tool of the server's, not one of ours for its resources and prompts.

        Raises:
            EndUnknown: it was sent, and no answer came.
            ToolError: the server refused it, or was not there to send it to.
        """
        async with self._slots:
            if self.is_lost or self._client is None:
                raise self._failed("is gone")
            return await self._answered(lambda client: self._sent(client, wanted, own), wanted)

    async def _sent(self, client: Client, wanted: Wanted, own: bool) -> dict[str, Any]:
        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            of = f" of {total:g}" if total else ""
            wanted.on_progress(f"{one_line(message or '')[:_MOST_SAID]} {progress:g}{of}".strip())

        given = dict(wanted.arguments)
        if own or wanted.name not in (READ, PROMPT):
            answer: Any = await client.call_tool(wanted.name, given, progress_callback=progressed)
        elif wanted.name == READ:
            answer = await client.read_resource(given["uri"], cache_mode="bypass")
        else:
            answer = await client.get_prompt(given["name"], given.get("arguments"))
        return answer.model_dump(by_alias=True, exclude_none=True, mode="json")

    async def _answered(
        self, send: Callable[[Client], Awaitable[T]], wanted: Wanted | None = None
    ) -> T:
        """Send something and wait for its answer, for the server's end, or for its time to pass."""
        assert self._client is not None
        try:
            async with self._bounded(wanted):
                ended = await attempt_async(send(self._client))
        except TimeoutError:
            raise EndUnknown(
                f"the MCP server {self.server.name!r} gave no answer in {self.server.call_s:g} s"
            ) from None
        if not isinstance(ended, Raised):
            return ended.value
        raise self._meant(ended.error) from ended.error

    @asynccontextmanager
    async def _bounded(self, wanted: Wanted | None) -> AsyncGenerator[None]:
        async with asyncio.timeout(self.server.call_s) as bound:
            if wanted is not None and self.server.elicitation:
                self._current = (wanted, bound)
            try:
                yield
            finally:
                self._current = None if wanted is not None else self._current

    def _meant(self, error: BaseException) -> ToolError:
        """What an error of ``mcp`` says about whether the call may have happened."""
        from mcp import MCPError  # noqa: PLC0415
        from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT  # noqa: PLC0415

        name = self.server.name
        if not isinstance(error, MCPError):
            why = one_line(str(error))[:_MOST_SAID]
            return ToolError(f"the answer of the MCP server {name!r} cannot be used: {why}")
        said = one_line(error.message)[:_MOST_SAID]
        if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT) or error.message == _NO_ANSWER:
            if error.code == CONNECTION_CLOSED:
                self._lost()
            failed = self._failed("ended before it answered" if self.is_lost else f"said: {said}")
            return EndUnknown(failed.message)
        return ToolError(f"the MCP server {name!r} refused: {said} ({error.code})")

    # -- its questions ----------------------------------------------------------------------------

    async def _ask(self, message: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        """Put a question of its to a person, while its call's time stands still."""
        if self._current is None:
            return None  # it asks for no call of ours
        wanted, bound = self._current
        bound.reschedule(None)
        try:
            return await wanted.asks(self.server.name, message, schema)
        finally:
            if not bound.expired():
                bound.reschedule(asyncio.get_running_loop().time() + self.server.call_s)


def _because(error: BaseException | None) -> str:
    """The innermost reason, of what a task group may have wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f": {one_line(str(error))[:_MOST_SAID]}" if error is not None and str(error) else ""
