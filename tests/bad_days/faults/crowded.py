"""A coordinator in a process of its own with few descriptors; ends when its input is closed.

``python -c "from tests.bad_days.faults.crowded import main; main()" HOME DESCRIPTORS``,
in the root folder. Prints its port.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from bitgauge.coordinator.services.pace import Pace

from tests.labs.host import running

WINDOW_S = 3.0


def main() -> None:
    home, descriptors = Path(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    with running(home, pace=lambda: Pace(WINDOW_S)) as host:
        print(host.port, flush=True)
        sys.stdin.read()
