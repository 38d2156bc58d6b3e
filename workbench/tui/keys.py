"""Every key of the screen, once: its stable id, what it does, its sentence of help.

Bindings, palette, help screen and hint line are all made from this table, and a test compares
them, so there is no action that only a mouse or only a secret key can reach. Ids are what a
user's key map names. Never ctrl+m, ctrl+i, ctrl+h (terminals cannot tell them from enter, tab,
backspace) and never ctrl+shift.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from string import punctuation
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from workbench.config.looks import spelled

if TYPE_CHECKING:
    from textual.binding import Binding

Place: TypeAlias = Literal[
    "app", "screen", "list", "agents", "checkpoints", "trace", "detail", "inbox", "command",
    "overlay", "runs", "patterns", "compare", "fork", "files", "diverged", "past",
    "approvals", "rules", "models", "defined", "profile", "doctor",
]  # fmt: skip
"""Where a key works: everywhere, in a workbench pane, in any list, or in the one named."""

TITLES: dict[Place, str] = {
    "app": "Everywhere",
    "screen": "Panes (not while typing)",
    "list": "Any list",
    "agents": "1 Agents",
    "checkpoints": "2 Checkpoints",
    "trace": "3 Trace",
    "detail": "4 Detail",
    "inbox": "5 Inbox",
    "command": "6 Command line",
    "runs": "Runs",
    "patterns": "Patterns",
    "approvals": "Approvals",
    "rules": "Rules",
    "models": "Models",
    "defined": "Agents that are defined",
    "profile": "The profile of a run",
    "doctor": "Doctor",
    "compare": "Branches side by side",
    "fork": "The fork form",
    "files": "Files",
    "diverged": "A run that does not fit",
    "past": "The past of a run",
    "overlay": "Overlays and forms",
}


Show: TypeAlias = Literal["everywhere", "hint", "quiet"]
EVERYWHERE: Show = "everywhere"
"""Works from inside text fields too."""
HINT: Show = "hint"
"""Stands in the hint line while its place has the focus."""
QUIET: Show = "quiet"
"""Stands in help and palette only."""


class Key(NamedTuple):
    """One action and the keys that do it."""

    id: str
    keys: str
    """As Textual writes them, several with commas."""
    action: str
    title: str
    """Two or three words: palette and hints."""
    show: Show
    help: str
    """One sentence."""

    @property
    def place(self) -> Place:
        """Where it works: the first word of the id."""
        word = self.id.partition(".")[0]
        return "app" if word == "pane" else cast("Place", word)


# fmt: off
KEYS: tuple[Key, ...] = (
    Key("app.interrupt", "ctrl+c", "interrupt_all", "Stop all runs", EVERYWHERE,
        "Stop all runs at their next step; twice within a second: save and quit."),
    Key("app.quit", "ctrl+q", "leave", "Quit", EVERYWHERE,
        "Suspend what runs, save and leave; the terminal then shows how to go on."),
    Key("app.suspend", "ctrl+z", "suspend_process", "To the shell", EVERYWHERE,
        "Put the workbench into the background; fg brings it back."),
    Key("app.palette", "ctrl+p", "command_palette", "Commands", EVERYWHERE,
        "Search every action by name."),
    Key("app.inbox", "f2", "pane('inbox')", "Inbox", EVERYWHERE,
        "Go to what waits for you, from anywhere."),
    Key("app.help", "f1", "help", "Help", EVERYWHERE,
        "Show all keys, those of the pane you are in first."),
    Key("app.runs", "f3", "overview('runs')", "Runs", EVERYWHERE,
        "All runs of this workspace: search, open, resume, delete."),
    Key("app.patterns", "f4", "overview('patterns')", "Patterns", EVERYWHERE,
        "What each pattern does, its parameters and its source."),
    Key("app.approvals", "f6", "overview('approvals')", "Approvals", EVERYWHERE,
        "Everything that was ever asked for, and who answered what: search, jump, verify."),
    Key("app.rules", "f7", "overview('rules')", "Rules", EVERYWHERE,
        "The rules in force: where each comes from, how often it was used, when it ends."),
    Key("app.models", "f8", "overview('models')", "Models", EVERYWHERE,
        "Where models come from, which there are, and which one answers; enter selects."),
    Key("app.agents", "f9", "overview('agents')", "Defined agents", EVERYWHERE,
        "The agents that are defined: what each takes and gives, its file, what it does now."),
    Key("app.profile", "f10", "overview('profile')", "Profile", EVERYWHERE,
        "Where the run's time, tokens and words went: critical path, agents, who used whom."),
    Key("app.doctor", "f11", "overview('doctor')", "Doctor", EVERYWHERE,
        "What works here, and the command that mends what does not."),
    Key("app.settings", "f12", "overview('settings')", "Settings", EVERYWHERE,
        "Every setting with its value and where it comes from; enter changes it."),
    Key("pane.agents", "alt+1", "pane('agents')", "Go to Agents", EVERYWHERE,
        "Go to the agents, from anywhere."),
    Key("pane.checkpoints", "alt+2", "pane('checkpoints')", "Go to Checkpoints", EVERYWHERE,
        "Go to the checkpoint tree, from anywhere."),
    Key("pane.trace", "alt+3", "pane('trace')", "Go to Trace", EVERYWHERE,
        "Go to the trace, from anywhere."),
    Key("pane.detail", "alt+4", "pane('detail')", "Go to Detail", EVERYWHERE,
        "Go to the selected event in full, from anywhere."),
    Key("pane.inbox", "alt+5", "pane('inbox')", "Go to Inbox", EVERYWHERE,
        "Go to what waits for you, from anywhere."),
    Key("pane.command", "alt+6", "pane('command')", "Go to the command line", EVERYWHERE,
        "Go to the command line, from anywhere."),
    Key("screen.agents", "1", "app.pane('agents')", "Agents", QUIET,
        "Go to the agents."),
    Key("screen.checkpoints", "2", "app.pane('checkpoints')", "Checkpoints", QUIET,
        "Go to the checkpoint tree."),
    Key("screen.trace", "3", "app.pane('trace')", "Trace", QUIET,
        "Go to the trace."),
    Key("screen.detail", "4", "app.pane('detail')", "Detail", QUIET,
        "Go to the selected event in full."),
    Key("screen.inbox", "5", "app.pane('inbox')", "Inbox", QUIET,
        "Go to what waits for you."),
    Key("screen.command", "6,colon", "app.pane('command')", "Command line", QUIET,
        "Write to an agent, or a command after a slash."),
    Key("screen.slash_command", "greater_than_sign", "command_slash", "Type a command", QUIET,
        "Open the command line with its slash already written."),
    Key("screen.zoom", "z", "zoom", "Zoom", HINT,
        "Give the pane the whole screen, or take it back."),
    Key("screen.escape", "escape", "back", "Back or interrupt", HINT,
        "Leave what is open; in a pane: stop the run at its next step; twice in 1 s: now."),
    Key("screen.pause", "p", "pause", "Pause", QUIET,
        "Pause the selected run, or let it go on."),
    Key("screen.cancel_call", "x", "cancel_call", "Cancel one call", QUIET,
        "Cancel only the selected call; its agent is told."),
    Key("screen.mode", "shift+tab", "cycle_mode", "Mode", QUIET,
        "Next permission mode: plan, confirm, edits, auto."),
    Key("screen.next_pane", "tab", "next_pane", "Next pane", QUIET,
        "Go to the next pane."),
    Key("screen.help", "question_mark", "app.help", "Help", HINT,
        "Show all keys."),
    Key("list.down", "j,down", "move(1)", "Down", QUIET,
        "Next row."),
    Key("list.up", "k,up", "move(-1)", "Up", QUIET,
        "Row before; in the trace this ends following."),
    Key("list.page_down", "ctrl+d,pagedown", "page(1)", "Half a page down", QUIET,
        "Half a page down."),
    Key("list.page_up", "ctrl+u,pageup", "page(-1)", "Half a page up", QUIET,
        "Half a page up."),
    Key("list.first", "g,home", "first", "First", QUIET,
        "To the first row."),
    Key("list.last", "G,end", "last", "Last", QUIET,
        "To the last row; in the trace: follow again."),
    Key("list.choose", "enter", "choose", "Open", QUIET,
        "Open the row."),
    Key("trace.filter", "slash", "filter", "Filter", HINT,
        "Show only rows that match: /agent:coder kind:tool !state:done."),
    Key("trace.follow", "F", "follow", "Follow", HINT,
        "Keep the newest row in sight, or stop."),
    Key("trace.level", "l", "level", "Level of detail", HINT,
        "One line a step, with results, or everything."),
    Key("trace.waterfall", "W", "waterfall", "Waterfall", HINT,
        "Show the run's steps as bars on its time, or rows again."),
    Key("trace.zoom_in", "plus,equals_sign", "zoom_time(1)", "Zoom in time", QUIET,
        "In the waterfall: half the time on the same width."),
    Key("trace.zoom_out", "minus", "zoom_time(-1)", "Zoom out of time", QUIET,
        "In the waterfall: twice the time, up to the whole run."),
    Key("trace.past", "T", "past", "As it was here", HINT,
        "Show all panes as they were at this row; while following: from the newest back."),
    Key("trace.inbox", "a", "approval", "Its approval", QUIET,
        "From a call to its approval, waiting or decided; from that back to the call."),
    Key("trace.checkpoint", "c", "checkpoint", "Its checkpoint", QUIET,
        "Jump from the row to its place in the checkpoint tree."),
    Key("trace.copy", "y", "hand_out('copy')", "Copy", QUIET,
        "Put the selected row in full into the terminal's clipboard (OSC 52)."),
    Key("trace.pager", "O", "hand_out('pager')", "Pager", QUIET,
        "Read the rows shown, as they are filtered, in your PAGER."),
    Key("trace.export", "e", "hand_out('export')", "Export", QUIET,
        "Write the rows shown to a new file: as text, or as JSON when its name ends in .jsonl."),
    Key("detail.copy", "y", "hand_out('copy')", "Copy", HINT,
        "Put what is shown into the terminal's clipboard (OSC 52)."),
    Key("detail.pager", "O", "hand_out('pager')", "Pager", HINT,
        "Read what is shown in your PAGER."),
    Key("detail.export", "e", "hand_out('export')", "Export", HINT,
        "Write what is shown to a new file."),
    Key("checkpoints.fork", "f", "fork", "Fork", HINT,
        "Start a new run from here, with changes if you like."),
    Key("checkpoints.resume", "r", "resume", "Resume", HINT,
        "Go on with a run that was suspended."),
    Key("checkpoints.diff", "d", "diff", "Diff", HINT,
        "Mark a line, then compare another one with it: messages, calls, files, cost."),
    Key("checkpoints.name", "m", "name", "Name", HINT,
        "Give the line a name; at a run's beginning or end, the place where it stands."),
    Key("checkpoints.trace", "t", "trace", "Its row", QUIET,
        "Jump from the line to its row in the trace."),
    Key("checkpoints.approval", "A", "approval", "Next approval", QUIET,
        "Jump from the line to the next thing that was asked after it."),
    Key("checkpoints.past", "T", "past", "As it was here", QUIET,
        "Show all panes as they were at this line."),
    Key("checkpoints.automatic", "a", "automatic", "Automatic ones", QUIET,
        "Hide the checkpoints that were taken by rule, or show them again."),
    Key("checkpoints.compare", "c", "compare", "Compare branches", HINT,
        "All branches of the tree side by side: outcome, cost, files, where they part."),
    Key("checkpoints.files", "w", "files", "Files", HINT,
        "Which files were changed up to here, by whom, and the difference each change made."),
    Key("checkpoints.restore", "R", "restore", "Restore files", HINT,
        "Put the files back as they were here; a plan is shown before anything is changed."),
    Key("files.restore", "R", "restore", "Restore to before", HINT,
        "Put the files back as they were before the selected change; a plan is shown first."),
    Key("compare.diff", "d", "diff", "Diff", HINT,
        "Mark a branch, then compare another one with it."),
    Key("inbox.allow", "y", "allow", "Allow once", HINT,
        "Allow exactly this call, once."),
    Key("inbox.scope", "s", "scope", "Scope...", HINT,
        "Allow more than this call: choose how much and see what it would release."),
    Key("inbox.edit", "e", "edit", "Edit arguments", HINT,
        "Change the arguments before deciding; both versions are kept."),
    Key("inbox.deny_reason", "d", "deny_reason", "Deny with a reason", HINT,
        "Deny and tell the agent why."),
    Key("inbox.deny", "n", "deny", "Deny", HINT,
        "Deny this call."),
    Key("inbox.full", "v", "full", "Full view", HINT,
        "Give the whole screen to the request."),
    Key("inbox.trace", "t", "jump('trace')", "Its row", QUIET,
        "Jump from the request to its row in the trace."),
    Key("inbox.checkpoint", "c", "jump('checkpoint')", "Its checkpoint", QUIET,
        "Jump from the request to the checkpoint it came after."),
    Key("inbox.mark", "space", "mark", "Mark", QUIET,
        "Mark the row, to decide several at once; critical ones cannot be marked."),
    Key("inbox.decide_marked", "Y", "decide_marked", "Decide the marked", QUIET,
        "List the marked rows and decide them together."),
    Key("inbox.submit", "ctrl+s", "submit", "Take edited arguments", QUIET,
        "Leave the editor with its arguments; nothing is allowed by that."),
    Key("inbox.choice_left", "left", "choice(-1)", "Choice left", QUIET,
        "To the choice at the left."),
    Key("inbox.choice_right", "right", "choice(1)", "Choice right", QUIET,
        "To the choice at the right."),
    Key("inbox.scroll_down", "J", "scroll_action(1)", "Scroll the action", QUIET,
        "Read on in the action."),
    Key("inbox.scroll_up", "K", "scroll_action(-1)", "Scroll the action back", QUIET,
        "Read back in the action."),
    Key("command.queue", "tab", "queue", "Queue or complete", HINT,
        "Complete a command; plain text is queued for after the agent's turn."),
    Key("command.older", "up", "history(-1)", "Older line", QUIET,
        "The line you gave before."),
    Key("command.newer", "down", "history(1)", "Newer line", QUIET,
        "The line you gave after it."),
    Key("runs.search", "slash", "search", "Search", HINT,
        "Show only runs whose text matches."),
    Key("runs.resume", "r", "resume", "Resume", HINT,
        "Go on with a run that was suspended."),
    Key("runs.delete", "D", "delete", "Delete", HINT,
        "Delete the run; press twice."),
    Key("runs.past", "T", "past", "Replay", HINT,
        "Look at the run as it was, from its beginning on; nothing is performed."),
    Key("runs.export", "e", "export", "Export", HINT,
        "Write the command that puts the run into a file."),
    Key("runs.import", "i", "import_run", "Import", QUIET,
        "Write the command that takes in a run from a file."),
    Key("approvals.search", "slash", "search", "Search", HINT,
        "Show only what holds all the words, as the command approvals does."),
    Key("approvals.verify", "v", "verify", "Verify the audit", HINT,
        "Go through the whole audit and say whether anything in it was changed."),
    Key("rules.remove", "delete,D", "remove", "Take back", HINT,
        "Take the rule back; press twice. What waits is decided again."),
    Key("models.check", "c", "check", "Ask the providers", HINT,
        "Ask every provider, over the network, whether it answers and which models it has."),
    Key("models.pull", "p", "pull", "Fetch a model", HINT,
        "Name a model that an Ollama is to fetch over the network; enter twice begins."),
    Key("models.stop", "x", "stop", "Cancel fetching", HINT,
        "End the fetching of a model; what has come is kept by its Ollama."),
    Key("defined.ask", "a", "ask", "Ask", HINT,
        "Write the command that asks the agent into the command line, as enter does."),
    Key("profile.trace", "t", "trace", "Its row", HINT,
        "Jump from the step to its row in the trace, as enter does."),
    Key("doctor.again", "c", "again", "Look again", HINT,
        "Look at everything again."),
    Key("doctor.copy", "y", "copy", "Copy the command", HINT,
        "Put the command that mends it into the terminal's clipboard (OSC 52)."),
    Key("past.on", "right", "step(1)", "Row on", HINT,
        "One row of the log further on."),
    Key("past.back", "left", "step(-1)", "Row back", HINT,
        "One row of the log back."),
    Key("past.next_mark", "right_square_bracket,shift+right", "mark(1)", "Checkpoint", HINT,
        "On to the next checkpoint; after the last one to the end."),
    Key("past.mark_before", "left_square_bracket,shift+left", "mark(-1)",
        "Checkpoint before", QUIET,
        "Back to the checkpoint before; from the first one to the beginning."),
    Key("past.far_on", "ctrl+right", "far(1)", "A tenth on", QUIET,
        "A tenth of the run further on."),
    Key("past.far_back", "ctrl+left", "far(-1)", "A tenth back", QUIET,
        "A tenth of the run back."),
    Key("past.first", "home", "first", "Beginning", QUIET,
        "To the run's first row."),
    Key("past.last", "end", "last", "End", QUIET,
        "To the newest row, also of what came since you entered the past."),
    Key("past.play", "space", "play", "Play", HINT,
        "Let time pass as it did, times the speed; again to stop."),
    Key("past.faster", "greater_than_sign", "speed(1)", "Faster", QUIET,
        "Play twice as fast, up to 4096 times."),
    Key("past.slower", "less_than_sign", "speed(-1)", "Slower", QUIET,
        "Play half as fast, down to real time."),
    Key("past.leave", "escape", "back", "Present", HINT,
        "Leave what is open, then the past; what came meanwhile is told."),
    Key("patterns.run", "r", "run_pattern", "Run", HINT,
        "Write its command into the command line."),
    Key("diverged.fork", "f", "fork", "Fork before it", HINT,
        "Start a new run that shares what fits, and goes on with the code of now."),
    Key("diverged.look", "v", "look", "Look at it", HINT,
        "Show the run as it was recorded."),
    Key("diverged.drop", "D", "drop", "Give it up", HINT,
        "End the run for good; its rows stay; press twice."),
    Key("overlay.close", "escape", "close", "Close", QUIET,
        "Close this and go back; nothing is decided."),
    Key("fork.preview", "f5", "preview", "Preview", EVERYWHERE,
        "What the fork would share, ask anew, do otherwise and not inherit."),
    Key("overlay.submit", "ctrl+s", "submit", "Send", QUIET,
        "Send the form."),
)
# fmt: on


def bindings(*places: Place, only: Collection[str] = (), first: bool = False) -> Iterator[Binding]:
    """Textual's bindings for those places, in the table's order.

    Args:
        places: where they work.
        only: ids; empty for all of the places.
        first: they come before those of what has the focus.
    """
    from textual.binding import Binding  # noqa: PLC0415 - settings are shown without the screen

    for key in KEYS:
        if key.place in places and (not only or key.id in only):
            yield Binding(
                key.keys,
                key.action,
                key.title,
                show=key.show == HINT,
                priority=first or key.show == EVERYWHERE,
                tooltip=key.help,
                id=key.id,
            )


NAMES = {
    **{spelled(mark): mark for mark in punctuation},
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def written(keys: str) -> str:
    """The keys as a person writes them: ``esc``, ``/``, ``ctrl+d or pgdn``."""
    parts = (key.rpartition("+") for key in keys.split(","))
    return " or ".join(f"{held}{plus}{NAMES.get(key, key)}" for held, plus, key in parts)
