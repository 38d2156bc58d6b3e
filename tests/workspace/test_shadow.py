"""Snapshots of real folders by the real git, and everything a folder may bring against them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.workspace import listing
from workbench.workspace.git import GitFailed, TookTooLong, find_git
from workbench.workspace.heads import head_of
from workbench.workspace.shadow import EMPTY_TREE, Shadow

GIT = find_git() or ""
pytestmark = pytest.mark.skipif(not GIT, reason="needs git")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def shadow(tmp_path: Path) -> Shadow:
    return Shadow(GIT, tmp_path / "state" / "snapshots")


def _git(folder: Path, *words: str) -> str:
    ended = subprocess.run(
        [GIT, "-c", "user.name=me", "-c", "user.email=me@here", *words],
        cwd=folder, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return ended.stdout


def _paths(shadow: Shadow, tree: str) -> set[str]:
    return {one.path for one in shadow.differences(EMPTY_TREE, tree)}


def test_two_snapshots_say_what_became_of_each_file(work: Path, shadow: Shadow) -> None:
    (work / "kept").write_text("same")
    (work / "edited").write_text("before")
    (work / "gone").write_text("x")
    (work / "script").write_text("#!")
    before = shadow.snapshot(work)
    (work / "edited").write_text("after")
    (work / "gone").unlink()
    (work / "new").mkdir()
    (work / "new" / "file").write_text("y")
    (work / "script").chmod(0o755)
    after = shadow.snapshot(work)
    found = {one.path: one for one in shadow.differences(before.tree, after.tree)}
    assert set(found) == {"edited", "gone", "new/file", "script"}
    assert shadow.content(str(found["edited"].before)) == b"before"
    assert found["gone"].after is None
    assert found["new/file"].before is None
    assert (found["script"].before_mode, found["script"].mode) == (0o100644, 0o100755)
    assert before.files == after.files == 4


def test_a_folder_that_did_not_change_is_the_same_snapshot(work: Path, shadow: Shadow) -> None:
    assert shadow.snapshot(work).tree == EMPTY_TREE
    (work / "a").write_text("x")
    first = shadow.snapshot(work)
    assert shadow.snapshot(work) == first
    assert Shadow(GIT, shadow.folder).snapshot(work) == first


def test_a_change_within_the_clocks_grain_is_seen(work: Path, shadow: Shadow) -> None:
    trees: set[str] = set()
    for number in range(20):
        (work / "a").write_text(f"{number:02}")
        trees.add(shadow.snapshot(work).tree)
    assert len(trees) == 20


def test_contents_are_kept_byte_by_byte_whatever_attributes_say(work: Path, shadow: Shadow) -> None:
    (work / ".gitattributes").write_text(
        "* text=auto eol=crlf ident\n*.x filter=evil\n*.u working-tree-encoding=UTF-16\n"
        "[attr]mine text\nd.txt mine\n"
    )
    texts = {
        "a.txt": b"one\r\ntwo\n$Id$\n",
        "b.x": b"\r\n\r",
        "c.u": "é".encode(),
        "d.txt": b"\r\n",
    }
    for name, data in texts.items():
        (work / name).write_bytes(data)
    tree = shadow.snapshot(work).tree
    for name, data in texts.items():
        found = shadow.lookup(tree, name)
        assert found is not None
        assert shadow.content(found[0]) == data
    back = work.parent / "back"
    back.mkdir()
    shadow.unfold(tree, back)
    assert {name: (back / name).read_bytes() for name in texts} == texts


def test_odd_names_links_and_modes_come_back(work: Path, shadow: Shadow) -> None:
    names = [b"-rf", b"new\nline", b"\xff\xfe", b"\x1b]0;x\x07", b":(glob)*", b"a b", b"'\"\\",
             b"git~1", b"c:\\d", "ü".encode()]  # fmt: skip
    top = os.fsencode(work)
    for name in names:
        Path(os.fsdecode(top + b"/" + name)).write_bytes(name)
    (work / "link").symlink_to("/etc/passwd")
    (work / "dangling").symlink_to("nowhere")
    (work / "loop").symlink_to("loop")
    (work / "run").write_text("#!")
    (work / "run").chmod(0o755)
    tree = shadow.snapshot(work).tree
    back = work.parent / "back"
    back.mkdir()
    shadow.unfold(tree, back)
    assert {path.name for path in back.iterdir()} == {path.name for path in work.iterdir()}
    assert all(Path(os.fsdecode(os.fsencode(back) + b"/" + n)).read_bytes() == n for n in names)
    assert (back / "link").readlink() == Path("/etc/passwd")
    assert (back / "run").stat().st_mode & 0o777 == 0o755
    assert shadow.lookup(tree, ":(glob)*") is not None
    assert shadow.lookup(tree, "*") is None


def test_a_file_becomes_a_folder_and_back(work: Path, shadow: Shadow) -> None:
    (work / "p").write_text("file")
    one = shadow.snapshot(work).tree
    (work / "p").unlink()
    (work / "p").mkdir()
    (work / "p" / "x").write_text("inside")
    two = shadow.snapshot(work).tree
    shutil.rmtree(work / "p")
    (work / "p").write_text("file")
    assert _paths(shadow, one) == {"p"}
    assert _paths(shadow, two) == {"p/x"}
    assert shadow.snapshot(work).tree == one


def test_what_must_not_be_copied_is_left_out_and_counted(
    work: Path, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_FILE_BYTES", 100)
    (work / ".gitignore").write_text("build/\n*.log\n!.env\n!id_rsa\n")
    (work / "build").mkdir()
    for name in ("build/out", "a.log", ".env", "id_rsa", "server.pem", "fine", "sessions"):
        if name != "sessions":
            (work / name).write_text(name)
    (work / "large").write_bytes(b"x" * 101)
    os.mkfifo(work / "fifo")
    (work / "sessions" / "deep").mkdir(parents=True)
    (work / "sessions" / "deep" / "workbench.db").write_text("the log")
    (work / "nested").mkdir()
    _git(work / "nested", "init", "-q")
    (work / "nested" / "a").write_text("x")
    _git(work / "nested", "add", "a")
    _git(work / "nested", "commit", "-qm", "x")
    found = shadow.snapshot(work, "sessions")
    assert _paths(shadow, found.tree) == {".gitignore", "fine"}
    assert found.left_out == {"secret": 3, "large": 1, "nested": 1}


def test_a_file_that_grew_too_large_is_not_kept_as_it_was(
    work: Path, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_FILE_BYTES", 100)
    (work / "a").write_text("small")
    assert _paths(shadow, shadow.snapshot(work).tree) == {"a"}
    (work / "a").write_bytes(b"x" * 101)
    assert _paths(shadow, shadow.snapshot(work).tree) == set()


def test_what_the_user_tracks_is_kept_though_it_is_ignored(work: Path, shadow: Shadow) -> None:
    _git(work, "init", "-q")
    (work / ".gitignore").write_text("*.gen\n")
    (work / "tracked.gen").write_text("one")
    (work / "untracked.gen").write_text("x")
    _git(work, "add", "-f", "tracked.gen")
    before = shadow.snapshot(work).tree
    assert _paths(shadow, before) == {".gitignore", "tracked.gen"}
    (work / "tracked.gen").write_text("two")
    after = shadow.snapshot(work).tree
    assert [one.path for one in shadow.differences(before, after)] == ["tracked.gen"]
    (work / ".git" / "info" / "exclude").write_text("secret-plans\n")
    (work / "secret-plans").write_text("x")
    assert shadow.snapshot(work).tree == after


def _state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_of_a_hostile_repository_runs_or_is_touched(
    work: Path, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = work.parent / "canary"
    program = work / "sing"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {canary}\ncat\n")
    program.chmod(0o755)
    _git(work, "init", "-q")
    (work / "a.txt").write_text("one")
    _git(work, "add", "a.txt")
    _git(work, "commit", "-qm", "first")
    (work / ".gitattributes").write_text("* filter=sing diff=sing merge=sing\n")
    for key in (
        "core.fsmonitor", "filter.sing.clean", "filter.sing.smudge", "filter.sing.process",
        "diff.sing.textconv", "diff.sing.command", "diff.external", "core.pager", "core.editor",
        "core.sshCommand", "core.askPass", "credential.helper", "core.alternateRefsCommand",
        "uploadpack.packObjectsHook", "gpg.program", "core.gitProxy",
    ):  # fmt: skip
        _git(work, "config", key, str(program))
    _git(work, "config", "core.worktree", str(work.parent / "elsewhere"))
    _git(work, "config", "alias.ls-files", f"!{program}")
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction"):
        shutil.copy(program, work / ".git" / "hooks" / name)
    (work / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    monkeypatch.setenv("GIT_DIR", str(work / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(program))
    home = Path(os.environ["HOME"])
    (home / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {program}\n\thooksPath = {work}\n")
    before = _state_of(work / ".git")
    one = shadow.snapshot(work).tree
    (work / "a.txt").write_text("two")
    two = shadow.snapshot(work).tree
    assert [d.path for d in shadow.differences(one, two)] == ["a.txt"]
    back = work.parent / "back"
    back.mkdir()
    shadow.unfold(one, back)
    assert (back / "a.txt").read_text() == "one"
    assert not canary.exists()
    assert _state_of(work / ".git") == before
    assert head_of(work) == "refs/heads/main"


def test_a_git_file_that_points_elsewhere_is_followed_for_its_head_only(
    work: Path, shadow: Shadow
) -> None:
    other = work.parent / "other"
    other.mkdir()
    _git(other, "init", "-q", "-b", "main")
    (other / "theirs").write_text("x")
    _git(other, "add", "theirs")
    (work / ".git").write_text(f"gitdir: {other}/.git\n")
    (work / "mine").write_text("x")
    assert head_of(work) == "refs/heads/main"
    assert _paths(shadow, shadow.snapshot(work).tree) == {"mine"}


@pytest.mark.parametrize("text", ["", "gitdir: ../../../etc/passwd", "gitdir: .", "nonsense", "\0"])
def test_a_git_file_that_leads_nowhere_is_no_repository(work: Path, text: str) -> None:
    (work / ".git").write_text(text)
    assert head_of(work) == ""


def test_a_tree_beyond_the_bounds_is_refused_and_nothing_is_kept(
    work: Path, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(11):
        (work / str(number)).write_text("x" * 10)
    monkeypatch.setattr(listing, "MOST_FILES", 10)
    with pytest.raises(listing.TooLarge, match="more than 10 files"):
        shadow.snapshot(work)
    with pytest.raises(listing.TooLarge):
        shadow.outlook(work)
    monkeypatch.setattr(listing, "MOST_FILES", 100)
    monkeypatch.setattr(listing, "MOST_NEW_BYTES", 100)
    with pytest.raises(listing.TooLarge, match="to be kept"):
        shadow.snapshot(work)
    monkeypatch.setattr(listing, "_MOST_LISTED", 20)
    with pytest.raises(TookTooLong, match="listed more than"):
        shadow.snapshot(work)
    monkeypatch.undo()
    assert shadow.snapshot(work).files == 11


def test_an_ignore_file_that_never_ends_costs_no_more_than_the_limit(
    work: Path, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(work / ".gitignore")
    monkeypatch.setattr(listing, "LIST_S", 0.5)
    with pytest.raises(TookTooLong, match=r"longer than 0\.5 s"):
        shadow.snapshot(work)


def test_many_new_files_go_into_one_pack(work: Path, shadow: Shadow) -> None:
    for number in range(700):
        (work / f"{number}.txt").write_text(f"number {number}\n")
    (work / "link").symlink_to("1.txt")
    tree = shadow.snapshot(work).tree
    loose = [path for path in (shadow.folder / "objects").iterdir() if len(path.name) == 2]
    assert len(loose) < 50
    found = shadow.lookup(tree, "650.txt")
    assert found is not None
    assert shadow.content(found[0]) == b"number 650\n"


_KILLED = """
import os, signal, sys
from pathlib import Path
from workbench.workspace import git
from workbench.workspace.shadow import Shadow
calls, at = 0, int(sys.argv[3])
run = git.Git._started
def started(self, words, index, tree):
    global calls
    calls += 1
    process = run(self, words, index, tree)
    if calls == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return process
