"""What can be set: one frozen `Config`, and the table of its keys.

Everything that reads, shows or explains a setting goes by the table `KEYS`; a new setting is a
row of it and a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from workbench.config import looks
from workbench.config import values as v
from workbench.config.hooks import hooks
from workbench.config.secret import Secret
from workbench.config.servers import added, servers
from workbench.config.text import KeyPath
from workbench.journal.limits import DEPTH, FAN_OUT, OF_SCOPE, REPEATS, SHAPES, Ceilings

Mode: TypeAlias = Literal["plan", "confirm", "edits", "auto"]

MODES: tuple[Mode, ...] = ("plan", "confirm", "edits", "auto")
COMMAND_LINE = "command line"
"""Where a setting comes from that was given as a flag."""
FEATURES = ("hooks", "litellm", "mcp", "network", "ollama", "plugins", "sandbox", "shell")


@dataclass(frozen=True, slots=True)
class Keep:
    """Which runs a clean-up keeps; None is no wish."""

    days: float | None = None
    runs: int | None = None
    mib: float | None = None
    auto: bool = False
    """Clean up by itself, once a day, when the workbench is opened."""


@dataclass(frozen=True, slots=True)
class Ollama:
    """Where Ollama answers, and how it is asked."""

    hosts: Mapping[str, str] = field(default_factory=lambda: {"ollama": "http://127.0.0.1:11434"})
    """By what the names of their models begin with: ``ollama``, ``ollama@gpu``."""
    keep_alive: str = ""
    """How long a model stays in memory, as Ollama writes it (``10m``); empty leaves it open."""
    context_tokens: int = 8192
    """The most a model is asked to hold; 0 leaves that to the server."""


@dataclass(frozen=True, slots=True)
class LiteLlm:
    """Everyone else's models; tables by provider (``openai``) or place (``openai@work``)."""

    keys: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    base_urls: Mapping[str, str] = field(default_factory=dict[str, str])
    usd_per_million: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, "tuple[float, float]"]
    )
    """What a million tokens asked and answered cost, where no table knows it."""
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Models:
    """What becomes of a call that fails."""

    fallback: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    """By model (``*`` for each): which are asked, in order, when it cannot answer."""
    timeout_s: float = 300.0
    """The most that one attempt may take; a large model on a small machine is slow."""
    wait_s: float = 600.0
    """The most that all attempts of one call may take together."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, where each came from, and what was left out on the way."""

    model: str = ""
    """``provider:name``; empty lets the workbench choose, at no cost."""
    mode: Mode = "confirm"
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    min_free_mib: float = 64.0
    """What must be free on the database's disk before anything is done that cannot be repeated."""
    network_disk: bool = False
    """Whether runs may be kept on a network disk, where locks may not hold between machines."""
    theme: str = ""
    bell: bool = True
    """Whether the terminal's bell rings when something waits for a person."""
    approval_timeout_s: float = 300.0
    """How long a permission waits for a person before it is denied; 0 waits for ever."""
    checkpoints: Literal["turn", "off"] | int = "turn"
    """A checkpoint after each agent's turn, after so many steps, or only those asked for."""
    fork_files: Literal["shared", "own"] = "shared"
    """Whether a fork works in its parent's folder, or in a copy of the files of its own."""
    grants: tuple[str, ...] = ()
    """``host:port`` that tools may reach although they are private."""
    secrets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, "Mapping[str, Any]"])
    """By name: ``from``, a `Secret`, and the ``hosts`` that may be sent it."""
    agents: str = "agents"
    """Folder of agent definitions, below the workspace."""
    plugins: tuple[str, ...] = ()
    """Entry points that may load: nothing that is merely installed does."""
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """By tool: ``enabled``, ``timeout_s``, ``repeat``."""
    rules: tuple[Mapping[str, Any], ...] = ()
    """Permission rules, as `workbench.permission.policy.Rule` has their fields."""
    hooks: tuple[Mapping[str, Any], ...] = ()
    """Commands that are asked before effects, see `workbench.hook_commands`."""
    mcp: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, "Mapping[str, Any]"])
    """MCP servers by name, see `workbench.tools.mcp.server`."""
    doubts: tuple[Mapping[str, Any], ...] = ()
    """What becomes of effects whose end nobody will know: an ``answer`` (done, not_done, again,
    abort) and which effects, as in `workbench.permission.doubting`."""
    limits: Ceilings = field(default_factory=Ceilings)
    """Of a run with all its children, of a session, a day, and agents."""
    keep: Keep = Keep()
    models: Models = Models()
    ollama: Ollama = Ollama()
    litellm: LiteLlm = LiteLlm()
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """By action (`workbench.tui.keys`): its keys, with commas, by Textual's names."""
    features: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Switched off where false; everything is on otherwise."""
    workspace: Path = Path()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """By dotted key: where its value was set. What is missing here is a default."""
    notices: tuple[str, ...] = ()
    """Sentences for the user: what was left out, and why."""
    untrusted: tuple[str, ...] = ()
    """Files of the workspace that would have been read, were it trusted."""

    def has(self, feature: str) -> bool:
        """Whether a feature is on."""
        return self.features.get(feature, True)

    def value(self, path: KeyPath) -> Any:
        """The value of a key of the table."""
        if path[0] == "limits":
            return self.limits.value(path[1:])
        found: Any = self
        for name in path:
            found = getattr(found, name)
        return found

    @property
    def raised(self) -> dict[str, Any]:
        """The limits of a run that were given as flags: they hold for one that is resumed, too."""
        own = [name for name, place in self.sources.items() if place == COMMAND_LINE]
        held = self.limits.run.to_json()
        return {k: held[k] for k in held if f"limits.{k}" in own and k != "fan_out"}

    def rows(self) -> list[tuple[str, Any, str]]:
        """Every key with its value and where that came from; secrets as references."""
        rows: list[tuple[str, Any, str]] = []
        for key in KEYS:
            value, source = self.value(key.path), self.sources.get(key.name, "default")
            value = _shown(key.unset if value is None else value)
            rows.append((key.name, list(value) if isinstance(value, tuple) else value, source))  # type: ignore[arg-type]
        return rows


Shape: TypeAlias = Literal["text", "number", "list", "table"]
Judge: TypeAlias = Callable[[Any, Any], Any]
"""Given what the user has set and what the project asks for: what holds."""


@dataclass(frozen=True, slots=True)
class Key:
    """A row of the table: a setting's name, how it is read, and what a project may do to it."""

    path: KeyPath
    read: v.Reader
    doc: str
    shape: Shape = "text"
    project: Literal["may", "never"] | Judge = "may"
    join: Literal["replace", "merge", "append"] = "replace"
    unset: Any = None
    """What holds where nothing sets it, if that is not for `Config` to say."""

    @property
    def name(self) -> str:
        """Dotted: ``limits.usd``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "KAIZEN_TUI_" + "_".join(self.path).upper()


def _tighter_mode(user: Mode, project: Mode) -> Mode:
    return MODES[min(MODES.index(user), MODES.index(project))]


def _lower(user: float | None, project: float) -> float:
    return project if user is None else min(user, project)


def _higher(user: float, project: float) -> float:
    return max(user, project)


def _lower_all(user: Any, project: Mapping[str, Any]) -> dict[str, Any]:
    """Each agent's limits, the lower of the two where both say something."""
    held: Mapping[str, Any] = user or {}
    return {
        agent: {name: _lower(held.get(agent, {}).get(name), most) for name, most in given.items()}
        for agent, given in project.items()
    }


