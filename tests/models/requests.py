"""Short ways to say what a test of a model asks."""

from __future__ import annotations

from typing import Any

from workbench.agent.conversation import Entry, ModelRequest, ToolCall, ToolSpec

ADD = ToolSpec(
    "add",
    "Add two numbers",
    {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 0},
            "nested": {"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}]}}},
        },
        "required": ["a"],
    },
)
VERDICT = {
    "type": "object",
    "properties": {"verdict": {"type": "string"}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def asked(text: str = "Why?", model: str = "ollama:tiny", **rest: Any) -> ModelRequest:
    """A request with one thing said."""
    entries = rest.pop("entries", (Entry("user", text),))
    return ModelRequest(model, rest.pop("system", "Be brief."), entries, **rest)


def after_tool(result: str, *, failed: bool = False, rounds: int = 1) -> tuple[Entry, ...]:
    """A conversation in which ``add`` was called and answered, ``rounds`` times."""
    found = [Entry("user", "Add.")]
    for number in range(rounds):
        call = ToolCall("add", {"a": number}, f"path/{number}:tool.add")
        found.append(Entry("assistant", "", (call,)))
        found.append(Entry("tool", result, call_id=call.id, name="add", failed=failed))
    return tuple(found)


def ignore(_: str) -> None:
    """Nobody watches."""
