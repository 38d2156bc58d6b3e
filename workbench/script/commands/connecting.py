"""Commands about MCP servers: list, look at, trust, try, add, remove, import, find."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workbench.bench import Workbench
from workbench.config.adding import add_server, remove_server
from workbench.config.others import Found, known_files, servers_in
from workbench.errors import UnknownName, UsageError
from workbench.plain import one_line
from workbench.run.run import Run
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.mcp_finding import fits
from workbench.script.session import Session
from workbench.tools.mcp.offer import Offer
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.servers import McpServers

_ACTS: Final = ("list", "add", "trust", "remove", "try", "import", "find")
_MOST_SHOWN: Final = 40
_MOST_FOUND: Final = 20


@dataclass(frozen=True, slots=True)
class Looked:
    """A server as it is now, beside what was trusted of it."""

    server: McpServer
    offer: Offer
    took_s: float
    resources: list[dict[str, Any]]
    prompts: list[dict[str, Any]]
    difference: list[str]


def servers_in_use(bench: Workbench) -> McpServers:
    """The servers of the settings. Raises UsageError when there are none."""
    if bench.mcp is None or not bench.mcp.servers:
        raise UsageError(
            "no MCP server is in the settings",
            hint="Add one: kaizen-tui mcp add NAME -- COMMAND ARGUMENT…",
        )
    return bench.mcp


def server_named(bench: Workbench, name: str) -> McpServer:
    """One of them. Raises UnknownName."""
    servers = servers_in_use(bench).servers
    if name not in servers:
        raise UnknownName("MCP server", name, servers)
    return servers[name]


async def look_at(bench: Workbench, name: str) -> Looked:
    """Start a server, see what it offers, and let it go."""
    server, began = server_named(bench, name), time.monotonic()
    async with bench.looking_at(server) as connection:
        took_s, offer = time.monotonic() - began, await connection.current_offer()
        resources = await connection.browse("resources") if offer.resources else []
        prompts = await connection.browse("prompts") if offer.prompts else []
    difference = servers_in_use(bench).difference(server, offer)
    return Looked(server, offer, took_s, resources, prompts, difference)


def looked_lines(looked: Looked) -> list[str]:
    """Everything a person should see of a server before trusting it."""
    server, offer = looked.server, looked.offer
    lines = [f"{server.name}: {server.line}", f"answered in {looked.took_s:.1f} s and offers:"]
    for name, tool in offer.tools.items():
        lines += [f"  {server.name}.{name}", *_indented(str(tool["description"]))]
        claims = [hint for hint, said in tool["hints"].items() if said]
        lines += [f"      it says of itself: {', '.join(claims)}"] if claims else []
    lines += [f"  left out: {name}: {why}" for name, why in offer.left_out.items()]
    for what, found in (("resource", looked.resources), ("prompt", looked.prompts)):
        named = [str(one.get("uri") or one.get("name")) for one in found]
        lines += [f"  {what} {one_line(one)[:200]}" for one in named[:_MOST_SHOWN]]
    return lines


def _indented(text: str) -> list[str]:
    return [f"      {line}" for line in text.splitlines()[:_MOST_SHOWN]]


def _looked_data(looked: Looked, state: str) -> dict[str, Any]:
    return {
        "name": looked.server.name,
        "state": state,
        "digest": looked.offer.digest,
        "tools": {name: dict(tool) for name, tool in looked.offer.tools.items()},
        "left_out": dict(looked.offer.left_out),
        "resources": looked.resources,
        "prompts": looked.prompts,
        "difference": list(looked.difference),
    }


async def _mcp(session: Session, call: Call) -> Output:
    act, bench = call.text("act", "list"), session.bench
    name, words = call.text("name"), list(call.line.words[2:])
    if act not in ("list", "import", "find") and not name:
        raise UsageError(f"'mcp {act}' needs the name of a server")
    if act == "trust":
        return await _trusted(bench, name, call.inputs)
    if act == "try":
        return await (_tried(session, call, name, words) if words else _shown(bench, name))
    at_once: dict[str, Callable[[], Output]] = {
        "list": lambda: _listed(bench, name),
        "add": lambda: _added(name, words, call.inputs),
        "remove": lambda: _removed(bench, name),
        "import": lambda: _imported(bench, name, words, call.inputs),
        "find": lambda: _found(bench, " ".join(call.line.words[1:])),
    }
    return at_once[act]()


async def _shown(bench: Workbench, name: str) -> Output:
    looked = await look_at(bench, name)
    state = servers_in_use(bench).state(name)
    lines = (*looked_lines(looked), *difference_lines(looked, state), _standing(name, state))
    return Output(lines, _looked_data(looked, state))


def _standing(name: str, state: str) -> str:
    if state == "trusted":
        return f"{name} is trusted"
    why = "changed since it was trusted" if state == "changed" else "not trusted"
    return f"{name} is {why}, so no agent is offered its tools; see: kaizen-tui mcp trust {name}"


def _listed(bench: Workbench, only: str) -> Output:
    if not only and (bench.mcp is None or not bench.mcp.servers):
        return said("no MCP server yet; add one: kaizen-tui mcp add NAME -- COMMAND ARGUMENT…")
    servers = servers_in_use(bench)
    if only:
        server_named(bench, only)
    lines: list[str] = []
    rows: list[dict[str, Any]] = []
    for name, server in servers.servers.items():
        if only not in ("", name):
            continue
        tools = [tool for tool in bench.tools if tool.startswith(f"{name}.")]
        state = servers.state(name)
        lines.append(f"{name}  {state}  {len(tools)} tools  {server.line}")
        lines += [f"  {tool}  {_first(bench, tool)}" for tool in tools if only]
        source = bench.config.sources.get(f"mcp.{name}.url") or bench.config.sources.get(
            f"mcp.{name}.command", ""
        )
        rows.append(
            {"name": name, "state": state, "line": server.line, "tools": tools, "source": source}
        )
    if any(row["state"] != "trusted" for row in rows):
        lines.append("nobody is offered the tools of a server that is not trusted: mcp trust NAME")
    return Output(tuple(lines), rows)


def _first(bench: Workbench, tool: str) -> str:
    return one_line(bench.tools[tool].description.partition("\n")[0])[:100]


def _added(name: str, words: list[str], named: Mapping[str, Any]) -> Output:
    settings: dict[str, Any] = dict(named)
    if words:
        settings = {"command": words[0], "args": words[1:], **settings}
    file = add_server(os.environ, name, settings)
    then = f"look at it: kaizen-tui mcp trust {name}"
    return said(f"{name} stands in {file}; {then}", data={"name": name, "file": str(file)})


def _removed(bench: Workbench, name: str) -> Output:
    file = remove_server(os.environ, name)
    if bench.mcp is not None:
        bench.forget_server(name)
    return said(
        f"{name} is gone from {file}, and not trusted", data={"name": name, "removed": True}
    )


async def _trusted(bench: Workbench, name: str, named: Mapping[str, Any]) -> Output:
    looked, servers = await look_at(bench, name), servers_in_use(bench)
    lines = [*looked_lines(looked), *difference_lines(looked, servers.state(name))]
    given = str(named.get("yes", ""))
    if not given:
        lines.append(f"trust it as it is shown here: mcp trust {name} yes={looked.offer.digest}")
        return Output(tuple(lines), _looked_data(looked, servers.state(name)))
    if given not in (looked.offer.digest, "True"):
        raise UsageError(
            f"{name} is not what was shown as {given}: it is {looked.offer.digest} now",
            hint=f"Look at it again: mcp trust {name}",
        )
    bench.trust_server(looked.server, looked.offer)
    return Output((*lines, f"{name} is trusted"), _looked_data(looked, "trusted"))


def difference_lines(looked: Looked, state: str) -> list[str]:
    """What changed since it was trusted, if it ever was."""
    if state == "new" or not looked.difference:
        return []
    return ["since it was trusted:", *(f"  {line}" for line in looked.difference)]


async def _tried(session: Session, call: Call, name: str, words: list[str]) -> Output:
    """Call one tool, through the gate, as a run of its own."""
    server_named(session.bench, name)
    if len(words) > 1:
        raise UsageError(
            f"{words[1]!r} is no argument of {words[0]!r}", hint="Arguments are key=value"
        )
    tool = words[0] if words[0].startswith(f"{name}.") else f"{name}.{words[0]}"
    if tool not in session.bench.tools:
        raise session.bench.world.missing(tool) or UnknownName("tool", tool, session.bench.tools)

    async def start(run_id: str) -> Run:
        return await session.bench.start(
            "use",
            {"tool": tool, "arguments": dict(call.inputs)},
            run_id=run_id,
            title=f"mcp try {tool}",
            limits=session.limits or None,
            workspace=session.scratch,
        )

    return await session.finish(call, await session.begin(session.start_id(call), start))


def _imported(bench: Workbench, file: str, names: list[str], named: Mapping[str, Any]) -> Output:
    if not file:
        lines = [f"{program}: {path}" for program, path in known_files(bench.config.workspace)]
        return said(*(lines or ["no file of a program that is known here"]), data=lines)
    found = servers_in(Path(file).expanduser())
    if names:
        unknown = [name for name in names if name not in {one.name for one in found}]
        if unknown:
            raise UnknownName(f"MCP server in {file}", unknown[0], [one.name for one in found])
        found = [one for one in found if one.name in names]
    known, writes = set(bench.config.mcp), named.get("yes") is True
    lines: list[str] = []
    taken: list[str] = []
    for one in found:
        lines += _import_lines(one, known)
        if one.settings and one.name not in known:
            taken.append(one.name)
            if writes:
                add_server(os.environ, one.name, one.settings)
    if not taken:
        lines.append("nothing of it can be taken")
    elif writes:
        lines.append(f"written: {', '.join(taken)}; look at each: mcp trust NAME")
    else:
        lines.append("nothing was written yet: say it again with yes=true")
    data = [{"name": o.name, "settings": dict(o.settings), "left": list(o.left)} for o in found]
    return Output(tuple(lines), {"servers": data, "taken": taken, "written": writes})


def _import_lines(one: Found, known: set[str]) -> list[str]:
    if one.name in known:
        return [f"- {one.name}: there is a server of that name in the settings"]
    mark = "+" if one.settings else "-"
    line = " ".join([str(one.settings.get("command", "")), *one.settings.get("args", ())])
    line = str(one.settings.get("url") or line)
    return [one_line(f"{mark} {one.name}: {line}")[:300], *(f"    left: {why}" for why in one.left)]


def _found(bench: Workbench, words: str) -> Output:
    if not words.strip():
        raise UsageError("'mcp find' needs words", hint="As in: mcp find read files")
    found = fits(bench, words, _MOST_FOUND)
    lines: list[str] = []
    for fit in found:
        lines.append(f"{fit.score:.2f}  {fit.name}  ({fit.kind})  {'; '.join(fit.reasons)}")
        lines += [f"      {fit.next}"] if fit.next else []
    rows = [
        {"name": f.name, "kind": f.kind, "score": f.score, "reasons": [*f.reasons], "next": f.next}
        for f in found
    ]
    return Output(tuple(lines) or ("nothing that is known here fits",), rows)


COMMAND = Command(
    "mcp",
    "List, add, trust, try, remove, import or find MCP servers.",
    _mcp,
    (
        Parameter("act", "what to do", choices=_ACTS),
        Parameter("name", "a server, a file to import, or words to find"),
        Parameter("rest", "add: its command · try: one of its tools · import: names", rest=True),
    ),
    takes_inputs=True,
    details="A server is started only when you name it here, or when a tool of it is called; its"
    " tools are offered to agents as server.tool once you trust it, and until it changes.",
    examples=(
        "mcp add git mcp-server-git",
        "mcp add docs url=https://docs.example/mcp",
        "mcp trust git",
        "mcp try git git_status repo_path=.",
        "mcp find read files",
    ),
)
