"""What the environment and the workspace would put in a program's place is not run."""

from __future__ import annotations

import json

from tests.threats.canaries import Canaries, one_by_one
from tests.threats.shipped import Stage

NAMES = (
    "ls",
    "cat",
    "git",
    "grep",
    "bash",
    "sh",
    "env",
    "python3",
    "bwrap",
    "less",
    "stty",
    "find",
)
HOSTILE = (
    "BASH_ENV", "ENV", "PAGER", "GIT_PAGER", "EDITOR", "VISUAL", "GIT_EDITOR", "GIT_SSH", "SHELL",
    "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "BROWSER", "LESSOPEN",
    "MANPAGER", "PROMPT_COMMAND", "GIT_PROXY_COMMAND", "GIT_SEQUENCE_EDITOR", "PERL5DB",
)  # fmt: skip


def test_programs_planted_in_the_path_and_the_workspace_are_not_run(stage: Stage) -> None:
    canaries = Canaries(stage)
    for name in NAMES:
        canaries.put(stage.work / name)
        canaries.put(stage.work / "bin" / name)
    (stage.work / "a.txt").write_text("one\n")
    sings = str(canaries.put(stage.work / "sings"))
    stage.variables |= dict.fromkeys(HOSTILE, sings)
    stage.variables["PATH"] = f"{stage.work}/bin:.:{stage.environment['PATH']}"
    stage.variables |= {"GIT_DIR": str(stage.work / "bin"), "GIT_CONFIG_COUNT": "1"}
    stage.variables |= {"GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": sings}
    stage.settings('mode = "auto"\n')
    commands = ("ls", "cat a.txt", "grep one a.txt", "find . -name a.txt", "git status")
    opaque = ("echo $BASH_ENV > told", "env > told2", "bash -c 'echo hi'")
    calls = [("bash_command", {"command": text}) for text in (*commands, *opaque)]
    outcomes = one_by_one(stage, calls)
    stage.run("runs")
    stage.run("doctor")
    assert canaries.sung == []
    assert "a.txt" in outcomes[0]["result"]["output"]
    assert outcomes[1]["result"]["output"] == "one\n"
    assert sings not in json.dumps([row.get("result") for row in outcomes])
    for told in ("told", "told2"):
        path = stage.work / told
        assert not path.exists() or sings not in path.read_text()
