"""JSON with the line of every key and list item."""

from __future__ import annotations

import json
import re

from workbench.located.value import Lines, Located, Place, refusal, twice
from workbench.located.walk import Walk

_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:\n]|[^\s{}\[\],:"]+')


def read_json(text: str, where: str) -> Located:
    """Read JSON text. Raises ConfigError naming file and line."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise refusal(where, error.lineno, f"this is not JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        message = "the file is nested too deep or has a number too long"
        raise refusal(where, None, message) from None
    return Located(where, value, _lines(text, where))


def _lines(text: str, where: str) -> dict[Place, int]:
    walk = Walk(Lines(where))
    word = ""
    for mark in _MARK.findall(text):
        match mark:
            case "\n":
                walk.line += 1
            case "{" | "[":
                walk.open(mark)
            case "}" | "]":
                walk.close()
            case ",":
                walk.comma()
            case ":":
                name = json.loads(word)
                if (*walk.around, name) in walk.lines.noted:
                    raise twice(where, walk.line, name)
                walk.key([name])
            case _:
                word = mark
                walk.note()
    return walk.lines.noted
