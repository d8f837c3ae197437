"""The supervisor lives as long as the coordinator and must not weigh what Ray weighs."""

from __future__ import annotations

import subprocess
import sys


def test_the_supervisor_knows_no_ray() -> None:
    code = "import sys, bitgauge.coordinator.cluster.supervisor\nsys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
