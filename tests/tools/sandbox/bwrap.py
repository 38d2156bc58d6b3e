"""Where bubblewrap is on this machine, if it is and may be used."""

from __future__ import annotations

import os
import shutil

import pytest

from workbench.tools.sandbox.detect import detect

BWRAP = os.environ.get("TEST_BWRAP") or shutil.which("bwrap") or ""
REPORT = detect([BWRAP])
needs_bwrap = pytest.mark.skipif(REPORT.level != "full", reason=REPORT.why)
