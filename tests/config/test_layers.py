"""Settings: which layer wins, what a project may not do, and what wrong ones are told."""

from pathlib import Path

import pytest

from workbench.config import Config, load
from workbench.config.secret import Secret
from workbench.config.trust import trust
from workbench.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".config" / "kaizen-tui"
    folder.mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def user_file(home: Path, text: str) -> None:
    (home / ".config" / "kaizen-tui" / "config.toml").write_text(text, encoding="utf-8")


def loaded(home: Path, project: Path, **more: object) -> Config:
    environment = {"HOME": str(home), **more.pop("environment", {})}  # type: ignore[dict-item]
    return load(environment=environment, workspace=project, **more)  # type: ignore[arg-type]


def project_file(home: Path, project: Path, text: str, suffix: str = ".toml") -> None:
    (project / f"kaizen{suffix}").write_text(text, encoding="utf-8")
    trust(project, {"HOME": str(home)})


def test_without_any_file_everything_is_a_default(home: Path, project: Path):
    config = loaded(home, project)
    assert config.mode == "confirm"
    assert config.model == ""
    assert config.sources == {}
    assert {source for _, _, source in config.rows()} == {"default"}


def test_flags_win_over_environment_over_project_over_user(home: Path, project: Path):
    user_file(home, 'model = "a"\ntheme = "nord"\nagents = "user"\n[limits]\nusd = 4.0\n')
    project_file(home, project, 'model = "b"\nagents = "project"\n[limits]\nusd = 3.0\n')
    config = loaded(
        home,
        project,
        environment={"KAIZEN_TUI_MODEL": "c", "KAIZEN_TUI_LIMITS_USD": "2"},
        flags={"model": "d"},
    )
    assert (config.model, config.theme, config.agents, config.limits.run.usd) == (
        "d",
        "nord",
        "project",
        2,
    )
    assert config.sources["model"] == "command line"
    assert config.sources["limits.usd"] == "environment KAIZEN_TUI_LIMITS_USD"
    assert config.sources["agents"] == "kaizen.toml:2"
    assert config.sources["theme"].endswith("config.toml:2")


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".toml", 'model = "m"\n\n[litellm.keys]\nopenai = "env:KEY"\n'),
        (".yaml", "model: m\n\nlitellm:\n  keys: {openai: 'env:KEY'}\n"),
        (".json", '{"model": "m",\n\n"litellm": {\n"keys": {"openai": "env:KEY"}}}'),
    ],
)
def test_the_three_formats_say_the_same(tmp_path: Path, suffix: str, text: str):
    file = tmp_path / f"mine{suffix}"
    file.write_text(text, encoding="utf-8")
    config = load(file, environment={"HOME": str(tmp_path)}, workspace=tmp_path)
    assert config.model == "m"
    assert config.litellm.keys == {"openai": Secret("env", "KEY")}
    assert config.sources["model"] == f"{file}:1"
    assert config.sources["litellm.keys"] in {f"{file}:3", f"{file}:4"}


