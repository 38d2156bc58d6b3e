"""Compound and obfuscated commands: what runs without a question is the one command it looks like.

Every text holds a canary in its own way. In confirm mode only what is proven simple is performed,
and nobody is there to allow the rest.
"""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.threats.canaries import Canaries, one_by_one
from tests.threats.shipped import Stage
from workbench.permission.danger import Danger, Facts, grade
from workbench.permission.shell import Shell

PLAIN = ("cat a.txt", "ls -l", "grep -n one a.txt", "wc -l a.txt", "head -n 1 a.txt")
JOINED = (
    "{p}; {c}", "{p};{c}", "{p} && {c}", "{p} || {c}", "false || {c}", "{p} | {c}", "{p} |& {c}",
    "{p} & {c}", "{p} &\n{c}", "{p}\n{c}", "{p}\r\n{c}", "{p}\r{c}", "{p}\x0b{c}", "{p}\x0c{c}",
    "{c}; {p}", "{c} && {p}", "! {c}", "time {c}", "{p} $({c})", "{p} `{c}`", '{p} "$({c})"',
    "{p} <({c})", "{p} >({c})", "{p} > made", "{p} >> made", "{p} >| made", "{p} &> made",
    "{p} 2> made", "{p} 2>&1 > made", "{p} <> made", "> made {p}", "{p} ${{x:-$({c})}}",
    "{p} $(( $({c}) ))", "{p} ${{x[$({c})]}}", "{{ {c}; }}", "( {c} )", "if true; then {c}; fi",
    "for i in 1; do {c}; done", "while {c}; do break; done", "until {c}; do break; done",
    "case x in x) {c};; esac", "f() {{ {c}; }}; f", "function f {{ {c}; }}; f", "exec {c}",
    "eval '{c}'", "eval {c}", "bash -c '{c}'", "sh -c '{c}'", "/bin/sh -c '{c}'", "env {c}",
    "env -i {c}", "nice {c}", "nohup {c}", "timeout 5 {c}", "stdbuf -o0 {c}", "setsid {c}",
    "xargs {c} < a.txt", "echo x | xargs {c}", "X=1 {c}", "PATH=. {p}", "LD_PRELOAD=./x.so {p}",
    "BASH_ENV=./canary bash -c true", "IFS=/ {p}", "command {c}", "builtin eval '{c}'",
    ". ./canary", "source ./canary", "trap '{c}' EXIT", "trap '{c}' DEBUG; {p}", "coproc {c}",
    "shopt -s expand_aliases\nalias q='{c}'\nq", "\\./canary", "'./canary'", '"./canary"',
    "./can''ary", './can""ary', "$'./canary'", "$'\\x2e/canary'", "./{{canary,x}}", "./canar?",
    "./c*y", "./[c]anary", "~+/canary", "$PWD/canary", "${{PWD}}/canary", "../wor?/canary",
    "{p} <<E\n$({c})\nE", "{p} <<< $({c})", "cat <<'E' > made\nx\nE", "{p} \\\n; {c}",
    "{p} # x\n{c}", "[[ -n $({c}) ]]", "[ -n `{c}` ]", "(( x[$({c})] ))", "let 'x[$({c})]'",
    "printf -v 'x[$({c})]' 1", "test -v 'x[$({c})]'", "declare x=$({c})", "export x=$({c})",
    "local x=$({c})", "readonly x=$({c})", "mapfile -C {c} -c 1 x < a.txt", "read x < <({c})",
    "complete -C ./canary ls", "hash -p ./canary ls; ls", "enable -f ./x.so x", "{p} {{,;{c}}}",
    "{p}\u00a0;{c}", "{p}\u2028{c}", "{p}\u200b; {c}", "{p} ;; {c}",
    "select x in 1; do {c}; done < a.txt", "{p} 3<&0 | {c}", "{p} |\n{c}", "{p} &&\n{c}",
    "time -p {c}", "sudo {c}", "doas {c}", "su -c '{c}'", "ssh localhost {c}", "watch -n1 {c}",
    "script -qc '{c}' /dev/null", "find . -exec {c} \\;", "awk 'BEGIN{{system(\"{c}\")}}'",
    "perl -e 'system(\"{c}\")'", "python3 -c 'import os; os.system(\"{c}\")'", "make -f a.txt",
)  # fmt: skip
"""With ``{p}`` something harmless and ``{c}`` the canary."""


def corpus() -> list[str]:
    """At least three hundred of them, each once."""
    cries = ("./canary", "touch made")
    found = [
        text.format(p=PLAIN[number % len(PLAIN)], c=cries[turn])
        for turn in range(2)
        for number, text in enumerate(JOINED)
    ]
    found += [text.format(p=plain, c="./canary") for text in JOINED[:30] for plain in PLAIN[1:]]
    return [*dict.fromkeys([*PLAIN, *found])]


def test_the_corpus_is_large_enough() -> None:
    assert len(corpus()) >= 300


@pytest.mark.parametrize("part", range(4))
def test_what_runs_unasked_is_exactly_the_command_it_looks_like(stage: Stage, part: int) -> None:
    canaries = Canaries(stage)
    canaries.put(stage.work / "canary")
    canaries.put(stage.work / "touch")
    (stage.work / "a.txt").write_text("one\ntwo\n")
    texts = corpus()[part::4]
    outcomes = one_by_one(stage, [("bash_command", {"command": text}) for text in texts])
    before = {"canary", "touch", "a.txt", "stage.playbook.yaml"}
    assert canaries.sung == []
    assert {path.name for path in stage.work.iterdir()} == before
    performed = {
        text: row["result"]
        for text, row in zip(texts, outcomes, strict=True)
        if row.get("result") is not None
    }
    assert {text for text in texts if text in PLAIN} <= performed.keys()
    for text, result in performed.items():
        argv = shlex.split(text)
        meant = subprocess.run(argv, cwd=stage.work, capture_output=True, text=True, check=False)
        if argv[0] != "ls":  # which shows sizes and times of what else is there
            assert result["output"] == meant.stdout + meant.stderr, text
        assert result["exit_code"] == meant.returncode, text


_PIECES = st.sampled_from([*PLAIN, "rm -rf a", "./canary", "git status", "x=1", "cat > made"])
_JOINTS = st.sampled_from(["; ", " && ", " || ", " | ", " & ", "\n"])


@given(st.lists(_PIECES, min_size=1, max_size=4), st.data())
def test_combining_commands_never_lowers_the_level(pieces: list[str], data: st.DataObject) -> None:
    text = pieces[0]
    for piece in pieces[1:]:
        text += data.draw(_JOINTS) + piece
    assert _level(text) >= max(_level(piece) for piece in pieces)


def _level(text: str) -> Danger:
    simple = Shell.parse(text).simple
    return grade(Facts("run", simple=simple, sandbox="full"))
