"""What a server offers, as a value: kept with the trust in it, compared, and made into tools.

A model only ever sees an offer that a person has trusted. Text of a server is spelled out and cut
here, once; its schemas go to the model whole, because a model that sees half of one calls wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from workbench.agent.tool import Tool
from workbench.permission.danger import Danger
from workbench.plain import one_line, plain
from workbench.tools.mcp.server import McpServer
from workbench.values import digest, dumps
from workbench.workflow.effects import Repeat

MOST_TOOLS: Final = 500
_MOST_NAME: Final = 128
_MOST_SAID: Final = 4_000
_MOST_SCHEMA_BYTES: Final = 64 * 1024
_SHOWN: Final = 160
_WORDS: Final = frozenset({"description", "title"})
_HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")

READ: Final = "read_resource"
PROMPT: Final = "get_prompt"
"""Tools of ours for a server that has resources or prompts and no tool of that name itself."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything a model could be told of a server."""

    tools: Mapping[str, Mapping[str, Any]]
    """By the server's own name: ``description``, ``schema``, ``output`` and ``hints``."""
    resources: bool = False
    prompts: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tools that cannot be used, and why."""

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Offer:
        """Read back what `to_json` made."""
        return Offer(
            dict(told["tools"]),
            bool(told["resources"]),
            bool(told["prompts"]),
            dict(told.get("left_out", {})),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "tools": {name: dict(tool) for name, tool in sorted(self.tools.items())},
            "resources": self.resources,
            "prompts": self.prompts,
            "left_out": dict(sorted(self.left_out.items())),
        }

    @property
    def digest(self) -> str:
        """Names exactly this offer."""
        return digest(dumps(self.to_json()))


def offer_of(
    listed: list[Mapping[str, Any]], *, resources: bool = False, prompts: bool = False
) -> Offer:
    """An offer of the tools a server has listed, in the protocol's own JSON."""
    found: dict[str, Mapping[str, Any]] = {}
    left_out: dict[str, str] = {}
    for tool in listed[:MOST_TOOLS]:
        name = str(tool.get("name", ""))
        why = _unfit(name, tool.get("inputSchema"), found)
        if why:
            left_out[one_line(name)[:_MOST_NAME]] = why
        else:
            found[name] = _taken(tool)
    if len(listed) > MOST_TOOLS:
        left_out["…"] = f"it lists {len(listed)} tools, and {MOST_TOOLS} are taken"
    return Offer(found, resources, prompts, left_out)


def _unfit(name: str, schema: Any, found: Mapping[str, Any]) -> str:
    if not name or len(name) > _MOST_NAME or not _is_name(name):
        return "its name is none: letters, digits, and _ - . / are"
    if name in found:
        return "another tool has the same name"
    if not isinstance(schema, Mapping):
        return "it has no schema"
    known = cast("Mapping[str, Any]", schema)
    if known.get("type", "object") != "object":
        return "its schema is not of an object"
    if len(dumps(known)) > _MOST_SCHEMA_BYTES:
        return f"its schema is larger than {_MOST_SCHEMA_BYTES} bytes"
    return ""


def _is_name(name: str) -> bool:
    return name.isascii() and all(char.isalnum() or char in "_-./" for char in name)


def _taken(tool: Mapping[str, Any]) -> dict[str, Any]:
    hints = cast("Mapping[str, Any]", tool.get("annotations") or {})
    taken: dict[str, Any] = {
        "description": _said(str(tool.get("description") or tool.get("title") or "")),
        "schema": {"type": "object", **_spelled(tool["inputSchema"])},
        "hints": {name: hints[name] for name in _HINTS if isinstance(hints.get(name), bool)},
    }
    if isinstance(tool.get("outputSchema"), Mapping):
        taken["output"] = digest(dumps(tool["outputSchema"]), 8)
    return taken


def _said(text: str) -> str:
    """A server's text as a model may see it: whatever hides or steers is spelled out."""
    shown = plain(text)
    return shown if len(shown) <= _MOST_SAID else f"{shown[:_MOST_SAID]} […]"


