"""The command that says beforehand what became of effects whose end nobody will know."""

from __future__ import annotations

from typing import Any

from workbench.errors import UsageError
from workbench.permission.doubting import WORDS, doubt_rule
from workbench.permission.rule import ARGUMENTS
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.commands.permitting import bounded
from workbench.script.session import Session


async def _doubt(session: Session, call: Call) -> Output:
    words = [word for word in call.line.words if word in WORDS]
    if len(words) != 1:
        raise UsageError(
            "'doubt' needs one answer", hint=f"Say one of {', '.join(WORDS)}, after the tools"
        )
    keys, tools = dict[str, Any](call.inputs), list[str]()
    for word in call.line.words:
        bound = bounded(word)
        if bound:
            keys["danger"] = bound
        elif word not in WORDS:
            tools.append(word)
    if not tools and "tool" not in keys:
        raise UsageError("'doubt' needs a tool", hint="Name one, or * for every one")
    bench = session.bench
    known = {
        name for tool in bench.tools.values() for name in tool.parameters.get("properties", {})
    }
    rules = [
        doubt_rule(
            words[0],
            {**keys, **({"tool": tool} if tool else {})},
            scope=session.rule_scope,
            arguments=ARGUMENTS | known,
        )
        for tool in tools or [""]
    ]
    for rule in rules:
        bench.add_doubt(rule, by=session.rule_scope)
    lines = [f"rule {rule.id}: {rule}" for rule in rules]
    return said(*lines, data=[{"id": rule.id, "rule": str(rule)} for rule in rules])


COMMAND = Command(
    "doubt",
    "Say what becomes of effects that were begun and whose end nobody saw.",
    _doubt,
    (Parameter("tools", "names or globs; then done, not_done, again or abort", "tool", rest=True),),
    takes_inputs=True,
    is_setting=True,
    details=(
        "After a crash, an effect that is unsafe (or whose probe does not know) is in doubt:"
        " without a rule the run rests and the program ends with 7. done goes on as if it had"
        " happened, with result=VALUE or what was captured of it; not_done fails it; again runs"
        " exactly the same once more, if that is permitted; abort ends the run. Words as for"
        " approve: agent=GLOB, danger<=LEVEL, a glob for an argument (path=docs/**, arg.0=x for a"
        " function's first), and repeat=unsafe or repeat=probeable. Where several fit, the most"
        " careful holds: abort, not_done, done, again. Where a screen is, a rule only preselects"
        " and the person answers."
    ),
    examples=(
        "doubt bash_command command=make* again",
        "doubt http_post http_put abort",
        'doubt send_mail done result="sent" repeat=unsafe',
    ),
)
