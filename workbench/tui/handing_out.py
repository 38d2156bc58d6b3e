"""Text that leaves the screen because the user asks for it: to the clipboard, a pager, a file.

All of it is what stands on the screen, cleaned like that, and whole where the screen crops. The
clipboard is the terminal's: it is told by OSC 52, which carries base64 and nothing else, and no
more than terminals take.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from textual.app import App, SuspendNotSupported
from textual.message import Message

from workbench.errors import UsageError
from workbench.tui.clock import grouped
from workbench.tui.keymap import short

MOST_BYTES = 48 * 1024
"""Of a text for the clipboard: in base64 what tmux and xterm still take."""

_WIDE = {"LESS": "-S"}
"""A row is one line in the pager, too, unless the user wants less otherwise."""

How: TypeAlias = Literal["copy", "pager", "export"]


class Text(NamedTuple):
    """Something to hand out, written only when it is wanted."""

    name: str
    """What it is, for people and as the beginning of a file's name."""
    lines: Callable[[], Iterator[str]]
    objects: Callable[[], Iterator[str]] | None = None
    """The same as JSON, an object a line, where there is such a form."""


class HandOut(Message):
    """The user wants a text handed out."""

    def __init__(self, how: How, text: Text) -> None:
        super().__init__()
        self.how: How = how
        self.text = text


def hand_out(app: App[int], message: HandOut) -> str:
    """Copy or page a text; what to say of it."""
    act = copy if message.how == "copy" else page
    return act(app, message.text)


def copy(app: App[int], text: Text) -> str:
    """Put a text into the terminal's clipboard; what to say of it."""
    whole = "\n".join(text.lines())
    kept = _cut(whole, MOST_BYTES)
    app.copy_to_clipboard(kept)
    size = grouped(len(kept))
    if len(kept) < len(whole):
        all_of_it = f"{short('detail.export')} writes all of it to a file"
        return f"copied the first {size} characters of {text.name}: {all_of_it}"
    return f"copied {text.name}, {size} characters, if your terminal takes OSC 52"


def _cut(text: str, most: int) -> str:
    """The beginning of a text in at most so many bytes of UTF-8, ending with a whole character."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")


def page(app: App[int], text: Text) -> str:
    """Show a text in the user's pager, on the terminal; what to say when that did not work."""
    command = shlex.split(os.environ.get("PAGER") or "less") or ["less"]
    whole = "\n".join(text.lines()) + "\n"
    try:
        with Path("/dev/tty").open("wb", buffering=0) as tty, app.suspend(), _keys_are_its():
            # It asks the terminal for keys itself, as its input is the text.
            given = whole.encode(errors="replace")
            subprocess.run(command, input=given, stdout=tty, env=_WIDE | os.environ, check=False)
    except FileNotFoundError:
        return f"there is no pager {command[0]!r}; set PAGER to one"
    except (SuspendNotSupported, OSError) as error:
        return f"no pager here: {error}; {short('detail.export')} writes to a file"
    return ""


@contextmanager
def _keys_are_its() -> Generator[None]:
    """ctrl+c and ctrl+z in a pager are meant for the pager, not for our runs."""
    names = (signal.SIGINT, signal.SIGTSTP)
    before = [signal.signal(name, signal.SIG_IGN) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)


def write(path: str, text: Text) -> tuple[Path, int]:
    """Write a text to a new file; where it is and how many lines it has.

    Raises:
        UsageError: there is such a file already, or it cannot be written.
    """
    target = Path(path).expanduser().absolute()
    as_json = target.suffix in (".jsonl", ".json") and text.objects is not None
    lines = text.objects if as_json and text.objects is not None else text.lines
    number = 0
    try:
        with target.open("x", encoding="utf-8", errors="replace") as file:
            for line in lines():
                file.write(line + "\n")
                number += 1
    except FileExistsError:
        raise UsageError(f"{target} is there already; nothing was written") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}") from None
    return target, number


def joined(lines: Sequence[Sequence[tuple[str, str]]]) -> Iterator[str]:
    """Lines of the screen as text, without their roles and the blanks at their ends."""
    for line in lines:
        yield "".join(text for text, _ in line).rstrip()
