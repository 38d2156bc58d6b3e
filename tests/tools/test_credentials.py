from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools.calls import facts_of, use
from tests.tools.served import Served
from workbench.config.secret import Secret
from workbench.credentials import credentials_of
from workbench.errors import ConfigError, Denied, ToolError, UnknownName
from workbench.permission.urls import Url
from workbench.redaction import Redaction
from workbench.tools.credentials import Credential, filled
from workbench.tools.place import Place

VALUE = "ghp-canary-0123456789"
HEADERS = {"Authorization": "Bearer ${secret:github}"}


def _holding(place: Place, *hosts: str, resolve: Callable[[], str] = lambda: VALUE) -> Place:
    return replace(place, credentials={"github": Credential(hosts, resolve)})


def test_a_reference_is_filled_in_when_the_request_is_sent(web: Place, server: Served) -> None:
    use("http_get", _holding(web, server.grant), url=server.url("/x"), headers=HEADERS)
    assert server.asked[0][2]["Authorization"] == f"Bearer {VALUE}"


def test_it_goes_to_no_host_that_the_user_did_not_name(web: Place, server: Served) -> None:
    for hosts in ((), ("127.0.0.1",), ("127.0.0.1:1",)):
        with pytest.raises(Denied, match="'github' may not go to"):
            use("http_get", _holding(web, *hosts), url=server.url("/x"), headers=HEADERS)
    assert server.asked == []


def test_an_unknown_name_says_the_nearest_before_anybody_is_asked(
    web: Place, server: Served
) -> None:
    place, named = _holding(web, server.grant), {"X": "${secret:githup}"}
    with pytest.raises(UnknownName, match=r"githup.*") as caught:
        facts_of("http_get", place, url=server.url("/x"), headers=named)
    assert "github" in str(caught.value)


def test_the_question_has_the_name_and_never_the_value(web: Place, server: Served) -> None:
    def never() -> str:
        raise AssertionError("resolved before it was sent")

    place = _holding(web, server.grant, resolve=never)
    notes = facts_of("http_post", place, url=server.url("/x"), headers=HEADERS).notes
    assert "sends the secret 'github' in Authorization" in notes


def test_it_stays_behind_when_a_redirect_leads_to_another_host(web: Place, server: Served) -> None:
    to = f"http://localhost:{server.server_port}/y"
    server.answers["/x"] = (302, {"Location": to}, b"")
    granted = replace(web, grants=(*web.grants, f"localhost:{server.server_port}"))
    use("http_get", _holding(granted, server.grant), url=server.url("/x"), headers=HEADERS)
    assert [asked[1] for asked in server.asked] == ["/x", "/y"]
    assert VALUE not in str(server.asked[1])


@pytest.mark.parametrize("value", ["one\r\nX: two", "grüße und so", "\x00" * 9])
def test_a_value_that_no_header_can_hold_is_refused_without_being_shown(value: str) -> None:
    known = {"github": Credential(("a.test",), lambda: value)}
    with pytest.raises(ToolError, match="'github' cannot stand") as caught:
        asyncio.run(filled(HEADERS, Url.parse("https://a.test/"), known))
    assert value not in str(caught.value)


def test_a_host_without_a_port_means_with_tls() -> None:
    known = Credential(("a.test",), lambda: VALUE)
    assert known.may_go_to(Url.parse("https://A.test/x"))
    for other in ("http://a.test/", "https://a.test:8443/", "https://b.a.test/"):
        assert not known.may_go_to(Url.parse(other))


def test_what_is_at_hand_is_redacted_from_the_beginning(tmp_path: Path) -> None:
    kept = tmp_path / "key"
    kept.write_text("file-secret-0123\n")
    kept.chmod(0o600)
    redaction = Redaction()
    settings = {
        "one": {"from": Secret("env", "ODDLY_NAMED"), "hosts": ("a.test",)},
        "two": {"from": Secret("file", str(kept)), "hosts": ("a.test",)},
    }
    found = credentials_of(settings, {"ODDLY_NAMED": VALUE}, redaction)
    assert redaction.text(f"{VALUE} file-secret-0123") == "[redacted one] [redacted two]"
    assert found["two"].resolve() == "file-secret-0123"


def test_a_secret_too_short_to_be_redacted_is_refused() -> None:
    settings = {"one": {"from": Secret("env", "K"), "hosts": ("a.test",)}}
    with pytest.raises(ConfigError, match="shorter than 8"):
        credentials_of(settings, {"K": "short"}, Redaction())["one"].resolve()


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "key"
    kept.write_text(VALUE)
    kept.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        Secret("file", str(kept)).resolve({})
    assert VALUE not in str(caught.value)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for odd in ("gone", "."):
        with pytest.raises(ConfigError):
            Secret("file", str(tmp_path / odd)).resolve({})
