"""Commands: what is proven to only read, what is exactly one command, what a text would run."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from timeit import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.permission.readers import READERS
from workbench.permission.shell import LONGEST, Shell

SIMPLE = [
    'cat "a b"\\|c', "cat b\\<a",
    "ls", "ls -la", "ls -l src", "ls -la --color=never .", "ls --color", "ls -- -x", "ls {}",
    "ls\n",
    "  ls  ", "\nls -l\n", "cat a.txt", "cat a.txt b.txt", "cat -n a.txt", "cat -- -n", "cat -",
    "cat ./a.txt", "cat 'a b.txt'", 'cat "a b.txt"', "cat a\\ b.txt", "cat 'it'\\''s.txt'",
    "cat 'a;b'", "cat 'a|b' 'c>d'", "cat '$HOME'", "cat '*'", "cat \u00e9t\u00e9.txt", "cat a#b",
    "cat a=b", "cat a:b", "cat a,b", "cat @x", "cat %1", "cat a!b", "cat ^a", "head -5 a",
    "head -n 5 a", "head -n5 a", "head --lines=5 a", "head --lines 5 a", "tail -n +3 a", "wc -l a",
    "grep -n 'a b' x.py", "grep -e a -e b x", "grep -A3 foo x", "grep -5 foo x", "grep '^a.*b$' x",
    "grep -- -v x", "grep -ic foo x", "sed -n 1,20p a", "sed -n '3,$p' a", "find . -name '*.py'",
    "find src -type f -size +10k", "find . \\( -name a -o -name b \\) -print", "find . ! -name x",
    "find . -maxdepth 2 -mtime -7", "sort a", "sort -rn -k 2 a", "uniq -c a", "cut -d : -f 1 a",
    "stat -c %s a", "du -sh .", "file a", "sha256sum a b", "tree -L 2", "echo hello world",
    "echo -n x", "echo 'a b'", "pwd", "date", "date +%F", "date -u '+%H:%M'", "uname -a", "whoami",
    "basename a/b", "dirname a/b", "true", "ls --help", "cat --version", "comm -12 a b",
]  # fmt: skip
"""Allowed without a question in a full sandbox."""

LITERAL = [
    # other programs, and those that run programs
    "python3 check.py", "git status", "git -c core.pager=x log", "git -C .. log", "git diff",
    "git --exec-path=. status", "rm -r build", "make", "npm test", "env ls", "env -i ls",
    "xargs ls",
    "sudo ls", "nohup ls", "time ls", "timeout 5 ls", "nice ls", "command ls", "builtin pwd",
    "exec ls", "eval ls", "eval 'rm x'", "source a.sh", ". a.sh", "bash -c 'ls; rm x'", "sh a.sh",
    "busybox ls", "watch ls", "ssh host ls", "man ls", "less a", "vi a", "awk '{print}' a",
    "perl -e 1", "alias ls=rm", "coproc ls", "which ls", "type ls", "test -f x", "kill 1",
    # programs behind flags of harmless ones
    "find . -exec rm '{}' ';'", "find . -execdir ls {} +", "find . -ok rm {} \\;", "find . -delete",
    "find . -fprint out", "find . -fls out", "find . '-exec' rm {} \\;", "find . -ex\\ec rm {} \\;",
    "find -L .", "find -P /etc", "find -files0-from a", "find . -newermt 2020", "find -D exec .",
    "rg foo", "rg --pre ./x foo", "rg --hostname-bin=x foo", "rg -z foo a", "grep -r foo .",
    "grep -R foo", "grep -f a b", "grep --include=x foo", "grep -d recurse foo .",
    "tar xf a --to-command=sh", "tar --checkpoint-action=exec=sh -cf a b", "sed s/a/b/ a",
    "sed -i s/a/b/ a", "sed -n '1e id' a", "sed -n 'w out' a", "sed 's/a/id/e' a", "sed -n 1p -i a",
    "sed -n -e 1p a", "sed -f s a", "sed 1,20p a", "sed -n '1p;w x' a", "sort -o out a",
    "sort --compress-program=sh a", "sort -T /tmp a", "sort --files0-from=a", "uniq a out",
    "cut --output-delimiter=x a", "tree -o out", "tree -l", "file -C", "file -z a", "file -f a",
    "file -m a b", "date 01010000", "date -s x", "date -f a", "date +%F +%T", "tail -f a",
    "tail --follow a", "tail -F a", "tail --pid=1 a", "wc --files0-from=a", "du -L .", "ls -L a",
    "ls -H a", "du --files0-from=a", "od -w /etc/passwd", "md5sum -c a", "stat -L a",
    # abbreviations and unknown flags
    "head --line=5 a", "ls --al", "sort --outp=x a", "grep --recurs foo", "ls --color=auto --x",
    "cat -Z", "head --quiet=1 a", "head -n", "tail --foll a",
    # places outside, and secrets
    "cat /etc/passwd", "cat ../x", "cat a/../../x", "cat a/..", "ls ..", "ls /", "find / -name x",
    "find .. -name x", "find a/../.. -name x", "cat '~/x'", "cat .env", "cat src/.env.local",
    "cat id_rsa", "cat .ssh/config", "head server.key", "grep KEY .env", "cat -- /etc/passwd",
    "cat -- .env", "grep -e x /etc/passwd", "grep x -e y /etc/passwd", "sort -k /etc/passwd",
    "cat .EnV", "wc -l ../a", "realpath ..", "head -n /etc/passwd a", "sed -n 1p /etc/passwd",
    # programs named by a path
    "/bin/ls", "./ls", "bin/ls", "../ls", "/usr/bin/env ls",
    # quotes in the name, lines
    "'ls'", '"ls"', "l\\s", 'l""s', "l's'", "\\ls", "ls\t-l", "echo 'a\nb'", "cat 'a\tb'",
    "'ls -l'", "'l'\\s", '""', "'' ls",
]  # fmt: skip
"""One command whose words are certain, but a question all the same."""

UNCLEAR = [
    # compounds
    "ls; rm x", "ls && rm x", "ls || rm x", "ls | sh", "ls |& sh", "ls & rm x", "ls &", "ls;",
    "ls\nrm x", "(ls)", "{ ls; }", "! ls", "if true; then ls; fi", "for i in a; do ls; done",
    "while true; do ls; done", "case a in a) ls;; esac", "f() { ls; }; f", "function ls { rm x; }",
    "ls;;", "ls )", "( ls", "ls }; rm x", "[ -f x ]", "[[ -f x ]]", "((1))",
    "until ls; do ls; done",
    "select x in a; do ls; done", "ls # comment", "# comment", "", " ", "\n", "ls \\\n-l",
    "ls\n\nls",
    # expansions and substitutions
    "ls $HOME", "ls ${HOME}", "ls ${x:-y}", "ls ${x@P}", "ls $((1+1))", "ls $[1+1]", "echo $(rm x)",
    "echo `rm x`", 'echo "$(rm x)"', 'echo "`rm x`"', 'echo "$x"', "echo <(rm x)", "echo >(rm x)",
    "$X", "$(ls)", "`ls`", "ls $'a'", 'ls $"a"', "echo $'\\x72m'", "ls $@", "ls $1", "l${x}s",
    "ls *", "ls ?", "ls [ab]", "ls a*b", "ls ~", "ls ~/x", "ls ~root", "ls a=~", "ls a:~",
    "ls {a,b}",
    "ls {1..3}", "ls a{b}c", "ls @(a|b)", "ls !(a)", "echo \"a$\"", "ls a]b",
    # assignments and redirections
    "A=1 ls", "PATH=. ls", "LD_PRELOAD=x ls", "A=1", "A=1 B=2 ls", "A+=1 ls", "A=(1 2)",
    "A[0]=1 ls",
    "export A=1", "declare A=1", "local A=1", "readonly A=1", "unset A", "IFS=x ls", "ls > x",
    "ls >> x", "ls 2>&1", "ls &> x", "ls < x", "ls <> x", "ls >| x", "> x", "> x ls", "2> x ls",
    "cat <<E\nx\nE", "cat <<-E\nx\nE", "cat <<'E'\nx\nE", "cat <<< x", "cat < /dev/tcp/a/1",
    "ls 3>x",
    # characters that are not what they seem
    "ls\r", "ls\r\n", "ls \rrm x", "ls\x00", "ls \x00-l", "ls\x1b[2J", "ls \x07", "ls\x7f",
    "ls \x9b",
    "ls\u00a0-l", "ls\u2003-l", "ls\u3000-l", "ls\u2028rm x", "ls\u0085rm x", "l\u200bs",
    "ls \u202ea",
    "ls '\u2066a'", "ls \ufeff", "ls a\ufe0f", "ls \U000e0041", "ls \u3164", "ls \ud800",
    "ls\x0b-l",
    "ls\x0c-l", "cat '\u202e'",
    # not finished
    "ls '", 'ls "', "ls `", "ls $(", "ls ${", "ls \\", "ls <<E", "ls 'a\"", "if ls", "ls |",
    "ls &&",
    "'", '"', "\\",
]  # fmt: skip
"""Not one command with certain words."""


def test_the_corpus_is_large_enough_and_has_no_doubles():
    everything = SIMPLE + LITERAL + UNCLEAR
    assert len(everything) == len(set(everything)) >= 300


@pytest.mark.parametrize("text", SIMPLE, ids=ascii)
def test_a_simple_command_is_proven(text: str):
    shell = Shell.parse(text)
    assert (shell.simple, shell.notes) == (True, ())
    assert shell.argv == tuple(shlex.split(text, comments=False))
    assert shell.parts == (shell.argv,)
    assert not shell.opaque


@pytest.mark.parametrize("text", LITERAL, ids=ascii)
def test_a_literal_command_that_is_not_proven_has_its_words_and_says_why(text: str):
    shell = Shell.parse(text)
    assert not shell.simple
    assert shell.argv == tuple(shlex.split(text, comments=False))
    assert shell.parts[0] == shell.argv
    assert shell.notes


@pytest.mark.parametrize("text", UNCLEAR, ids=ascii)
def test_everything_else_is_unclear_and_says_why(text: str):
    shell = Shell.parse(text)
    assert shell.argv is None
    assert not shell.simple
    assert shell.notes


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ls; rm x", ("rm", "x")), ("ls && rm x", ("rm", "x")), ("ls | xargs rm -f", ("rm", "-f")),
        ("echo $(rm x)", ("rm", "x")), ("echo `rm x`", ("rm", "x")),
        ('echo "$(rm x)"', ("rm", "x")),
        ("cat <(rm x)", ("rm", "x")), ("(rm x)", ("rm", "x")), ("f() { rm x; }", ("rm", "x")),
        ("A=1 rm x", ("rm", "x")), ("A=$(rm x)", ("rm", "x")), ("! rm x", ("rm", "x")),
        ("if rm x; then ls; fi", ("rm", "x")), ("rm x > y", ("rm", "x")), ("> y rm x", ("rm", "x")),
        ("cat <<E\n$(rm x)\nE", ("rm", "x")), ("ls ${x:-$(rm x)}", ("rm", "x")),
        ("r\\m x", ("rm", "x")),
        ("'rm' \"x\"", ("rm", "x")), ("'r'\\m x", ("rm", "x")), ('r""\\m x', ("rm", "x")),
        ("env A=1 rm x", ("rm", "x")),
        ("sudo -u bob rm x", ("rm", "x")),
        ("timeout -k 1 5 rm x", ("rm", "x")), ("command rm x", ("rm", "x")),
        ("time rm x", ("rm", "x")),
        ("nohup nice -n 5 rm x", ("rm", "x")), ("bash -c 'rm x'", ("rm", "x")),
        ("eval rm x", ("rm", "x")),
        ("bash -lc 'ls; rm x'", ("rm", "x")), ("sh -c \"sh -c 'rm x'\"", ("rm", "x")),
        ("env -S 'rm x'", ("rm", "x")), ("find . -exec rm {} \\;", ("rm", "{}", ";")),
        ("find . -exec ls {} \\; -execdir rm {} +", ("rm", "{}", "+")),
        ("trap 'rm x' EXIT", ("rm", "x")),
        ("[ $(rm x) ]", ("rm", "x")), ("case $(rm x) in a) ;; esac", ("rm", "x")),
        ("rm\tx", ("rm", "x")),
        ("for i in $(rm x); do ls; done", ("rm", "x")), ("ls\nrm x", ("rm", "x")),
        ("rm x &", ("rm", "x")),
        ("export A=$(rm x)", ("rm", "x")), ("export PATH=x", ("export", "PATH=x")),
        ("r\\\nm x", ("rm", "x")), ("rm \\\n x", ("rm", "x")), ("rm > log x", ("rm", "x")),
        ("ls | rm 2>&1 x", ("rm", "x")), ("rm <<E x\nE", ("rm", "x")), ("rm <<< a x", ("rm", "x")),
        ("ls; rm 'a", ("ls",)), ("/bin/rm x", ("/bin/rm", "x")), ("rm $x", ("rm", "$x")),
    ],
)  # fmt: skip
def test_every_command_in_a_text_is_a_part(text: str, part: tuple[str, ...]):
    parts = Shell.parse(text).parts
    assert any(found[: len(part)] == part for found in parts), parts


@pytest.mark.parametrize(
    "text",
    ["env $X rm", "env 'r'$x y", "ls > a$(", "rm\r x", "$X rm", "$(echo rm) x", "`echo rm` x",
     "${x} y", "r* x", "f() { ls; }; f", "bash script.sh",
     "sh", "source x", ". x", "eval $x", "bash -c \"$x\"", "ls )", "ls 'a", "{rm,x}", "~/x y",
     "find . " + "-exec ls {} \\; " * 20, "env " * 40 + "ls", "a" * (LONGEST + 1), "ls \ud800",
     "a;" * 6000],
)  # fmt: skip
def test_what_cannot_be_named_is_opaque(text: str):
    assert Shell.parse(text).opaque


def test_files_that_a_simple_command_reads_are_named_for_a_look_at_their_links():
    assert Shell.parse("cat a b/c").reads == ("a", "b/c")
    assert Shell.parse("grep foo a.py").reads == ("a.py",)
    assert Shell.parse("grep -e foo a.py").reads == ("a.py",)
    assert Shell.parse("find src lib -name x").reads == ("src", "lib")
    assert Shell.parse("echo a b").reads == ()
    assert Shell.parse("cat -").reads == ()


def test_a_note_says_where():
    assert "expansion in word 2" in Shell.parse("ls $HOME").notes
    assert "several commands" in Shell.parse("ls; ls").notes
    assert "hidden character U+202E" in Shell.parse("ls \u202e").notes


def test_no_command_of_the_table_is_one_that_runs_others():
    assert not READERS.keys() & {"env", "xargs", "git", "rg", "awk", "bash", "sh", "find", "tar"}


FRAGMENTS = st.sampled_from(
    ["ls", "cat", " ", "  ", "a", "-l", "'", '"', "\\", "$x", "`", ";", "|", "&", "(", ")", "{",
     "}",
     "<", ">", "\n", "\t", "#", "=", "~", "*", "?", "[", "]", "!", ",", "--", "'a b'", '"c d"',
     "\\ ",
     "$(", "${", "\r", "\u00e9", "'\\''", "x=1", "if", "time", "%", "^", "\u00a0", "1", "2>"]
)  # fmt: skip
BASH = shutil.which("bash")


@given(st.lists(FRAGMENTS, max_size=9).map("".join))
def test_any_text_gets_a_verdict_and_only_certain_words_are_simple(text: str):
    shell = Shell.parse(text)
    assert not shell.simple or shell.argv is not None
    assert shell.simple == (not shell.notes)
    assert shell.argv is None or shell.argv in shell.parts


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=9).map("".join))
def test_bash_itself_sees_the_same_words(tmp_path_factory: pytest.TempPathFactory, text: str):
    shell = Shell.parse(text)
    if shell.argv is not None:
        assert bash_words(text, tmp_path_factory.getbasetemp()) == shell.argv


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_sees_the_same_words_in_the_corpus(tmp_path: Path):
    for text in (*SIMPLE, *LITERAL):
        assert bash_words(text, tmp_path) == Shell.parse(text).argv, text


def bash_words(text: str, folder: Path) -> tuple[str, ...]:
    """The words bash passes on, when the text stands behind a function's name on one line."""
    script = 'said() { printf "%s\\0" "$@"; }\nsaid ' + text.lstrip(" \t\n")
    done = subprocess.run(
        [str(BASH), "--noprofile", "--norc", "-c", script],
        cwd=folder,
        env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return tuple(done.stdout.decode().split("\0")[:-1])


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_what_is_simple_changes_nothing_and_runs_nothing_else(tmp_path: Path):
    canary = tmp_path / "ran"
    folder = tmp_path / "ws"
    for name in ("src", "lib", "b"):
        (folder / name).mkdir(parents=True)
    for name in ("a", "b/c", "x", "a.txt", "x.py", "out"):
        (folder / name).write_text("foo\na b\n")
    for name in ("ls", "cat", "sh", "less", "id"):
        planted = folder / name
        planted.write_text(f"#!/bin/sh\necho {name} >> {canary}\n")
        planted.chmod(0o755)
    before = tree(folder)
    for text in SIMPLE:
        subprocess.run(
            [str(BASH), "--noprofile", "--norc", "-c", text],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=20,
        )
    assert tree(folder) == before
    assert not canary.exists()


def tree(folder: Path) -> dict[str, bytes | None]:
    """All names below a folder and what the files hold."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "text",
    ["$(" * 30_000, '"$(' * 20_000, "a;" * 30_000, "env " * 16_000, "((" * 30_000, "{ " * 30_000,
     "bash -c " * 8_000, "find . " + "-exec a " * 8_000, "'" * 65_535, "if " * 20_000,
     "\\" * 65_000],
    ids=lambda text: ascii(text[:10]),
)  # fmt: skip
def test_a_hostile_text_takes_bounded_time(text: str):
    assert timeit(lambda: Shell.parse(text), number=1) < 3
    assert not Shell.parse(text).simple
