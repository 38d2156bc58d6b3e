"""`kaizen-tui token`: add, list and revoke who may reach what listens. Each change is audited."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any, Final

from workbench.config.folders import make_state_folder
from workbench.errors import UsageError
from workbench.listening.tokens import Token, Tokens
from workbench.permission.roles import role_of
from workbench.script.amounts import seconds
from workbench.script.command import Output, said
from workbench.script.output import Streams
from workbench.script.shell import Asked
from workbench.store.store import Store

NEVER: Final = "never"


def token(asked: Asked, args: Namespace) -> int:
    """Add, list or revoke a token. The secret is printed once, and kept nowhere."""
    if args.act != "list" and not args.named:
        raise UsageError(f"token {args.act} needs a name")
    tokens = Tokens(make_state_folder(asked.workspace, os.environ))
    match args.act:
        case "add":
            told = _added(asked, args, tokens)
        case "revoke":
            gone = tokens.revoke(args.named)
            _audit(asked, "token.revoked", gone)
            told = said(f"{gone.name} lets nobody in any more", data={"name": gone.name})
        case _:
            lines = [_line(one) for one in tokens.all()]
            told = Output(tuple(lines) or ("no tokens",), [_data(one) for one in tokens.all()])
    Streams(asked.form, asked.out, asked.err).data(told)
    return 0


def _added(asked: Asked, args: Namespace, tokens: Tokens) -> Output:
    if not args.role:
        raise UsageError(
            "a token needs a role",
            hint="--role viewer sees runs, runner has runs of its own, approver answers what "
            "waits, owner may do all",
        )
    lasts = None if args.expires == NEVER else seconds(args.expires)
    made, word = tokens.add(
        args.named, role_of(args.role), time.time(), lasts_s=lasts, rate=args.rate
    )
    with ExitStack() as undo:
        undo.callback(tokens.revoke, made.id)  # what no audit names lets nobody in
        _audit(asked, "token.added", made)
        undo.pop_all()
    asked.err.write(f"{_line(made)}\nIt is shown this once; whoever has it is {made.name}:\n")
    return said(word, data={**_data(made), "token": word})


def _audit(asked: Asked, kind: str, one: Token) -> None:
    """Enter it, with nothing else opened: what plugins print must not stand beside a token."""
    state = make_state_folder(asked.workspace, os.environ)
    with closing(Store.open(state / "workbench.db")) as store:
        store.audit.enter(kind, {"name": one.name, "id": one.id, "role": one.role, "by": "user"})


def _line(one: Token) -> str:
    ends = one.expires_at
    until = "never expires" if ends is None else f"expires {_time(ends)}"
    over = "" if one.holds(time.time()) else " (expired)"
    return f"{one.name}  {one.role}  {one.id}  {until}{over}  {one.rate} a minute"


def _data(one: Token) -> dict[str, Any]:
    told: dict[str, Any] = {"name": one.name, "role": one.role, "id": one.id, "rate": one.rate}
    return told | {"made_at": one.made_at, "expires_at": one.expires_at}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
