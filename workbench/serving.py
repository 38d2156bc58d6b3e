"""`serve` and `token`: what listens, and who may come in. Loads only what is asked for."""

from __future__ import annotations

from argparse import Namespace

from workbench.errors import UsageError
from workbench.script.shell import Asked


def serve(asked: Asked, args: Namespace) -> int:
    """Do the sub-command; its exit code."""
    if args.command == "token":
        from workbench.script.tokens import token  # noqa: PLC0415 - one of three

        return token(asked, args)
    if args.web and args.mcp:
        raise UsageError("serve --web and serve --mcp exclude each other")
    if not args.mcp and (args.http or args.wait):
        raise UsageError("--http and --wait are for: serve --mcp")
    if not (args.mcp or args.web):
        hint = "Say: kaizen-tui serve --web, or kaizen-tui serve --mcp"
        raise UsageError("serve has to be told what", hint=hint)
    asked.settings()  # what is wrong with them is said here, not to a browser
    if args.mcp:
        from workbench.mcp_server.serve import serve_mcp  # noqa: PLC0415 - imports for half a second

        return serve_mcp(asked, args)
    from workbench.web import serve as web  # noqa: PLC0415 - one of three

    return web.serve(args)
