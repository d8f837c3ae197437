"""The child's first act."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_child_whose_agent_has_gone_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bitgauge.agents.worker.worker",
            str(tmp_path / "no-spec"),
            "1",
            "0",
            "0",
        ],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
