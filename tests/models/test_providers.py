"""Names lead to models; the default costs nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.http_server import free_port
from tests.doubles.ollama_server import OllamaServer, Pulled
from tests.models.requests import asked, ignore
from workbench.errors import ConfigError, ModelError, UnknownName, UsageError
from workbench.models.choose import Choice, choose
from workbench.models.litellm import LitellmModel
from workbench.models.ollama import OllamaModel
from workbench.models.playbook import PlaybookModel
from workbench.models.providers import Manner, Providers
from workbench.models.recorded import RecordedModel


def nowhere() -> dict[str, str]:
    return {"OLLAMA_HOST": f"127.0.0.1:{free_port()}"}


def test_each_name_opens_its_provider_once():
    providers = Providers(hosts={"gpu": "http://box:1"}, rows=lambda _: [], environ={})
    kinds: dict[str, Any] = {
        "ollama:qwen3:4b": OllamaModel,
        "ollama:hf.co/x/y:Q4": OllamaModel,
        "gpu:qwen3:4b": OllamaModel,
        "litellm:openai/gpt-4o": LitellmModel,
        "openai/gpt-4o": LitellmModel,
        "openrouter/x/y:free": LitellmModel,
        "playbook:": PlaybookModel,
        "playbook:default": PlaybookModel,
        "recorded:a41f": RecordedModel,
    }
    for name, kind in kinds.items():
        assert isinstance(providers.open(name), kind)
        assert providers.open(name) is providers.open(name)
    assert providers.open("ollama:a") is not providers.open("gpu:a")
    gpu = providers.open("gpu:a")
    assert isinstance(gpu, OllamaModel)
    assert gpu.url == "http://box:1"
    asyncio.run(providers.close())
    assert providers.open("gpu:a") is not gpu


def test_an_unknown_provider_names_the_nearest():
    providers = Providers(environ={})
    with pytest.raises(UnknownName, match=r"no model provider 'olama'. Did you mean 'ollama'\?"):
        providers.open("olama:qwen3")
    with pytest.raises(UnknownName, match="as in ollama:qwen3:4b"):
        providers.open("qwen3:4b")
    with pytest.raises(UnknownName, match="as in ollama:gpt"):
        providers.open("gpt")
    with pytest.raises(UsageError, match="names no model"):
        providers.open("ollama:")
    with pytest.raises(UnknownName, match="no playbook 'tuor'"):
        providers.open("playbook:tuor")
    with pytest.raises(UsageError, match="none is open"):
        providers.open("recorded:a")
    with pytest.raises(ConfigError):
        Providers(hosts={"gpu": "ftp://x"}, environ={}).open("gpu:a")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ollama@gpu:qwen3:4b", ("ollama@gpu", "qwen3:4b")),
        ("ollama@box:qwen3:4b", ("ollama@gpu", "qwen3:4b")),
        ("ollama@box:11435:a", ("ollama@gpu", "a")),
        ("ollama@localhost:a:7", ("ollama@localhost", "a:7")),
        ("ollama@127.0.0.1:9000:a", ("ollama@127.0.0.1:9000", "a")),
        ("ollama@[::1]:9000:a", ("ollama@[::1]:9000", "a")),
        ("openai@work/gpt-4o", ("litellm", "openai@work/gpt-4o")),
    ],
)
def test_a_place_stands_behind_an_at(name: str, meant: tuple[str, str]):
    endpoints = {"openai@work": {"api_key_env": "X"}}
    providers = Providers(hosts={"ollama@gpu": "http://box:11435"}, endpoints=endpoints)
    assert providers.split(name) == meant
    assert providers.open(name)


@pytest.mark.parametrize("name", ["ollama@evil.example:a", "ollama@box:1:a", "openai@home/gpt-4o"])
def test_a_host_that_no_setting_names_is_asked_nothing(name: str):
    endpoints = {"openai@work": {"api_key_env": "X"}}
    providers = Providers(hosts={"ollama@gpu": "http://box:11435"}, endpoints=endpoints)
    with pytest.raises(UnknownName):
        providers.open(name)


def test_a_provider_that_is_switched_off_is_said_and_never_asked():
    providers = Providers(environ=nowhere(), manner=Manner(off=frozenset({"ollama", "litellm"})))
    for name in ("ollama:a", "openai/gpt-4o"):
        with pytest.raises(ConfigError, match="switched off"):
            providers.open(name)
    assert asyncio.run(choose(providers)).why.startswith("Ollama is switched off")
    asyncio.run(providers.close())


def test_everything_that_answers_is_listed(tmp_path: Path):
    (tmp_path / "tour.playbook.yaml").write_text("playbook: tour")

    async def names(server: OllamaServer) -> list[str]:
        hosts = {"gpu": f"127.0.0.1:{free_port()}"}
        providers = Providers((tmp_path,), hosts=hosts, environ={"OLLAMA_HOST": server.url})
        found = await providers.models()
        await providers.close()
        return [info.name for info in found]

    with OllamaServer() as server:
        found = asyncio.run(names(server))
    assert found == ["ollama:tiny:latest", "playbook:default", "playbook:tour"]


def chosen(environ: dict[str, str], configured: str = "") -> Choice:
    async def run() -> Choice:
        providers = Providers(environ=environ)
        try:
            return await choose(providers, configured)
        finally:
            await providers.close()

    return asyncio.run(run())


def test_what_is_configured_is_taken():
    assert chosen({}, "openai/gpt-4o") == ("openai/gpt-4o", "the configuration names it")


def test_without_ollama_the_playbook_is_chosen_even_when_keys_are_set():
    model, why = chosen({**nowhere(), "OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "y"})
    assert model == "playbook:default"
    assert "no Ollama answers" in why


def test_a_reachable_ollama_gives_its_newest_model_that_calls_tools():
    with OllamaServer() as server:
        server.shelf = [
            Pulled("embed:1", ("embedding",)),
            Pulled("plain:1", ("completion",)),
            Pulled("tools:1", ("completion", "tools")),
        ]
        model, why = chosen({"OLLAMA_HOST": server.url})
        assert (model, "calls tools" in why) == ("ollama:tools:1", True)
        server.shelf.insert(0, Pulled("new:1"))
        asked = len(server.bodies("/api/show"))
        assert chosen({"OLLAMA_HOST": server.url}).model == "ollama:new:1"
        assert len(server.bodies("/api/show")) == asked + 1
        server.shelf = server.shelf[1:]
        server.shelf = server.shelf[:2]
        assert chosen({"OLLAMA_HOST": server.url}).model == "ollama:plain:1"
        server.shelf = server.shelf[:1]
        model, why = chosen({"OLLAMA_HOST": server.url})
        assert (model, "models pull" in why) == ("playbook:default", True)


def test_the_default_answers_without_any_file():
    async def run() -> str:
        providers = Providers(environ=nowhere())
        model = (await choose(providers)).model
        reply = await providers.open(model).complete(asked(agent="a", model=model), ignore)
        return reply.text

    assert asyncio.run(run()) == "a"


def test_an_unreachable_host_is_a_model_error_of_its_own():
    async def run() -> None:
        providers = Providers(environ=nowhere())
        try:
            await providers.open("ollama:x").complete(asked(model="ollama:x"), ignore)
        finally:
            await providers.close()

    with pytest.raises(ModelError) as caught:
        asyncio.run(run())
    assert caught.value.exit_code == 4


def test_nothing_heavy_is_loaded_before_it_is_needed():
    code = (
        "import asyncio, sys\n"
        "from workbench.models.choose import choose\n"
        "from workbench.models.providers import Providers\n"
        f"providers = Providers(environ={nowhere()!r})\n"
        "asyncio.run(choose(providers)); providers.open('ollama:x'); providers.open('a/b')\n"
        "providers.open('playbook:default')\n"
        "heavy = {'aiohttp', 'httpx', 'litellm', 'yaml', 'pydantic', 'ssl'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy - {'ssl'} else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["playbook", "ollama", "recorded"])
def test_a_provider_alone_is_no_model(name: str) -> None:
    with pytest.raises(UsageError, match=f"Write {name}:NAME"):
        Providers().split(name)
