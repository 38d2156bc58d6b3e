"""Run one program and leave nothing of it behind: a program of its own, started per command.

It makes itself the parent of every orphan below it (a Linux *subreaper*), so a grandchild that
began a session of its own is still found. The command ends when its first process ends; whatever
is left then, or when the control pipe on standard input closes (a cancelled call, a time limit,
a killed workbench), is interrupted (SIGINT), asked to end (SIGTERM), each with a moment to do so,
then stopped and killed. A sandbox around the command is spared until then: it would take what is
in it down at once, without that moment.

Only the standard library, run with ``python -I -S``: ``reaper.py GRACE_S FILE_BYTES ARGV…``. Every
command waits for its imports, so it takes of them what starts fast.
"""

# ruff: noqa: SIM105  contextlib is one of those that start slowly

from __future__ import annotations

import os
import resource
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
else:
    import _signal as signal  # the other makes enumerations of the same numbers

_DEATH_SIGNAL = 1
_SUBREAPER = 36
_WALLS = b"bwrap"
_LAST_S = 2.0
_NOT_STARTED = 127


def main() -> int:
    """Run the program of the command line; returns its exit code, 128 + n for a signal."""
    grace_s, file_bytes, argv = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    _adopt_orphans()
    wake = _wakeup()
    child = os.fork()
    if child == 0:
        _become(argv, file_bytes)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    status = _watch(child, wake)
    if _alive():
        _end_all(child, grace_s, wake)
    code = os.waitstatus_to_exitcode(status) if status is not None else -signal.SIGKILL
    return code if code >= 0 else 128 - code


def _adopt_orphans() -> None:
    _process_control(_SUBREAPER, 1)


def _process_control(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 (absent or slow elsewhere)

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _wakeup() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, _noticed)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reading


def _noticed(_number: int, _frame: object) -> None:
    """A handler there must be, or nothing is written to the wakeup descriptor."""


def _become(argv: list[str], file_bytes: int) -> None:
    """Turn the forked child into the command; never returns."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.setsid()
        # Should somebody kill the reaper itself, the command does not outlive it.
        _process_control(_DEATH_SIGNAL, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, file_bytes)
        os.execv(argv[0], argv[1:])  # noqa: S606 (the very argv that was decided on)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(what, (bound, bound))
    except (OSError, ValueError):
        pass


def _watch(child: int, wake: int) -> int | None:
    """Wait until the command's first process ends (its status) or the control closes (None)."""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready:
            return None
        _drain(wake)
        for pid, status in _reaped():
            if pid == child:
                return status


def _drain(wake: int) -> None:
    try:
        while os.read(wake, 512):
            pass
    except BlockingIOError:
        pass


def _reaped() -> Iterator[tuple[int, int]]:
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found
    except ChildProcessError:
        pass


def _alive() -> bool:
    """Whether any child is left: with all orphans adopted, whether anything is left."""
    for _ in _reaped():
        pass
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _end_all(child: int, grace_s: float, wake: int) -> None:
    for number, patience_s in ((signal.SIGINT, grace_s / 2), (signal.SIGTERM, grace_s)):
        _signal(_descendants(child, walls=False), number)
        _wait(patience_s, wake)
    until = time.monotonic() + _LAST_S
    while _alive() and time.monotonic() < until:
        # Stopped first, so that a process which keeps forking cannot outrun the look-up.
        _signal(_descendants(child), signal.SIGSTOP)
        _signal(_descendants(child), signal.SIGKILL)
        _wait(0.02, wake)


def _wait(seconds: float, wake: int) -> None:
    until = time.monotonic() + seconds
    while _alive() and (left := until - time.monotonic()) > 0:
        select.select([wake], [], [], min(left, 0.05))
        _drain(wake)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def _descendants(child: int, *, walls: bool = True) -> list[int]:
    """Every process below this one; without walls, what is the sandbox itself is left out."""
    if sys.platform != "linux":
        return [-child]  # its group: who left it is not found here
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = _children(waiting.pop())
        found += below
        waiting += below
    return found if walls else [pid for pid in found if _name(pid) != _WALLS]


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 (starts faster)
        lists = [_read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:
        return []
    if None in lists and os.path.isdir(f"/proc/{pid}"):  # noqa: PTH112 (a kernel without the lists)
        return [other for other, parent in _parents() if parent == pid]
    return [int(word) for listed in lists for word in (listed or b"").split()]


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return None


def _name(pid: int) -> bytes:
    return (_read(f"/proc/{pid}/comm") or b"").strip()


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (told := _read(f"/proc/{name}/stat")):
            # The name in brackets may hold anything, so the fields are read after its end.
            yield int(name), int(told.rpartition(b")")[2].split()[1])


if __name__ == "__main__":
    sys.exit(main())
