"""What strangers write is nothing that can be clicked: no action, no link opened, nothing fetched.

The real screen is clicked all over, in panes full of markup and links. What would open
a link is a program that leaves a canary, and where the links lead somebody listens.
"""

from __future__ import annotations

from io import BytesIO

import pexpect
import pytest

from tests.threats.shipped import PROGRAM, Listening, Stage

COLUMNS, ROWS = 140, 36
VIEWS = ("3ll", "3gjjjj\r", "4", "2", "1", "5")


def _poison(sink: Listening) -> str:
    url = f"{sink.url}/pwned"
    return (
        f"[@click=app.quit]quit[/] [@click=app.leave]leave[/] [link={url}]link[/] {url} "
        f"\x1b]8;;{url}\x1b\\osc\x1b]8;;\x1b\\ [x]({url}) <a href='{url}'>a</a> file:///etc/passwd"
    )


def _clicks() -> str:
    """A press and a release all over the screen, as terminals send them."""
    return "".join(
        f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"
        for row in range(1, ROWS, 2)
        for column in range(1, COLUMNS, 3)
    )


@pytest.mark.timeout(180)
def test_clicking_everywhere_does_nothing(stage: Stage, sink: Listening) -> None:
    poison = _poison(sink)
    (stage.work / "told.txt").write_text(poison)
    (stage.work / poison.replace("/", "_")[:60]).write_text("x")
    stage.play(
        [("list_directory", {"path": "."}), ("read_file", {"path": "told.txt"})],
        [("write_file", {"path": "x.txt", "content": poison})],
        text=poison,
    )
    opener = stage.folder / "opener"
    opener.write_text(f"#!/bin/sh\ntouch {stage.folder}/opened\n")
    opener.chmod(0o755)
    stage.variables["BROWSER"] = str(opener)
    runs = stage.run("runs", "--output", "json").out

    child: pexpect.spawn[bytes] = pexpect.spawn(
        str(PROGRAM), [], cwd=str(stage.work), env=stage.environment, dimensions=(ROWS, COLUMNS)
    )
    child.logfile_read = (seen := BytesIO())  # type: ignore[assignment]
    child.expect(rb"\x1b\[\?1003h", timeout=60)  # the mouse is listened to
    child.expect(b"words for the selected", timeout=60)
    child.send("\x1bOR")
    child.expect(rb"Runs  \d", timeout=30)
    child.send("\r")
    for keys in VIEWS:
        for key in keys:
            child.send(key)
            child.expect(pexpect.TIMEOUT, timeout=0.3)
        child.send(_clicks())
        # It has taken in all of them once it answers a key that came after.
        child.send("\x1bOP")
        child.expect(b"esc closes", timeout=60)
        child.send("\x1b")
        child.expect(pexpect.TIMEOUT, timeout=0.5)
    assert child.isalive()
    child.send("\x11")
    child.expect(pexpect.EOF, timeout=60)
    child.close()

    assert child.exitstatus == 0
    assert b"@click=app.quit" in seen.getvalue()
    assert not (stage.folder / "opened").exists()
    assert not (stage.work / "x.txt").exists()
    assert sink.heard == []
    assert stage.run("runs", "--output", "json").out == runs
