from __future__ import annotations

from tests.tools.calls import names
from workbench.tools.place import Place
from workbench.tools.sandbox import stubs


def test_names_that_are_missing_are_held_and_let_go(place: Place) -> None:
    (place.workspace / ".git").mkdir()
    (place.workspace / "sub").mkdir()
    (place.workspace / "sub" / ".env").write_text("x")
    with stubs.kept_out(place) as held:
        held_names = {str(path.relative_to(place.workspace)) for path in held}
        assert {".git", ".envrc", ".vscode", "kaizen.toml", "sub/.env"} <= held_names
        assert all(path.exists() for path in held)
    assert names(place.workspace) == [".git", "sessions", "sub"]


def test_two_commands_share_the_stubs(place: Place) -> None:
    with stubs.kept_out(place) as one:
        with stubs.kept_out(place) as other:
            assert set(one) == set(other)
        assert (place.workspace / ".envrc").exists()
    assert names(place.workspace) == ["sessions"]


def test_a_start_file_that_appeared_in_a_virtual_environment_is_set_aside(place: Place) -> None:
    for environment in (place.workspace / ".venv", place.workspace):
        site = environment / "lib" / "python3.11" / "site-packages"
        site.mkdir(parents=True)
        (environment / "pyvenv.cfg").touch()
        (site / "theirs.pth").touch()
        with stubs.kept_out(place) as covered:
            (site / "evil.pth").write_text("import os")
            (site / "module.py").touch()
        assert site / "theirs.pth" in covered
        assert [name for name in names(site) if name.endswith(".pth")] == ["theirs.pth"]


def test_secrets_further_down_are_found_and_what_is_vast_is_left_out(place: Place) -> None:
    for name in (
        "packages/api/.env",
        "a/b/c/d/id_rsa",
        "node_modules/x/.env",
        "packages/x/.env.test",
    ):
        (place.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (place.workspace / name).touch()
    (place.workspace / "link.pem").symlink_to(place.workspace / "a/b/c/d/id_rsa")
    found = {str(path.relative_to(place.workspace)) for path in stubs.secrets(place.workspace)}
    assert found == {"packages/api/.env", "packages/x/.env.test", "a/b/c/d/id_rsa"}


def test_a_protected_name_that_appeared_is_set_aside(place: Place) -> None:
    (place.workspace / "sub").mkdir()
    with stubs.kept_out(place):
        (place.workspace / ".bashrc").write_text("evil")
        (place.workspace / "sub" / ".envrc").write_text("evil")
        (place.workspace / "harmless").write_text("x")
    found = names(place.workspace)
    assert found[:2] == ["harmless", "sessions"]
    assert found[2].startswith("set-aside.bashrc.")
    assert [name.partition(".envrc")[0] for name in names(place.workspace / "sub")] == ["set-aside"]


def test_what_a_killed_program_left_is_taken_away_by_the_next_command(place: Place) -> None:
    (place.workspace / ".git").mkdir(mode=0o555)
    (place.workspace / "kaizen.toml").touch(mode=0o444)
    (place.workspace / ".envrc").touch(mode=0o644)
    with stubs.kept_out(place):
        assert (place.workspace / ".git").is_dir()
    assert names(place.workspace) == [".envrc", "sessions"], "a person's own empty file stays"
