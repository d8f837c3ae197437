"""Every bench in turn, each in a process of its own: ``python -m tests.bench [NAME ...]``.

A bench is a file ``bench_NAME.py`` beside this one. It prints what it measured, as ratios within
its own run; what cannot run here prints NOT RUN and why. Nothing is asserted.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from .machine import describe

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    """Runs the benches of these names, or all; how many of them failed."""
    found = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
    wanted = [f"bench_{name}" for name in names] or found
    if unknown := set(wanted) - set(found):
        raise SystemExit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(found)}.")
    print(describe())
    failed = 0
    for name in wanted:
        began = time.monotonic()
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"{__package__}.{name}"]
        failed += subprocess.run(command, check=False).returncode != 0
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
