"""Find out what confines a command here, by running one that tries to get out.

That a program is installed proves nothing: containers and security modules forbid namespaces
in many ways. So a canary runs inside the very profile that commands get; it tries to write
outside, to read a secret and to connect, and what came of it is judged from outside.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.tools.place import Place
from workbench.tools.sandbox import landlock
from workbench.tools.sandbox.report import SandboxReport
from workbench.tools.sandbox.walls import walls

_PROGRAMS = ("/usr/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap")
_TIMEOUT_S = 10.0
_PROVEN = "a canary could neither write outside, nor read a secret, nor connect"
_CANARY = """
import os, socket, sys
mark, port, *outside = sys.argv[1:]
def attempt(act):
    try: act()
    except OSError: pass
open("inside/" + mark, "w").close()
for path in outside:
    attempt(lambda: open(os.path.join(path, "canary-" + mark), "w").close())
    attempt(lambda: print(os.listdir(path), open(os.path.join(path, "secret")).read()))
attempt(lambda: socket.create_connection(("127.0.0.1", int(port)), 1))
attempt(lambda: print(open("/proc/%d/environ" % os.getppid()).read()))
print("canary sang")
"""


def detect(programs: Iterable[str] = _PROGRAMS) -> SandboxReport:
    """Try what there is, best first, and report what a canary proved. Takes about 0.1 s."""
    if sys.platform != "linux":
        return SandboxReport(why=f"there is no sandbox for {sys.platform} yet")
    full = next((program for program in programs if Path(program).is_file()), "")
    missing = "bubblewrap is not installed"
    if full:
        missing = _flaw(report := SandboxReport("full", "bubblewrap", full))
        if not missing:
            return replace(report, why=_PROVEN)
        missing = f"bubblewrap is installed, but {missing}"
    if not landlock.is_there():
        return SandboxReport(why=f"{missing}; this kernel has no Landlock")
    flaw = _flaw(report := SandboxReport("reduced", "landlock", sys.executable))
    if flaw:
        return SandboxReport(why=f"{missing}; Landlock is there, but {flaw}")
    return replace(report, why=f"{missing}; with Landlock {_PROVEN}")


def _flaw(report: SandboxReport) -> str:
    """What is wrong with a sandbox, or empty when it holds."""
    try:
        return _tried(report)
    except (OSError, subprocess.SubprocessError, WorkbenchError) as error:
        return f"it did not start ({error})"


def _tried(report: SandboxReport) -> str:
    """What the canary could do that it must not, or empty."""
    with tempfile.TemporaryDirectory() as top, socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        secret, mark = secrets.token_hex(16), secrets.token_hex(4)
        place = _planted(Path(top), secret, report)
        outside = [str(place.state), str(place.workspace.parent / "outside"), str(Path.home())]
        ended = _sing(place, [mark, str(server.getsockname()[1]), *outside, "/usr", "/etc"])
        if "canary sang" not in ended.stdout or not (place.workspace / "inside" / mark).exists():
            return f"it did not run ({(ended.stderr.strip() or 'no word')[:200]})"
        if secret in ended.stdout:
            return "a secret could be read"
        for path in (*outside, "/usr", "/etc"):
            if (Path(path) / f"canary-{mark}").exists():
                return f"{path} could be written"
        return "the network could be reached" if _was_reached(server) else ""


def _planted(top: Path, secret: str, report: SandboxReport) -> Place:
    for name in ("workspace", "workspace/inside", "workspace/state", "outside"):
        (top / name).mkdir()
    for name in ("workspace/state", "outside"):
        (top / name / "secret").write_text(secret)
    return Place(top / "workspace", top / "workspace/state", report)


def _sing(place: Place, words: list[str]) -> subprocess.CompletedProcess[str]:
    argv = ("python", "-I", "-S", "-c", _CANARY, *words)
    with walls(argv, sys.executable, place) as (wrapped, program):
        return subprocess.run(
            [program, *wrapped[1:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
            text=True,
            env={"PATH": "/usr/bin:/bin"},
            cwd=place.workspace,
        )


def _was_reached(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True
