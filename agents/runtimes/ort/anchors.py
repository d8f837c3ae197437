"""How many operations per second ONNX Runtime was observed to do here, by type and threads.

Products of matrices and convolutions in several shapes, in sessions made as production makes
them. They are counted as the overflow ledger counts them, with the products of a convolution's
padding, which some kernels skip: so one of the convolutions has much of it. Only the probe's child
imports this module; it needs the package onnx.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.raw.anchors import FP16, FP32, INT8, peak_name

from ...host.anchoring import best_ns, thread_counts
from .kernel_models import Array, Inputs, one_node

Load = Callable[[bytes, int, Path | None], Any]
"""Makes a session of production with so many threads; saves its graph where a path is given."""

_SHAPES = ((64, 256, 256), (128, 512, 512), (1024, 256, 256), (256, 1024, 1024))  # small first
_IMAGES = ((256, 14), (256, 7))  # channels and side; a kernel of 3 with padding
_MOST_ROWS_FOR = 16
_INTEGERS = ((np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8))
_FLOATS, _HALVES = (np.float32,) * 3, (np.float16,) * 3
_OF_ONE_NS = 15_000_000
_MOST_OF_ONE_NS = 300_000_000
_OF_ALL_NS = 1_000_000_000
_CALLS = 3  # of each model at least, the first one to warm it up
_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """One model.

    Attributes:
        feeds: of a call.
        operations: of a call: two per multiplication.
    """

    quantity: str
    model: bytes
    feeds: dict[str, Array]
    operations: float


def peaks(load: Load) -> dict[str, float]:
    """Operations per second, the most of any shape in any attempt, by `anchors.peak_name`.

    A second round is begun only for what still fits in the budget: somebody else may have had
    the processor in the first. Of each anchor at least the smallest shape is measured; on a slow
    device the larger ones are left out.
    """
    half = _in_half(load)
    ends = time.perf_counter_ns() + _OF_ALL_NS
    found: dict[str, float] = {}
    for _, threads in itertools.product(range(_ROUNDS), thread_counts()):
        for work in _works(threads, half):
            name = peak_name(work.quantity, threads)
            known = found.get(name)
            left_ns = ends - time.perf_counter_ns()
            if known and work.operations * 1e9 / known * _CALLS > min(left_ns, _MOST_OF_ONE_NS):
                continue
            with contextlib.suppress(Exception):  # the binding raises a dozen: no such kernel
                took_ns = _best_ns(load(work.model, threads, None), work.feeds)
                found[name] = max(known or 0.0, work.operations * 1e9 / took_ns)
    return found


def _best_ns(session: Any, feeds: dict[str, Array]) -> int:
    session.run(None, feeds)
    return best_ns(lambda: session.run(None, feeds), _OF_ONE_NS)


def _works(threads: int, half: bool) -> Iterator[Work]:
    """Every model; the largest has more rows for more threads."""
    rows, *rest = _SHAPES[-1]
    shapes = (*_SHAPES[:-1], (rows * min(threads, _MOST_ROWS_FOR), *rest))
    for shape in shapes:
        yield _product(FP32, "MatMul", _FLOATS, shape)
    for image in _IMAGES:
        yield _convolution(*image)
    for a, b in _INTEGERS:
        # Kernels for two signed factors may be slow; where they are, others set the anchor.
        for shape in shapes if a is np.uint8 else shapes[:1]:
            yield _product(INT8, "MatMulInteger", (a, b, np.int32), shape)
    if half:
        for shape in shapes:
            yield _product(FP16, "MatMul", _HALVES, shape)


def _product(quantity: str, op: str, kinds: tuple[type, type, type], shape: Sequence[int]) -> Work:
    """Activations times constant weights; `kinds` are theirs and that of the output."""
    (a, b, output), (rows, depth, columns) = kinds, shape
    inputs: Inputs = {"a": (a, (rows, depth))}
    weights: dict[str, Array] = {"b": np.ones((depth, columns), b)}
    model = one_node(op, ["a", "b"], inputs, weights, output)
    return Work(quantity, model, {"a": np.ones((rows, depth), a)}, 2.0 * rows * depth * columns)


def _convolution(channels: int, side: int) -> Work:
    shape = (1, channels, side, side)
    weights: dict[str, Array] = {"w": np.ones((channels, channels, 3, 3), np.float32)}
    inputs: Inputs = {"x": (np.float32, shape)}
    model = one_node("Conv", ["x", "w"], inputs, weights, np.float32, pads=[1, 1, 1, 1])
    operations = 2.0 * side**2 * channels**2 * 9
    return Work(FP32, model, {"x": np.ones(shape, np.float32)}, operations)


def _in_half(load: Load) -> bool:
    """Whether half-precision products are computed so, and not cast to single precision first."""
    import onnx

    work = _product(FP16, "MatMul", _HALVES, (8, 8, 8))
    try:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            saved = Path(folder, "executed.onnx")
            load(work.model, 1, saved)
            return all(node.op_type != "Cast" for node in onnx.load(saved).graph.node)
    except Exception:  # it has no such kernel
        return False
