"""`kaizen-tui`: read the command line and hand over to the front it asks for.

``--help`` and ``--version`` load no other room, and not even `typing`: the program answers them in
little more than the time an empty one takes. What a front raises ends here too, as one sentence
and an exit code.
"""

from __future__ import annotations

import os
import sys

from workbench import __version__
from workbench.ending import fill_gaps, guarded, heed, leave
from workbench.subcommands import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, NoReturn, cast

    from workbench.script.command_line import Asked


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    fill_gaps()
    words = list(sys.argv[1:] if argv is None else argv)
    code = guarded(lambda: _dispatch(words))
    if argv is None and "asyncio" in sys.modules:
        leave(code)
    return code


def _dispatch(words: list[str]) -> int:
    if words == ["--version"]:
        sys.stdout.write(f"kaizen-tui {__version__}\n")
        return 0
    args = parse(words)
    heed()
    return _HANDLERS[_front(args)](args, words)


def _front(args: Namespace) -> str:
    chosen = [name for name in ("script", "line") if getattr(args, name)]
    if args.command:
        chosen.append(args.command)
    if len(chosen) > 1:
        from workbench.errors import UsageError

        raise UsageError(f"{' and '.join(chosen)} exclude each other")
    return chosen[0] if chosen else "screen"


# -- what can be said ----------------------------------------------------------------------------


def parse(words: list[str]) -> Namespace:
    """Read the command line: first what stands before a sub-command, then the rest by its own.

    Two parsers, not argparse's sub-parsers: those would all be built to print one help.
    """
    args = top_parser().parse_args(words)
    if args.command is None:
        return args
    if args.command not in COMMANDS:
        from workbench.errors import UnknownName

        raise UnknownName("sub-command", args.command, COMMANDS)
    return command_parser(args.command).parse_args(args.rest, args)


def top_parser() -> ArgumentParser:
    """What stands before a sub-command, or without one."""
    from argparse import REMAINDER

    listed = "\n".join(f"  {name:<11} {summary}" for name, (summary, _) in COMMANDS.items())
    top = _parser("kaizen-tui", f"{_ABOUT}\n\nsub-commands:\n{listed}")
    top.epilog = _EPILOG
    top.add_argument("--version", action="version", version=f"kaizen-tui {__version__}")
    top.add_argument("--script", metavar="FILE", help="run a file of commands; - reads stdin")
    top.add_argument("--line", action="store_true", help="a prompt instead of the screen")
    _add_common(top)
    top.add_argument("command", nargs="?", metavar="COMMAND", help="see above; COMMAND --help")
    top.add_argument("rest", nargs=REMAINDER, metavar="…", help="what the sub-command takes")
    top.set_defaults(**_DEFAULTS)
    return top


def command_parser(name: str) -> ArgumentParser:
    """What one sub-command takes."""
    summary, arguments = COMMANDS[name]
    sub = _parser(f"kaizen-tui {name}", summary)
    for words, settings in arguments:
        sub.add_argument(*words, **settings)
    _add_common(sub)
    return sub


def _parser(name: str, about: str) -> ArgumentParser:
    import argparse

    def formatter(prog: str) -> argparse.HelpFormatter:
        # Told its width, argparse need not import shutil to find it out.
        return argparse.RawDescriptionHelpFormatter(prog, width=_width())

    # The stubs want a class where argparse takes any callable.
    kind = cast("Any", formatter) if TYPE_CHECKING else formatter
    made = argparse.ArgumentParser(
        name,
        description=about,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=kind,
    )

    def error(message: str) -> NoReturn:
        from workbench.errors import UsageError, nearest

        _, found, wrong = message.partition("unrecognized arguments: ")
        guess = nearest(wrong.split(" ")[0], made._option_string_actions) if found else None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        hint = f"Did you mean {guess}?" if guess else f"See: {name} --help"
        raise UsageError(message, hint=hint)

    made.error = error
    return made


def _width() -> int:
    try:
        return min(os.get_terminal_size(sys.stdout.fileno()).columns, 100) - 2
    except (OSError, ValueError):
        return 98


