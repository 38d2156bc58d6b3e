from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.redaction import LEAST_CHARS, Redaction

SECRET = 'sk-ü/9"+&=<Zz~~ 1'

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda s: s,
    "json": json.dumps,
    "json, unicode": lambda s: json.dumps(s, ensure_ascii=False),
    "html": html.escape,
    "url": quote,
    "url, all": lambda s: "".join(f"%{b:02x}" for b in s.encode()),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one": lambda s: base64.b64encode(b"u" + s.encode() + b"xyz").decode(),
    "base64 behind two": lambda s: base64.b64encode(b"u:" + s.encode() + b"x").decode(),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(b"key=" + s.encode()).decode(),
}


def _knowing(secret: str = SECRET) -> Redaction:
    made = Redaction()
    made.learn(secret, "MY_KEY")
    return made


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    written = FORMS[form](SECRET)
    found = _knowing().value({"output": [f"before {written} after", 7, None]})
    text = str(found["output"][0])
    assert "[redacted MY_KEY]" in text
    assert written not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_a_secret_that_is_a_key_is_found() -> None:
    assert _knowing().value({SECRET: 1}) == {"[redacted MY_KEY]": 1}


def test_what_holds_no_secret_is_given_back_as_it_is() -> None:
    value = {"a": ["text that is long enough", 1.5, True]}
    assert _knowing().value(value) is value


def test_without_secrets_nothing_is_looked_at() -> None:
    value = {"a": "b"}
    assert Redaction().value(value) is value


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("OPENAI_API_KEY", "sk-1234567890", True),
        ("GITHUB_TOKEN", "ghp_1234567890", True),
        ("db_password", "correct horse", True),
        ("AWS_SECRET_ACCESS_KEY", "/abc+def/0123456789", True),
        ("DATABASE_URL", "postgres://user:longpassword@host/db", False),
        ("PASSWORD_FILE_COUNT", "short", False),
        ("TOKENIZER", "some-model-name", False),
        ("PATH", "/usr/bin:/usr/local/bin", False),
    ],
)
def test_the_environment_gives_secrets_away_by_their_names(
    name: str, value: str, hidden: bool
) -> None:
    text = Redaction.of({name: value}).text(f"<{value}>")
    assert (text == f"<[redacted {name}]>") is hidden


def test_the_password_in_a_url_is_a_secret() -> None:
    known = Redaction.of({"DATABASE_URL": "postgres://user:longpassword@host/db"})
    assert known.text("it is longpassword") == "it is [redacted DATABASE_URL]"


def test_each_line_of_a_key_is_a_secret() -> None:
    known = _knowing("-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG\n9w0BAQEFAASCAUAwggE8\n")
    assert "9w0BAQEF" not in known.text("tail -1: 9w0BAQEFAASCAUAwggE8")


def test_of_two_secrets_the_longer_one_is_taken_out_whole() -> None:
    known = _knowing("abcdefgh")
    known.learn("abcdefgh-and-more", "LONG")
    assert known.text("abcdefgh-and-more abcdefgh") == "[redacted LONG] [redacted MY_KEY]"


@given(st.text(min_size=LEAST_CHARS).filter(lambda s: len(s.strip()) >= LEAST_CHARS), st.text())
def test_no_text_that_passed_holds_the_secret(secret: str, around: str) -> None:
    known = _knowing(secret)
    told = known.value([f"{around}{secret.strip()}{around}"])[0]
    assert secret.strip() not in told or secret.strip() in "[redacted MY_KEY]"
