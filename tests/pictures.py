"""Small real media, made by hand: a picture, a sound, documents."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def png(width: int = 12, height: int = 10) -> bytes:
    """A whole PNG of one colour."""
    rows = (b"\0" + b"\xff\x80\x00" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, parts))


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    kind, data = part
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """A PNG of a few bytes that says it has billions of pixels."""
    return b"\x89PNG\r\n\x1a\n" + _chunk(
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    )


def wav() -> bytes:
    """A short silence."""
    body = (
        b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
        + b"data\4\0\0\0"
        + b"\x80" * 4
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def docx(*paragraphs: str) -> bytes:
    """A text of an office."""
    text = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in paragraphs)
    return zipped(
        {"word/document.xml": f'<w:document xmlns:w="w"><w:body>{text}</w:body></w:document>'}
    )


def xlsx() -> bytes:
    """A sheet with a text and a number."""
    shared = '<sst xmlns="m"><si><t>apples</t></si></sst>'
    cells = '<row><c t="s"><v>0</v></c><c><v>7</v></c></row>'
    sheet = f'<worksheet xmlns="m"><sheetData>{cells}</sheetData></worksheet>'
    parts = {"xl/workbook.xml": "<w/>", "xl/sharedStrings.xml": shared}
    return zipped({**parts, "xl/worksheets/sheet1.xml": sheet})


def pptx(*slides: str) -> bytes:
    """Slides with a line each."""
    parts = {
        f"ppt/slides/slide{i}.xml": f'<s xmlns:a="a"><a:p><a:r><a:t>{line}</a:t></a:r></a:p></s>'
        for i, line in enumerate(slides, 1)
    }
    return zipped({"ppt/presentation.xml": "<p/>", **parts})


def zipped(parts: dict[str, str]) -> bytes:
    """An archive of texts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def pdf(text: str = "") -> bytes:
    """One page, with a line of text or with none."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b"0 0 m"
    font = b"/Resources<</Font<</F1 5 0 R>>>>"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R%s>>" % font,
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", list[int]()
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made)
    made += b"xref\n0 6\n0000000000 65535 f \n" + table
    return made + b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
