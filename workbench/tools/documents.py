"""The text of documents: PDF by pypdf, files of an office by their XML. Runs apart only.

What is read is a stranger's, so the caller runs this in a process with limits on time and memory
(`workbench.tools.apart`). Office files are zip archives: what they unpack to is counted on the way.
"""

from __future__ import annotations

import io
import re
import zipfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from xml.etree import ElementTree

from workbench.errors import MediaError, WorkbenchError
from workbench.foreign import Raised, attempt

MOST_CHARS = 400_000
MOST_PAGES = 1_000
MOST_UNPACKED = 64 * 1024 * 1024
CUT = "\n[the document goes on; its text was cut here]"


def text_of(content: str, name: str, type: str) -> dict[str, Any]:  # noqa: A002 - a row's word
    """The text of a document in base64: ``type text pages``. Raises MediaError."""
    read = _pdf if type == "application/pdf" else _office
    found = attempt(read, b64decode(content), name)
    if isinstance(found, Raised):
        if isinstance(found.error, WorkbenchError):
            raise found.error
        raise _refused(name, f"it is damaged ({type}, {found.error.__class__.__name__})")
    made = found.value
    if not made["text"].strip():
        raise _refused(name, made.pop("empty", "it holds no text"))
    made.pop("empty", None)
    if len(made["text"]) > MOST_CHARS:
        made["text"] = made["text"][:MOST_CHARS] + CUT
    return made


def _refused(name: str, reason: str) -> MediaError:
    shown = repr(name) if name else "the document"
    return MediaError(f"{shown} cannot be taken: {reason}", reason=reason, name=name)


def _pdf(content: bytes, name: str) -> dict[str, Any]:
    # Heavy, and wanted in this process only.
    reader = import_module("pypdf").PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _refused(name, "it is locked with a password")
    count = len(reader.pages)
    if count > MOST_PAGES:
        raise _refused(name, f"it has {count} pages, and {MOST_PAGES} are the most")
    texts: list[str] = []
    size = 0
    for page in reader.pages:
        texts.append(page.extract_text())
        size += len(texts[-1])
        if size > MOST_CHARS:
            break
    scanned = f"its {count} pages hold no text: it was scanned; give its pages as images"
    return {
        "type": "application/pdf", "pages": count, "text": "\n\n".join(texts), "empty": scanned,
    }  # fmt: skip


def _office(content: bytes, name: str) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        for mark, media_type, read in _FORMS:
            if mark in names:
                return {"type": media_type, "text": read(_Parts(archive, name))}
    raise _refused(name, "it is a zip archive and no docx, xlsx, pptx or odt")


class _Parts:
    """The XML files of an archive, and how much was unpacked of it."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        self._left = MOST_UNPACKED

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part in self._archive.namelist()

    def matching(self, pattern: str) -> list[str]:
        """Names of parts in the order of the numbers in them."""
        wanted = re.compile(pattern)
        found = ((wanted.fullmatch(name), name) for name in self._archive.namelist())
        return [name for _, name in sorted((int(m[1]), name) for m, name in found if m)]

    def read(self, part: str) -> ElementTree.Element:
        """One part, parsed."""
        with self._archive.open(part) as file:
            data = file.read(self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise _refused(self._name, f"it unpacks to more than {MOST_UNPACKED} bytes")
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise _refused(self._name, "its XML declares entities")
        return ElementTree.fromstring(data)  # noqa: S314 - apart, bounded, without entities


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _paragraphs(root: ElementTree.Element, paragraph: str) -> Iterator[str]:
    for element in root.iter():
        if _local(element) == paragraph:
            yield "".join(_runs(element))


def _runs(element: ElementTree.Element) -> Iterator[str]:
    for part in element.iter():
        match _local(part):
            case "t":
                yield part.text or ""
            case "tab":
                yield "\t"
            case "br" | "cr":
                yield "\n"
            case _:
                pass


def _docx(parts: _Parts) -> str:
    return "\n".join(_paragraphs(parts.read("word/document.xml"), "p"))


def _pptx(parts: _Parts) -> str:
    slides = parts.matching(r"ppt/slides/slide(\d+)\.xml")
    texts = ("\n".join(_paragraphs(parts.read(slide), "p")) for slide in slides)
    return "\n\n".join(f"Slide {i}\n{text}" for i, text in enumerate(texts, 1))


def _odt(parts: _Parts) -> str:
    root = parts.read("content.xml")
    return "\n".join("".join(e.itertext()) for e in root.iter() if _local(e) in {"p", "h"})


def _xlsx(parts: _Parts) -> str:
    shared: list[str] = []
    if parts.has("xl/sharedStrings.xml"):
        root = parts.read("xl/sharedStrings.xml")
        shared = ["".join(_runs(item)) for item in root if _local(item) == "si"]
    sheets = (parts.read(name) for name in parts.matching(r"xl/worksheets/sheet(\d+)\.xml"))
    texts = ("\n".join(_rows(sheet, shared)) for sheet in sheets)
    return "\n\n".join(f"Sheet {i}\n{text}" for i, text in enumerate(texts, 1) if text)


def _rows(sheet: ElementTree.Element, shared: list[str]) -> Iterator[str]:
    for row in sheet.iter():
        if _local(row) == "row":
            yield "\t".join(_cell(cell, shared) for cell in row if _local(cell) == "c")


def _cell(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(_runs(cell))
    value = next((part.text or "" for part in cell if _local(part) == "v"), "")
    return shared[int(value)] if cell.get("t") == "s" and value else value


_OPEN = "application/vnd.openxmlformats-officedocument."
_FORMS: tuple[tuple[str, str, Callable[[_Parts], str]], ...] = (
    ("word/document.xml", f"{_OPEN}wordprocessingml.document", _docx),
    ("xl/workbook.xml", f"{_OPEN}spreadsheetml.sheet", _xlsx),
    ("ppt/presentation.xml", f"{_OPEN}presentationml.presentation", _pptx),
    ("content.xml", "application/vnd.oasis.opendocument.text", _odt),
)
