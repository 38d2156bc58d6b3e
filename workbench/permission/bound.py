"""What an approval is good for: this very action, in this place, under this policy; once.

A person says yes to what is shown. Should anything that was looked at be otherwise by the time it
would be done, the yes was to something else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """Everything that an approval is bound to, as short words."""

    tool: str
    schema: str
    """The digest of what a model and a person see of the tool."""
    arguments: str
    """The digest of the final arguments."""
    folder: str
    """The folder it works in: its path, and the device and inode that stand there."""
    sandbox: str
    """What confines it: level and back end."""
    policy: str
    """The version of the policy in force."""

    def to_json(self) -> dict[str, str]:
        """As rows hold it."""
        return asdict(self)

    def changes(self, now: Bound) -> str:
        """What is otherwise now, in words; empty when nothing is."""
        names = [name for name in asdict(self) if getattr(self, name) != getattr(now, name)]
        words = [_WORDS[name] for name in names]
        if not words:
            return ""
        return f"{' and '.join(words)} changed since it was asked"


_WORDS = {
    "tool": "the tool",
    "schema": "the tool's schema",
    "arguments": "the arguments",
    "folder": "the working directory",
    "sandbox": "the sandbox",
    "policy": "the policy",
}
