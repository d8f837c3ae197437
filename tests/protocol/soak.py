"""Plays many seeds on all processors, or one seed again with its story.

python tests/protocol/soak.py --seeds 1000000
python tests/protocol/soak.py --replay 4711
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.protocol.simulate import Outcome, simulate

CHUNK = 50
SHOWN = 3


def failures(seeds: range) -> tuple[int, list[Outcome], float, int]:
    """Plays a few seeds: how many, those that broke a promise, virtual seconds, stored runs."""
    bad: list[Outcome] = []
    virtual_s, runs = 0.0, 0
    for seed in seeds:
        outcome = simulate(seed)
        virtual_s += outcome.virtual_s
        runs += outcome.runs
        if outcome.violations:
            bad.append(outcome)
    return len(seeds), bad, virtual_s, runs


def chunks(first: int, count: int) -> Iterator[range]:
    for start in range(first, first + count, CHUNK):
        yield range(start, min(start + CHUNK, first + count))


def soak(first: int, count: int, processes: int) -> int:
    """Plays `count` seeds; how many broke a promise. Says the rate, and tells their stories."""
    began = said = time.monotonic()
    played = broken = runs = 0
    virtual_s = 0.0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for seeds, bad, seconds, stored in pool.imap_unordered(failures, chunks(first, count)):
            played, virtual_s, runs = played + seeds, virtual_s + seconds, runs + stored
            for outcome in bad:
                broken += 1
                if broken <= SHOWN:
                    print(outcome.story)
                print(f"seed {outcome.seed}: {'; '.join(outcome.violations)}")
                print(f"again: python tests/protocol/soak.py --replay {outcome.seed}", flush=True)
            if time.monotonic() - said > 60:
                said = time.monotonic()
                print(f"{played} seeds, {played / (said - began):.0f} a second", flush=True)
    took_s = time.monotonic() - began
    print(
        f"{played} seeds in {took_s:.0f} s on {processes} processes,"
        f" {played / took_s:.0f} a second; {virtual_s / 3600:.0f} virtual hours,"
        f" {runs} runs stored; {broken} seeds broke a promise"
    )
    return broken


def main() -> int:
    """Reads the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", type=int)
    asked = parser.parse_args()
    if asked.replay is not None:
        outcome = simulate(asked.replay)
        print(outcome.story)
        return 1 if outcome.violations else 0
    return 1 if soak(asked.first, asked.seeds, asked.processes) else 0


if __name__ == "__main__":
    sys.exit(main())
