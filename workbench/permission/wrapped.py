"""Commands that start another command named in their own words: what that other command is.

Only for matching what is *denied*: ``deny tool=bash_command command='rm *'`` should also meet
``env rm x``, ``find . -exec rm {} ;`` and ``bash -c 'rm x'``. Missing one makes nothing simple.
"""

from __future__ import annotations

from dataclasses import dataclass

_VALUED: dict[str, frozenset[str]] = {
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "sudo": frozenset({"-u", "-g", "-h", "-p", "-C", "-T", "-U", "-D", "-R", "-r", "-t"}),
    "doas": frozenset({"-u", "-C"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n", "-p"}),
    "timeout": frozenset({"-k", "-s", "--signal", "--kill-after"}),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "xargs": frozenset({"-I", "-n", "-P", "-L", "-s", "-d", "-a", "-E"}),
    "exec": frozenset({"-a"}),
    **dict.fromkeys(
        ("command", "builtin", "nohup", "time", "setsid", "coproc", "busybox", "unshare"),
        frozenset[str](),
    ),
    **dict.fromkeys(("chroot", "strace", "ltrace", "watch", "parallel"), frozenset[str]()),
}
"""Commands followed by another, and their flags that take a value in the next word."""

_LEADING = {"timeout": 1, "chroot": 1}
"""Operands that stand before the other command."""

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "su", "script"})
_SCRIPTED = frozenset({"eval", "trap"})
_SOURCED = frozenset({"source", "."})
_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_MOST_RUNS = 8


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What a command starts: words, or a text for a shell; neither when nobody can tell."""

    argv: tuple[str, ...] = ()
    script: str = ""


def unwrap(argv: tuple[str, ...]) -> tuple[Wrapped, ...]:
    """What this command would start by itself; nothing when it is its own end."""
    name = argv[0].rpartition("/")[2]
    if name in _VALUED:
        return _behind(name, argv)
    if name in _SHELLS:
        return (_script_of(argv),)
    if name in _SCRIPTED:
        return (Wrapped(script=" ".join(argv[1:])),) if len(argv) > 1 else ()
    if name in _SOURCED:
        return (Wrapped(),)
    return _executed(argv) if name == "find" else ()


def _executed(argv: tuple[str, ...]) -> tuple[Wrapped, ...]:
    """What stands behind each ``-exec`` of a find."""
    places = [i + 1 for i, word in enumerate(argv) if word in _RUNS]
    if len(places) > _MOST_RUNS:
        return (Wrapped(),)
    return tuple(Wrapped(argv=argv[place:]) for place in places)


def _behind(name: str, argv: tuple[str, ...]) -> tuple[Wrapped, ...]:
    """The words behind flags, their values, assignments and leading operands."""
    left = _LEADING.get(name, 0)
    place = 1
    while place < len(argv):
        word = argv[place]
        if word == "-S" and name == "env":
            return (Wrapped(script=" ".join(argv[place + 1 :])),)
        if word in _VALUED[name]:
            place += 2
        elif word.startswith("-") or (name in {"env", "sudo"} and "=" in word):
            place += 1
        elif left:
            left -= 1
            place += 1
        else:
            return (Wrapped(argv=argv[place:]),)
    return ()


def _script_of(argv: tuple[str, ...]) -> Wrapped:
    """The text of ``bash -c TEXT``. A file, or the standard input, nobody can tell."""
    for place, word in enumerate(argv[1:], start=1):
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            return Wrapped(script=" ".join(argv[place + 1 : place + 2]))
    return Wrapped()
