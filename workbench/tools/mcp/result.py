"""What a server answered, as a value of bounded size: text, structure, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from workbench.errors import ToolError
from workbench.values import Json, dumps

_MOST_ATTACHED: Final = 100


def result_of(answer: Mapping[str, Any], most_bytes: int, said_by: str) -> Json:
    """A call's result from the protocol's JSON.

    Always an object: ``text``; ``structured`` where the tool has that; ``attached`` names what is
    neither (pictures, sounds, links), with type and size; ``left_out`` says what was too large.

    Raises:
        ToolError: the tool says that it failed; the agent is told its text.
    """
    blocks = cast("Sequence[Mapping[str, Any]]", answer.get("content") or ())
    text, cut = bounded("\n".join(_texts(blocks)), most_bytes)
    if answer.get("isError"):
        raise ToolError(f"{said_by} says it failed: {text or 'without a word'}")
    found: dict[str, Any] = {"text": text}
    left_out = [f"{cut} bytes of text"] if cut else []
    structured = answer.get("structuredContent")
    if structured is not None:
        size = len(dumps(structured))
        if size <= most_bytes:
            found["structured"] = structured
        else:
            left_out.append(f"structured content of {size} bytes")
    attached = list(_attached(blocks))
    if attached:
        found["attached"] = attached[:_MOST_ATTACHED]
    if len(attached) > _MOST_ATTACHED:
        left_out.append(f"{len(attached) - _MOST_ATTACHED} more attachments")
    if left_out:
        found["left_out"] = ", ".join(left_out)
    return found


def read_of(answer: Mapping[str, Any], most_bytes: int, said_by: str) -> Json:
    """A resource's content, in the same form."""
    contents = cast("Sequence[Mapping[str, Any]]", answer.get("contents") or ())
    blocks = [{"type": "resource", "resource": one} for one in contents]
    return result_of({"content": blocks}, most_bytes, said_by)


def prompt_of(answer: Mapping[str, Any], most_bytes: int, said_by: str) -> Json:
    """A prompt's messages as one text, each after who says it."""
    messages = cast("Sequence[Mapping[str, Any]]", answer.get("messages") or ())
    blocks: list[Mapping[str, Any]] = []
    for message in messages:
        blocks += [{"type": "text", "text": f"{message.get('role', '')}:"}, message["content"]]
    return result_of({"content": blocks}, most_bytes, said_by)


def bounded(text: str, most_bytes: int) -> tuple[str, int]:
    """The first and the last part of a text that is too large, and how many bytes it lost."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= most_bytes:
        return text, 0
    half = most_bytes // 2
    cut = len(raw) - 2 * half
    first, last = (part.decode("utf-8", "replace") for part in (raw[:half], raw[-half:]))
    return f"{first}\n[… {cut} bytes left out …]\n{last}", cut


def _texts(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block.get("type") == "text":
            yield str(block.get("text", ""))
        elif block.get("type") == "resource" and "text" in block.get("resource", {}):
            yield str(block["resource"]["text"])


def _attached(blocks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        kind = str(block.get("type", ""))
        inner: Mapping[str, Any] = block.get("resource", block) if kind == "resource" else block
        if kind == "text" or (kind == "resource" and "text" in inner):
            continue
        data = str(inner.get("data") or inner.get("blob") or "")
        told = {"kind": kind, "type": inner.get("mimeType"), "uri": inner.get("uri")}
        told |= {"name": inner.get("name"), "bytes": len(data) * 3 // 4 or None}
        yield {name: value for name, value in told.items() if value}
