"""A question of the past in full: what became of it, the whole action, what the audit has of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.journal.approvals import DELETED
from workbench.journal.audit import Entry, decision_of
from workbench.journal.events import Event, agents_of
from workbench.plain import Plain, one_line
from workbench.tui.clock import whole_time
from workbench.tui.grades import danger_role, danger_word
from workbench.tui.trace_rows import danger_of
from workbench.tui.written import BLANK, Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.tui.front_overviews import Decided

_GONE = "Its run was deleted: the audit keeps who decided what, and none of its contents."
_SAID = frozenset({DELETED, "id", "tool", "agent", "danger", "why", "rule", "arguments"})


def decided_lines(decided: Decided, width: int) -> Iterator[Written]:
    """A question, each answer, the whole action, then the entries of the audit."""
    asked = decided.asked
    danger = danger_of(asked.data.get("danger"))
    name = (one_line(str(asked.data.get("tool", ""))), "strong")
    yield name, (Plain("  "), ""), (danger_word(danger), danger_role(danger))
    yield from labelled("asked", f"{whole_time(asked.at)}  {_who(asked)}", width)
    for end in decided.ends:
        said = answer_words(end.kind, end.data)
        yield from labelled("answered", f"{whole_time(end.at)}  {said}", width)
    if not decided.ends:
        yield from labelled("answered", "not yet", width, role="warn")
    for name in ("why", "rule"):
        if asked.data.get(name):
            yield from labelled(name, asked.data[name], width)
    yield BLANK
    if DELETED in asked.data:
        yield from text_lines(_GONE, width, role="warn")
    else:
        yield from labelled("arguments", asked.data.get("arguments", {}), width)
    for end in decided.ends:
        if end.data.get("arguments") is not None:
            yield from labelled("edited to", end.data["arguments"], width)
    yield BLANK
    yield from _audit_lines(decided, width)
    yield BLANK
    yield from _rest(asked.data, width)


def answer_words(kind: str, data: Mapping[str, Any]) -> str:
    """``allow by user, for the run`` or why it was taken back."""
    if kind == "approval.withdrawn":
        return f"withdrawn: {data.get('reason', '')}"
    verdict, scope = str(data.get("verdict", "")), str(data.get("scope", ""))
    reach = f", for the {scope}" if scope not in ("", "call") else ", for this call"
    edited = ", with edited arguments" if data.get("arguments") is not None else ""
    reason = f": {data['reason']}" if data.get("reason") else ""
    return f"{verdict} by {data.get('by', '')}{reach if verdict == 'allow' else ''}{edited}{reason}"


def _who(asked: Event) -> str:
    """The agent that asked, then those that asked it."""
    alone = str(asked.data.get("agent") or "the run itself")
    return " < ".join(reversed(agents_of(asked.key))) or alone


def _audit_lines(decided: Decided, width: int) -> Iterator[Written]:
    yield ((Plain("in the audit"), "key"),)
    for entry in decided.entries:
        yield from _entry_lines(entry, width)
    if not decided.entries:
        yield from text_lines("no entry stands for these rows", width, indent=2, role="bad")


def _entry_lines(entry: Entry, width: int) -> Iterator[Written]:
    said = entry.said()
    by = f" by {said['by']}" if said.get("by") else ""
    head = f"{entry.number}  {whole_time(entry.at)}  {decision_of(entry)}{by}  for #{entry.seq}"
    yield from text_lines(head, width, indent=2)
    for name, value in (("hash", entry.hash), ("before", entry.before), ("row", entry.row)):
        if value:
            yield from text_lines(f"{name:<7}{value}", width, indent=6, role="dim")


def _rest(data: Mapping[str, Any], width: int) -> Iterator[Written]:
    """What programs go by: what the approval was bound to, digests, the id."""
    for name in data:
        if name not in _SAID and data[name] not in (None, "", [], {}):
            yield from labelled(name, data[name], width, role="dim")
    yield from labelled("id", data.get("id", ""), width, role="dim")
