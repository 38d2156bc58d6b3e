"""No spelling of an inner address, and no redirect, reaches what was not granted."""

from __future__ import annotations

import zlib

from tests.threats.shipped import Listening, Stage


def test_no_spelling_of_an_address_reaches_the_loopback(stage: Stage, sink: Listening) -> None:
    port = sink.server_port
    hosts = [
        "127.0.0.1", "localhost", "LOCALHOST.", "0x7f.1", "2130706433", "017700000001", "127.1",
        "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "127.0.0.1.", "169.254.169.254", "100.100.100.200", "[fd00:ec2::254]",
    ]  # fmt: skip
    urls = [f"http://{host}:{port}/x" for host in hosts]
    urls += [f"http://user@127.0.0.1:{port}/", f"http://evil.test\\@127.0.0.1:{port}/"]
    urls += [f"gopher://127.0.0.1:{port}/x", "file:///etc/passwd", f"//127.0.0.1:{port}/"]
    stage.variables |= dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), sink.url)
    stage.play([("http_get", {"url": url}) for url in urls], rules="approve http_get")
    assert sink.heard == []
    said = stage.outcomes()
    assert len(said) == len(urls)
    assert "done" not in [outcome for _, outcome in said]


def test_a_redirect_is_checked_like_an_address(
    stage: Stage, site: Listening, sink: Listening
) -> None:
    stage.settings(f'grants = ["{site.place}"]\n')
    for status in (301, 302, 303, 307, 308):
        site.pages[f"/{status}"] = (status, {"Location": f"{sink.url}/x"}, b"")
    calls = [("http_post", {"url": f"{site.url}/{s}", "body": "b"}) for s in (301, 303, 307, 308)]
    calls += [("http_get", {"url": f"{site.url}/302"})]
    stage.play(calls, rules="approve http_*")
    assert len(site.heard) == 5
    assert sink.heard == []


def test_a_body_that_unpacks_to_a_thousandfold_is_cut_short(stage: Stage, site: Listening) -> None:
    stage.settings(f'grants = ["{site.place}"]\n')
    bomb = zlib.compress(bytes(300_000_000), 9)
    site.pages["/bomb"] = (200, {"Content-Encoding": "deflate"}, bomb)
    ended = stage.play([("http_get", {"url": f"{site.url}/bomb"})], rules="approve http_get")
    assert len(str(stage.rows("step.finished", "step.failed"))) < 10_000_000
    assert "Traceback" not in ended.err
