from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.sandbox.bwrap import BWRAP, needs_bwrap
from workbench.tools.sandbox.detect import detect


def test_without_a_program_there_is_no_full_sandbox() -> None:
    report = detect(())
    assert (report.level, report.backend) in {("reduced", "landlock"), ("none", "")}
    assert "not installed" in report.why


def test_without_a_program_and_without_landlock_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.tools.sandbox.landlock.is_there", lambda: False)
    report = detect(())
    assert (report.level, report.backend) == ("none", "")
    assert "no Landlock" in report.why


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 1", "did not run"),
        ("echo no permission to create namespaces >&2; exit 1", "no permission"),
        ('while [ "$1" != -- ]; do shift; done; shift; cd "$0".d; exec "$@"', "could be"),
    ],
)
def test_a_program_that_confines_nothing_is_found_out(
    tmp_path: Path, script: str, why: str
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/bash\n{script}\n")
    fake.chmod(0o755)
    if "cd" in script:
        # It runs the canary as it is, in the folder the profile names.
        fake.write_text(
            '#!/bin/bash\nwhile [ "$1" != --chdir ]; do shift; done; cd "$2"; '
            'while [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'
        )
    report = detect([str(fake)])
    assert report.level != "full"
    assert why in report.why


@needs_bwrap
def test_what_a_canary_proved_is_reported() -> None:
    report = detect([BWRAP])
    assert (report.level, report.backend, report.program) == ("full", "bubblewrap", BWRAP)
    assert "canary" in report.why
    assert not list(Path.home().glob("canary-*"))
