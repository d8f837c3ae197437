"""Sessions of two runtimes in one child: no thread of one computes while the other is timed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from bitgauge.agents.passes._placements import Placements
from bitgauge.agents.runtimes import litert, ort
from bitgauge.agents.runtimes.base import Session, SessionOptions
from bitgauge.benchmarks import zoo

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")
onnxruntime = pytest.importorskip("onnxruntime")

ONNX = next(one.path for one in zoo.models() if one.name == "digits-cnn")
LITE = ONNX.with_suffix(".tflite")
FEEDS = {"pixels": np.full((1, 1, 8, 8), 0.5, np.float32)}
QUIET_MS = 0.5
"""Processor time of this process in 20 ms in which nothing is called."""
CORES = len(os.sched_getaffinity(0))


def burnt_ms(call: Callable[[], object], times: int = 25) -> float:
    """Processor time that goes on being spent behind a call; what others do is not in it."""
    found = []
    for _ in range(times):
        call()
        before = time.process_time_ns()
        time.sleep(0.02)
        found.append((time.process_time_ns() - before) / 1e6)
    return median(found)


def loaded(letter: int) -> Session:
    options = SessionOptions(threads=2)
    return (ort.load(ONNX, options), litert.load(LITE, options))[letter]


@pytest.mark.skipif(CORES < 2, reason="NOT RUN: one processor has no threads that spin")
def test_no_pool_spins_into_the_other_s_block() -> None:
    """Each session is called while both libraries' pools are there, as in a paired launch."""
    made = Placements(loaded, lambda session: [FEEDS], 2, np.random.default_rng(0))
    for call in made.calls():
        assert burnt_ms(call) < QUIET_MS


@pytest.mark.skipif(CORES < 2, reason="NOT RUN: one processor has no threads that spin")
def test_a_pool_that_spins_is_seen() -> None:
    """As the library makes sessions of its own accord."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(
        str(Path(ONNX)), options, providers=["CPUExecutionProvider"]
    )
    assert burnt_ms(lambda: session.run(None, FEEDS)) > QUIET_MS
