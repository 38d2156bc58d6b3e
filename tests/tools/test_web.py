from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from tests.tools.calls import facts_of, use, use_undecided, used
from tests.tools.served import Served
from workbench.errors import Denied, ToolError
from workbench.permission.urls import Url
from workbench.tools import addresses
from workbench.tools import web as web_tools
from workbench.tools.place import Limits, Place


def test_a_page_is_fetched_with_status_text_and_a_few_headers(web: Place, server: Served) -> None:
    server.answers["/a?b=ü"] = (200, {}, b"")
    server.answers["/a?b=%C3%BC"] = (200, {"ETag": "x", "Set-Cookie": "s=1"}, "grüß".encode())
    result = use("http_get", web, url=server.url("/a?b=ü#part"))
    assert (result["status"], result["text"], result["truncated"]) == (200, "grüß", False)
    assert result["headers"] == {
        "etag": "x",
        "content-length": "6",
        "date": result["headers"]["date"],
    }
    assert result["url"] == server.url("/a?b=%C3%BC")


def test_an_error_of_the_server_is_a_result(web: Place, server: Served) -> None:
    result = use("http_get", web, url=server.url("/missing"))
    assert (result["status"], result["text"]) == (404, "nothing here")


def test_bodies_and_headers_are_sent(web: Place, server: Served) -> None:
    url = server.url("/x")
    use("http_post", web, url=url, json={"a": [1]}, headers={"X-Mine": "1"})
    use("http_put", web, url=url, body="plain")
    use("http_delete", web, url=url)
    (post, put, delete) = server.asked
    assert (post[0], post[3]) == ("POST", b'{"a":[1]}')
    assert post[2]["Content-Type"] == "application/json"
    assert post[2]["X-Mine"] == "1"
    assert (put[0], put[3]) == ("PUT", b"plain")
    assert (delete[0], delete[3]) == ("DELETE", b"")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Proxy-Authorization", "X"])
def test_headers_that_would_bend_the_request_are_refused(
    web: Place, server: Served, name: str
) -> None:
    value = "a\r\nX-Evil: 1" if name == "X" else "1"
    with pytest.raises(ToolError, match="cannot be set"):
        use("http_get", web, url=server.url("/"), headers={name: value})
    assert server.asked == []


