"""The shipped program, as a stranger's page or folder would meet it: a script, a playbook, a sink.

The program is a process of its own with an environment of its own. What agents say is written in a
playbook; where anything might leak to is a server on loopback that remembers what reached it.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "kaizen-tui"
"""As it is installed: ``python -m`` would look for modules in the working folder."""
BOUND_S = 50.0
CANARY = "canary-7f3a9c51e2"


class Listening(ThreadingHTTPServer):
    """A server that serves its pages and remembers every request whole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Remembering)
        self.heard: list[str] = []
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"


class _Remembering(BaseHTTPRequestHandler):
    server: Listening  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.heard.append(f"{self.requestline} {dict(self.headers)} {body!r}")
        status, headers, content = self.server.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


_PAIR = re.compile(r"\\ud[89ab]..\\ud[c-f]..")


def as_yaml(value: Any) -> str:
    """JSON that is YAML too: it writes what is beyond 16 bits in another way."""
    text = json.dumps(value)
    return _PAIR.sub(_spelled, text)


def _spelled(pair: re.Match[str]) -> str:
    quoted = f'"{pair[0]}"'
    return f"\\U{ord(json.loads(quoted)):08x}"


@contextmanager
def listening() -> Generator[Listening]:
    """A server while this is entered."""
    found = Listening()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


@dataclass
class Ended:
    """How the program ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass
class Stage:
    """A user with a home, settings and a workspace."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for name in ("work", "settings", "data", "tmp"):
            (self.folder / name).mkdir()

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        said = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        said |= {"TERM": "xterm", "TMPDIR": str(self.folder / "tmp")}
        said["KAIZEN_TUI_CONFIG_HOME"] = str(self.folder / "settings")
        said["KAIZEN_TUI_DATA_HOME"] = str(self.folder / "data")
        return {**said, **self.variables}

    def settings(self, text: str) -> None:
        """Write the user's settings."""
        (self.folder / "settings" / "config.toml").write_text(text)

    def run(self, *words: str, stdin: str = "", before: Sequence[str] = ()) -> Ended:
        """Run the program to its end; ``before`` is what starts it."""
        done = subprocess.run(
            [*before, str(PROGRAM), *words],
            cwd=self.work,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def play(
        self,
        *rounds: Sequence[tuple[str, Mapping[str, Any]]],
        rules: str = "",
        flags: Sequence[str] = (),
        text: str = "done",
        before: Sequence[str] = (),
    ) -> Ended:
        """Have an agent make these calls, round by round, under these rules of a script."""
        tools = sorted({name for calls in rounds for name, _ in calls})
        answers: list[dict[str, Any]] = [
            {
                "agent": "worker",
                "when": {"round": number},
                "calls": [{"tool": name, "arguments": given} for name, given in calls],
            }
            for number, calls in enumerate(rounds)
        ]
        playbook = {"playbook": "stage", "answers": [*answers, {"text": text}]}
        (self.work / "stage.playbook.yaml").write_text(as_yaml(playbook))
        script = (
            "model playbook:stage\n"
            f"agent define worker \"task: str -> text: str\" tools='{json.dumps(tools)}'"
            f" max_rounds={max(12, len(rounds) + 1)}\n"
            f"{rules}\nask worker go\n"
        )
        return self.run("--script", "-", "--output", "json", *flags, stdin=script, before=before)

    def rows(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of all rows of some kinds, in order."""
        file = next(iter(self.folder.rglob("workbench.db")))
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            marks = ",".join("?" * len(kinds))
            found = connection.execute(
                f"SELECT data FROM log WHERE kind IN ({marks}) ORDER BY id",
                kinds,
            )
            return [json.loads(data) for (data,) in found]

    @property
    def newest(self) -> str:
        """The id of the newest run."""
        file = next(iter(self.folder.rglob("workbench.db")))
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            found = connection.execute("SELECT run_id FROM run_states ORDER BY rowid").fetchall()
            return str(found[-1][0])

    def outcomes(self) -> list[tuple[str, str]]:
        """Each tool call that has one: its name, and how it ended, with the reason of a no."""
        return [
            (row["name"], row.get("error", {}).get("message", "done")) for row in self.calls_made()
        ]

    def calls_made(self) -> list[dict[str, Any]]:
        """The data of the outcome of each tool call that has one, in order."""
        kinds = ("step.finished", "step.failed", "step.denied")
        return [row for row in self.rows(*kinds) if row.get("effect") == "tool"]
