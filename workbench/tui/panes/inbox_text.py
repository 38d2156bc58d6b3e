"""What the inbox writes: its rows, a request in full, the scopes it could be allowed with.

Pure text. A request is shown whole: who asks for what with which arguments, the change it would
make, why the agent says it wants it (its words, marked as such), and which rule asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from workbench.plain import Plain, one_line
from workbench.tui.asked import Asked
from workbench.tui.cells import Line, Role, Span, fit, width_of
from workbench.tui.clock import span
from workbench.tui.deciding import SCOPES, Deciding, Scope
from workbench.tui.grades import danger_role, danger_word, state_role
from workbench.tui.keymap import keyed, short
from workbench.tui.plans import items_of, plan_lines
from workbench.tui.trace_rows import short_first
from workbench.tui.written import BLANK, Written, change_lines, labelled, text_lines, value_lines


class InboxLine(NamedTuple):
    """One request as a row: everything that its look depends on."""

    id: str
    kind: str
    danger: int
    agents: str
    subject: str
    age: str
    expires: str
    selected: bool
    marked: bool
    edited: bool
    gone: str
    preselected: str


def inbox_line(row: Asked, state: Deciding, now: float) -> InboxLine:
    """The row of a request."""
    left = "" if row.expires_at is None else f"deny in {span(row.expires_at - now)}"
    return InboxLine(
        row.id,
        row.kind,
        -1 if row.danger is None else int(row.danger),
        " < ".join(reversed(row.agents)) or "pattern",
        row.subject,
        span(now - row.asked_at),
        left,
        row.id == state.selected_id,
        row.id in state.marked,
        row.id in state.edited,
        row.gone,
        row.selected,
    )


def inbox_spans(row: InboxLine, width: int) -> Line:
    """Mark, danger (or kind), who asks, what, age, countdown."""
    mark = Plain("x" if row.marked else ">" if row.selected else " ")
    grade = danger_word(row.danger) or one_line(row.kind.replace("_", " "))
    tail = _tail(row)
    room = width - 2 - 9 - sum(width_of(text) for text, _ in tail)
    who = fit(one_line(row.agents), max(8, min(24, width // 6)))
    subject = one_line(row.subject)
    return [
        (Plain(mark + " "), "accent"),
        (fit(grade, 9), danger_role(row.danger) or "accent"),
        (who, "dim" if row.gone else "agent"),
        (Plain(" "), ""),
        (fit(subject, room - width_of(who) - 1), "dim" if row.gone else ""),
        *tail,
    ]


def _tail(row: InboxLine) -> list[Span]:
    if row.gone:
        return [(one_line(f"  {row.gone}"), "warn")]
    spans: list[Span] = [(Plain("  edited" if row.edited else ""), "warn")]
    if row.preselected:
        spans.append((one_line(f"  script: {row.preselected}"), "accent"))
    if row.expires:
        spans.append((Plain(f"  {row.expires}"), "warn"))
    return [*spans, (Plain(f" {row.age:>5}"), "dim")]


def action_lines(row: Asked, state: Deciding, now: float, width: int) -> Iterator[Written]:
    """The whole request: what would be done first, then what is known about it."""
    yield _heading(row, now)
    if row.is_permission:
        yield from _call_lines(row, state, width)
    elif row.text:
        yield from text_lines(row.text, width, role="strong", prose=not row.is_doubt)
    if row.is_doubt:
        yield from _doubt_lines(row, width)
    elif row.is_plan:
        yield from _plan(row, state, width)
    elif row.arguments and not row.is_permission:
        yield from value_lines(row.arguments, width, indent=2)
    if row.preview:
        yield ((Plain(_PREVIEWS.get(row.kind, "known")), "key"),)
        yield from change_lines(row.preview, width)
    if row.why:
        yield from labelled("why", row.why, width)
    if row.rule:
        yield from labelled("rule", row.rule, width)
    yield from _facts(row, width)
    yield ((Plain("-- end --"), "dim"),)


def _plan(row: Asked, state: Deciding, width: int) -> Iterator[Written]:
    """The plan item by item, as it would run: edited where it was."""
    edited = state.edited.get(row.id)
    if edited is not None:
        yield ((Plain("edited by you: this is what runs once you accept it"), "warn"),)
    plan = row.arguments if edited is None else edited
    if items := items_of(plan):
        yield from plan_lines(items, width)
        yield from labelled("tools", ", ".join(row.arguments.get("tools") or ["none"]), width)
    else:
        yield from value_lines(plan, width, indent=2)


def _doubt_lines(row: Asked, width: int) -> Iterator[Written]:
    """Exactly what was begun, how far it got, and what "done" would come back with."""
    yield from labelled("action", row.tool, width, role="strong")
    yield from value_lines(short_first(row.arguments), width, indent=2)
    for label, text in row.known:
        yield from labelled(label, text, width)
    if row.presumed is not None:
        yield from labelled("result", _unrepeated(row), width)
    for choice, meaning in _MEANINGS:
        yield from labelled(f"{choice:<9}", meaning, width, role="dim")


def _unrepeated(row: Asked) -> Any:
    """What is presumed to have come back, without saying again what was printed."""
    printed = dict(row.known).get("printed")
    presumed: Any = row.presumed
    if not printed or not isinstance(presumed, dict):
        return row.presumed
    items = cast("dict[str, Any]", presumed).items()
    return {name: "as above" if value == printed else value for name, value in items}


_MEANINGS = (
    ("done", "it happened; the run goes on with a result: the one above, or one you type"),
    ("not done", "it did not happen; the workflow is told so, as a failure"),
    ("run again", "exactly this once more, when it is permitted"),
    ("abort", "the run ends"),
)

_PREVIEWS = {"permission": "change", "budget": "answers"}
"""What the lines below a request are."""


def _heading(row: Asked, now: float) -> Written:
    path = " < ".join(reversed(row.agents)) or "the pattern"
    driver = f" driven by {row.driver}" if row.driver else ""
    asked = span(now - row.asked_at)
    return (
        (danger_word(row.danger), danger_role(row.danger)),
        (Plain("  " if row.danger is not None else ""), ""),
        (one_line(row.kind.replace("_", " ")), "accent"),
        (one_line(f"  {path}  run {row.run_id[:4]}{driver}  asked {asked} ago"), "dim"),
    )


def _call_lines(row: Asked, state: Deciding, width: int) -> Iterator[Written]:
    """Tool and arguments; edited ones beside those that were asked for."""
    yield from labelled("tool", row.tool, width, role="strong")
    edited = state.edited.get(row.id)
    if edited is not None:
        yield ((keyed("args    edited by you; {inbox.allow} allows these"), "warn"),)
        yield from value_lines(short_first(edited), width, indent=2)
        yield ((Plain("asked   as the agent wrote them"), "key"),)
    else:
        yield ((Plain("args"), "key"),)
    yield from value_lines(short_first(row.arguments), width, indent=2)


def _facts(row: Asked, width: int) -> Iterator[Written]:
    """What was found out about the call, and why it has its level."""
    facts = row.facts
    targets = [str(target) for target in facts.get("targets") or ()]
    if facts.get("act"):
        where = "outside the workspace" if facts.get("outside") else "inside the workspace"
        flags = [name for name in ("protected", "exists") if facts.get(name)]
        sandbox = f"sandbox {facts['sandbox']}" if facts.get("sandbox") else ""
        words = [str(facts["act"]), where if targets else "", *flags, sandbox]
        yield from labelled("does", ", ".join(word for word in words if word), width)
    for target in targets:
        yield from labelled("target", target, width)
    notes = [str(note) for note in facts.get("notes") or ()]
    if notes:
        yield from labelled("graded", "; ".join(notes), width)


SCOPE_WORDS: dict[Scope, str] = {
    "call": "this exact call, once",
    "agent": "this tool for this agent, until the run ends",
    "run": "this tool for every agent of this run, until it ends",
    "workspace": "this tool in this workspace, kept until you take it back (/rules)",
}


def scope_lines(row: Asked, state: Deciding, width: int) -> Iterator[Written]:
    """The scopes to choose from; the one under the cursor with its rule and what it releases."""
    yield ((one_line(f"Allow {row.tool} for how much?"), "strong"),)
    for number, scope in enumerate(SCOPES):
        here = number == state.scope
        look: Role = "accent" if here else ""
        yield ((Plain("> " if here else "  "), "accent"), (Plain(SCOPE_WORDS[scope]), look))
    yield BLANK
    grant = state.grant
    if grant is None:
        yield ((Plain("asking what this would mean..."), "warn"),)
        return
    yield from labelled("rule", grant.rule, width)
    released = state.released()
    words = f"{len(released)} more waiting now" if released else "nothing else"
    yield from labelled("releases", words, width)
    for other in released:
        grade = other.danger.name if other.danger is not None else ""
        yield from text_lines(one_line(f"  {grade} {other.agent} {other.subject}"), width)


def marked_lines(state: Deciding, width: int) -> Iterator[Written]:
    """Every marked request, before they are decided together."""
    rows = [row for row in state.rows if row.id in state.marked]
    yield ((Plain(f"Decide these {len(rows)} together?"), "strong"),)
    for row in rows:
        grade = row.danger.name if row.danger is not None else ""
        yield from text_lines(one_line(f"{grade:<8} {row.agent}  {row.subject}"), width)
    yield ((Plain("-- end --"), "dim"),)


def choice_spans(state: Deciding) -> list[Span]:
    """What Enter would take, the preselected one marked."""
    spans: list[Span] = []
    for number, choice in enumerate(state.choices()):
        here = number == state.choice
        role: Role = (state_role(choice) or "strong") if here else "dim"
        spans.append((one_line(f"[{choice}]" if here else f" {choice} "), role))
        spans.append((Plain(" "), ""))
    return spans


_KEYS: tuple[tuple[str, str, str, Role], ...] = (
    ("inbox.deny", "Deny", "Deny", "bad"),
    ("inbox.deny_reason", "Deny + reason", "Reason", "bad"),
    ("inbox.allow", "Allow once", "Allow", "good"),
    ("inbox.scope", "Scope...", "Scope", ""),
    ("inbox.edit", "Edit args", "Edit", ""),
    ("inbox.full", "Full", "Full", ""),
)
"""Action, title where there is room, title where there is not."""


_STEP_KEYS: dict[str, str] = {
    "scope": "{list.down} {list.up} choose   {inbox.allow} allow so much   {screen.escape} back",
    "marked": "{inbox.allow} allow them all   {inbox.deny} deny them all   {screen.escape} back",
    "edit": "{inbox.submit} take these arguments (allows nothing yet)   {screen.escape} back",
    "reason": "enter denies with this reason   {screen.escape} back, text kept",
    "answer": "enter sends this answer   {screen.escape} back",
    "result": "enter: done, with this result (JSON or text; empty: as above)"
    "   {screen.escape} back",
}


def key_spans(state: Deciding, width: int) -> list[Span]:
    """The keys that make sense now."""
    row = state.selected
    if not state.focused:
        return [
            (
                keyed("{screen.inbox} or {app.inbox} to decide; typing elsewhere decides nothing"),
                "dim",
            )
        ]
    if state.step == "name" and row is not None:
        words = (
            f"type {row.tool} and enter: allows this CRITICAL call   {short('screen.escape')} back"
        )
        return [(one_line(words), "critical")]
    if state.step != "list":
        return [(keyed(_STEP_KEYS[state.step]), "accent")]
    if row is None or row.gone:
        return [(keyed("{list.down} {list.up} to another request   {screen.escape} back"), "dim")]
    choice = choice_spans(state)
    if not row.is_permission:
        return [*choice, _answering(state, row)]
    return _decision_keys(state, row, choice, width)


def _answering(state: Deciding, row: Asked) -> Span:
    if (row.is_doubt or row.is_plan) and row.id not in state.seen_whole:
        return keyed("  {inbox.scroll_down} reads on to the end first"), "warn"
    if row.is_plan:
        words = "  {inbox.choice_left} {inbox.choice_right} choose   {list.choose} answers"
        return keyed(f"{words}   {{inbox.edit}} edits the plan"), "dim"
    return keyed("  {inbox.choice_left} {inbox.choice_right} choose   {list.choose} answers"), "dim"


def _decision_keys(state: Deciding, row: Asked, choice: list[Span], width: int) -> list[Span]:
    note: list[Span] = []
    if row.id not in state.seen_whole:
        note = [(keyed("{inbox.scroll_down} reads on to the end before {inbox.allow}"), "warn")]
    elif state.choice >= 0:
        note = [(keyed("{list.choose}:"), "dim"), *choice]
    spans: list[Span] = []
    for is_short in (False, True):
        spans = []
        for action, title, brief, role in _KEYS:
            key = short(action)
            spans.append((Plain(f"[{key}]" if is_short else f"[{key}] "), "accent"))
            spans.append((Plain(f"{brief} " if is_short else f"{title}  "), role))
        spans += note
        if sum(len(text) for text, _ in spans) <= width:
            break
    return spans