_ABOUT = "A terminal workbench for AI agents. Without a sub-command it opens the screen."
_EPILOG = """\
first time here: kaizen-tui tour
exit codes: 0 done · 1 a run failed or an expect is false · 2 usage · 3 settings, plugin or trust
            4 model unreachable · 5 denied · 6 limit reached · 7 in doubt · 130/143 signals"""

_DEFAULTS: dict[str, Any] = {
    "workspace": ".",
    "config": None,
    "set": None,
    "model": None,
    "mode": None,
    "output": "text",
    "confirm": False,
    "resume_script": False,
    "screen": False,
    "script": None,
    "line": False,
    "command": None,
    "rest": (),
}


def _add_common(parser: ArgumentParser) -> None:
    """Options that stand before or after a sub-command."""
    add = parser.add_argument
    add("--workspace", metavar="DIR", help="the folder agents work in (default: this one)")
    add("--config", metavar="FILE", help="settings to use instead of the folder's own")
    add("--set", metavar="KEY=VALUE", action="append", help="a setting, e.g. limits.usd=0.5")
    add("--model", metavar="NAME", help="provider:name for agents that name none")
    add("--mode", metavar="MODE", help="plan, confirm, edits or auto")
    add("--output", choices=("text", "json", "jsonl"), help="the form of what goes to stdout")
    add("--confirm", action="store_true", help="ask at the keyboard what no rule allows")
    add("--resume", dest="resume_script", action="store_true", help="go on with a script")
    add("--screen", action="store_true", help="play a script, or follow, on the screen")


# -- the fronts ----------------------------------------------------------------------------------


def _asked(args: Namespace, words: list[str]) -> Asked:
    from pathlib import Path

    from workbench.errors import UsageError
    from workbench.script.command_line import Asked

    flags = {name: getattr(args, name) for name in ("model", "mode") if getattr(args, name)}
    pairs: list[str] = args.set or []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r} is not KEY=VALUE")
        flags[key] = value
    workspace = Path(args.workspace)
    if not workspace.is_dir():
        raise UsageError(f"{args.workspace} is no folder")
    return Asked(
        words, workspace, args.config, flags, args.output, args.confirm, args.resume_script
    )


def _screen(args: Namespace, words: list[str]) -> int:
    return _on_screen(_asked(args, words))


def _on_screen(
    asked: Asked, script: Path | None = None, *, tour: bool = False, shows: str = ""
) -> int:
    """Open the screen; without a terminal that is an error of usage."""
    if not _has_terminal():
        from workbench.errors import UsageError

        raise UsageError(
            "there is no terminal for the screen",
            hint="Without one: kaizen-tui --script FILE, or kaizen-tui run PATTERN",
        )

    from workbench.tui.app import run_app

    folder = asked.workspace
    config = asked.settings(folder)
    return run_app(workspace=folder, config=config, tour=tour, script=script, shows=shows)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _script(args: Namespace, words: list[str]) -> int:
    from pathlib import Path

    from workbench.script import shell

    asked = _asked(args, words)
    if args.screen:
        return _on_screen(asked, Path(args.script))
    return shell.script(asked, args.script)


def _tour(args: Namespace, words: list[str]) -> int:
    asked = _asked(args, words)
    if _has_terminal() and args.output == "text":
        return _on_screen(asked, tour=True)
    from workbench.script import shell

    return shell.tour(asked)


def _line(args: Namespace, words: list[str]) -> int:
    from workbench.script import shell

    return shell.line_mode(_asked(args, words))


def _run(args: Namespace, words: list[str]) -> int:
    from workbench.script import shell

    name = args.run if args.command == "fork" else args.name
    return shell.command(_asked(args, words), args.command, [name, *args.words])


def _restore(args: Namespace, words: list[str]) -> int:
    """With a yes it ends in a run, like any other; without, it only says something."""
    if not any(word.startswith("yes=") for word in args.words):
        return _look(args, words)
    from workbench.script import shell

    return shell.command(_asked(args, words), "restore", [args.run, *args.words])


def _resume(args: Namespace, words: list[str]) -> int:
    from workbench.script import shell

    return shell.resume(_asked(args, words), args.run, take_over=args.take_over)


