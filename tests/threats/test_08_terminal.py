"""What strangers write puts no sequence on the terminal: as text, JSON, a prompt, on the screen.

The bytes that reach a real terminal are looked at. Each poison carries its number, so that one that
came through can be told from the program's own sequences.
"""

from __future__ import annotations

import re

import pexpect
import pytest

from tests.threats.shipped import PROGRAM, Stage

POISONS = (
    "\x1b]52;c;cHduZWQ=\x07", "\x1b]0;pwned\x07", "\x1b]8;;http://pwned\x1b\\x\x1b]8;;\x1b\\",
    "\x1b[31mpwned", "\x1b[2J", "\x1b[6n", "\x1b[?1049l", "\x1bP+q544e\x1b\\",
    "\x1b_Gpwned\x1b\\", "\x1b^pwned\x1b\\", "\x9b31mpwned", "\x9d0;pwned\x9c", "\x90pwned\x9c",
    "\x1bc", "\x07", "\x08\x08", "\r pwned", "\x1b[1A", "\x1b]777;notify;pwned\x07", "\x0e",
    "\x1b(0", "\x1b#8", "\x7f", "\x1b[21t", "\u202epwned", "\u2066", "\u200bpwned", "\U000e0041",
    "\ufe0f\ufe0f", "\x85", "\u2028",
)  # fmt: skip
WHOLE = "".join(f"<{number}{text}>" for number, text in enumerate(POISONS))
RAW = re.compile(
    rb"pwned\x07|\x1b\]52|\x1b\]0;pwned|\x1b\]8;;http://pwned|\x1b\[31mpwned|\x1b_Gpwned|\x1b\^pwned"
    rb"|\xc2\x9b|\xc2\x9d|\xc2\x90|\xe2\x80\xae|\xe2\x81\xa6|\xe2\x80\x8b|\xf3\xa0\x81\x81|\x1bP\+q544e"
    rb"|<7\x1bP|<13\x1bc|<3\x1b|<4\x1b|<5\x1b|<6\x1b|<17\x1b|<20\x1b|<21\x1b|<23\x1b|<14\x07|<15\x08|<19\x0e"
    rb"|\r pwned|<22\x7f|\xc2\x85|\xe2\x80\xa8"
)


@pytest.fixture
def poisoned(stage: Stage) -> Stage:
    """Poison in names of files, what they hold, what a model says, what is typed in arguments."""
    name = WHOLE.replace("/", "_").replace("\0", "")[:60]
    (stage.work / name).write_text(WHOLE)
    (stage.work / "told.txt").write_text(WHOLE)
    return stage


ROUNDS = (
    [("list_directory", {"path": "."})],
    [("read_file", {"path": "told.txt"}), ("read_file", {"path": WHOLE[:80]})],
    [("write_file", {"path": f"x{WHOLE[:40]}".replace("/", "_"), "content": WHOLE})],
    [
        ("bash_command", {"command": "cat told.txt"}),
        ("bash_command", {"command": f"echo '{WHOLE}'"}),
    ],
)


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_script_s_output_has_none_of_it(poisoned: Stage, form: str) -> None:
    ended = poisoned.play(*ROUNDS, text=WHOLE, flags=("--output", form))
    assert "1b[31m" in ended.out, ended.err
    for stream in (ended.out, ended.err):
        assert RAW.findall(stream.encode()) == []
    for words in (("runs",), ("show", "last"), ("inbox",), ("tree", "last"), ("files", "last")):
        looked = poisoned.run(*words, "--output", form)
        assert RAW.findall((looked.out + looked.err).encode()) == [], words


def test_a_prompt_shows_none_of_it(poisoned: Stage) -> None:
    poisoned.play(*ROUNDS, text=WHOLE)  # writes the playbook, too
    script = poisoned.work / "ask.kz"
    script.write_text(
        "model playbook:stage\n"
        'agent define worker "task: str -> text: str" tools=\'["write_file", "bash_command",'
        ' "read_file", "list_directory"]\'\nask worker go\n'
    )
    child = _at(poisoned, ["--script", "ask.kz", "--confirm"])
    while child.expect(["is the reason:", pexpect.EOF], timeout=30) == 0:
        child.sendline("no")
    seen = _all(child)
    assert b"x1b" in seen
    assert RAW.findall(seen) == []


def test_the_screen_shows_none_of_it(poisoned: Stage) -> None:
    poisoned.play(*ROUNDS, text=WHOLE)
    child = _at(poisoned, [])
    child.expect(b"words for the selected", timeout=30)
    child.send("\x1bOR")
    child.expect(rb"Runs  \d", timeout=30)
    for keys in "\r3jjj\rll421z?\x1b":
        child.send(keys)
        child.expect(pexpect.TIMEOUT, timeout=0.4)
    child.send("\x11")
    seen = _all(child)
    assert b"told.txt" in seen
    assert RAW.findall(seen) == []


class _Kept:
    """What a terminal got."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        """Nothing is held back."""


def _at(stage: Stage, words: list[str]) -> pexpect.spawn[bytes]:
    child: pexpect.spawn[bytes] = pexpect.spawn(
        str(PROGRAM), words, cwd=str(stage.work), env=stage.environment, dimensions=(40, 120)
    )  # fmt: skip
    child.logfile_read = _Kept()  # type: ignore[assignment]
    return child


def _all(child: pexpect.spawn[bytes]) -> bytes:
    child.expect(pexpect.EOF, timeout=30)
    child.close()
    kept = child.logfile_read
    assert isinstance(kept, _Kept)
    return kept.data
