"""Find the JSON in what a model wrote.

Models wrap their answer in prose and fences. The ladder: the whole text; the first fenced block
that is JSON; the first balanced object after prose, with whatever follows ignored. What is never
done is to mend: an object that ends in the middle is a failure even when a smaller object inside
it is whole, and an object that says the same key twice says nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeAlias, cast

Pairs: TypeAlias = list[tuple[str, Any]]

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_OPENING = re.compile(r"(\[\s*)?(?=\{\s*[\"}])")
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)


class NotFound(Exception):
    """There is no usable JSON; the message says what there is instead."""


class Refused(NotFound):
    """There is JSON, well formed, that nobody can take at its word."""


def _object(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"JSON that says the key {twice!r} twice in one object")
    return found


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Refused(f"JSON with the number {text[:20]}, which is too large")
    return value


def _constant(text: str) -> Any:
    raise Refused(f"JSON with {text}, which JSON does not know")


# Not strict about raw line breaks inside texts: models write them, and there is one reading.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant, strict=False
)


def decoded(text: str) -> Any:
    """Decode one JSON value with nothing around it.

    Raises:
        NotFound: it is not JSON, says a key twice, or is nested too deep.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotFound(f"JSON that is wrong at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError):
        # An int of thousands of digits, or brackets upon brackets.
        raise NotFound("JSON with a number too long or nesting too deep") from None


def said(text: str) -> str:
    """What the model said in the end: without thoughts that a server left in front."""
    thought = _THOUGHT.match(text)
    return text[thought.end() if thought else 0 :].strip()


def unfenced(text: str) -> str:
    """The inside of the fence when one fence is around everything, else the text."""
    fence = _FENCE.fullmatch(text)
    return fence[2].strip() if fence else text


def find_json(text: str, *, bare: bool = False) -> Any:
    """Return the JSON object that a model's text amounts to.

    Args:
        text: All that the model wrote.
        bare: Whether a value that is no object will do, if it is the whole text or fenced.

    Raises:
        NotFound: there is none, it ends in the middle, or it is ambiguous.
    """
    text = said(text)
    if not text:
        raise NotFound("an empty reply")
    problem = ""
    for candidate in (text, *(fence[2].strip() for fence in _FENCE.finditer(text))):
        try:
            found = decoded(candidate)
        except Refused:
            raise
        except NotFound as error:
            problem = problem or str(error)
        else:
            if bare or isinstance(found, dict):
                return cast("Any", found)
            problem = "JSON that is no object"
            if candidate is text:
                raise NotFound(problem)
    return _first_object(text, problem if text[0] in "{[" else "")


def _first_object(text: str, problem: str) -> dict[str, Any]:
    place = 0
    while opening := _OPENING.search(text, place):
        if opening[1]:
            # The first of a list is not a choice that anybody made.
            raise NotFound("a list of objects")
        start = opening.end()
        end = _end_of_object(text, start)
        if end is None:
            # Looking further would find a part of it and take that for the whole.
            raise NotFound("an object that ends in the middle")
        try:
            return decoded(text[start:end])
        except Refused:
            raise
        except NotFound as error:
            problem, place = problem or str(error), end
    raise NotFound(problem or "text without a JSON object")


def _end_of_object(text: str, start: int) -> int | None:
    """Where the object that opens at ``start`` closes, texts skipped; None if it does not."""
    depth = 0
    for found in _STRUCTURE.finditer(text, start):
        match found[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    return found.end()
            case '"':
                # The quote of a text that never ends.
                return None
            case _:
                pass
    return None
