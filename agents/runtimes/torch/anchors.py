"""How many operations per second the library was observed to do here, by type and threads.

Products of matrices and a convolution with padding, as programs reach them. Only the probe's child
imports this module.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from bitgauge.benchmarks.raw.anchors import FP16, FP32, INT8, peak_name

from ...host.anchoring import best_ns, thread_counts

_SHAPES = ((64, 256, 256), (128, 512, 512), (1024, 256, 256), (256, 1024, 1024))  # small first
_CHANNELS, _SIDE, _KERNEL = 256, 14, 3
_OF_ONE_NS = 15_000_000
_MOST_OF_ONE_NS = 300_000_000
_OF_ALL_NS = 1_000_000_000
_CALLS = 3  # of each at least, the first one to warm it up
_ROUNDS = 2

Work = tuple[str, float, Callable[[], object]]
"""Quantity, operations of a call (two per multiplication), and the call."""


def peaks() -> dict[str, float]:
    """Operations per second, the most of any shape in any attempt, by `anchors.peak_name`."""
    ends = time.perf_counter_ns() + _OF_ALL_NS
    found: dict[str, float] = {}
    before = torch.get_num_threads()
    try:
        for _, threads in itertools.product(range(_ROUNDS), thread_counts()):
            torch.set_num_threads(threads)
            for quantity, operations, call in _works():
                name = peak_name(quantity, threads)
                known = found.get(name)
                left_ns = ends - time.perf_counter_ns()
                if known and operations * 1e9 / known * _CALLS > min(left_ns, _MOST_OF_ONE_NS):
                    continue
                with contextlib.suppress(RuntimeError, NotImplementedError):  # no such kernel
                    call()
                    took_ns = best_ns(call, _OF_ONE_NS)
                    found[name] = max(known or 0.0, operations * 1e9 / took_ns)
    finally:
        torch.set_num_threads(before)
    return found


def _works() -> Iterator[Work]:
    for rows, depth, columns in _SHAPES:
        operations = 2.0 * rows * depth * columns
        for quantity, dtype in ((FP32, torch.float32), (FP16, torch.float16)):
            a, b = torch.ones(rows, depth).to(dtype), torch.ones(depth, columns).to(dtype)
            yield quantity, operations, functools.partial(torch.matmul, a, b)
        codes = torch.ones(rows, depth, dtype=torch.uint8)
        weights = torch.ones(columns, depth, dtype=torch.int8)
        with contextlib.suppress(RuntimeError, NotImplementedError):
            yield INT8, operations, _integers(codes, weights)
    image = torch.ones(1, _CHANNELS, _SIDE, _SIDE)
    kernel = torch.ones(_CHANNELS, _CHANNELS, _KERNEL, _KERNEL)
    operations = 2.0 * _SIDE**2 * _CHANNELS**2 * _KERNEL**2
    yield FP32, operations, lambda: torch.conv2d(image, kernel, padding=_KERNEL // 2)


def _integers(codes: torch.Tensor, weights: torch.Tensor) -> Callable[[], object]:
    """The product that a compiled program calls."""
    packed = torch.ops.onednn.qlinear_prepack(weights, None)
    ones, zeros = torch.ones(len(weights)), torch.zeros(len(weights), dtype=torch.int32)
    given: tuple[Any, ...] = (
        codes,
        1.0,
        0,
        packed,
        ones,
        zeros,
        None,
        1.0,
        0,
        torch.float32,
        "none",
        [],
        "",
    )
    return lambda: torch.ops.onednn.qlinear_pointwise(*given)
