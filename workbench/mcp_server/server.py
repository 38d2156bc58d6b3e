"""The protocol's side: requests of a client become calls, and what came of them its results."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from workbench import __version__
from workbench.bench import Workbench
from workbench.errors import Denied, InputError, NotTrusted, UnknownName, UsageError, WorkbenchError
from workbench.mcp_server import results
from workbench.mcp_server.calls import Calls, Client, Ended, Needed
from workbench.mcp_server.looking import LOOKS, find_run, runs_of
from workbench.mcp_server.offers import Offer, Offers, schemas
from workbench.mcp_server.questions import answer_schema, question_text
from workbench.mcp_server.run_tools import Given
from workbench.permission.roles import Caller
from workbench.plain import plain
from workbench.run.header import STARTER
from workbench.run.run import Run
from workbench.run.waiting import Waiting
from workbench.script.export import export_run
from workbench.values import digest, dumps

MOST_ARGUMENTS: Final = 1 << 20
"""Bytes of a call's arguments, as JSON."""
MOST_EXPORT: Final = 8 << 20
"""Bytes of a run that is read as a resource."""
MOST_LISTED: Final = 50
CALLER: Final = "kaizen-tui.caller"
"""Under which a request's scope says who makes it, where there is more than the user."""
USER: Final = Caller("mcp", "owner")
"""Whoever started the process and talks to its stdio."""

Context: TypeAlias = ServerRequestContext[Any, Any]
Called: TypeAlias = "types.CallToolResult | types.InputRequiredResult"

_ABOUT = (
    "Agents and patterns of a kaizen-tui workbench. Each call is a run with a log: its result "
    "links to it as kaizen://run/ID. What a run wants to do may have to be allowed by a person; "
    "a run that rests can be resumed with resume_run."
)


