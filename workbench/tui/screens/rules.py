"""Rules: all that are in force, where each comes from, how often it was used, when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import BindingType

from workbench.permission.doubting import DoubtRule
from workbench.permission.rule import Rule
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, right, width_of
from workbench.tui.clock import span, whole_time
from workbench.tui.guard import Twice
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.written import BLANK, Written, labelled, text_lines, value_lines

if TYPE_CHECKING:
    from workbench.run.uses import InForce
    from workbench.tui.app import KaizenApp
    from workbench.tui.front_overviews import Rules

_ROLES: dict[str, Role] = {"allow": "good", "confirm": "warn", "deny": "bad", "doubt": "accent"}
_ORIGINS = {
    "workspace": "workspace",
    "config": "settings",
    "session": "session",
    "script": "script",
}
_EXPLAINED = {
    "workspace": "kept for the workspace: it holds until it is taken back",
    "config": "written in a settings file: it holds at every opening",
    "session": "said in this session: it holds until the workbench is closed",
    "script": "said by a script: it holds as long as that goes on",
    "run": "granted to one run: it holds as long as that goes on",
    "agent": "granted to one agent of one run: it holds as long as that goes on",
    "call": "granted to one call",
}

_SAID = frozenset({"verdict", "scope", "run_id", "expires_at", "id", "reason"})
"""What of a rule is told beside what it matches."""
_NONE = "no rules: the mode alone decides; approve, confirm and deny make some"


class RuleLine(NamedTuple):
    """One rule in the list."""

    rule_id: str
    verdict: str
    """allow, confirm, deny; or doubt, for a rule about those."""
    text: str
    about: str
    """What of the text no other column says."""
    origin: str
    uses: int
    ends: str
    """When it expires, or empty."""


def rule_line(one: InForce, live: frozenset[str], now: float) -> RuleLine:
    """What the list says of a rule."""
    is_doubt = isinstance(one.rule, DoubtRule)
    return RuleLine(
        one.rule.id,
        "doubt" if is_doubt else one.fits.verdict,
        str(one.rule),
        _about(one.rule),
        _origin(one, live),
        one.uses.times,
        _ends(one.fits.expires_at, now),
    )


def _about(rule: Rule | DoubtRule) -> str:
    if isinstance(rule, DoubtRule):
        return str(replace(rule, fits=_bare(rule.fits))).partition(" ")[2]
    return str(_bare(rule)).partition(" ")[2] or "everything"


def _bare(rule: Rule) -> Rule:
    return replace(rule, scope="session", run_id="", expires_at=None, reason="", id="")


def _origin(one: InForce, live: frozenset[str]) -> str:
    scope, run = one.rule.scope, one.fits.run_id
    if not run:
        return _ORIGINS.get(scope, scope)
    over = "" if run in live else ", over"
    return f"run {run[:4]}{over}"


def _ends(expires_at: float | None, now: float) -> str:
    if expires_at is None:
        return ""
    left = expires_at - now
    return f"ends in {span(left)}" if left > 0 else "ended"


class RulesList(Lines[RuleLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("rules")]

    def empty_line(self) -> Line:
        """There is none."""
        return ((Plain(_NONE), "dim"),)

    def spans(self, row: RuleLine, width: int) -> Line:
        """Verdict, origin, use, end, and what it is about."""
        head: list[Span] = [
            (fit(one_line(row.verdict), 8), _ROLES.get(row.verdict, "")),
            (fit(one_line(row.origin), 15), "agent"),
            (right(Plain(f"{row.uses}×" if row.uses else "-"), 6), "dim"),
            (Plain("  "), ""),
        ]
        if row.ends:
            head.append((one_line(row.ends + "  "), "warn"))
        used = sum(width_of(text) for text, _ in head)
        return [*head, (fit(one_line(row.about), max(0, width - used)), "")]

    def action_remove(self) -> None:
        """Take it back, when pressed twice."""
        if self.selected is not None and isinstance(self.screen, RulesScreen):
            self.screen.remove_rule(self.selected)


class RulesScreen(BrowseScreen):
    """The screen."""

    PLACE = "rules"

    def __init__(self, app: KaizenApp) -> None:
        self._list = RulesList(id="rules-list")
        super().__init__(app, self._list)
        self._known: Rules | None = None
        self._shown: InForce | None = None
        self._removes = Twice()
        self._is_loading = False

    def on_mount(self) -> None:
        """Fill, and keep up: rules come with answers and go with time."""
        self._load()
        self.set_interval(1.0, self._load, name="rules")

    def _load(self) -> None:
        if not self._is_loading:
            self._is_loading = True
            self.workbench.wishes.overviews.rules(self._loaded)

    def _loaded(self, known: Rules) -> None:
        self._is_loading = False
        self.show(known)

    def show(self, known: Rules) -> None:
        """Take over what holds; the cursor stays with its rule."""
        if not self.is_mounted:
            return
        before, now = self._list.selected, self.workbench.clock.now()
        lines = [rule_line(one, known.live, now) for one in known.rules]
        self._known = known
        if lines != self._list.rows:
            self._list.put(lines)
            ids = [line.rule_id for line in lines]
            if before is not None and before.rule_id in ids:
                self._list.move_to(ids.index(before.rule_id))
        mode = self.workbench.around.mode
        self.entitle(f"Rules  {len(lines)}" + (f"   mode {mode} decides the rest" if mode else ""))
        if self._list.selected is not None:
            self.selected(self._list.selected)
        else:
            self._shown = None
            self.detail("", lambda _width: iter(()))

    def selected(self, row: RuleLine) -> None:
        """Show it in full, unless that is what stands there."""
        known = self._known
        if known is None:
            return
        found = next((one for one in known.rules if one.rule.id == row.rule_id), None)
        if found is not None and found != self._shown:
            self._shown = found
            self.detail(row.rule_id, lambda width: rule_lines(found, known, width))

    def remove_rule(self, row: RuleLine) -> None:
        """Twice within three seconds, on the same rule."""
        app = self.workbench
        if not self._removes.press(row.rule_id, app.clock.ticks()):
            app.say(f"again takes rule {row.rule_id} back: {row.text}")
            return

        def told(left: Rules) -> None:
            after = "; its settings file has it still" if row.origin == "settings" else ""
            app.say(f"rule {row.rule_id} is taken back{after}")
            self.show(left)

        app.wishes.overviews.remove_rule(row.rule_id, told)


def rule_lines(one: InForce, known: Rules, width: int) -> Iterator[Written]:
    """A rule in full: its text, where it comes from, its use and end, what it matches."""
    fits, scope = one.fits, one.rule.scope
    yield from text_lines(str(one.rule), width, role="strong")
    yield BLANK
    yield from labelled("origin", _EXPLAINED.get(scope, scope), width)
    if scope == "config" and known.files:
        yield from labelled("files", known.files, width)
    if fits.run_id:
        goes_on = "goes on" if fits.run_id in known.live else "does not go on here"
        yield from labelled("run", f"{fits.run_id}, which {goes_on}", width)
    yield from labelled("used", _use(one), width)
    if fits.expires_at is not None:
        yield from labelled("expires", str(whole_time(fits.expires_at)), width, role="warn")
    if fits.reason:
        yield from labelled("reason", fits.reason, width)
    yield BLANK
    yield ((Plain("matches"), "key"),)
    matched = {name: value for name, value in fits.definition().items() if name not in _SAID}
    yield from value_lines(matched or "every call", width, indent=2)


def _use(one: InForce) -> str:
    if not one.uses.times or one.uses.last_at is None:
        return "not since the workbench was opened"
    times = "once" if one.uses.times == 1 else f"{one.uses.times} times"
    return f"{times} since the workbench was opened, last at {whole_time(one.uses.last_at)}"
