"""Captures what only a card can tell: ``python -m tests.gpu.capture [--rehearse] [--out DIR]``.

It is prepared for a machine that nobody has seen: torch, numpy and what the agent needs anywhere
are enough, nothing is downloaded, and a step that fails or takes too long leaves what it has. The
whole takes at most 12 minutes. `--rehearse` does all of it on the processor, with small networks;
its numbers are of no card, and `capture.json` says so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from .runner import run
from .steps import STEPS, chosen

WORK = "work"
MINUTES = 12.0


def main(arguments: list[str]) -> int:
    """0 when every step was done."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.capture", description=__doc__)
    parser.add_argument("--rehearse", action="store_true", help="on the processor")
    parser.add_argument(
        "--out", type=Path, default=Path("capture"), help="a folder for the results"
    )
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for all steps together")
    parser.add_argument("--only", action="append", default=[], help="a step; all without any")
    given = parser.parse_args(arguments)
    try:
        steps = chosen(STEPS, given.only)
    except ValueError as error:
        parser.error(str(error))
    out = given.out.resolve()
    told = run(steps, out, rehearse=given.rehearse, minutes=given.minutes, say=print)
    shutil.rmtree(out / WORK, ignore_errors=True)  # networks are made anew, and large
    done = [one["status"] == "done" for one in told["steps"].values()]
    print(f"{sum(done)} of {len(done)} steps are done; see {out / 'capture.json'}")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