WRONG = {
    "unknown": (
        'mode = "plan"\nmodell = "x"\n',
        ":2: there is no setting 'modell'. Did you mean 'model'?",
    ),
    "unknown inside": (
        "[limits]\n\nusdd = 1\n",
        ":3: there is no setting 'limits.usdd'. Did you mean 'limits.usd'?",
    ),
    "without its table": ("usd = 1\n", "Did you mean 'limits.usd'?"),
    "choice": (
        'mode = "confrim"\n',
        ":1: mode expects one of plan, confirm, edits, auto, got 'confrim'; did you mean",
    ),
    "number": ('[limits]\nusd = "5"\n', ":2: limits.usd expects a number of 0 or more, got '5'"),
    "negative": ("[limits]\nsteps = -1\n", ":2: limits.steps expects a whole number"),
    "truth as number": ("[limits]\nsteps = true\n", ":2: limits.steps expects a whole number"),
    "table": ("limits = 5\n", ":1: limits expects a table, got 5"),
    "list": ('grants = "a:1"\n', ":1: grants expects a list of texts"),
    "host": ('grants = ["a"]\n', ":1: grants expects host:port, got 'a'"),
    "feature": (
        "[features]\nshel = false\n",
        ":2: features.shel is no setting; did you mean 'shell'?",
    ),
    "rule": (
        '[[rules]]\nverdict = "deny"\n\n[[rules]]\ntol = "x"\n',
        ":5: rules.1.tol is no setting; did you mean 'tool'?",
    ),
    "rule without verdict": ('[[rules]]\ntool = "x"\n', ":1: rules.0 needs a verdict"),
    "tool": (
        "[tools.bash_command]\ntimeout = 3\n",
        ":2: tools.bash_command.timeout is no setting; did you mean 'timeout_s'?",
    ),
    "syntax": ("mode = \n", ":1: this is not TOML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_gets_its_sentence(home: Path, project: Path, case: str):
    text, expected = WRONG[case]
    user_file(home, text)
    with pytest.raises(ConfigError) as caught:
        loaded(home, project)
    assert expected in str(caught.value)
    assert "config.toml" in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (
            ".json",
            '{"limits": {"model": 1},\n"modle": 2}',
            ":1: there is no setting 'limits.model'",
        ),
        (".json", '{"limits": {"usd": 1},\n"modle": 2}', ":2: there is no setting 'modle'"),
        (".json", '{"mode": "plan",\n}', ":2: this is not JSON"),
        (".json", '{"mode": "plan", "mode": "auto"}', ":1: key 'mode' stands twice"),
        (".json", "[1]", "holds a list"),
        (".yaml", "mode: plan\nmode: auto\n", ":2: key 'mode' stands twice"),
        (".yaml", "a: &x 1\nb: *x\n", "aliases"),
        (".yaml", "model: m\nlimits:\n  tokns: 3\n", ":3: there is no setting 'limits.tokns'"),
        (".yaml", "model: [\n", "is not YAML"),
        (".yaml", "model: !!python/object/apply:os.system ['true']\n", ":1: the tag '!!python"),
        (".json", '{"keys":' * 60 + "1" + "}" * 60, "nested deeper"),
        (".toml", "x = " + "[" * 3000 + "]" * 3000, "nested"),
        (".ini", "a=1", "no format of settings '.ini'"),
    ],
)
def test_other_formats_name_the_line_too(tmp_path: Path, suffix: str, text: str, expected: str):
    file = tmp_path / f"mine{suffix}"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match=r"mine|format") as caught:
        load(file, environment={"HOME": str(tmp_path)}, workspace=tmp_path)
    assert expected in str(caught.value)


def test_a_misspelt_variable_is_named(home: Path, project: Path):
    with pytest.raises(
        ConfigError, match=r"KAIZEN_TUI_MODELL sets nothing\. Did you mean KAIZEN_TUI_MODEL"
    ):
        loaded(home, project, environment={"KAIZEN_TUI_MODELL": "x"})


def test_lists_in_variables_stand_between_commas(home: Path, project: Path):
    variables = {"KAIZEN_TUI_OLLAMA_HOSTS": "http://a:1/, http://b:2"}
    assert loaded(home, project, environment=variables).ollama.hosts == {
        "ollama": "http://a:1",
        "ollama2": "http://b:2",
    }


def test_ollama_hosts_may_have_names(home: Path, project: Path):
    user_file(home, '[ollama.hosts]\ngpu = "http://b:2"\n')
    assert loaded(home, project).ollama.hosts == {"ollama@gpu": "http://b:2"}
    user_file(home, '[ollama.hosts]\n"g:u" = "http://b:2"\n')
    with pytest.raises(ConfigError, match="is no name for a host"):
        loaded(home, project)


def test_what_runs_are_kept_is_read_from_a_file(home: Path, project: Path):
    user_file(home, "[keep]\ndays = 3\nruns = 10\n")
    kept = loaded(home, project).keep
    assert (kept.days, kept.runs, kept.auto) == (3, 10, False)


