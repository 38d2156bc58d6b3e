"""The built-in tools as values: what a model is told, and what the gate needs to know.

Twelve everybody expects, two (`edit_file`, `search_files`) that spare an agent whole files, and
two (`read_media`, `fetch_media`) that take in what is no text.
``floor`` is the least level of any call; `permission.danger.grade` raises it by the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from workbench.agent.tool import Tool
from workbench.errors import ConfigError, SignatureError
from workbench.permission.danger import Act, Danger
from workbench.workflow.effects import Repeat

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 1}


def _schema(required: str, /, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _said(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


_PATH = _said(_TEXT, "Path of the file, from the workspace")
_URL = _said(_TEXT, "Full address, beginning with http:// or https://")
_HEADERS = {
    "type": "object",
    "additionalProperties": _TEXT,
    "description": "Extra request headers; ${secret:NAME} stands for a secret of the user",
}
_BODY = {
    "headers": _HEADERS,
    "body": _said(_TEXT, "Text to send as it is"),
    "json": {"description": "Value to send as JSON, instead of body"},
}
_TIMEOUT_S = 90.0
_COMMAND_S = 630.0


def _looking(name: str, description: str, parameters: dict[str, Any]) -> Tool:
    return Tool(name, description, parameters, "read", Repeat.PURE, Danger.SAFE, None, _TIMEOUT_S)


def _changing(name: str, act: Act, description: str, parameters: dict[str, Any]) -> Tool:
    floor = Danger.HIGH if act == "delete" else Danger.MEDIUM
    return Tool(name, description, parameters, act, Repeat.PROBEABLE, floor, None, _TIMEOUT_S)


def _asking(name: str, act: Act, description: str, parameters: dict[str, Any]) -> Tool:
    repeat = Repeat.PURE if act == "fetch" else Repeat.UNSAFE
    floor = {"fetch": Danger.LOW, "send": Danger.MEDIUM}.get(act, Danger.HIGH)
    return Tool(name, description, parameters, act, repeat, floor, None, _TIMEOUT_S)


_TOOLS = (
    _looking(
        "read_file",
        "Read a text file. Returns its text, whether more follows, its size, and how many lines "
        "were returned.",
        _schema(
            "path",
            path=_PATH,
            offset=_said(_COUNT, "First line to read; 1 is the first of the file"),
            limit=_said(_COUNT, "Most lines to read"),
        ),
    ),
    _looking(
        "list_directory",
        "List a folder: the name, kind (file, folder, link …) and size of each entry.",
        _schema("", path=_said(_TEXT, "Path of the folder; the workspace when left out")),
    ),
    _looking(
        "file_exists",
        "Find out whether a file or folder exists, and which of the two it is.",
        _schema("path", path=_PATH),
    ),
    _looking(
        "search_files",
        "Find lines in the files below a folder. Returns path, line number and text of each.",
        _schema(
            "pattern",
            pattern=_said(_TEXT, "The text to find, or a regular expression"),
            path=_said(_TEXT, "Where to search; the whole workspace when left out"),
            regex=_said(_FLAG, "Whether pattern is a regular expression"),
            glob=_said(_TEXT, "Only files of such names, as in *.py or src/*.md"),
            ignore_case=_said(_FLAG, "Whether A equals a"),
        ),
    ),
    _looking(
        "read_media",
        "Look at an image, listen to audio, or read a document (PDF, docx, xlsx, pptx, odt, text).",
        _schema(
            "media",
            media={"enum": ["image", "audio", "document"]},
            path=_PATH,
            digest=_said(_TEXT, "Of a content that is kept already, instead of a path"),
            name=_said(_TEXT, "What that content is called"),
        ),
    ),
    _changing(
        "write_file",
        "write",
        "Write a whole text file, replacing what is there; missing folders are made.",
        _schema("path content", path=_PATH, content=_said(_TEXT, "The whole new text")),
    ),
    _changing(
        "edit_file",
        "write",
        "Replace one piece of a text file. The old text must stand in it exactly once.",
        _schema(
            "path old_text new_text",
            path=_PATH,
            old_text=_said(_TEXT, "The text to replace, exactly, line breaks included"),
            new_text=_said(_TEXT, "The text to put in its place"),
        ),
    ),
    _changing("delete_file", "delete", "Delete one file.", _schema("path", path=_PATH)),
    Tool(
        "bash_command",
        "Run a shell command in the workspace. Returns its exit code and what it printed. It "
        "reads no input, and whatever it leaves running ends with it.",
        _schema(
            "command",
            command=_said(_TEXT, "The command, as typed into bash"),
            timeout_s={"type": "number", "description": "Seconds it may take; 60 when left out"},
        ),
        act="run",
        repeat=Repeat.UNSAFE,
        floor=Danger.SAFE,
        timeout_s=_COMMAND_S,
    ),
    _asking(
        "http_get",
        "fetch",
        "Send an HTTP GET request. Returns status, some headers and the body's text.",
        _schema("url", url=_URL, headers=_HEADERS),
    ),
    _asking(
        "http_post",
        "send",
        "Send an HTTP POST request with a body.",
        _schema("url", url=_URL, **_BODY),
    ),
    _asking(
        "http_put",
        "send",
        "Send an HTTP PUT request with a body.",
        _schema("url", url=_URL, **_BODY),
    ),
    _asking(
        "http_delete",
        "erase",
        "Send an HTTP DELETE request.",
        _schema("url", url=_URL, headers=_HEADERS),
    ),
    _asking(
        "fetch_media",
        "fetch",
        "Fetch an image, audio or a document from an address.",
        _schema("media url", media={"enum": ["image", "audio", "document"]}, url=_URL),
    ),
    _asking(
        "fetch_url",
        "fetch",
        "Fetch a page for reading: of HTML, the visible text only.",
        _schema("url", url=_URL),
    ),
    _asking(
        "extract_links",
        "fetch",
        "Fetch a page and return its links, absolute, each with its text.",
        _schema("url", url=_URL),
    ),
)

BUILT_IN: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in _TOOLS})
"""Every built-in tool by its name; `workbench.tools.perform` performs them."""


def classed(tool: Tool, repeat: str | None) -> Tool:
    """A tool of the class that its user says it has; None leaves it as it is.

    An HTTP request that changes something can be keyed: it then carries an ``Idempotency-Key``,
    and it is the user's word that the servers concerned honour it.

    Raises:
        ConfigError: it cannot be of that class.
    """
    if repeat is None or repeat == tool.repeat:
        return tool
    what = f"tools.{tool.name}.repeat"
    can_be = [tool.repeat.value, "pure", "unsafe", *_KEYED.get(tool.act, ())]
    if tool.function is None and repeat not in can_be:
        words = ", ".join(dict.fromkeys(can_be))
        raise ConfigError(f"{what} cannot be {repeat}", hint=f"It can be {words}", key=what)
    try:
        return replace(tool, repeat=Repeat(repeat))
    except SignatureError as error:
        raise ConfigError(f"{what}: {error.message}", key=what) from error


_KEYED = {"send": ("keyed",), "erase": ("keyed",)}
