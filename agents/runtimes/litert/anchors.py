"""How many operations per second LiteRT was observed to do here, by type and threads.

Products of matrices and convolutions in several shapes, in interpreters made as production makes
them. They are counted as the overflow ledger counts them. Only the probe's child imports this.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from bitgauge.benchmarks.raw.anchors import FP32, INT8, peak_name

from ...host.anchoring import best_ns, thread_counts
from .encode import Lite, Operator, Tensor

Load = Callable[[bytes, int], Any]
"""An interpreter of production with so many threads, allocated."""

_SHAPES = ((64, 256, 256), (256, 512, 512), (1024, 256, 256))  # small first
_IMAGES = ((128, 14), (128, 28))  # channels and side; a kernel of 3
_OF_ONE_NS = 15_000_000
_MOST_OF_ONE_NS = 300_000_000
_OF_ALL_NS = 1_000_000_000
_CALLS = 3
_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class LiteWork:
    """One model, and how many operations a call of it is: two per multiplication."""

    quantity: str
    model: bytes
    operations: float


def peaks(load: Load) -> dict[str, float]:
    """Operations per second, the most of any shape in any attempt, by `anchors.peak_name`.

    A second round is begun only for what still fits in the budget: somebody else may have had the
    processor in the first.
    """
    works = tuple(_works())
    ends = time.perf_counter_ns() + _OF_ALL_NS
    found: dict[str, float] = {}
    for _, threads, work in itertools.product(range(_ROUNDS), thread_counts(), works):
        name = peak_name(work.quantity, threads)
        known = found.get(name)
        left_ns = ends - time.perf_counter_ns()
        if known and work.operations * 1e9 / known * _CALLS > min(left_ns, _MOST_OF_ONE_NS):
            continue
        with contextlib.suppress(ValueError, RuntimeError):  # it has no such kernel
            made = load(work.model, threads)
            made.invoke()
            took_ns = best_ns(made.invoke, _OF_ONE_NS)
            found[name] = max(known or 0.0, work.operations * 1e9 / took_ns)
    return found


def _works() -> Iterator[LiteWork]:
    for shape in _SHAPES:
        yield _product(FP32, shape)
        yield _product(INT8, shape)
    for image in _IMAGES:
        yield _convolution(FP32, image)
        yield _convolution(INT8, image)


def _product(quantity: str, shape: Sequence[int]) -> LiteWork:
    rows, depth, columns = shape
    options = schema.FullyConnectedOptionsT()
    sides = ((rows, depth), (columns, depth), (rows, columns))
    model = _one(quantity, "FULLY_CONNECTED", sides, options)
    return LiteWork(quantity, model, 2.0 * rows * depth * columns)


def _convolution(quantity: str, image: Sequence[int]) -> LiteWork:
    channels, side = image
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding = schema.Padding.SAME
    shape = (1, side, side, channels)
    model = _one(quantity, "CONV_2D", (shape, (channels, 3, 3, channels), shape), options)
    return LiteWork(quantity, model, 2.0 * side**2 * channels**2 * 9)


def _one(quantity: str, kind: str, sides: Sequence[tuple[int, ...]], options: Any) -> bytes:
    """A model of one operator by constant weights of ones."""
    whole = quantity == INT8
    dtype, scale = ("int8", 1.0) if whole else ("float32", 0.0)
    weights = np.ones(sides[1], dtype)
    bias = np.zeros(sides[1][0], "int32" if whole else "float32")
    tensors = (
        Tensor("a", sides[0], dtype, None, scale),
        Tensor("b", sides[1], dtype, weights, scale, axis=0 if whole else None),
        Tensor("bias", bias.shape, bias.dtype.name, bias, scale, axis=0 if whole else None),
        Tensor("y", sides[2], dtype, None, 100.0 if whole else 0.0),
    )
    operator = Operator(kind, ("a", "b", "bias"), ("y",), options)
    return Lite(tensors, (operator,), ("a",), ("y",), description="anchor").encoded()