class Front:
    """What a server answers with."""

    def __init__(self, bench: Workbench, *, waits: bool = False, untrusted: str = "") -> None:
        """Offer what there is.

        Args:
            bench: where runs are.
            waits: see `Calls`.
            untrusted: what of the folder is left out because nobody has trusted it, in words.
        """
        self.bench = bench
        self._untrusted = untrusted
        self.calls = Calls(bench, waits=waits)
        self.offers = Offers.of(bench.agents, bench.patterns)
        self._tools = {name: _tool(offer) for name, offer in self.offers.by_name.items()}

    def server(self) -> Server[Any]:
        """A server of the protocol; one serves every connection."""
        return Server(
            "kaizen-tui",
            version=__version__,
            instructions=_ABOUT,
            # Else the library lists all tools before each call.
            get_tool_input_schema=self._takes,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    # -- tools -----------------------------------------------------------------------------------

    async def _list_tools(self, ctx: Context, _: Any) -> types.ListToolsResult:
        tools = [self._tools[offer.name] for offer in self.offers.for_(caller_of(ctx))]
        return types.ListToolsResult(tools=tools)

    def _takes(self, name: str) -> dict[str, Any] | None:
        tool = self._tools.get(name)
        return tool.input_schema if tool is not None else None

    async def _call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> Called:
        caller = caller_of(ctx)
        try:
            offer = self._offer(params.name, caller)
            given = params.arguments or {}
            _check_size(given)
            read = offer.signature.read_inputs(given)
            return await self._perform(ctx, params, offer, read, _client(ctx, caller))
        except Denied as error:
            if error.data.get("action"):
                await self.note_refused(caller.by, error.message, params.name)
            return results.failed(error)
        except WorkbenchError as error:
            return results.failed(error)

    def _offer(self, name: str, caller: Caller) -> Offer:
        try:
            return self.offers.find(name, caller)
        except UnknownName as error:
            if not self._untrusted:
                raise
            hint = f"{error.hint} {self._untrusted} Look at them, then: kaizen-tui trust"
            raise NotTrusted(error.message, hint=hint) from None

    async def _perform(
        self,
        ctx: Context,
        params: types.CallToolRequestParams,
        offer: Offer,
        read: Given,
        client: Client,
    ) -> Called:
        look = LOOKS.get(offer.subject) if offer.sort == "run" else None
        if look is not None:
            return results.said(await look(self.bench, client.caller, read))
        purpose = (offer.name, digest(dumps(params.arguments or {})))
        if params.request_state is not None:
            answers = _answers(params.input_responses or {})
            come = await self.calls.come_again(params.request_state, answers, client, purpose)
            return _answered(offer, come)
        self.calls.check_room()
        run = await self._begin(offer, read, params.arguments or {}, client.caller)
        return _answered(offer, await self.calls.attend(run, client, purpose))

    async def _begin(
        self, offer: Offer, read: Given, given: Mapping[str, Any], caller: Caller
    ) -> Run:
        """Start, fork or resume the run of a call."""
        token = STARTER.set(caller.by)
        try:
            match offer.sort, offer.subject:
                case "ask", name:
                    asked = {"agent": self.bench.agents[name], "inputs": dict(given)}
                    return await self.bench.start("ask", asked, title=f"ask {name}")
                case "follow", name:
                    return await self.bench.start(name, dict(given))
                case _, "resume_run":
                    row = find_run(self.bench, caller, "drive", read["run"])
                    return await self.bench.resume(row.run_id)
                case _:
                    return await self._fork(read, caller)
        finally:
            STARTER.reset(token)

    async def _fork(self, read: Given, caller: Caller) -> Run:
        row = find_run(self.bench, caller, "look", read["run"])
        changes = cast("dict[str, Any]", read["changes"])
        if taken := changes.keys() & {"title", "as_id", "files"}:
            raise InputError(f"a fork's changes have no {min(taken)!r}")
        return await self.bench.fork(row.run_id, read["at"], **changes)

    async def note_refused(self, who: str, why: str, what: str) -> None:
        """Have the audit say who tried something that is not theirs to do."""
        data = {"who": who, "reason": why[:300], "name": what[:100], "listener": "mcp"}
        await asyncio.to_thread(self.bench.store.audit.enter, "caller.refused", data)

    # -- resources -------------------------------------------------------------------------------

    async def _list_resources(self, ctx: Context, _: Any) -> types.ListResourcesResult:
        found = [
            types.Resource(
                name=f"run {row.run_id}",
                uri=results.URI + row.run_id,
                title=plain(f"{row.title} ({row.status})")[:200],
                mime_type="application/jsonl",
            )
            for row in runs_of(self.bench, caller_of(ctx), MOST_LISTED)
        ]
        return types.ListResourcesResult(resources=found)

    async def _list_templates(self, _ctx: Context, _: Any) -> types.ListResourceTemplatesResult:
        about = "A run's whole log, as kaizen-tui export writes it"
        template = types.ResourceTemplate(
            name="run",
            uri_template=results.URI + "{run_id}",
            description=about,
            mime_type="application/jsonl",
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        caller, uri = caller_of(ctx), str(params.uri)
        try:
            if not uri.startswith(results.URI):
                raise UnknownName("resource", uri, [results.URI + "RUN"])
            row = find_run(self.bench, caller, "look", uri.removeprefix(results.URI))
            text = await asyncio.to_thread(self._exported, row.run_id)
        except Denied as error:
            await self.note_refused(caller.by, error.message, uri)
            raise _protocol_error(error) from None
        except WorkbenchError as error:
            raise _protocol_error(error) from None
        content = types.TextResourceContents(uri=uri, mime_type="application/jsonl", text=text)
        return types.ReadResourceResult(contents=[content])

    def _exported(self, run_id: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "run.jsonl"
            export_run(self.bench.store, run_id, file, replace=False)
            if file.stat().st_size > MOST_EXPORT:
                raise UsageError(
                    f"run {run_id} is too large to be read here",
                    hint=f"Say: kaizen-tui export {run_id} run.jsonl",
                )
            return file.read_text(encoding="utf-8")


def caller_of(ctx: Context) -> Caller:
    """Who makes a request."""
    if ctx.request is None:
        return USER
    return cast("Caller", ctx.request.scope[CALLER])


def _protocol_error(error: WorkbenchError) -> MCPError:
    data = {"code": error.code, "hint": error.hint}
    return MCPError(code=types.INVALID_PARAMS, message=plain(str(error)), data=data)


def _tool(offer: Offer) -> types.Tool:
    takes, gives = schemas(offer)
    return types.Tool(
        name=offer.name,
        description=offer.description,
        input_schema=takes,
        output_schema=gives,
        annotations=types.ToolAnnotations(
            read_only_hint=offer.action == "look", open_world_hint=offer.action != "look"
        ),
    )


def _check_size(given: Mapping[str, Any]) -> None:
    size = len(json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MOST_ARGUMENTS:
        raise InputError(
            f"the arguments are {size} bytes long, and {MOST_ARGUMENTS} are the most",
            hint="Put what is long into a file and name it",
        )


# -- the client ----------------------------------------------------------------------------------


def _client(ctx: Context, caller: Caller) -> Client:
    session = ctx.session
    able = session.client_capabilities
    elicits = able.elicitation if able is not None else None
    by_form = elicits is not None and (elicits.form is not None or elicits.url is None)
    may_answer = caller.may("answer", is_own=True)

    async def tell(number: int, words: str) -> None:
        await session.report_progress(float(number), None, words)

    return Client(
        caller,
        tell,
        partial(_elicit, ctx) if session.can_send_request else None,
        can_be_asked=by_form and may_answer,
    )


async def _elicit(
    ctx: Context, waiting: Waiting, text: str
) -> tuple[str, Mapping[str, Any] | None]:
    try:
        found = await ctx.session.elicit_form(text, answer_schema(waiting), ctx.request_id)
    except (MCPError, ValueError) as error:  # no answer, or none that can be read
        raise WorkbenchError(f"the client could not ask: {error}") from error
    return found.action, found.content


def _answers(
    given: Mapping[str, Any],
) -> dict[str, tuple[str, Mapping[str, Any] | None]]:
    return {
        name: (found.action, found.content)
        for name, found in given.items()
        if isinstance(found, types.ElicitResult)
    }


def _answered(offer: Offer, came: Ended | Needed) -> Called:
    if isinstance(came, Needed):
        return types.InputRequiredResult(
            input_requests={name: _request(one) for name, one in came.questions.items()},
            request_state=came.handle,
        )
    outcome = came.outcome
    if outcome.outcome != "returned":
        return results.unfinished(outcome, came.why, came.code)
    value = outcome.result
    match offer.sort:
        case "follow":
            value = {"result": value}
        case "run":
            value = {"run_id": outcome.run_id, "result": value}
        case _:
            pass
    return results.finished(offer.signature, outcome, value)


def _request(waiting: Waiting) -> types.ElicitRequest:
    schema = answer_schema(waiting)
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(
            message=question_text(waiting), requested_schema=schema
        )
    )
