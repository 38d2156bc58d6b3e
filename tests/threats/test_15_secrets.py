"""A secret planted in the environment, a file, a header and a tool's output is in no file."""

from __future__ import annotations

import base64
import html
import os
import zlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.threats.canaries import one_by_one
from tests.threats.shipped import CANARY, Listening, Stage
from tests.tools.sandbox.bwrap import needs_bwrap

SECRET = "s3cr3t/canary+9f8e7d6c5b4a&<x>"
FORMS = {
    "plain": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 behind a byte": base64.b64encode(b"x" + SECRET.encode()).decode()[2:-2],
    "url": quote(SECRET, safe=""),
    "hex": SECRET.encode().hex(),
    "html": html.escape(SECRET),
}


def written(stage: Stage) -> list[Path]:
    """Every file below the user's folders, but for what the test planted."""
    planted = {stage.folder / "settings" / "config.toml", stage.folder / "key"}
    planted |= {stage.work / "stage.playbook.yaml"}
    found = [path for path in stage.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if path not in planted]


def holding(stage: Stage) -> list[str]:
    """Each file that has the secret in a form, compressed files of git unpacked."""
    found: list[str] = []
    for path in written(stage):
        content = path.read_bytes()
        with suppress(zlib.error):
            content += zlib.decompress(content)
        found += [
            f"{path.relative_to(stage.folder)}: {name}"
            for name, form in FORMS.items()
            if form.encode() in content
        ]
    return found


@pytest.fixture
def secretive(stage: Stage, site: Listening) -> Stage:
    key = stage.folder / "key"
    key.write_text(SECRET)
    key.chmod(0o600)
    stage.variables["CANARY_API_KEY"] = SECRET
    stage.settings(
        f'grants = ["{site.place}"]\n[secrets.key]\nfrom = "file:{key}"\nhosts = ["{site.place}"]\n'
    )
    site.pages["/echo"] = (200, {"ETag": SECRET}, " ".join(FORMS.values()).encode())
    return stage


def test_no_file_that_the_program_writes_holds_it(secretive: Stage, site: Listening) -> None:
    stage = secretive
    header = {"Authorization": "Bearer ${secret:key}"}
    coded = FORMS["hex"]
    ended = stage.play(
        [("http_get", {"url": f"{site.url}/echo", "headers": header})],
        [
            ("read_file", {"path": str(stage.folder / "key")}),
            ("bash_command", {"command": f"printf %s%s {coded[:20]} {coded[20:]}"}),
            ("bash_command", {"command": "cat missing-file"}),
            ("http_post", {"url": f"{site.url}/echo", "headers": header, "body": "x"}),
        ],
        rules="approve http_*\napprove read_file\napprove bash_command",
    )
    assert SECRET in site.heard[0]
    assert [form for form in FORMS.values() if form in ended.out + ended.err] == []
    assert "[redacted" in str(stage.rows("step.finished"))
    for words in (["export", stage.newest, "out.jsonl"], ["runs"], ["doctor"], ["config"]):
        told = stage.run(*words)
        assert told.code in {0, 3}, told
        assert [form for form in FORMS.values() if form in told.out + told.err] == [], words
    assert (stage.work / "out.jsonl").is_file()
    assert holding(stage) == []


def test_an_unknown_secret_is_an_error_with_the_nearest_name_and_nothing_is_sent(
    secretive: Stage, site: Listening
) -> None:
    given = {"url": f"{site.url}/echo", "headers": {"X": "${secret:kye}"}}
    secretive.play([("http_get", given)], rules="approve http_get")
    ((_, outcome),) = secretive.outcomes()
    assert "kye" in outcome
    assert "key" in outcome
    assert site.heard == []


def test_it_goes_to_no_other_host_by_a_call_or_by_a_redirect(
    secretive: Stage, site: Listening, sink: Listening
) -> None:
    key = secretive.folder / "key"
    secretive.settings(
        f'grants = ["{site.place}", "{sink.place}"]\n'
        f'[secrets.key]\nfrom = "file:{key}"\nhosts = ["{site.place}"]\n'
    )
    site.pages["/go"] = (307, {"Location": f"{sink.url}/caught"}, b"")
    header = {"Authorization": "${secret:key}", "Cookie": "a=${secret:key}"}
    secretive.play(
        [
            ("http_get", {"url": f"{site.url}/go", "headers": header}),
            ("http_get", {"url": f"{sink.url}/x", "headers": header}),
        ],
        rules="approve http_get",
    )
    assert len(sink.heard) == 1  # the redirect, without its headers
    assert SECRET not in sink.heard[0]
    assert any("may not go to" in outcome for _, outcome in secretive.outcomes())


def test_a_project_defines_no_secrets_even_when_it_is_trusted(
    secretive: Stage, site: Listening
) -> None:
    (secretive.work / "kaizen.toml").write_text(
        f'[secrets.home]\nfrom = "env:HOME"\nhosts = ["{site.place}"]\n'
    )
    secretive.run("trust", "--yes")
    ended = secretive.play([("http_get", {"url": f"{site.url}/echo"})], rules="approve http_get")
    assert ended.code == 3
    assert "secrets" in ended.err
    assert site.heard == []


def test_what_is_written_is_for_its_owner_only(secretive: Stage, site: Listening) -> None:
    old = os.umask(0)
    try:
        secretive.play([("http_get", {"url": f"{site.url}/echo"})], rules="approve http_get")
    finally:
        os.umask(old)
    state = next(secretive.folder.rglob("workbench.db")).parent
    loose = [
        p for p in (state, *state.rglob("*")) if not p.is_symlink() and p.stat().st_mode & 0o077
    ]
    assert loose == []


@needs_bwrap
def test_no_command_reads_a_secret_file_of_the_workspace_however_it_names_it(stage: Stage) -> None:
    stage.settings('mode = "auto"\n')
    for name in (".env", "packages/api/.env", "a/b/c/keys/id_rsa"):
        (stage.work / name).parent.mkdir(parents=True, exist_ok=True)
        (stage.work / name).write_text(CANARY)
    asked = [
        "cat packages/api/.env",
        "cat ./a/b/c/keys/id_rsa | head",
        "cp packages/api/.env x; cat x",
    ]
    blind = ["cat packages/api/.en*", "cat $(find . -name 'id_*')", "grep -r . a packages",
             "python3 -c \"print(open('packages/api/' + '.' + 'env').read())\""]  # fmt: skip
    rows = one_by_one(stage, [("bash_command", {"command": text}) for text in [*asked, *blind]])
    assert ["error" in row for row in rows] == [True] * len(asked) + [False] * len(blind)
    assert CANARY not in str(rows)
