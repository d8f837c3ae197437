"""Beside another library in one process: no thread computes while the other is timed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

QUIET_MS = 1.0
"""Processor time of a process in 20 ms in which nothing is called; untamed it is 4."""

PROGRAM = """
import sys, time
from pathlib import Path
from statistics import median
import numpy
from bitgauge.agents.runtimes import llamacpp
from bitgauge.agents.runtimes.base import SessionOptions
options = SessionOptions(threads=2, context=64)
decoder = llamacpp.open_decoder(Path(sys.argv[1]), options)
found = []
for _ in range(25):
    decoder.reset()
    decoder.feed(numpy.arange(16))
    before = time.process_time_ns()
    time.sleep(0.02)
    found.append((time.process_time_ns() - before) / 1e6)
print(median(found))
"""


def burnt_ms(model: Path, **variables: str) -> float:
    """Of a fresh process: what libgomp is told it reads when it is loaded, by whomever."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(model)],
        env={"PATH": "", **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(ended.stdout)


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="NOT RUN: one processor has no threads that spin"
)
def test_threads_rest_soon_after_a_call(model: Path) -> None:
    assert burnt_ms(model) < QUIET_MS
    assert burnt_ms(model, GOMP_SPINCOUNT="300000") > QUIET_MS, "what libgomp does by itself"
