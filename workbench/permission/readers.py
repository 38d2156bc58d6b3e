"""The commands known to do nothing but read, and with which flags: a positive table.

Whatever is not written here asks. A flag stands here only when it cannot run a program, write a
file, wait for ever, follow links out of the workspace or take its operands from a file. Left out
on purpose: ``git`` (a repository's configuration can make any of its commands run a program),
``rg`` and ``grep -r`` (they read whole folders, secrets included; the tool ``search_files`` does
that unasked), ``sed`` beyond printing lines, ``awk``, ``xargs``, ``env``, and everything that
runs what it is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from workbench.permission.paths import guarded, stays_below


@dataclass(frozen=True, slots=True)
class Reader:
    """One command: its harmless flags and what its operands are."""

    flags: str = ""
    """Single letters without a value; they may be joined: ``-la``."""
    valued: str = ""
    """Single letters with a value, joined (``-n5``) or in the next word."""
    words: frozenset[str] = field(default_factory=frozenset[str])
    """Long options without a value. Abbreviations are not looked for, so they ask."""
    valued_words: frozenset[str] = field(default_factory=frozenset[str])
    """Long options with a value: ``--lines=5`` or ``--lines 5``. A name that stands here and in
    ``words`` takes its value only behind ``=``."""
    operands: Literal["files", "text"] = "files"
    first: str = ""
    """A pattern that the first operand follows; that operand is then no file."""
    spared_by: str = ""
    """The valued letter which gives what the first operand otherwise would."""
    most: int = 1000
    """How many operands there may be: some commands write to the second."""
    numeric: bool = False
    """Whether ``-5`` is a flag."""
    needs: str = ""
    """A letter without which the command is not judged."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an argv only reads; if so, which paths; if not, why."""

    reads: tuple[str, ...] = ()
    why: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READERS: dict[str, Reader] = {
    "ls": Reader(
        "1ACFGQRSUXacdfghiklmnopqrstux",
        words=_words("all almost-all directory human-readable recursive reverse size inode color"),
        valued_words=_words("color sort time format"),
    ),
    "cat": Reader("AbeEnstTv", words=_words("number number-nonblank show-all show-ends")),
    "tac": Reader("b"),
    "head": Reader("qv", "nc", _words("quiet verbose"), _words("lines bytes"), numeric=True),
    "tail": Reader("qv", "nc", _words("quiet verbose"), _words("lines bytes"), numeric=True),
    "wc": Reader("clmwL", words=_words("bytes chars lines words max-line-length")),
    "nl": Reader("p", "bnsvw"),
    "cut": Reader("s", "bcdf", _words("complement"), _words("bytes characters delimiter fields")),
    "sort": Reader("bdfghinrRsuVMcC", "kt", _words("reverse unique numeric-sort"), _words("key")),
    "uniq": Reader("cdiu", "fsw", _words("count repeated unique"), most=1),
    "comm": Reader("123", most=2),
    "cmp": Reader("bls", "n", most=2),
    "od": Reader("abcdfilosxv", "AjNt"),
    "stat": Reader("t", "c", _words("terse"), _words("format printf")),
    "du": Reader("abchkmsx", "d", _words("all human-readable summarize"), _words("max-depth")),
    "file": Reader("bih", words=_words("brief mime mime-type mime-encoding")),
    "md5sum": Reader("bt"),
    "sha1sum": Reader("bt"),
    "sha256sum": Reader("bt"),
    "sha512sum": Reader("bt"),
    "readlink": Reader("fen"),
    "realpath": Reader("ems"),
    "tree": Reader("adfhispDCF", "LIP", _words("noreport dirsfirst gitignore prune")),
    "grep": Reader(
        "EFGcinovwxlLqshHabU",
        "emABC",
        _words(
            "extended-regexp fixed-strings basic-regexp ignore-case invert-match word-regexp "
            "line-regexp count line-number only-matching files-with-matches files-without-match "
            "quiet no-messages with-filename no-filename color"
        ),
        _words("max-count context before-context after-context color"),
        first=".*",
        spared_by="e",
        numeric=True,
    ),
    "sed": Reader("nE", first=r"[0-9]+(,([0-9]+|\$))?p", needs="n"),
    "pwd": Reader("LP", most=0),
    "true": Reader(most=0),
    "false": Reader(most=0),
    "basename": Reader("a", "s", operands="text"),
    "dirname": Reader(operands="text"),
    "date": Reader("u", operands="text", first=r"\+.*", most=1),
    "uname": Reader("asnrvmpio", most=0),
    "whoami": Reader(most=0),
    "nproc": Reader(words=_words("all"), most=0),
    "arch": Reader(most=0),
}