git.Git._started = started
Shadow(sys.argv[4], Path(sys.argv[1])).snapshot(Path(sys.argv[2]))
"""


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_after_a_kill_in_a_snapshot_the_next_one_works(work: Path, shadow: Shadow, at: int) -> None:
    for number in range(600):
        (work / str(number)).write_text(f"{number}")
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(shadow.folder), str(work), str(at), GIT],
        cwd=Path(__file__).parents[2], check=False, capture_output=True,
    )  # fmt: skip
    assert ended.returncode in {-signal.SIGKILL, 0}, ended.stderr.decode()
    assert shadow.snapshot(work).files == 600
    (work / "more").write_text("x")
    assert shadow.snapshot(work).files == 601


def test_a_composed_tree_is_one_with_files_replaced_and_taken_away(
    work: Path, shadow: Shadow
) -> None:
    for name in ("a", "b", "d/c"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(name)
    tree = shadow.snapshot(work).tree
    made = shadow.composed(tree, {"a": (b"new", 0o100755), "b": None, "e/f": (b"f", 0o100600)})
    assert _paths(shadow, made) == {"a", "d/c", "e/f"}
    back = work.parent / "back"
    back.mkdir()
    shadow.unfold(made, back)
    assert (back / "a").read_bytes() == b"new"
    assert (back / "a").stat().st_mode & 0o111


def test_an_unreadable_repository_raises_what_git_says(work: Path, shadow: Shadow) -> None:
    (work / "a").write_text("x")
    shadow.snapshot(work)
    shutil.rmtree(shadow.folder / "objects")
    (shadow.folder / "objects").mkdir()
    (work / "b").write_text("y")
    with pytest.raises(GitFailed):
        shadow.snapshot(work)
    shadow.set_aside()
    assert shadow.snapshot(work).files == 2


def test_a_change_in_the_same_second_is_seen_beside_a_deletion(work: Path, shadow: Shadow) -> None:
    for number in range(8):
        (work / "edited").write_text("before")
        (work / "old").write_text("x")
        before = shadow.snapshot(work).tree
        (work / "edited").write_text("after\n")
        (work / "old").unlink()
        after = shadow.snapshot(work).tree
        found = {one.path for one in shadow.differences(before, after)}
        assert found == {"edited", "old"}, number
