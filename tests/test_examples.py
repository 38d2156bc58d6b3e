"""Every example runs as it stands, with no model, no key and no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_in_an_empty_folder(example: Path, tmp_path: Path) -> None:
    done = run([sys.executable, str(example)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not done.stderr


@pytest.mark.parametrize("script", ["plan.kz", "tour.kz"])
def test_a_script_runs_on_its_playbook_as_it_stands(script: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    program = [sys.executable, "-m", "workbench", "--script", str(ROOT / "examples" / script)]
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as expected" in done.stdout


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.split("\n")[0])
def test_a_python_block_of_the_readme_runs(code: str, tmp_path: Path) -> None:
    # In a file, because patterns and tools are found again by module.
    (tmp_path / "block.py").write_text(code, encoding="utf-8")
    done = run([sys.executable, "block.py"], tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_readme_names_commands_that_exist() -> None:
    names = {line.split()[2] for line in "\n".join(blocks("sh")).splitlines() if "dev.py" in line}
    shown = run([sys.executable, str(ROOT / ".ci" / "dev.py"), "--help"], ROOT).stdout
    assert names
    assert all(name in shown for name in names)


def test_the_readme_s_agent_file_is_an_agent() -> None:
    from workbench.agent.files import load_agent

    (text,) = [block for block in blocks("toml") if "signature" in block]
    assert load_agent(text, ".toml", "critic.toml").name == "critic"


def test_the_readme_s_settings_are_settings(tmp_path: Path) -> None:
    settings = [block for block in blocks("toml") if "signature" not in block]
    settings.sort(key=lambda block: block.startswith("["))  # what is in no table comes first
    (tmp_path / "config.toml").write_text("\n".join(settings), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from workbench.config import load;"
        "held = load(workspace=Path(sys.argv[1]));"
        "print(held.theme, held.bell, len(held.hooks), *held.secrets, *held.mcp, *held.keys)"
    )
    variables = {**os.environ, "KAIZEN_TUI_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "nord False 1 github docs docs trace.follow app.runs\n", done.stderr


def test_the_readme_s_picture_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert (ROOT / unquote(path)).is_file()
