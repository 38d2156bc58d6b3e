"""What must hold of any text: for each reader a rule, and the pieces its texts are made of.

Every reader ends in bounded time, raises nothing but its own typed error, and what it lets pass
keeps the rule that whoever relies on it counts on.
"""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.foreign import Raised, attempt
from workbench.located import read_located
from workbench.models.playbook_file import read_playbook
from workbench.permission.paths import normal, protection
from workbench.permission.rule import Rule
from workbench.permission.shell import Shell
from workbench.permission.urls import Url
from workbench.plain import one_line, plain
from workbench.script.language import parse_script

_ANY = st.text(max_size=80)
_HOSTILE = st.sampled_from(
    ["\x1b[31m", "\x9b", "\u202e", "\u200b", "\u2066", "\U000e0041", "\r", "\x85", "\0", "\ufe0f"]
)


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and what it is given."""

    texts: st.SearchStrategy[str]
    rule: Callable[[str], None]
    """Raises AssertionError where it does not hold."""


def _joined(*pieces: str) -> st.SearchStrategy[str]:
    """Texts of such pieces, with anything between them."""
    piece = st.sampled_from(pieces)
    return st.lists(piece | piece | _HOSTILE | _ANY, max_size=12).map("".join)


def _is_typed(found: object) -> bool:
    """Whether it came to something, or was refused in the program's own words."""
    return not isinstance(found, Raised) or isinstance(found.error, WorkbenchError)


def _shell(text: str) -> None:
    found = Shell.parse(text)
    if found.simple:
        assert found.argv is not None
        assert shlex.split(text) == list(found.argv)
        shown = text.strip("\n")  # ends of lines around it run nothing
        assert one_line(shown) == shown


def _url(text: str) -> None:
    found = attempt(Url.parse, text)
    assert _is_typed(found), found
    if not isinstance(found, Raised):
        said = str(found.value)
        assert found.value.scheme in {"http", "https"}
        assert found.value.host.isascii()
        assert "@" not in said.partition("?")[0].partition("/")[0]
        assert Url.parse(said) == found.value


def _plain(text: str) -> None:
    for found in (plain(text), one_line(text)):
        kept = {"\n", "\t"} if found != one_line(text) else set[str]()
        wrong = [
            c for c in found if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in kept
        ]
        assert not wrong, wrong
    assert plain(plain(text)) == plain(text)
    assert len(one_line(text).splitlines()) <= 1


def _path(text: str) -> None:
    clean = normal(text)
    assert normal(clean) == clean
    if protection(text) is None and ".." not in text:
        assert protection(clean) is None


def _reader(read: Callable[[str], object]) -> Callable[[str], None]:
    def rule(text: str) -> None:
        found = attempt(read, text)
        assert _is_typed(found), found

    return rule


def _bytes(text: str) -> bytes:
    """As a file has it; lone surrogates stand in none."""
    return text.encode("utf-8", "replace")


TARGETS: Mapping[str, Target] = {
    "shell": Target(
        _joined(
            "ls",
            "cat a",
            "grep -n x",
            "git log",
            " ",
            ";",
            "&&",
            "|",
            "$(",
            ")",
            "`",
            "'",
            '"',
            "\\",
            ">",
            "<",
            "<<E\n",
            "\n",
            "{",
            "}",
            "a=1",
            "$'",
            "*",
            "~",
            "!",
            "#",
            "&",
            "((",
            "))",
            "[[",
        ),
        _shell,
    ),
    "url": Target(
        _joined(
            "http://",
            "https://",
            "HTTP:",
            "@",
            ":",
            "/",
            "//",
            "?",
            "#",
            "[::1]",
            "127.0.0.1",
            "%2f",
            "0x7f.1",
            "localhost",
            ".",
            "2130706433",
            "[::ffff:10.0.0.1]",
            "\\",
            "\t",
            "xn--",
            "a.b",
        ),
        _url,
    ),
    "plain": Target(_joined("a", "\n", "\t", "\x1b]52;c;", "\x07", "\ud83d", "\x7f"), _plain),
    "path": Target(_joined("/", "..", ".", "//", ".git", ".ENV", "a", " ", "\u200d", "\\"), _path),
    "rule": Target(
        _joined(
            "approve ", "tool=", "x", " danger=", "LOW..HIGH", " path=", "*", "?", "[", "]", "{"
        ),
        _reader(Rule.parse),
    ),
    "script": Target(
        _joined("run ", "ask ", "x", "=", '"', "'", "<<E\n", "E\n", "\\", "[", "{", ":", "\n", "#"),
        _reader(lambda text: parse_script(text, "fuzz.kz")),
    ),
    "playbook": Target(
        _joined(
            "playbook: x\n",
            "answers:\n",
            "  - ",
            "agent: a\n",
            "&a ",
            "*a ",
            "<<: ",
            "[",
            "]",
            "{",
            "}",
            "!!python/name:os.system ",
            "? ",
            "| \n",
            "> \n",
            "%TAG ",
            "--- ",
        ),
        _reader(lambda text: read_playbook(_bytes(text).decode(), "fuzz")),
    ),
    "settings": Target(
        _joined(
            "mode = ", '"auto"', "\n", "[", "]", "limits", ".", "usd", " = ", "1", "{", "}", "'''"
        ),
        _reader(lambda text: read_located(_bytes(text), ".toml", "fuzz", aliases=0)),
    ),
}
"""By name, which is what the command takes."""
