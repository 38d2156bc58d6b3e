"""Pane 5: everything that waits for a person; here its keys.

Each key asks the rules of `workbench.tui.deciding` first and says why when they refuse. Keys that
deny ask nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from textual.binding import BindingType
from textual.widgets import Input

from workbench.errors import UsageError, WorkbenchError
from workbench.tui.asked import Asked
from workbench.tui.deciding import SCOPES, Given
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.panes.inbox_view import InboxList, InboxView
from workbench.tui.plans import in_order


class InboxPane(InboxView):
    """The inbox."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("inbox")]

    def action_allow(self) -> None:
        """Allow the selected call, or what is being asked: a scope, the marked ones."""
        match self.state.step:
            case "scope":
                self._allow_scope()
            case "marked":
                self._decide_marked("allow")
            case _:
                self._allow_selected()

    def _allow_selected(self) -> None:
        self.note_read()
        row = self.state.selected
        if row is not None and not row.is_permission:
            self.say("this is a question: choose with left and right, then enter")
            return
        refusal = self.state.refusal(self.clock.ticks())
        if refusal or row is None:
            self.say(refusal or "nothing to allow")
        elif row.is_critical:
            self.ask("name", f"type {row.tool} and enter to allow this CRITICAL call")
        else:
            self.send(self.state.given("allow"))

    def _allow_scope(self) -> None:
        refusal = self.state.refusal(self.clock.ticks(), subject=self.scope_subject())
        if refusal or self.state.grant is None:
            self.say(refusal or "what it would grant is not known yet")
        else:
            self.send(self.state.given("allow", scope=SCOPES[self.state.scope]))

    def _decide_marked(self, verdict: str) -> None:
        if verdict == "allow":
            refusal = self.state.guard.refusal("marked", self.clock.ticks())
            if refusal:
                self.say(refusal)
                return
        for row in [row for row in self.state.rows if row.id in self.state.marked]:
            said = "allow" if verdict == "allow" else "deny"
            self.send(Given(row.id, said, digest=row.digest))

    def action_deny(self) -> None:
        """Deny at once: denying has no waits."""
        if self.state.step == "marked":
            self._decide_marked("deny")
            return
        row = self.state.selected
        if row is not None and not row.is_permission:
            self.say("this is a question: choose with left and right, then enter")
            return
        self.send(self.state.given("deny"))

    def action_deny_reason(self) -> None:
        """Ask for the reason that the agent will read."""
        row = self.state.selected
        if row is not None and row.is_permission and self.state.step == "list":
            self.ask("reason", "why not? the agent reads this; enter denies")

    def action_scope(self) -> None:
        """Choose how much to allow."""
        self.note_read()
        row = self.state.selected
        refusal = self.state.refusal(self.clock.ticks())
        if row is None or not row.is_permission or refusal:
            self.say(refusal or "nothing to allow")
        elif row.is_critical:
            self.say("a CRITICAL call is allowed one at a time: y")
        else:
            self.state.step = "scope"
            self.state.scope = 0
            self.state.guard.select(self.scope_subject(), self.clock.ticks())
            self.post_message(self.GrantsWanted(row.id))
            self.refresh_rows()

    def action_edit(self) -> None:
        """Edit the arguments."""
        self.note_read()
        row = self.state.selected
        refusal = self.state.refusal(self.clock.ticks())
        if row is None or not (row.is_permission or row.is_plan) or refusal:
            self.say(refusal or "nothing to edit")
            return
        arguments = self.state.edited.get(row.id) or editable(row)
        text = json.dumps(dict(arguments), indent=2, ensure_ascii=True)
        self.edit(text)

    def action_submit(self) -> None:
        """Take the edited arguments."""
        if self.state.step == "edit":
            self._read_edited()

    def action_full(self) -> None:
        """The whole screen for the request, or back."""
        self.post_message(self.Full())

    def action_mark(self) -> None:
        """Mark the row."""
        refusal = self.state.mark()
        if refusal:
            self.say(refusal)
        self.refresh_rows()

    def action_decide_marked(self) -> None:
        """List the marked ones and ask."""
        if not self.state.marked:
            self.say("mark rows with space first")
            return
        self.state.step = "marked"
        self.state.guard.select("marked", self.clock.ticks())
        self.refresh_rows()

    def action_choice(self, by: int) -> None:
        """To the choice beside."""
        if self.state.step == "list":
            self.state.move_choice(by)
            row = self.state.selected
            if row is not None:
                self.state.guard.leave()
                self.state.guard.select(row.id, self.clock.ticks())
            self.refresh_rows()

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Enter on a row takes the choice."""
        if isinstance(message.lines, InboxList):
            message.stop()
            self.action_take()

    def action_take(self) -> None:
        """Do what the choice says."""
        row, choices = self.state.selected, self.state.choices()
        if self.state.step != "list" or row is None or not choices:
            return
        if not 0 <= self.state.choice < len(choices):
            self.say("nothing is preselected: choose with left and right, or use the keys below")
        elif row.is_permission:
            self.action_allow() if choices[self.state.choice] == "allow" else self.action_deny()
        else:
            self._answer(row, choices[self.state.choice])

    def _answer(self, row: Asked, choice: str) -> None:
        self.note_read()
        refusal = self.state.refusal(self.clock.ticks())
        if refusal:
            self.say(refusal)
        elif choice == "answer" and not row.choices:
            self.ask("answer", "your answer; enter sends it")
        elif row.is_doubt and choice == "done":
            self.ask("result", "what it came back with; empty: what is presumed")
        elif row.kind == "budget" and choice == "extend":
            self.ask("answer", "by how many? nothing: by as much again; enter extends")
        else:
            edited = self.state.edited.get(row.id) if row.is_plan and choice == "accept" else None
            given = Given(row.id, "allow", answer=choice, is_answer=True, arguments=edited)
            self.send(given)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field."""
        event.stop()
        row, text = self.state.selected, event.value
        match self.state.step:
            case "reason":
                event.input.value = ""
                self.send(self.state.given("deny", reason=text.strip()))
            case "answer" if row is not None:
                said = f"extend {text}".strip() if row.kind == "budget" else text
                self.send(Given(row.id, "allow", answer=said, is_answer=True))
            case "result" if row is not None and row.gone:
                self.say(f"this request is gone: {row.gone}")
            case "result" if row is not None:
                done = Given(row.id, "allow", answer="done", is_answer=True, result=text)
                self.send(done)
            case "name" if row is not None:
                self._allow_named(row, text)
            case _:
                pass

    def _allow_named(self, row: Asked, text: str) -> None:
        if row.gone:
            self.say(f"this request is gone: {row.gone}")
        elif text.strip() == row.tool and row.id in self.state.seen_whole:
            self.send(self.state.given("allow"))
        else:
            self.say(f"that is not {row.tool}: nothing was allowed")

    def _read_edited(self) -> None:
        """Take the edited arguments; the request has to be read and allowed again."""
        row = self.state.selected
        if row is None:
            return
        try:
            arguments = parse_arguments(self.edited_text())
            if row.is_plan:
                check_plan(row, arguments)
        except WorkbenchError as error:
            self.say(str(error))
            return
        self.state.edited[row.id] = arguments
        self.state.seen_whole.discard(row.id)
        self.back()
        said = "arguments changed; nothing is allowed yet: {inbox.allow} allows the edited call"
        if row.is_plan:
            said = "the plan is edited; nothing runs yet: choose accept, then {list.choose}"
        self.say(keyed(said))


def editable(row: Asked) -> Mapping[str, Any]:
    """What of a request can be edited: of a plan its items."""
    if not row.is_plan:
        return row.arguments
    items = [in_order(item) for item in row.arguments.get("items") or ()]
    return {"items": items}


def check_plan(row: Asked, edited: Mapping[str, Any]) -> None:
    """Refuse an edited plan that is none, while it still stands in the editor."""
    from workbench.agent.plan import MOST_ITEMS, read_items  # noqa: PLC0415 - plans are rare

    items = edited.get("items")
    if not isinstance(items, list) or len(edited) > 1:
        raise UsageError('a plan is {"items": [...]} and nothing else')
    tools, done = (row.arguments.get(name) or () for name in ("tools", "done"))
    read_items(cast("list[Any]", items), tools, MOST_ITEMS, done)


def parse_arguments(text: str) -> Mapping[str, Any]:
    """Edited arguments; UsageError says where they are no JSON object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the arguments are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("the arguments have to be a JSON object")
    return cast("dict[str, Any]", found)
