"""Give up rights, then become a command: a program of its own, for where namespaces are forbidden.

Landlock lets the kernel refuse every file that is not below a named path, TCP, and signals to
processes outside; a seccomp filter refuses what Landlock does not see: sockets of every kind,
changes of mode and owner, looking into other processes, and doors to more kernel. Both are kept by
everything the command starts. See landlock(7) and seccomp(2).

Only the standard library, run with ``python -I -S``: ``confine.py SPEC PROGRAM ARGV…`` where SPEC
is JSON: ``list``, ``read`` and ``write`` (real paths; to see the names below, the contents, to
change) and ``tmp`` (a folder to write in, also the command's home).
It runs the command with less or it does not run it at all: exit code 126, and a line that says why.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import stat
import struct
import sys

REFUSED = 126
LEAST_ABI = 3
"""The first that knows truncation; older kernels let a command empty any file."""

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER_MODE = 38, 22, 2
_BOUNDING_DROP, _AMBIENT, _CLEAR_ALL, _CAPABILITY_VERSION = 24, 47, 4, 0x20080522
_LISTING, _READING = 0b1000, 0b1101
"""List a folder; execute and read a file too."""
_ON_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""Rights that a rule about a single file may name."""
_DEVICES = 1 << 6 | 1 << 11 | 1 << 15
"""Making devices and speaking to their drivers: nobody gets these."""

_REFUSED_CALLS: dict[str, tuple[int, ...]] = {
    # sockets · other processes · keys · doors to more kernel · namespaces, mounts · modes, owners
    "x86_64": (
        *(41, 101, 310, 311, 438, 248, 249, 250, 321, 323, 298, 304, 425, 426, 427, 246),
        *(155, 165, 166, 272, 308, 90, 91, 268, 452, 92, 93, 94, 260),
        *(188, 189, 190, 197, 198, 199),
    ),
    "aarch64": (
        *(198, 117, 270, 271, 438, 217, 218, 219, 280, 282, 241, 265, 425, 426, 427, 104),
        *(41, 40, 39, 97, 268, 52, 53, 452, 54, 55),
        *(5, 6, 7, 14, 15, 16),
    ),
}
"""System calls by number, in the same order on both machines."""

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FOREIGN_ABI = 0x40000000
"""Numbers from here on are x32's, the same calls by other names."""
_NOT_PERMITTED = 0x00050000 | 1
_ALLOWED = 0x7FFF0000
_LOAD, _IS, _IS_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Confine this process and become the command; returns only when that failed."""
    spec, program, argv = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
    try:
        confine(spec["list"], spec["read"], [*spec["write"], spec["tmp"]])
        environment = {**os.environ, "HOME": spec["tmp"], "TMPDIR": spec["tmp"]}
        os.execve(program, argv, environment)  # noqa: S606 (the very argv that was decided on)
    except (OSError, KeyError) as error:
        os.write(2, f"confine: nothing was run: {error}\n".encode())
    return REFUSED


def abi() -> int:
    """The version of Landlock that this kernel speaks, 0 for none."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return 0
    return max(0, _libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def confine(names: list[str], read: list[str], write: list[str]) -> None:
    """Let this process see and change only what is below the paths. Raises OSError."""
    version = abi()
    if version < LEAST_ABI:
        raise OSError(f"Landlock has version {version} here, and {LEAST_ABI} is needed")
    files = (1 << (16 if version >= 5 else 15)) - 1
    attributes = struct.pack("=Q", files)
    attributes += struct.pack("=Q", 0b11) if version >= 4 else b""  # bind and connect by TCP
    attributes += struct.pack("=Q", 0b11) if version >= 6 else b""  # abstract sockets, signals
    ruleset = _checked(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for path in names:
        _allow(ruleset, path, _LISTING)
    for path in read:
        _allow(ruleset, path, _READING)
    for path in write:
        _allow(ruleset, path, files & ~_DEVICES)
    _drop_capabilities()
    _checked_prctl(_NO_NEW_PRIVILEGES, 1)
    _checked(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)
    _filter_calls()


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow what is below a path; one that is not there needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        _checked(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


def _drop_capabilities() -> None:
    """Be nobody special, also as root: some looks into other processes ask for capabilities only.

    What is not in the bounding set cannot come back when the command is executed.
    """
    number = 0
    while os.geteuid() == 0 and not _libc.prctl(_BOUNDING_DROP, ctypes.c_ulong(number), 0, 0, 0):
        number += 1
    _checked_prctl(_AMBIENT, _CLEAR_ALL)
    header, none = struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)
    if _libc.capset(header, none):
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def _filter_calls() -> None:
    """Refuse the calls of the table, of the machine's own architecture and of any other."""
    # A classic BPF program: (code, jump if true, jump if false, value).
    refuse = (_RETURN, 0, 0, _NOT_PERMITTED)
    program = [(_LOAD, 0, 0, 4), (_IS, 1, 0, _ARCHITECTURES[platform.machine()]), refuse]
    program += [(_LOAD, 0, 0, 0), (_IS_AT_LEAST, 0, 1, _FOREIGN_ABI), refuse]
    for number in _REFUSED_CALLS[platform.machine()]:
        program += [(_IS, 0, 1, number), refuse]
    program.append((_RETURN, 0, 0, _ALLOWED))
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    kept = ctypes.create_string_buffer(code)
    described = struct.pack("@HP", len(program), ctypes.addressof(kept))
    _checked_prctl(_SECCOMP, _FILTER_MODE, described)


def _checked(number: int, *arguments: object) -> int:
    found = _libc.syscall(ctypes.c_long(number), *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def _checked_prctl(option: int, value: int, pointer: object = 0) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main())
