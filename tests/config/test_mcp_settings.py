"""MCP servers in settings: read strictly, written without touching anything else, imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.config import load
from workbench.config.adding import add_server, remove_server
from workbench.config.others import servers_in
from workbench.errors import ConfigError, UnknownName, UsageError
from workbench.values import dumps


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAIZEN_TUI_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[mcp.a]\nargs = ["x"]', "config.toml:1: mcp.a needs either a command or a url"),
        ('[mcp.a]\ncommand = "x"\nurl = "http://h/"', "needs either a command or a url"),
        ('[mcp.a]\ncommand = "x"\ncomand = "x"', "mcp.a.comand is no setting; did you mean 'comm"),
        ('[mcp."a.b"]\ncommand = "x"', "is no name for a server"),
        ('[mcp.a]\nurl = "ftp://h/"', "mcp.a.url expects an address like https://host/mcp"),
        ('[mcp.a]\nurl = "http://u:topsecret@h/"', "may hold no name and password"),
        ('[mcp.a]\nurl = "http://h/"\nsandbox = true', "mcp.a.sandbox goes with a command"),
        ('[mcp.a]\ncommand = "x"\nheaders = {}', "mcp.a.headers goes with a url"),
        ('[mcp.a]\ncommand = "x"\ncall_s = 0', "mcp.a.call_s expects seconds above 0"),
        ('[mcp.a]\ncommand = "x"\nrestarts = 9', "expects at most 3"),
        ('[mcp.a]\ncommand = "x"\nargs = "y"', "mcp.a.args expects a list of texts"),
        ("[mcp]\na = 3", "mcp.a expects a table"),
    ],
)
def test_a_server_that_is_none_is_an_error_with_its_line(home: Path, text: str, says: str) -> None:
    (home / "config.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(workspace=home)
    assert says in str(caught.value)
    assert "config.toml:" in str(caught.value)
    assert "topsecret" not in str(caught.value)


SERVERS: list[dict[str, Any]] = [
    {"command": "npx", "args": ["-y", "a b", 'q"u\\o']},
    {"command": "x", "env": {"A.B": "1", "C": "${secret:t}"}, "sandbox": True, "call_s": 3.5},
    {"url": "https://h/mcp", "headers": {"X-Y": "z"}},
]


@pytest.mark.parametrize("settings", SERVERS)
def test_a_server_that_is_added_reads_back_and_goes_without_a_trace(
    home: Path, settings: dict[str, Any]
) -> None:
    before = (
        '# mine\nmode = "auto"  # as I like it\n\n[mcp.old]\ncommand = "o"\n\n[keep]\nauto = true\n'
    )
    (home / "config.toml").write_text(before)
    variables = {"KAIZEN_TUI_CONFIG_HOME": str(home)}
    add_server(variables, "new", settings)
    held = load(workspace=home, environment=variables)
    assert dumps(held.mcp["new"]) == dumps(settings)
    assert held.mcp["old"]["command"] == "o"
    with pytest.raises(UsageError, match="there is an MCP server 'new'"):
        add_server(variables, "new", settings)
    remove_server(variables, "new")
    assert (home / "config.toml").read_text().rstrip() == before.rstrip()
    remove_server(variables, "old")
    assert "# as I like it" in (home / "config.toml").read_text()
    assert load(workspace=home, environment=variables).keep.auto
    with pytest.raises(UnknownName):
        remove_server(variables, "old")


def test_other_programs_files_are_read_and_what_is_left_is_said(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    servers: dict[str, Any] = {
        "good": {"command": "npx", "args": ["-y", "x"], "env": {"API_KEY": "sk-1", "MODE": "a"}},
        "web": {"type": "http", "url": "https://h/mcp", "alwaysAllow": ["*"], "disabled": True},
        "old": {"type": "sse", "url": "https://h/sse"},
        "asks": {"command": "x", "args": ["${input:token}"]},
        "neither": {"args": []},
        "b\x1bad": {"command": "x"},
        "list": {"command": "x", "args": "y"},
    }
    shapes: list[dict[str, Any]] = [
        {"mcpServers": servers},
        {"servers": servers},
        {"mcp": {"servers": servers}},
    ]
    for shape in shapes:
        file.write_text(json.dumps(shape))
        found = {one.name: one for one in servers_in(file)}
        good = found["good"]
        assert good.settings["env"] == {"API_KEY": "${secret:good_api_key}", "MODE": "a"}
        assert "sk-1" not in str(good)
        assert 'hosts = ["mcp:good"]' in good.left[0]
        assert found["web"].settings == {"url": "https://h/mcp", "enabled": False}
        assert "alwaysAllow" in found["web"].left[0]
        refused = [name for name, one in found.items() if not one.settings]
        assert refused == ["old", "asks", "neither", "b\\x1bad", "list"]
        assert all(found[name].left for name in refused)


@pytest.mark.parametrize("text", ["[]", "{}", '{"servers": 3}', "{", '{"mcpServers": []}', "\x00"])
def test_a_file_of_no_servers_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(text)
    with pytest.raises(ConfigError):
        servers_in(file)
