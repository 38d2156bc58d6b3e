"""The command `models`: what there is and can do, and fetching one; by the program itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.doubles.http_server import free_port
from tests.doubles.ollama_server import OllamaServer, Pulled

PROGRAM = [sys.executable, "-m", "workbench"]
ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.shelf = [Pulled("tiny:latest"), Pulled("seer:1", ("completion", "vision"), 65_536)]
        yield running


def environment(server: OllamaServer | None) -> dict[str, str]:
    host = server.url if server else f"127.0.0.1:{free_port()}"
    ours = {"PYTHONPATH": ROOT, "OLLAMA_HOST": host, "TERM": "xterm"}
    return {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")} | ours


def ran(
    folder: Path, server: OllamaServer | None, *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env=environment(server),
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def at_terminal(folder: Path, server: OllamaServer, *words: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        PROGRAM[0],
        [*PROGRAM[1:], *words],
        cwd=str(folder),
        env=environment(server),  # type: ignore[arg-type] - a dict of texts, as os.environ is
        encoding="utf-8",
        timeout=20,
    )


def test_models_are_listed_by_provider_with_abilities_and_prices(
    tmp_path: Path, server: OllamaServer
):
    done = ran(tmp_path, server, "models")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (line,) = [line for line in lines if "ollama:seer:1" in line]
    assert line.split() == ["ollama:seer:1", "free", "65536", "977", "KiB", "chat", "vision"]
    assert f"ollama  answers  {server.url}" in lines
    assert "  * ollama:tiny:latest" in done.stdout
    told = json.loads(ran(tmp_path, server, "models", "--json").stdout)
    (ollama,) = [one for one in told["providers"] if one["prefix"] == "ollama"]
    assert (ollama["state"], told["chosen"]) == ("answers", "ollama:tiny:latest")
    assert ollama["models"][1]["context_tokens"] == 65_536
    assert ollama["models"][1]["usd_per_million"] == [0.0, 0.0]


def test_who_does_not_answer_is_named_with_what_mends_it(tmp_path: Path, server: OllamaServer):
    hosts = json.dumps({"ollama": server.url, "gpu": f"http://127.0.0.1:{free_port()}"})
    words = ("models", "--set", f"ollama.hosts={hosts}")
    lines = ran(tmp_path, server, *words).stdout.splitlines()
    gone = next(n for n, line in enumerate(lines) if line.startswith("ollama@gpu  does not answer"))
    assert lines[gone + 1].strip() == "ollama serve"
    server.shelf = []
    assert "kaizen-tui models pull ollama:qwen3:4b" in ran(tmp_path, server, *words).stdout


def test_one_model_is_shown_with_what_it_holds(tmp_path: Path, server: OllamaServer):
    shown = ran(tmp_path, server, "models", "show", "ollama:seer:1").stdout
    assert "65536 tokens, asked to hold 8192" in shown
    assert "can        chat, bound to a schema, images" in shown
    told = json.loads(ran(tmp_path, server, "models", "show", "ollama:seer:1", "--json").stdout)
    assert (told["can"]["images"], told["can"]["tools"]) == (True, False)
    missing = ran(tmp_path, server, "models", "show", "ollama:seeer:1")
    assert (missing.returncode, "Did you mean 'seer:1'?" in missing.stderr) == (1, True)


def test_nothing_is_fetched_unless_somebody_agrees(tmp_path: Path, server: OllamaServer):
    done = ran(tmp_path, server, "models", "pull", "qwen3:4b")
    assert (done.returncode, "Add --yes" in done.stderr) == (5, True)
    script = ran(tmp_path, server, "--script", "-", stdin="models pull qwen3:4b\n")
    assert "fetches qwen3:4b from the library at ollama.com" in script.stdout
    assert server.bodies("/api/pull") == []


def test_a_pull_says_how_far_it_is_and_stands_in_the_audit(tmp_path: Path, server: OllamaServer):
    done = ran(tmp_path, server, "models", "pull", "qwen3:4b", "--yes")
    assert done.returncode == 0, done.stderr
    assert "ollama:qwen3:4b is there" in done.stdout
    assert "50 % of 100 bytes" in done.stderr
    script = "models pull qwen3:4b yes=true\nmodel ollama:qwen3:4b\n"
    assert "agents without a model" in ran(tmp_path, server, "--script", "-", stdin=script).stdout
    audit = ran(tmp_path, server, "audit", "list").stdout
    assert audit.count("model.pulled") == 2
    missing = ran(tmp_path, server, "models", "pull", "nothing", "--yes")
    assert (missing.returncode, "finds no model 'nothing'" in missing.stderr) == (1, True)
    for name in ("playbook:tour", "recorded:last"):
        assert "cannot be pulled" in ran(tmp_path, server, "models", "pull", name, "--yes").stderr


def test_ctrl_c_ends_a_pull_and_says_how_it_goes_on(tmp_path: Path, server: OllamaServer):
    server.pull_pause_s = 0.3
    child = at_terminal(tmp_path, server, "models", "pull", "qwen3:4b")
    child.expect("Type yes to fetch it")
    child.sendline("yes")
    child.expect("50/100 bytes|50 %|0/100 bytes")
    child.sendintr()
    child.expect("was cancelled")
    child.expect("goes on from there")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 128 + signal.SIGINT
    assert server.left.wait(10)
    assert [model.name for model in server.shelf] == ["tiny:latest", "seer:1"]


def test_a_models_memory_is_freed(tmp_path: Path, server: OllamaServer):
    assert "is out of memory" in ran(tmp_path, server, "models", "unload", "tiny").stdout
    assert server.bodies("/api/generate")[0]["keep_alive"] == 0


@pytest.mark.parametrize("act", ["show", "pull", "unload"])
def test_an_act_without_a_model_says_what_is_missing(
    tmp_path: Path, server: OllamaServer, act: str
):
    done = ran(tmp_path, server, "models", act)
    assert (done.returncode, "needs a model" in done.stderr) == (2, True)
