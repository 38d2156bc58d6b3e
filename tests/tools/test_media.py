"""Taking in media: from files and addresses, of any content, documents as their text."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pictures import bomb, docx, pdf, png, pptx, xlsx, zipped
from tests.tools.calls import facts_of, use, use_undecided
from tests.tools.served import Served
from workbench.agent.content import MOST_BYTES
from workbench.errors import Denied, MediaError, ToolError
from workbench.foreign import Raised, attempt
from workbench.redaction import Redaction
from workbench.store.memory import MemoryBlobs
from workbench.tools.documents import text_of
from workbench.tools.media import read_media
from workbench.tools.place import Place
from workbench.values import digest


class Kept(MemoryBlobs):
    """Contents in memory."""

    def keep(self, content: bytes) -> str:
        return self.write(content)


@pytest.fixture
def kept(place: Place) -> Place:
    return Place(place.workspace, place.state, contents=Kept())


def _taken(place: Place, name: str, content: bytes, what: str) -> Any:
    (place.workspace / name).write_bytes(content)
    return use("read_media", place, media=what, path=name)


def test_a_picture_is_kept_and_named(kept: Place) -> None:
    row = _taken(kept, "cat.png", png(), "image")
    assert row == {
        "media": "image",
        "digest": digest(png(), 32),
        "type": "image/png",
        "size_bytes": len(png()),
        "name": "cat.png",
        "width": 12,
        "height": 10,
    }
    assert kept.kept(row["digest"]) == png()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.pdf", pdf("Hello paper"), "Hello paper"),
        ("a.docx", docx("one", "two"), "one\ntwo"),
        ("a.xlsx", xlsx(), "Sheet 1\napples\t7"),
        ("a.pptx", pptx("first", "second"), "Slide 1\nfirst\n\nSlide 2\nsecond"),
        ("a.odt", zipped({"content.xml": '<o xmlns:t="t"><t:p>open</t:p></o>'}), "open"),
        ("a.txt", b"plain", "plain"),
    ],
)
def test_a_document_is_its_text(kept: Place, name: str, content: bytes, text: str) -> None:
    row = _taken(kept, name, content, "document")
    assert kept.kept(row["text"]).decode().strip() == text
    assert row["digest"] == digest(content, 32)


@pytest.mark.parametrize(
    ("what", "content", "said"),
    [
        ("image", bomb(), "pixels"),
        ("image", pdf("x"), "application/pdf, which is no image"),
        ("document", pdf(), "scanned"),
        ("document", b"%PDF-1.4 and nothing", "damaged"),
        ("document", b"PK\x03\x04 and nothing", "damaged"),
        ("document", zipped({"a": "b"}), "no docx"),
        ("document", docx(""), "no text"),
        ("document", zipped({"word/document.xml": "<!DOCTYPE a []><a/>"}), "entities"),
        ("document", zipped({"word/document.xml": " " * 70_000_000}), "unpacks to more"),
        ("document", b"", "empty"),
    ],
)
def test_hostile_files_are_a_typed_error_that_says_why(
    kept: Place, what: str, content: bytes, said: str
) -> None:
    with pytest.raises((MediaError, ToolError), match=said):
        _taken(kept, "a.bin", content, what)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_damage_to_a_document_is_text_or_a_typed_error(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([pdf("Hello"), docx("x"), xlsx(), pptx("y")]))
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + 3 :]
    media_type = "application/pdf" if whole[:1] == b"%" else "application/zip"
    found = attempt(text_of, b64encode(broken).decode(), "a", media_type)
    if isinstance(found, Raised):
        assert isinstance(found.error, MediaError)
        assert found.error.data["reason"]
    else:
        assert found.value["text"]


def test_a_file_that_may_hold_a_secret_is_never_taken_in(kept: Place) -> None:
    with pytest.raises(Denied, match="secret"):
        _taken(kept, ".env", b"A=1", "document")


def test_the_walls_of_file_tools_hold(kept: Place, outside: Path) -> None:
    (outside / "a.png").write_bytes(png())
    with pytest.raises(Denied, match="out of the workspace"):
        use_undecided("read_media", kept, media="image", path=str(outside / "a.png"))
    with pytest.raises(Denied, match="own folder"):
        use("read_media", kept, media="document", path="sessions/workbench.db")
    with pytest.raises(ToolError, match="no such file"):
        use("read_media", kept, media="image", path="missing.png")
    (kept.workspace / "big").write_bytes(b"a" * (MOST_BYTES + 1))
    with pytest.raises(ToolError, match="are the most"):
        use("read_media", kept, media="document", path="big")


def test_an_address_is_fetched_by_the_rules_of_http_tools(web: Place, server: Served) -> None:
    server.answers["/cat.png?size=1"] = (200, {}, png())
    place = Place(web.workspace, web.state, grants=web.grants, contents=Kept())
    row = use("fetch_media", place, media="image", url=server.url("/cat.png?size=1"))
    assert (row["type"], row["name"]) == ("image/png", "cat.png")
    with pytest.raises(ToolError, match="status 404"):
        use("fetch_media", place, media="image", url=server.url("/none"))
    ungranted = Place(web.workspace, web.state)
    with pytest.raises(Denied):
        facts_of("fetch_media", ungranted, media="image", url=server.url("/cat.png"))


def test_known_secrets_are_taken_out_of_a_documents_text(kept: Place) -> None:
    redaction = Redaction()
    redaction.learn("hunter2hunter2", "TOKEN")
    (kept.workspace / "a.txt").write_text("it is hunter2hunter2!")
    given = {"media": "document", "path": "a.txt"}
    row = asyncio.run(read_media("read_media", given, kept, None, redaction))
    assert b"hunter2" not in kept.kept(row["text"])
