"""Which providers there are is known without a word; what they have, when they are asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.doubles.http_server import free_port
from tests.doubles.ollama_server import OllamaServer
from workbench.models.providers import Providers
from workbench.models.survey import Provider, ask, configured


def surveyed(providers: Providers) -> dict[str, Provider]:
    async def look() -> list[Provider]:
        try:
            return await configured(providers)
        finally:
            await providers.close()

    return {one.prefix: one for one in asyncio.run(look())}


def asked(providers: Providers, prefix: str) -> Provider:
    async def look() -> Provider:
        try:
            (one,) = [one for one in await configured(providers) if one.prefix == prefix]
            return await ask(providers, one)
        finally:
            await providers.close()

    return asyncio.run(look())


def test_nobody_is_asked_unbidden(tmp_path: Path):
    (tmp_path / "tour.playbook.yaml").write_text("playbook: tour")
    with OllamaServer() as server:
        hosts = {"ollama": server.url, "gpu": server.url}
        found = surveyed(Providers((tmp_path,), hosts=hosts, environ={}))
        assert server.requests == []
    assert list(found) == ["ollama", "gpu", "litellm", "playbook", "recorded"]
    assert found["ollama"].where == server.url
    assert (found["gpu"].state, found["gpu"].models) == ("", ())
    assert [info.name for info in found["playbook"].models] == ["playbook:default", "playbook:tour"]


def test_who_is_asked_answers_or_says_why_not(tmp_path: Path):
    with OllamaServer() as server:
        hosts = {"ollama": server.url, "gpu": f"127.0.0.1:{free_port()}"}
        there = asked(Providers(hosts=hosts, environ={}), "ollama")
        away = asked(Providers(hosts=hosts, environ={}), "gpu")
        server.shelf = []
        bare = asked(Providers(hosts=hosts, environ={}), "ollama")
    assert (there.state, [info.name for info in there.models]) == (
        "answers",
        ["ollama:tiny:latest"],
    )
    assert (away.state, away.models) == ("does not answer", ())
    assert bare.state == "has no models"
    assert asked(Providers(environ={}), "litellm").state == "has no models"


def test_an_address_that_is_none_is_said_and_stops_nobody():
    found = surveyed(Providers(hosts={"gpu": "ftp://box"}, environ={}))
    assert "is no address" in found["gpu"].where
    assert "is no address" in asked(Providers(hosts={"gpu": "ftp://box"}, environ={}), "gpu").state


def test_no_key_and_no_password_is_shown():
    endpoints = {"openai": {"api_base": "https://me:hush@example.org:8443/v1?key=hush"}}
    environ = {"ANTHROPIC_API_KEY": "hush", "OPENAI_API_KEY": "", "OLLAMA_API_KEY": "hush"}
    hosts = {"gpu": "http://me:hush@box:1"}
    found = surveyed(Providers(hosts=hosts, endpoints=endpoints, environ=environ))
    assert found["litellm"].where == "openai at https://example.org:8443/v1, ANTHROPIC_API_KEY"
    assert found["gpu"].where == "http://box:1"
    assert "hush" not in str(found)