def test_nothing_of_the_environment_takes_part(
    web: Place, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    use("http_get", web, url=server.url("/x"))
    headers = server.asked[0][2]
    assert set(headers) == {"Host", "User-Agent", "Accept-Encoding", "Accept", "Connection"}


def test_a_private_address_is_not_connected_to_without_its_grant(
    place: Place, server: Served
) -> None:
    for url in (server.url("/"), f"http://localhost:{server.server_port}/"):
        with pytest.raises(Denied):
            use_undecided("http_get", place, url=url)
    assert server.asked == []


def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(
    place: Place, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[str] = []

    async def resolve(url: Url) -> list[str]:
        resolved.append(url.host)
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    url = f"http://service.test:{server.server_port}/x"
    with pytest.raises(Denied, match=r"\(127.0.0.1\) is a loopback"):
        use("http_get", place, url=url)
    grants = (f"service.test:{server.server_port}",)
    granted = Place(place.workspace, place.state, grants=grants)
    assert use("http_get", granted, url=url)["status"] == 404
    assert resolved == ["service.test"] * 2
    assert server.asked[0][2]["Host"] == f"service.test:{server.server_port}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
@pytest.mark.parametrize("name", ["service.test", "other.test"])
def test_a_certificate_must_be_of_the_name_that_was_asked_for(
    place: Place, server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-keyout", key, "-out", certificate, "-subj", "/CN=service.test"]
    made += ["-addext", "subjectAltName=DNS:service.test"]
    subprocess.run(made, check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    server.socket = serving.wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr(
        web_tools, "_trusted", lambda: ssl.create_default_context(cafile=certificate)
    )

    async def resolve(_: Url) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    grant = f"{name}:{server.server_port}"
    granted = Place(place.workspace, place.state, grants=(grant,))
    if name == "service.test":
        assert use("http_get", granted, url=f"https://{grant}/")["status"] == 404
        return
    with pytest.raises(ToolError, match=r"(?i)hostname mismatch"):
        use("http_get", granted, url=f"https://{grant}/")
    assert server.asked == []


def test_a_redirect_within_the_host_is_followed(web: Place, server: Served) -> None:
    server.answers["/from"] = (302, {"Location": "to?x"}, b"")
    server.answers["/to?x"] = (200, {}, b"here")
    result = use("http_get", web, url=server.url("/from"), headers={"Authorization": "secret"})
    assert (result["text"], result["url"]) == ("here", server.url("/to?x"))
    assert server.asked[1][2]["Authorization"] == "secret"


def test_a_post_becomes_a_get_behind_a_303_only(web: Place, server: Served) -> None:
    server.answers["/see"] = (303, {"Location": "/to"}, b"")
    server.answers["/again"] = (307, {"Location": "/to"}, b"")
    use("http_post", web, url=server.url("/see"), body="x")
    use("http_post", web, url=server.url("/again"), body="x")
    assert [(entry[0], entry[3]) for entry in server.asked[1::2]] == [("GET", b""), ("POST", b"x")]


def test_a_redirect_to_a_private_address_is_refused(
    web: Place, server: Served, other: Served
) -> None:
    for location in (other.url("/x"), "http://[::1]/", "http://169.254.169.254/"):
        server.answers["/from"] = (302, {"Location": location}, b"")
        with pytest.raises(Denied):
            use("http_get", web, url=server.url("/from"))
    assert other.asked == []


def test_credentials_do_not_cross_to_another_origin(
    place: Place, server: Served, other: Served
) -> None:
    both = Place(place.workspace, place.state, grants=(server.grant, other.grant))
    server.answers["/from"] = (302, {"Location": other.url("/x")}, b"")
    server.answers["/keep"] = (307, {"Location": other.url("/x")}, b"")
    secret = {"Authorization": "a", "Cookie": "b", "X-Api-Key": "c", "Accept": "text/html"}
    assert use("http_get", both, url=server.url("/from"), headers=secret)["status"] == 404
    assert use("http_post", both, url=server.url("/keep"), body="x")["status"] == 307
    (asked,) = other.asked
    assert not {"Authorization", "Cookie", "X-Api-Key"} & set(asked[2])
    assert asked[2]["Accept"] == "text/html"


def test_a_redirect_to_a_host_nobody_decided_on_is_the_result(web: Place, server: Served) -> None:
    server.answers["/from"] = (302, {"Location": "http://93.184.216.34/x"}, b"")
    result = use("http_get", web, url=server.url("/from"))
    assert result["status"] == 302
    assert result["headers"]["location"] == "http://93.184.216.34/x"


def test_redirects_in_a_circle_end(web: Place, server: Served) -> None:
    server.answers["/from"] = (302, {"Location": "/from"}, b"")
    with pytest.raises(ToolError, match="more than 5 redirects"):
        use("http_get", web, url=server.url("/from"))
    assert len(server.asked) == 6


def test_a_large_body_is_cut_and_a_bomb_refused(web: Place, server: Served) -> None:
    server.answers["/large"] = (200, {}, b"x" * 3_000_000)
    server.answers["/packed"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello"))
    bomb = zlib.compress(b"\0" * 50_000_000)
    server.answers["/bomb"] = (200, {"Content-Encoding": "deflate"}, bomb)
    large = use("http_get", web, url=server.url("/large"))
    assert (len(large["text"]), large["truncated"]) == (2 * 1024 * 1024, True)
    assert use("http_get", web, url=server.url("/packed"))["text"] == "hello"
    with pytest.raises(ToolError, match="grows"):
        use("http_get", web, url=server.url("/bomb"))


def test_a_slow_server_is_given_up(web: Place, server: Served) -> None:
    server.answers["/slow"] = (200, {}, b"x")
    quick = Place(web.workspace, web.state, grants=web.grants, limits=Limits(http_s=0.3))
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"longer than 0.3 s"):
        use("http_get", quick, url=server.url("/slow"))
    assert time.monotonic() - began < 2


def test_a_server_that_is_not_there_is_named(web: Place) -> None:
    gone = Place(web.workspace, web.state, grants=("127.0.0.1:9",))
    with pytest.raises(ToolError, match=r"cannot connect to 127.0.0.1:9"):
        use("http_get", gone, url="http://127.0.0.1:9/")


def test_pages_are_read_and_their_links_taken(web: Place, server: Served) -> None:
    page = b"<title>T</title><p>Text</p><a href='/next'>on</a>"
    server.answers["/page"] = (200, {"Content-Type": "text/html"}, page)
    assert use("fetch_url", web, url=server.url("/page"))["text"] == "T\nText\non"
    links = use("extract_links", web, url=server.url("/page"))
    assert links["links"] == [{"url": server.url("/next"), "text": "on"}]


def test_a_page_that_would_take_forever_to_parse_is_given_up(web: Place, server: Served) -> None:
    server.answers["/page"] = (200, {"Content-Type": "text/html"}, b"<div " * 400_000)
    quick = Place(web.workspace, web.state, grants=web.grants, limits=Limits(page_s=0.5))
    with pytest.raises(ToolError, match=r"reading the page took longer than 0.5 s"):
        use("fetch_url", quick, url=server.url("/page"))


def test_an_address_is_the_one_that_was_decided_on(web: Place, server: Served) -> None:
    decided = facts_of("http_get", web, url="https://example.org/")
    with pytest.raises(Denied, match="not what was decided on"):
        asyncio.run(used("http_get", web, decided, url=server.url("/")))
