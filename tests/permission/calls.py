"""Calls to decide about, for the tests of this room."""

from __future__ import annotations

from typing import Any

from workbench.permission.danger import Act, Danger, Facts
from workbench.permission.policy import Call, Policy, Verdict, decide

TOOLS: dict[str, Act] = {
    "read_file": "read", "list_directory": "read", "file_exists": "read", "search_files": "read",
    "write_file": "write", "edit_file": "write", "delete_file": "delete", "bash_command": "run",
    "http_get": "fetch", "fetch_url": "fetch", "extract_links": "compute", "http_post": "send",
    "http_put": "send", "http_delete": "erase",
}  # fmt: skip


def call(
    tool: str = "bash_command",
    danger: Danger = Danger.HIGH,
    *,
    agents: tuple[str, ...] = ("coder",),
    facts: Facts | None = None,
    **arguments: Any,
) -> Call:
    """A call with the facts its tool has at best."""
    found = facts or Facts(TOOLS.get(tool, "talk"), sandbox="full")
    return Call(tool, agents, arguments, "digest", "run", found, danger)


def verdict(policy: Policy, asked: Call, now: float = 0.0) -> Verdict:
    return decide(policy, asked, now=now).verdict