def _follow(args: Namespace, words: list[str]) -> int:
    if args.screen:
        return _on_screen(_asked(args, words), shows=args.run)
    from workbench.script import shell

    return shell.follow(_asked(args, words), args.run)


def _tell(args: Namespace, words: list[str]) -> int:
    """Ask something of a run's driver."""
    from workbench.script import shell

    given = [args.name, *args.words] if args.command == "answer" else [*args.words]
    if args.command in ("steer", "interrupt"):
        given.append(f"run={args.run}")
    return shell.look(_asked(args, words), args.command, given)


def _check(args: Namespace, words: list[str]) -> int:
    from workbench.script import shell

    return shell.check(_asked(args, words), args.run)


def _audit(args: Namespace, words: list[str]) -> int:
    """The database is only looked at: what is to be proven must not be written."""
    from workbench.script import shell

    if getattr(args, "json", False):
        args.output = "json"
    head = [f"head={args.head}"] if args.head else []
    return shell.inspect(_asked(args, words), "audit", [*args.words, *head])


_LOOKS = {
    "agents": ("agent", "list"),
    "patterns": ("pattern", "list"),
    "rules": ("rules",),
    "approvals": ("approvals",),
}


_PLACES = ("checkpoints", "tree", "diff", "compare", "export", "import", "files", "profile")


def _look(args: Namespace, words: list[str]) -> int:
    if getattr(args, "follow", False):
        return _follow(args, words)
    from workbench.script import shell

    name, *given = _LOOKS.get(args.command, (args.command,))
    if getattr(args, "named", ""):
        given = ["show", args.named]
    given += [getattr(args, name) for name in ("run", "file") if hasattr(args, name)]
    return shell.look(_asked(args, words), name, [*given, *getattr(args, "words", [])])


def _keep(args: Namespace, words: list[str]) -> int:  # noqa: PLR0911 - one each
    from workbench.script import hooks_list
    from workbench.script import housekeeping as keep
    from workbench.tui import keymap

    asked = _asked(args, words)
    match args.command:
        case "init":
            return keep.init(asked, args.folder)
        case "trust":
            return keep.trust_folder(asked, args.files, yes=args.yes, revoke=args.revoke)
        case "config":
            show, keys = keep.config_show, keep.config_keys
            return keys(asked, keymap.listed) if args.act == "keys" else show(asked, keymap.checked)
        case "hooks":
            return hooks_list.hooks(asked)
        case "plugins" if args.act == "check":
            from workbench.script.plugins_check import check_plugins

            return check_plugins(asked, args.words)
        case "plugins":
            return keep.plugins(asked)
        case _:
            return keep.doctor(asked, keymap.checked)


def _store(args: Namespace, words: list[str]) -> int:
    from workbench.script import storing

    return storing.stored(_asked(args, words), args)


def _models(args: Namespace, words: list[str]) -> int:
    from workbench.script.pulling import models

    return models(_asked(args, words), args)


def _mcp(args: Namespace, words: list[str]) -> int:
    from workbench.script.mcp_line import mcp

    return mcp(_asked(args, words), args)


def _serve(args: Namespace, words: list[str]) -> int:
    from workbench.serving import serve

    return serve(_asked(args, words), args)


_HANDLERS: dict[str, Callable[[Namespace, list[str]], int]] = {
    "screen": _screen,
    "script": _script,
    "line": _line,
    "tour": _tour,
    "restore": _restore,
    "resume": _resume,
    "check": _check,
    "audit": _audit,
    "follow": _follow,
    "models": _models,
    **dict.fromkeys(("serve", "token"), _serve),
    "mcp": _mcp,
    **dict.fromkeys(("answer", "steer", "interrupt"), _tell),
    **dict.fromkeys(("run", "ask", "fork"), _run),
    **dict.fromkeys(("runs", "show", "inbox", "drop", *_PLACES, *_LOOKS), _look),
    **dict.fromkeys(("backup", "gc", "compact", "repair"), _store),
    **dict.fromkeys(("init", "doctor", "config", "plugins", "hooks", "trust"), _keep),
}
