"""A coordinator in a process of its own, with TLS and tokens; ends when its input is closed.

``python -c "from tests.bad_days.attacks.attacked import main; main()" HOME``, in the root folder.
Prints its three ports: plain on loopback, TLS for people and joining, TLS for agents.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.labs.host import running


def main() -> None:
    with running(Path(sys.argv[1]), tls=True) as host:
        print(host.port, host.tls_port, host.agent_port, flush=True)
        sys.stdin.read()
