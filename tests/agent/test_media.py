"""Media as values: what a content is, the three kinds in all forms of a signature."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import bomb, docx, pdf, png, wav
from workbench.agent.content import found_in
from workbench.agent.media import Audio, Document, Image, told
from workbench.agent.signature import InputField, OutputField, Signature
from workbench.errors import InputError, MediaError, SignatureError
from workbench.foreign import Raised, attempt
from workbench.values import copied

BEGINNINGS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF0000WEBPVP8 ", b"%PDF-"]


@pytest.mark.parametrize(
    ("content", "what", "media_type"),
    [
        (png(), "image", "image/png"),
        (b"GIF89a\x02\x00\x03\x00", "image", "image/gif"),
        (b"\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\x0b\x08\0\3\0\2", "image", "image/jpeg"),
        (wav(), "audio", "audio/wav"),
        (pdf("x"), "document", "application/pdf"),
        (docx("x"), "document", "application/zip"),
        ("grüß".encode(), "document", "text/plain"),
    ],
)
def test_a_content_is_known_by_its_bytes(content: bytes, what: str, media_type: str) -> None:
    found = found_in(content, "lies.exe")
    assert (found.what, found.type) == (what, media_type)


@given(st.sampled_from(BEGINNINGS), st.binary(max_size=80))
def test_any_bytes_are_something_or_a_typed_error(begins: bytes, rest: bytes) -> None:
    found = attempt(found_in, begins + rest, "a")
    if isinstance(found, Raised):
        assert isinstance(found.error, MediaError)
        assert found.error.data["reason"]
    else:
        assert found.value.what in {"image", "audio", "document"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (bomb(), "60000x60000 pixels"),
        (png()[:18], "breaks off"),
        (b"MZ\0\1\xff", "no image, audio or document"),
        (b"text", "it is text/plain, which is no image"),
    ],
)
def test_what_is_no_picture_is_refused_with_name_and_reason(content: bytes, said: str) -> None:
    with pytest.raises(MediaError, match=said) as raised:
        Image(content, name="cat.png")
    assert "cat.png" in str(raised.value)


def test_a_value_is_a_reference_and_never_the_bytes() -> None:
    row = copied({"photo": Image(png(), name="/a/cat.png")})["photo"]
    assert (row["type"], row["width"], row["height"], row["name"]) == (
        "image/png",
        12,
        10,
        "cat.png",
    )
    assert "content" not in row
    assert told(row) == f"cat.png (image/png, 12x10, {len(png())} bytes)"


class Looking(Signature):
    """Look."""

    photo: Image = InputField()
    sounds: list[Audio] | None = InputField(default=None)
    paper: Document | None = InputField(default=None)
    answer: str = OutputField()


def test_class_text_and_function_write_the_same_signature() -> None:
    def looking(
        photo: Image,
        sounds: list[Audio] | None = None,
        paper: Document | None = None,
    ) -> str: ...

    rest = "paper: Document | None = null -> answer: str"
    text = f"photo: Image, sounds: list[Audio] | None = null, {rest}"
    parsed = Signature.parse(text, instructions="Look.")
    assert parsed == Looking.signature
    assert Signature.of(looking).inputs == parsed.inputs
    assert Signature.parse(str(parsed), instructions="Look.") == parsed


def test_text_with_an_at_sign_is_a_path_or_an_address() -> None:
    read = Looking.signature.read_inputs(
        {"photo": "@a b.png", "sounds": ["@HTTPS://x/y.wav"], "paper": Document("p.pdf")}
    )
    assert read["photo"] == {"media": "image", "path": "a b.png"}
    assert read["sounds"] == [{"media": "audio", "url": "HTTPS://x/y.wav"}]
    assert read["paper"] == {"media": "document", "path": "p.pdf"}


@pytest.mark.parametrize(
    "photo",
    [
        "cat.png", "@", 5, None, {}, {"media": "image"}, Audio("x"), {"media": "image", "path": 5},
        {"media": "image", "digest": "../../etc"}, {"media": "image", "path": "a", "url": "b"},
        {"media": "image", "path": "a", "more": "b"}, {"media": "image", "digest": "0" * 64},
    ],
)  # fmt: skip
def test_what_names_no_picture_is_an_input_error_that_names_the_field(photo: Any) -> None:
    with pytest.raises(InputError, match="photo"):
        Looking.signature.read_inputs({"photo": photo})


def test_no_model_answers_with_a_picture() -> None:
    with pytest.raises(SignatureError, match="sketch"):
        Signature.parse("task: str -> sketch: list[Image]")
