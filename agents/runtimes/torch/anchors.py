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
from bitgauge.benchmarks.raw.anchors import CACHE, FP16, FP32, INT8, MEMORY, peak_name

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


_SIDE_ON_CARD = 8192
_BYTES_ON_CARD = 1 << 30
_OF_CARD_NS = 150_000_000


def of_card(device: str, side: int = _SIDE_ON_CARD, size: int = _BYTES_ON_CARD) -> dict[str, float]:
    """The most of a card: products of large square matrices, and bytes copied inside its memory.

    float32 is asked with TF32 on, so that the anchor stays a bound of rows that have it on.

    Args:
        device: as the library names it.
        side: rows and columns of the matrices.
        size: bytes that are copied.
    """
    found: dict[str, float] = {}
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        for quantity, made, product in (
            (FP32, torch.float32, torch.mm),
            (FP16, torch.float16, torch.mm),
            (INT8, torch.int8, torch._int_mm),
        ):
            a = torch.ones(side, side, device=device).to(made)
            with contextlib.suppress(RuntimeError, NotImplementedError):  # no such kernel
                took_ns = _on_card(functools.partial(product, a, a.t()), device)
                found[peak_name(quantity, 1)] = 2.0 * side**3 * 1e9 / took_ns
        held, other = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
        took_ns = _on_card(functools.partial(other.copy_, held), device)
        found[peak_name(MEMORY, 1)] = 2.0 * size * 1e9 / took_ns
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    if torch.device(device).type == "cuda":
        found[CACHE] = float(torch.cuda.get_device_properties(device).L2_cache_size)
    return found


def _on_card(call: Callable[[], object], device: str) -> int:
    """The shortest time of a call and of waiting for it, in nanoseconds."""

    def whole() -> None:
        call()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()

    whole()
    return best_ns(whole, _OF_CARD_NS)