_FIND_TESTS = _words(
    "-name -iname -path -ipath -wholename -iwholename -type -size -empty -maxdepth -mindepth "
    "-mtime -mmin -atime -amin -ctime -cmin -perm -user -group -readable -writable "
    "-executable -links -not -a -and -o -or -print -print0 -ls -prune -true -false -depth -xdev "
    "-mount -quit"
)
"""All of find's expression that only looks; what runs, deletes or writes a file is not here."""


_COMMON = _words("help version")
_EXPRESSION = frozenset({"!", "(", ")", ","})


def judge(argv: tuple[str, ...]) -> Judgement:
    """Whether a command with these words only reads, inside the workspace as far as text tells."""
    name, *words = argv
    if "/" in name:
        return Judgement(why=f"{name} names a path, which may hold any program")
    if name == "echo":
        return Judgement()  # prints whatever it is given
    if name == "find":
        return _judge_find(words)
    reader = READERS.get(name)
    if reader is None:
        return Judgement(why=f"{name} is not in the table of commands that only read")
    return _judge(name, reader, words)


@dataclass(slots=True)
class _Sorted:
    """Words of one command, sorted while they are read."""

    letters: set[str] = field(default_factory=set[str])
    operands: list[str] = field(default_factory=list[str])
    values: list[str] = field(default_factory=list[str])
    """Values that stood in a word of their own."""


def _judge(name: str, reader: Reader, words: list[str]) -> Judgement:
    found = _Sorted()
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "--":
            found.operands += words[place:]
            break
        if not word.startswith("-") or word == "-":
            found.operands.append(word)
            continue
        taken = _flag(reader, word, found.letters)
        if taken is None:
            return Judgement(why=f"{name} {word}: this flag is not in the table")
        found.values += words[place : place + taken]
        place += taken
    if place > len(words):
        return Judgement(why=f"{name} {words[-1]}: its value is missing")
    return _judge_operands(name, reader, found)


def _flag(reader: Reader, word: str, letters: set[str]) -> int | None:
    """How many of the following words a flag takes as its value; None when it is unknown."""
    if word.startswith("--"):
        return _long_flag(reader, word)
    if reader.numeric and re.fullmatch(r"-[0-9]{1,9}", word):
        return 0
    for index, letter in enumerate(word[1:], start=2):
        letters.add(letter)
        if letter in reader.valued:
            return 1 if index == len(word) else 0
        if letter not in reader.flags:
            return None
    return 0


def _long_flag(reader: Reader, word: str) -> int | None:
    option, equals, _ = word[2:].partition("=")
    if equals:
        return 0 if option in reader.valued_words else None
    if option in reader.words or option in _COMMON:
        return 0
    return 1 if option in reader.valued_words else None


def _judge_operands(name: str, reader: Reader, found: _Sorted) -> Judgement:
    words = found.operands
    if reader.needs and reader.needs not in found.letters:
        return Judgement(why=f"{name} without -{reader.needs} is not in the table")
    if len(words) > reader.most:
        return Judgement(why=f"{name} with {len(words)} operands is not in the table")
    if words and reader.first and reader.spared_by not in found.letters:
        if not re.fullmatch(reader.first, words[0], re.DOTALL):
            return Judgement(why=f"{name} {words[0]}: not a form that is known to only read")
        words = words[1:]
    if reader.operands == "text":
        return Judgement()
    # A value in a word of its own is an operand to other builds of the same command.
    checked = _paths(name, found.values)
    return checked if checked.why else _paths(name, words)


def _paths(name: str, words: list[str]) -> Judgement:
    """Operands that are files: below the workspace by their text, and no secrets."""
    files = tuple(word for word in words if word != "-")
    for word in files:
        if not stays_below(word):
            return Judgement(why=f"{name} {word}: the path may lie outside the workspace")
        protected = guarded(word, "read")
        if protected:
            return Judgement(why=f"{name} {word}: {protected}")
    return Judgement(reads=files)


def _judge_find(words: list[str]) -> Judgement:
    """find: folders first, then an expression made of known tests and their values.

    Each word with a dash must be a known test wherever it stands, so it does not matter which
    words are values.
    """
    split = next(
        (i for i, w in enumerate(words) if w.startswith("-") or w in _EXPRESSION), len(words)
    )
    for word in words[split:]:
        known = word in _FIND_TESTS or re.fullmatch(r"-[0-9]+[a-zA-Z]?", word)
        if word.startswith("-") and not known:
            return Judgement(why=f"find {word}: this test is not in the table")
    return _paths("find", words[:split])