def test_a_secret_in_clear_is_refused_without_being_shown(home: Path, project: Path):
    user_file(home, '[litellm.keys]\nopenai = "sk-very-secret"\n')
    with pytest.raises(ConfigError, match=r"litellm\.keys\.openai expects a reference") as caught:
        loaded(home, project)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[secrets.key]\nfrom = "sk-very-secret"\nhosts = ["a.test"]', "from expects a reference"),
        ('[secrets.key]\nfrom = "env:KEY"', "key needs hosts"),
        ('[secrets.key]\nhosts = ["a.test"]', "key needs from"),
        ('[secrets.key]\nform = "env:KEY"\nhosts = []', "did you mean 'from'"),
        ('[secrets."a}b"]\nfrom = "env:KEY"\nhosts = []', "is no name for a secret"),
    ],
)
def test_a_secret_that_requests_may_carry_says_where_from_and_where_to(
    home: Path, project: Path, text: str, message: str
):
    user_file(home, text)
    with pytest.raises(ConfigError, match=message) as caught:
        loaded(home, project)
    assert "very-secret" not in str(caught.value)


def test_the_settings_show_secrets_as_references(home: Path, project: Path):
    user_file(home, '[secrets.key]\nfrom = "env:KEY"\nhosts = ["a.test"]')
    shown = {name: value for name, value, _ in loaded(home, project).rows()}
    assert shown["secrets"] == {"key": {"from": "env:KEY", "hosts": ("a.test",)}}


def test_an_untrusted_project_file_is_not_read(home: Path, project: Path):
    (project / "kaizen.toml").write_text("this is not even TOML", encoding="utf-8")
    config = loaded(home, project)
    assert config.untrusted == ("kaizen.toml",)
    assert "kaizen-tui trust" in config.notices[0]


@pytest.mark.parametrize(
    "text",
    [
        '[ollama]\nhosts = ["http://evil:1"]',
        '[litellm.base_urls]\nopenai = "http://evil"',
        '[litellm.keys]\nopenai = "env:HOME"',
        'grants = ["localhost:22"]',
        '[secrets.key]\nfrom = "env:HOME"\nhosts = ["evil.test"]',
        'plugins = ["evil"]',
        '[[rules]]\nverdict = "allow"',
        "[features]\nsandbox = false",
        '[tools.bash_command]\nrepeat = "pure"',
    ],
)
def test_a_trusted_project_still_cannot_loosen(home: Path, project: Path, text: str):
    project_file(home, project, text)
    with pytest.raises(ConfigError, match=r"kaizen\.toml:\d"):
        loaded(home, project)


def test_a_project_can_only_tighten_mode_and_limits(home: Path, project: Path):
    user_file(home, "[limits]\nusd = 1.0\n")
    project_file(home, project, 'mode = "auto"\n[limits]\nusd = 9.0\nsteps = 5\n')
    config = loaded(home, project)
    assert (config.mode, config.limits.run.usd, config.limits.run.steps) == ("confirm", 1.0, 5)
    assert len(config.notices) == 2


def test_rules_of_all_layers_hold_together(home: Path, project: Path):
    user_file(home, '[[rules]]\nverdict = "allow"\ntool = "read_file"\n')
    project_file(home, project, '[[rules]]\nverdict = "deny"\ntool = "bash_*"\n')
    assert [rule["verdict"] for rule in loaded(home, project).rules] == ["allow", "deny"]


def test_two_files_for_one_place_are_refused(home: Path, project: Path):
    (project / "kaizen.json").write_text("{}", encoding="utf-8")
    (project / "kaizen.toml").write_text("# ours\n", encoding="utf-8")
    (project / "kaizen.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"kaizen\.toml and kaizen\.json"):
        loaded(home, project)


def test_settings_from_python_are_checked_alike(home: Path, project: Path):
    assert load({"limits": {"usd": 2}}, environment={"HOME": str(home)}).limits.run.usd == 2
    with pytest.raises(ConfigError, match="Did you mean 'model'"):
        load({"modell": "x"}, environment={"HOME": str(home)})


def test_a_secret_is_resolved_only_when_asked(tmp_path: Path):
    assert Secret("env", "K").resolve({"K": "v"}) == "v"
    assert Secret("command", "printf 's e c'").resolve({"PATH": "/usr/bin:/bin"}) == "s e c"
    with pytest.raises(ConfigError, match="'env:K' is empty"):
        Secret("env", "K").resolve({})
    with pytest.raises(ConfigError, match="ended with 1"):
        Secret("command", "false").resolve({"PATH": "/usr/bin:/bin"})