def _no_allowing(user: Any, project: tuple[Mapping[str, Any], ...]) -> Any:
    for index, rule in enumerate(project):
        if rule["verdict"] == "allow":
            raise v.Unfit("of a project may deny or confirm, never allow", (str(index),))
    return project


def _only_off(user: Any, project: Mapping[str, bool]) -> Mapping[str, bool]:
    for name, on in project.items():
        if on or name == "sandbox":
            state = "on" if on else "off"
            raise v.Unfit(f"cannot be switched {state} by a project", (name,))
    return project


_TOOL = v.record(
    enabled=v.flag, timeout_s=v.amount, repeat=v.one_of("pure", "keyed", "probeable", "unsafe")
)
_RULE = v.record(
    verdict=v.one_of("allow", "confirm", "deny"),
    tool=v.text,
    agent=v.text,
    arguments=v.table(v.text),
    argv=v.texts,
    danger=v.text,
    reason=v.text,
    when=v.text,
)


_CREDENTIAL = v.record(**{"from": v.secret, "hosts": v.texts})


def _credentials(value: Any) -> Mapping[str, Any]:
    """Secrets that requests may carry: each with where it comes from and where it may go."""
    found = v.table(_CREDENTIAL)(value)
    for name, one in found.items():
        if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
            raise v.Unfit("is no name for a secret: letters, digits, - and _", (name,))
        for key in ("from", "hosts"):
            if key not in one:
                raise v.Unfit(f"needs {key}: where it {_NEEDED[key]}", (name,))
    return found


_NEEDED = {"from": "comes from (env:NAME, file:…)", "hosts": "may be sent (host or host:port)"}


_DOUBT = v.record(
    answer=v.one_of("done", "not_done", "again", "abort"),
    tool=v.text,
    agent=v.text,
    arguments=v.table(v.text),
    argv=v.texts,
    danger=v.text,
    when=v.text,
    reason=v.text,
    repeat=v.one_of("unsafe", "probeable"),
    result=v.anything,
)


def _doubts(value: Any) -> tuple[Any, ...]:
    found = v.records(_DOUBT)(value)
    for index, rule in enumerate(found):
        if "answer" not in rule:
            raise v.Unfit("needs an answer: done, not_done, again or abort", (str(index),))
    return found


def _rules(value: Any) -> tuple[Any, ...]:
    found = v.records(_RULE)(value)
    for index, rule in enumerate(found):
        if "verdict" not in rule:
            raise v.Unfit("needs a verdict: allow, confirm or deny", (str(index),))
    return found


