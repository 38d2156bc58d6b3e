"""What every test stands on: a fixed hypothesis profile and an environment of its own."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")

HOME_FOLDERS = {
    "HOME": "",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}
LITELLM_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_OFFLINE_MODE": "true",
}


@pytest.fixture(autouse=True)
def isolated_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give the test an empty home, no model to reach and no key to pay with; return the home."""
    home = tmp_path_factory.mktemp("home")
    for name, folder in HOME_FOLDERS.items():
        monkeypatch.setenv(name, str(home / folder))
    for name, value in LITELLM_OFFLINE.items():
        monkeypatch.setenv(name, value)
    for name in [*os.environ]:
        if name in {"OLLAMA_HOST", "NO_COLOR"} or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    return home
