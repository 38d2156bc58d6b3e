"""The sub-commands of `kaizen-tui`: what each is for, and which words it takes.

A table that `cli` makes parsers of. Like that one it loads nothing, not even `typing`: every
start of the program reads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Argument: TypeAlias = tuple[tuple[str, ...], dict[str, Any]]
    """The words and settings of one `add_argument`."""


def _arg(*words: str, **settings: Any) -> Argument:
    return words, settings


def _some(metavar: str) -> Argument:
    return _arg("words", nargs="*", default=[], metavar=metavar)


def _flag(word: str, about: str) -> Argument:
    return _arg(word, action="store_true", default=False, help=about)


_WORDS = _some("KEY=VALUE")
_NAMED = _arg("named", nargs="?", default="", metavar="NAME")
_RUN = _arg("run", metavar="RUN", help="an id, its beginning, or last")

COMMANDS: dict[str, tuple[str, list[Argument]]] = {
    "tour": ("see everything in a minute, without a model", []),
    "run": ("run a pattern", [_arg("name", metavar="PATTERN"), _WORDS]),
    "ask": ("ask one agent", [_arg("name", metavar="AGENT"), _WORDS]),
    "init": ("make a folder keep its own runs", [_arg("folder", nargs="?", default="")]),
    "doctor": ("say what works here and how to mend the rest", []),
    "config": (
        "show every setting, or every key of the screen, and where it comes from",
        [_arg("act", nargs="?", choices=("show", "keys"), default="show")],
    ),
    "runs": ("list runs, newest first", [_some("SEARCH")]),
    "show": ("show a run", [_RUN, _flag("--follow", "row by row, live")]),
    "profile": ("say where a run's time, tokens and words went", [_RUN]),
    "follow": ("show a run that another process drives, row by row", [_RUN]),
    "inbox": ("list what waits for you, in the runs of other processes", [_some("RUN")]),
    "answer": (
        "answer something that waits in another process",
        [
            _arg("name", metavar="WHICH", help="its number in the inbox, its id, or its run"),
            _arg("words", nargs="+", metavar="ANSWER", help="allow, deny, a choice; reason=…"),
        ],
    ),
    "steer": (
        "say something to an agent of a run, wherever that is driven",
        [_RUN, _arg("words", nargs="+", metavar="AGENT TEXT")],
    ),
    "interrupt": (
        "have a run suspended, wherever it is driven",
        [_RUN, _some("now")],
    ),
    "resume": (
        "go on with a run that was interrupted or killed",
        [_RUN, _flag("--take-over", "although a living process drives it")],
    ),
    "check": ("say whether a run fits the code of now; performs nothing", [_RUN]),
    "drop": ("give a resting run up for good; its rows stay", [_RUN]),
    "fork": (
        "start a run from a place in another",
        [_arg("run", metavar="RUN[@PLACE]"), _WORDS],
    ),
    "files": (
        "show which files a run changed, or with path=… one as it was at a place",
        [_arg("run", metavar="RUN[@PLACE]"), _WORDS],
    ),
    "restore": (
        "put files back as they were at a place in a run; first without yes=… to see the plan",
        [_arg("run", metavar="RUN@PLACE"), _some("PATH")],
    ),
    "checkpoints": ("list the places of a run one can go back to", [_RUN]),
    "tree": ("show a run's forks and checkpoints", [_RUN, _WORDS]),
    "diff": (
        "show what differs between two places: RUN@PLACE, or a run and its parent",
        [_some("RUN[@PLACE]")],
    ),
    "compare": (
        "show branches side by side",
        [_arg("words", nargs="+", metavar="RUN", help="one for its whole tree, or several")],
    ),
    "export": ("write a run to a file", [_RUN, _arg("file"), _WORDS]),
    "import": ("take in a run that was exported", [_arg("file")]),
    "backup": (
        "copy all runs into one file and check it, or put such a copy in the database's place",
        [
            _arg("file", nargs="?", default=""),
            _flag("--check", "only read a copy from beginning to end"),
            _flag("--restore", "put the copy in the database's place"),
            _flag("--replace", "set aside the database that is there"),
        ],
    ),
    "gc": (
        "delete runs by age, number and size",
        [
            _arg("--older-than", default="", metavar="30d", help="runs that ended longer ago"),
            _arg("--keep", default="", metavar="N", help="so many of the newest stay"),
            _arg("--max-size", default="", metavar="1G", help="the oldest go until the rest fits"),
            _flag("--dry-run", "only say what would go"),
        ],
    ),
    "compact": ("give the room of deleted runs back to the disk", []),
    "repair": (
        "look for damage, and save what can be saved",
        [_flag("--check", "only look"), _flag("--yes", "do not ask")],
    ),
    "plugins": (
        "list plugins, or: plugins check [NAME] [key=value …] finds what cannot be replayed",
        [_arg("act", nargs="?", choices=("list", "check"), default="list"), _WORDS],
    ),
    "hooks": ("list the events of hooks, what they carry, and the hooks there are", []),
    "agents": ("list agents, or show one", [_NAMED]),
    "patterns": ("list patterns, or show what one takes", [_NAMED]),
    "models": (
        "list the models that can be asked, or: models show|pull|unload NAME",
        [
            _arg("act", nargs="?", choices=("list", "show", "pull", "unload"), default="list"),
            _NAMED,
            _flag("--yes", "pull: do not ask"),
            _flag("--json", "the same as --output json"),
        ],
    ),
    "mcp": (
        "MCP servers: list, add, trust, try, remove, import, find",
        [
            _arg(
                "words",
                nargs="*",
                default=[],
                metavar="list|add|trust|try|…",
                help="add NAME -- COMMAND ARG… · add NAME url=… · trust NAME"
                " · try NAME [TOOL KEY=VALUE…] · remove NAME · import [FILE [NAME…]] · find WORDS",
            ),
            _flag("--yes", "trust what it offers, or write what is imported, without a question"),
            _flag("--json", "the same as --output json"),
        ],
    ),
    "rules": ("list the permission rules, or: rules remove ID", [_WORDS]),
    "approvals": ("search what was asked for, and who answered what", [_some("WORD")]),
    "audit": (
        "list what was decided, verify that nothing of it was changed, or print its head",
        [
            _arg(
                "words",
                nargs="*",
                default=[],
                metavar="list|verify|head|KEY=VALUE",
                help="run=… tool=… decision=deny since=2d limit=… choose what is listed",
            ),
            _arg("--head", default="", metavar="HASH", help="verify: a head kept elsewhere"),
            _flag("--json", "the same as --output json"),
        ],
    ),
    "serve": (
        "show the screen in a browser (--web), or agents to other programs (--mcp)",
        [
            _flag("--web", "print a link that lets one browser in"),
            _flag("--mcp", "speak MCP with the program that starts this one, by stdio"),
            _flag("--http", "with --mcp: by HTTP instead, to who has a token (see token)"),
            _flag("--wait", "with --mcp: what a client cannot be asked waits for another process"),
            _arg("--host", default="127.0.0.1", metavar="ADDRESS", help="of this machine alone"),
            _arg("--port", type=int, default=0, metavar="N", help="(default: a free one)"),
        ],
    ),
    "token": (
        "add, list or revoke tokens: who may reach what listens",
        [
            _arg("act", nargs="?", choices=("add", "list", "revoke"), default="list"),
            _NAMED,
            _arg("--role", default="", help="viewer, runner, approver or owner"),
            _arg("--expires", default="90d", metavar="AGE", help="30d, 12h, never (default: 90d)"),
            _arg("--rate", type=int, default=240, metavar="N", help="requests in a minute"),
        ],
    ),
    "trust": (
        "look at what a folder brings, and trust it",
        [
            _arg("files", nargs="*", default=[], metavar="FILE", help="more files of the folder"),
            _flag("--yes", "do not ask"),
            _flag("--revoke", "take trust back"),
        ],
    ),
}