_DOCS = {
    "usd": "most money of {}",
    "tokens": "most tokens of {}",
    "steps": "most steps of {}",
    "seconds": "longest time {} may be at work",
    "depth": "most scopes within one another in {}",
    "fan_out": "most paths beside each other in {}",
    "repeats": "how often {} may do the same; unset, a model in one turn",
}
_UNSET = {"depth": DEPTH, "fan_out": FAN_OUT, "repeats": REPEATS}


def _reader(measure: str) -> v.Reader:
    if measure in SHAPES:
        return v.count
    return v.amount if measure in {"usd", "seconds"} else v.whole


def _limits() -> list[Key]:
    """A row for each limit of a run, a session and a day, and a table of agents."""
    whose = {(): "a run", ("session",): "a session", ("day",): "a day (UTC) over all runs"}
    keys: list[Key] = []
    for scope, title in whose.items():
        for name in OF_SCOPE[scope[0] if scope else "run"]:
            doc, unset = _DOCS[name].format(title), _UNSET.get(name)
            path = ("limits", *scope, name)
            keys.append(Key(path, _reader(name), doc, "number", _lower, unset=unset))
    one = v.record(**{name: _reader(name) for name in OF_SCOPE["agent"]})
    doc = "by agent (* for each): most of a day (UTC), over all runs"
    keys.append(Key(("limits", "agent"), v.table(one), doc, "table", _lower_all, "merge"))
    return keys


KEYS: tuple[Key, ...] = (
    Key(("model",), v.text, "the model agents use unless they name one"),
    Key(("mode",), v.one_of(*MODES), "what is allowed without a question", project=_tighter_mode),
    Key(("synchronous",), v.one_of("FULL", "NORMAL"), "how hard commits are", project="never"),
    Key(("min_free_mib",), v.amount, "MiB free before anything is done", "number", _higher),
    Key(("network_disk",), v.flag, "runs may be kept on a network disk", project="never"),
    Key(("theme",), looks.theme, "colours of the screen", project="never"),
    Key(("approval_timeout_s",), v.amount, "seconds before a request is denied", "number"),
    Key(("checkpoints",), v.rhythm, "taken each turn, each N steps, or off"),
    Key(("fork_files",), v.one_of("shared", "own"), "what a fork works in"),
    Key(("grants",), v.hosts, "private host:port tools may reach", "list", "never"),
    Key(("secrets",), _credentials, "secrets requests may carry", "table", "never", "merge"),
    Key(("agents",), v.text, "folder of agent definitions"),
    Key(("plugins",), v.texts, "entry points that may load", "list", "never"),
    Key(("tools",), v.table(_TOOL), "settings by tool", "table", "never", "merge"),
    Key(("rules",), _rules, "permission rules", "list", _no_allowing, "append"),
    Key(("hooks",), hooks, "commands that are asked or told", "list", "never", "append"),
    Key(("mcp",), servers, "MCP servers by name", "table", added, "merge"),
    Key(
        ("doubts",), _doubts, "what becomes of effects nobody saw the end of", "list", "never",
        "append",
    ),
    *_limits(),
    Key(("keep", "days"), v.amount, "runs older than this may go", "number", "never"),
    Key(("keep", "runs"), v.count, "so many of the newest stay", "number", "never"),
    Key(("keep", "mib"), v.amount, "the oldest go until the rest fits", "number", "never"),
    Key(("keep", "auto"), v.flag, "clean up once a day by itself", project="never"),
    Key(("models", "fallback"), v.table(v.texts), "by model: who is asked then", "table", "never",
        "merge"),
    Key(("models", "timeout_s"), v.amount, "most seconds of one attempt", "number"),
    Key(("models", "wait_s"), v.amount, "most seconds of all attempts of a call", "number"),
    Key(("ollama", "hosts"), v.places, "where Ollama answers", "list", "never"),
    Key(("ollama", "keep_alive"), v.text, "how long a model stays in memory"),
    Key(("ollama", "context_tokens"), v.whole, "most tokens a model holds", "number"),
    Key(("litellm", "keys"), v.table(v.secret), "keys by provider", "table", "never", "merge"),
    Key(("litellm", "base_urls"), v.table(v.url), "addresses", "table", "never", "merge"),
    Key(("litellm", "usd_per_million"), v.table(v.prices), "prices", "table", "never", "merge"),
    Key(("litellm", "timeout_s"), v.amount, "seconds before a call fails", "number"),
    Key(("bell",), v.flag, "ring when something waits", "number", "never"),
    Key(("keys",), looks.keys, "keys of the screen, by action", "table", "never", "merge"),
    Key(
        ("features",), v.table(v.flag, FEATURES), "switched off if false", "table", _only_off,
        "merge",
    ),
)  # fmt: skip


def _shown(value: Any) -> Any:
    """A value as anybody may see it: secrets as references, addresses without their keys."""
    if isinstance(value, Mapping):
        return {name: _shown(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, tuple):
        return tuple(_shown(item) for item in cast("tuple[Any, ...]", value))
    text = str(value) if isinstance(value, Secret) else value
    return _KEYED.sub("://...@", text) if isinstance(text, str) else text


_KEYED = re.compile(r"://[^/@\s]+@")
"""A name and a password in an address."""
