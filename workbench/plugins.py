"""Plugins: find the modules that bring patterns, tools, agents and hooks, and what is in them.

A plugin is one Python file, and what it brings is whatever public values stand in it: `Pattern`s,
`Tool`s, `Agent`s, `Hook`s. Nothing registers itself, so there is no registry to pass about and no
hook specification to match; that is why pluggy, which is made for that, has no part here.

Shipped plugins load from the installed package, a workspace's from its ``plugins/`` folder once
the folder is trusted (and then exactly the bytes that were), and installed ones by entry point
when the user's settings name them. All three come through the same door.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from workbench.agent.agent import Agent
from workbench.agent.tool import Tool
from workbench.errors import PluginError, UnknownName
from workbench.foreign import Raised, attempt
from workbench.run.hooks import Hook
from workbench.values import digest
from workbench.workflow.pattern import Pattern

GROUP = "kaizen_tui.plugins"
_PACKAGE = "kaizen_tui_plugins"

Kind = Literal["pattern", "tool", "agent", "hook"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A module that was loaded and what it brings."""

    name: str
    """Its file's stem, or its entry point's name."""
    origin: str
    """The file, or ``entry point NAME (distribution version)``."""
    version: str
    source_digest: str
    doc: str
    patterns: tuple[Pattern[..., Any], ...] = ()
    tools: tuple[Tool, ...] = ()
    agents: tuple[Agent, ...] = ()
    hooks: tuple[Hook, ...] = ()

    def entries(self) -> list[dict[str, Any]]:
        """What the catalogue holds of it: the plugin itself, then each thing it brings."""
        return [
            self._entry("plugin", self.name, self.doc),
            *(self._pattern_entry(p) for p in self.patterns),
            *(self._entry("tool", t.name, t.description, _schema_rows(t)) for t in self.tools),
            *(self._entry("agent", a.name, a.instructions) for a in self.agents),
            *(self._entry("hook", f"{h.event} {h.name}", "") for h in self.hooks),
        ]

    def _pattern_entry(self, pattern: Pattern[..., Any]) -> dict[str, Any]:
        rows = [
            {"name": p.name, "type": p.type, "doc": p.doc}
            | ({} if p.is_required else {"default": _jsonable(p.default)})
            for p in pattern.parameters
        ]
        entry = self._entry("pattern", pattern.name, pattern.doc, rows)
        return entry | {"version": pattern.version, "source_digest": pattern.source_digest}

    def _entry(
        self, kind: str, name: str, doc: str, parameters: Iterable[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        return {
            "kind": kind,
            "name": name,
            "version": self.version,
            "source_digest": self.source_digest,
            "parameters": list(parameters),
            "origin": self.origin,
            "doc": doc,
        }


@dataclass(frozen=True, slots=True)
class Discovered:
    """Every plugin that loaded, and why the others did not."""

    plugins: tuple[Plugin, ...]
    broken: Mapping[str, str]
    """By plugin name: what went wrong, in a sentence."""

    @property
    def notices(self) -> list[str]:
        """The broken ones, for people."""
        return [f"plugin {name!r} was left out: {why}" for name, why in self.broken.items()]

    def things(self, kind: Kind) -> dict[str, Any]:
        """Everything of one kind by name. Two plugins with one name: PluginError naming both."""
        found: dict[str, tuple[Any, Plugin]] = {}
        for plugin in self.plugins:
            for thing in getattr(plugin, f"{kind}s"):
                name = f"{thing.event} {thing.name}" if kind == "hook" else thing.name
                if name in found and kind != "hook":
                    other = found[name][1].origin
                    raise PluginError(f"{kind} {name!r} is in {other} and in {plugin.origin}")
                found[f"{plugin.name} {name}" if kind == "hook" else name] = (thing, plugin)
        return {name: thing for name, (thing, _) in found.items()}

    def require(self, name: str) -> Plugin:
        """A plugin asked for by name. Raises PluginError if it is broken."""
        for plugin in self.plugins:
            if plugin.name == name:
                return plugin
        if name in self.broken:
            raise PluginError(f"plugin {name!r} cannot be loaded: {self.broken[name]}")
        raise UnknownName("plugin", name, [p.name for p in self.plugins])


def discover(
    shipped: Path | None = None,
    *,
    workspace: Path | None = None,
    trusted: Mapping[str, str] | None = None,
    allowed: Iterable[str] = (),
) -> Discovered:
    """Load every plugin there is.

    Args:
        shipped: folder of the plugins that came with the program.
        workspace: a folder whose ``plugins/`` may bring more.
        trusted: digests by path below the workspace, as `workbench.config.trust` knows them;
            None when the workspace is not trusted, and then nothing of it is opened.
        allowed: entry points that the user's settings name; one that fails is a PluginError.
    """
    found: list[Plugin] = []
    broken: dict[str, str] = {}
    sources = [*_shipped(shipped), *_of_workspace(workspace, trusted)]
    for source in sources:
        loaded = attempt(_load, source)
        if isinstance(loaded, Raised):
            broken[source.name] = f"{source.origin}: {_said(loaded.error)}"
        else:
            found.append(loaded.value)
    found += [_load_entry_point(name) for name in allowed]
    return Discovered(tuple(found), broken)


def installed() -> list[str]:
    """Names of all installed entry points, allowed or not; loads none."""
    return sorted(point.name for point in importlib.metadata.entry_points(group=GROUP))


# -- one file ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that may be a plugin."""

    name: str
    path: Path
    module: str
    digest: str = ""
    """What its content must have, or empty when the installed package vouches for it."""

    @property
    def origin(self) -> str:
        return str(self.path)


def _shipped(folder: Path | None) -> Iterator[_Source]:
    for path in _files(folder):
        yield _Source(path.stem, path, f"{_PACKAGE}.shipped.{path.stem}")


def _of_workspace(workspace: Path | None, trusted: Mapping[str, str] | None) -> Iterator[_Source]:
    if workspace is None or trusted is None:
        return
    for path in _files(workspace / "plugins"):
        known = trusted.get(f"plugins/{path.name}", "none")
        yield _Source(path.stem, path, f"{_PACKAGE}.workspace.{path.stem}", known)


def _files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("[!_.]*.py") if path.is_file())


class _TrustedBytes(importlib.abc.SourceLoader):
    """Loads the bytes it was given: no second read, and no compiled file from the folder."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path, self._source = path, source

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        return self._source


def _load(source: _Source) -> Plugin:
    content = source.path.read_bytes()
    if source.digest:
        if digest(content) != source.digest:
            raise PluginError("it changed after the folder was trusted", hint="kaizen-tui trust")
        loader: importlib.abc.Loader = _TrustedBytes(source.path, content)
    else:
        loader = importlib.machinery.SourceFileLoader(source.module, str(source.path))
    module = _execute(source.module, loader, source.path)
    return _collect(module, source.name, source.origin, digest(content, 8))


def _execute(name: str, loader: importlib.abc.Loader, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and `call` look their module up by name.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except SystemExit as error:
        raise PluginError(f"it ends the program when loaded (exit {error.code})") from error
    return module


def _load_entry_point(name: str) -> Plugin:
    points = list(importlib.metadata.entry_points(group=GROUP, name=name))
    if not points:
        raise PluginError(f"the settings allow plugin {name!r}, which is not installed")
    if len(points) > 1:
        both = " and ".join(_distribution(point) for point in points)
        raise PluginError(f"entry point {name!r} is in {both}")
    loaded = attempt(points[0].load)
    if isinstance(loaded, Raised):
        raise PluginError(f"plugin {name!r} cannot be loaded: {_said(loaded.error)}")
    if not isinstance(loaded.value, ModuleType):
        raise PluginError(f"entry point {name!r} names {loaded.value!r}, which is no module")
    version = points[0].dist.version if points[0].dist else ""
    origin = f"entry point {name} ({_distribution(points[0])})"
    return _collect(loaded.value, name, origin, digest(f"{origin}"), version)


def _distribution(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _collect(
    module: ModuleType, name: str, origin: str, source_digest: str, version: str = ""
) -> Plugin:
    """What a module brings: its own public values, not those it imported from other modules."""
    values = [v for k, v in vars(module).items() if not k.startswith("_")]
    patterns: list[Pattern[..., Any]] = [v for v in values if isinstance(v, Pattern)]
    return Plugin(
        name,
        origin,
        version or str(getattr(module, "__version__", "1")),
        source_digest,
        (module.__doc__ or "").strip(),
        tuple(p for p in patterns if _is_from(module, p.function)),
        tuple(v for v in values if isinstance(v, Tool) and _is_from(module, v.function)),
        tuple(v for v in values if isinstance(v, Agent)),
        tuple(v for v in values if isinstance(v, Hook) and _is_from(module, v.function)),
    )


def _is_from(module: ModuleType, function: Any) -> bool:
    return getattr(function, "__module__", "") == module.__name__


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"


def _schema_rows(tool: Tool) -> list[dict[str, Any]]:
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    return [
        {"name": name, "type": str(schema.get("type", "")), "doc": schema.get("description", "")}
        | ({"default": schema["default"]} if "default" in schema else {})
        for name, schema in properties.items()
    ]


def _jsonable(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool)) else repr(value)