def _spelled(node: Any) -> Any:
    """A schema with its descriptions spelled out; whatever decides what fits stays as it is."""
    if isinstance(node, list):
        return [_spelled(item) for item in cast("list[Any]", node)]
    if not isinstance(node, Mapping):
        return node
    found = cast("Mapping[str, Any]", node)
    return {
        key: _said(item) if key in _WORDS and isinstance(item, str) else _spelled(item)
        for key, item in found.items()
    }


# -- differences ----------------------------------------------------------------------------------


def difference(
    before: tuple[Mapping[str, Any], Offer] | None, launch: Mapping[str, Any], now: Offer
) -> list[str]:
    """What is not as it was trusted, a line each: ``+`` new, ``~`` changed, ``-`` gone."""
    if before is None:
        return [f"+ {name}: {_brief(tool['description'])}" for name, tool in now.tools.items()]
    was_launch, was = before
    lines = [
        f"~ {what}: {_brief(was_launch.get(what))} → {_brief(launch.get(what))}"
        for what in sorted({*was_launch, *launch})
        if was_launch.get(what) != launch.get(what)
    ]
    for name in sorted({*was.tools, *now.tools}):
        lines += _tool_difference(name, was.tools.get(name), now.tools.get(name))
    for what in ("resources", "prompts"):
        if getattr(was, what) != getattr(now, what):
            lines.append(f"{'+' if getattr(now, what) else '-'} {what}")
    if not lines and was.digest != now.digest:
        lines.append("~ tools that cannot be used: " + _brief(sorted(now.left_out)))
    return lines


def changed_in(was: Offer, now: Offer) -> str:
    """Where an offer differs, in words that hold nothing of the new one: a model may read them."""
    other = [name for name in was.tools if was.tools[name] != now.tools.get(name)]
    new = len(now.tools.keys() - was.tools.keys())
    parts = [f"its tool {', '.join(other[:10])} is another or gone"] if other else []
    parts += [f"it has {new} new tools"] if new else []
    return " and ".join(parts) or "it offers something else"


def _tool_difference(
    name: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[str]:
    if was is None and now is not None:
        yield f"+ {name}: {_brief(now['description'])}"
    elif now is None:
        yield f"- {name}"
    elif was is not None:
        for what in sorted({*was, *now}):
            if was.get(what) != now.get(what):
                yield f"~ {name}, its {what}:"
                yield from _apart(was.get(what), now.get(what))


def _apart(was: Any, now: Any) -> Iterator[str]:
    """Two values from where they begin to differ."""
    texts = [one if isinstance(one, str) else dumps(one).decode() for one in (was, now)]
    same = next(
        (i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts))
    )
    begin = max(0, same - 40)
    for mark, text in zip("-+", texts, strict=True):
        lead = "…" if begin else ""
        yield f"    {mark} {lead}{_brief(text[begin:])}"


def _brief(value: Any) -> str:
    text = one_line(value if isinstance(value, str) else dumps(value).decode())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# -- tools ----------------------------------------------------------------------------------------


def tools_of(server: McpServer, offer: Offer) -> dict[str, Tool]:
    """The workbench's tools for a trusted offer, by ``server.tool``.

    Whatever a server says of a tool's harmlessness counts for nothing: each call has at least the
    level of talking to another program, and nobody may repeat it unasked.
    """
    found = {
        f"{server.name}.{name}": _tool(server, name, str(tool["description"]), tool["schema"])
        for name, tool in offer.tools.items()
    }
    if offer.resources and READ not in offer.tools:
        found[f"{server.name}.{READ}"] = _tool(
            server, READ, "Read a resource of this server by its address.", _READ
        )
    if offer.prompts and PROMPT not in offer.tools:
        found[f"{server.name}.{PROMPT}"] = _tool(
            server, PROMPT, "Get a prompt of this server, with its arguments filled in.", _PROMPT
        )
    return found


def _tool(server: McpServer, name: str, description: str, schema: Mapping[str, Any]) -> Tool:
    return Tool(
        f"{server.name}.{name}",
        description,
        dict(schema),
        act="talk",
        repeat=Repeat.UNSAFE,
        floor=Danger.HIGH,
        timeout_s=server.call_s,
    )


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required]}


_READ = _object("uri", uri={"type": "string", "description": "The resource's address"})
_PROMPT = _object(
    "name",
    name={"type": "string", "description": "The prompt's name"},
    arguments={"type": "object", "additionalProperties": {"type": "string"}},
)
