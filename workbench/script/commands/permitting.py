"""Commands that say what is allowed: rules and mode."""

from __future__ import annotations

import re
from typing import Any, cast

from workbench.errors import UsageError
from workbench.permission.policy import MODES, Mode
from workbench.permission.rule import ARGUMENTS, WORDS, Rule, rule_from
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.session import Session

_BOUND = re.compile(r"danger(<=|>=|<|>)(\w+)")


async def _rule(session: Session, call: Call) -> Output:
    rule = session.bench.add_rule(_read(session, call), by=session.rule_scope)
    return said(f"rule {rule.id}: {rule}", data={"id": rule.id, "rule": str(rule)})


def _read(session: Session, call: Call) -> Rule:
    """The rule that a line says; a bare word is the tool, ``danger<=HIGH`` a bound."""
    keys: dict[str, Any] = dict(call.inputs)
    for word in call.line.words:
        bound = bounded(word)
        name, value = ("danger", bound) if bound else ("tool", word)
        if name in keys:
            raise UsageError(f"{call.line.name!r} is given {name!r} twice")
        keys[name] = value
    tools = session.bench.tools.values()
    arguments = {name for tool in tools for name in tool.parameters.get("properties", {})}
    if keys.get("scope") == "run" and "run_id" not in keys:
        keys["run_id"] = session.find()
    known = ARGUMENTS | arguments
    return rule_from(keys, WORDS[call.line.name], scope=session.rule_scope, arguments=known)


def bounded(word: str) -> str:
    """``<=HIGH`` of the word ``danger<=HIGH``; empty for any other."""
    bound = _BOUND.fullmatch(word)
    return bound[1] + bound[2] if bound else ""


async def _mode(session: Session, call: Call) -> Output:
    name = call.text("name")
    if name:
        session.bench.set_mode(cast("Mode", name), by=session.rule_scope)
    mode = session.bench.policy.mode
    return said(f"mode {mode}", data={"mode": mode})


async def _rules(session: Session, call: Call) -> Output:
    bench = session.bench
    if call.text("act") == "remove":
        wanted = call.text("id")
        bench.remove_rule(wanted, by=session.rule_scope)
        return said(f"rule {wanted} is gone", data={"removed": wanted})
    lines = [f"{one.rule.id}  {one.rule.scope:<9} {one.rule}" for one in bench.in_force]
    data: list[Any] = [
        {
            "id": one.rule.id,
            "rule": str(one.rule),
            "scope": one.rule.scope,
            "expires_at": one.fits.expires_at,
            "uses": one.uses.times,
            "used_at": one.uses.last_at,
        }
        for one in bench.in_force
    ]
    return Output(tuple(lines) or ("no rules",), data)


_RULE_DETAILS = (
    "Words of a rule: tool=GLOB (or just the name), agent=GLOB, danger<=LEVEL, argv=[…] for the"
    " exact words of a command, and a glob for any argument of a tool: path=docs/**. Deny beats"
    " confirm beats allow. In a script a rule lasts as long as the script; where a screen is, an"
    " approving rule only preselects and the person answers."
)


def _verb(name: str, summary: str, *examples: str) -> Command:
    return Command(
        name,
        summary,
        _rule,
        (Parameter("tool", "name or glob; then danger<=LEVEL", "tool", rest=True),),
        takes_inputs=True,
        is_setting=True,
        details=_RULE_DETAILS,
        examples=examples,
    )


COMMANDS = (
    _verb(
        "approve",
        "Allow calls that fit, without a question.",
        "approve write_file path=docs/** danger<=MEDIUM",
        'approve bash_command argv=["python3", "check.py"]',
    ),
    _verb("confirm", "Ask about calls that fit, even where they would be allowed."),
    _verb("deny", "Refuse calls that fit.", 'deny delete_file reason="nothing is deleted here"'),
    Command(
        "mode",
        "Say or change what is allowed without a question: plan, confirm, edits, auto.",
        _mode,
        (Parameter("name", "the mode", "mode", choices=MODES),),
        is_setting=True,
    ),
    Command(
        "rules",
        "List the rules for permissions and doubts, or take one back.",
        _rules,
        (
            Parameter("act", "what to do", choices=("list", "remove")),
            Parameter("id", "a rule", "rule"),
        ),
        is_setting=True,
        examples=("rules remove 1f2e3d4c",),
    ),
)
