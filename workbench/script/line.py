"""Line mode: the same commands at a prompt, for terminals where a full screen is unwelcome.

prompt-toolkit brings editing, history and completion. While a command goes on, questions come to
the same prompt: the person answers there, and no answer means no.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Iterable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.output.defaults import create_output
from prompt_toolkit.patch_stdout import patch_stdout

from workbench.bench import Workbench
from workbench.errors import UnknownName, WorkbenchError
from workbench.permission.danger import Danger
from workbench.permission.doubting import DONE, WORDS
from workbench.plain import one_line, plain
from workbench.run.waiting import Answer, Waiting, typed_result
from workbench.script.answering import LeftAlone
from workbench.script.execute import complete, execute
from workbench.script.headless import Front
from workbench.script.questions import question_lines
from workbench.script.rows import brief
from workbench.script.session import Session, Suspended

_LEAVE = {"quit", "exit", "/quit", "/exit"}
_KEPT = 500
_GUARD_S = 0.5
"""So long a question is shown before anything that is typed counts, as in the inbox."""
_HISTORY = "line.history"


async def prompt(front: Front) -> int:
    """Read and do commands until the person leaves."""
    session = front.session(leaves=False)
    typed: PromptSession[str] = PromptSession(
        history=_Kept(front.bench), completer=_Commands(session), complete_while_typing=False
    )
    front.ask = ask_person
    front.streams.notice(
        f"model {front.bench.default_model} · 'help' lists commands, ctrl+d leaves"
    )
    async with front.attended():
        while not front.signals.caught:
            try:
                with patch_stdout(raw=False):
                    # The signal is ours; as a key, ctrl+c clears the line.
                    text = await typed.prompt_async(_prompt(front.bench), handle_sigint=False)
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
            if text.strip() in _LEAVE:
                break
            await _do(front, session, text)
    return 128 + front.signals.caught if front.signals.caught else 0


async def _do(front: Front, session: Session, text: str) -> None:
    """One line; what goes wrong is said, and the prompt comes back."""
    with front.signals.interrupting(front.bench, leaves=False):
        try:
            output = await execute(session, text)
        except Suspended:
            front.streams.notice(f"suspended; go on with: resume {session.last}")
        except WorkbenchError as error:
            front.streams.notice(f"{error}")
        else:
            front.streams.say(output.lines)


def _prompt(bench: Workbench) -> FormattedText:
    return FormattedText([("bold", "kaizen"), ("", f" {one_line(bench.policy.mode)} > ")])


async def ask_person(waiting: Waiting) -> Answer | None:
    """Put what waits to the person at the terminal; None when no answer came.

    Nothing is allowed by a single key or by an empty line, and what is CRITICAL is allowed by
    typing the tool's name. Raises LeftAlone when the person wants to stop instead.
    """
    # On stderr: stdout is the result's.
    typed: PromptSession[str] = PromptSession(output=create_output(always_prefer_tty=True))
    for text in _question(waiting):
        _print(text)
    await _forget_typed(typed)
    try:
        return await _answered(typed, waiting)
    except KeyboardInterrupt:
        raise LeftAlone from None
    except EOFError:
        if _has_hung_up():
            raise LeftAlone from None
        return None


async def _forget_typed(typed: PromptSession[str]) -> None:
    """Let nothing answer that was typed before the question could be read."""
    await asyncio.sleep(_GUARD_S)
    source = typed.app.input
    clear_typeahead(source)
    if os.isatty(source.fileno()):
        termios.tcflush(source.fileno(), termios.TCIFLUSH)


async def _answered(typed: PromptSession[str], waiting: Waiting) -> Answer | None:
    said = await _typed(typed, _asked(waiting))
    if waiting.kind == "permission":
        return _permission(waiting, said)
    said = _meant(waiting, said)
    while said and waiting.choices and not waiting.check and said not in waiting.choices:
        _print(str(UnknownName("choice", said, waiting.choices)))
        said = _meant(waiting, await _typed(typed, _asked(waiting)))
    if waiting.kind == "in_doubt" and said == DONE:
        return Answer(answer=DONE, result=await _result(typed, waiting))
    return Answer(answer=said) if said else None


async def _typed(typed: PromptSession[str], words: str) -> str:
    return (await typed.prompt_async(words, handle_sigint=False)).strip()


def _meant(waiting: Waiting, said: str) -> str:
    """What answers a doubt in a script answers it here as well."""
    return WORDS.get(said, said) if waiting.kind == "in_doubt" else said


async def _result(typed: PromptSession[str], waiting: Waiting) -> Any:
    """What it came back with: as typed, or what is presumed of it."""
    _print(f"  presumed: {brief(waiting.presumed, 2_000)}")
    said = await _typed(typed, "its result, as JSON or text; enter alone takes that: ")
    return typed_result(said)


def _has_hung_up() -> bool:
    """Whether the terminal is gone: then the end of its input is nobody's answer."""
    try:
        termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError):
        return True
    return False


def _permission(waiting: Waiting, said: str) -> Answer:
    wanted = waiting.tool if waiting.danger == Danger.CRITICAL else "yes"
    if said == wanted:
        return Answer("allow")
    reason = said if said not in {"", "n", "no"} else "a person said no"
    return Answer("deny", reason=reason)


def _question(waiting: Waiting) -> list[str]:
    if waiting.kind != "permission":
        return list(question_lines(waiting.to_json()))
    danger = f"{waiting.danger.name} " if waiting.danger is not None else ""
    lines = [f"{danger}{waiting.agent} wants {waiting.tool}"]
    lines += [f"  {name}: {value}" for name, value in waiting.arguments.items()]
    lines += [f"  why: {waiting.why}"] if waiting.why else []
    lines += [f"  rule: {waiting.rule}"] if waiting.rule else []
    notes = "; ".join(waiting.facts.notes) if waiting.facts is not None else ""
    lines += [f"  graded: {notes}"] if notes else []
    return [*lines, *waiting.preview.splitlines()]


def _asked(waiting: Waiting) -> str:
    if waiting.kind != "permission":
        return f"[{' / '.join(waiting.choices)}] " if waiting.choices else "answer: "
    wanted = waiting.tool if waiting.danger == Danger.CRITICAL else "yes"
    return f"type {one_line(wanted)} to allow; anything else denies, and is the reason: "


def _print(text: str) -> None:
    output = create_output(always_prefer_tty=True)
    output.write(f"{plain(text)}\n")
    output.flush()


class _Kept(History):
    """The history, kept in the workspace's database."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench

    def load_history_strings(self) -> Iterable[str]:
        """Newest first."""
        return reversed(self._lines())

    def store_string(self, string: str) -> None:
        """Keep one line."""
        lines: list[Any] = [line for line in self._lines() if line != string]
        self._bench.store.set_setting(_HISTORY, [*lines, string][-_KEPT:])

    def _lines(self) -> list[str]:
        kept: Any = self._bench.store.get_setting(_HISTORY)
        return kept or []


class _Commands(Completer):
    """Completion by what the session knows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Whole words in place of the last one."""
        del complete_event
        text = document.text_before_cursor
        word = text.rpartition(" ")[2]
        for found in complete(self._session, text):
            yield Completion(found, start_position=-len(word))
