"""How many operations per second OpenVINO was observed to do here, by type and threads.

Products of matrices and convolutions in several shapes, compiled as production compiles them, and
counted as the ledger counts them. Only the probe's child imports this module; it needs the package
onnx.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bitgauge.benchmarks.raw.anchors import FP32, INT8, peak_name
from onnx import helper

from ...host.anchoring import best_ns, thread_counts
from ..ort.kernel_models import Array, Inputs, serialized
from .session import OpenVinoSession

Load = Callable[[bytes, int], OpenVinoSession]
"""A session of production with so many threads."""

_SHAPES = ((64, 256, 256), (128, 512, 512), (256, 1024, 1024))  # small first
_IMAGES = ((128, 14), (256, 14))  # channels and side; a kernel of 3
_OF_ONE_NS = 10_000_000
_MOST_OF_ONE_NS = 300_000_000
_OF_ALL_NS = 700_000_000
_CALLS = 3
_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class OpenVinoWork:
    """One model, the shape of its input, and how many operations a call of it is."""

    quantity: str
    model: bytes
    shape: tuple[int, ...]
    operations: float


def peaks(load: Load) -> dict[str, float]:
    """Operations per second, the most of any shape in any attempt, by `anchors.peak_name`."""
    works = tuple(_works())
    ends = time.perf_counter_ns() + _OF_ALL_NS
    found: dict[str, float] = {}
    for _, threads, work in itertools.product(range(_ROUNDS), thread_counts(), works):
        name = peak_name(work.quantity, threads)
        known = found.get(name)
        left_ns = ends - time.perf_counter_ns()
        if known and work.operations * 1e9 / known * _CALLS > min(left_ns, _MOST_OF_ONE_NS):
            continue
        call = load(work.model, threads).bind({"x": np.ones(work.shape, np.float32)})
        call()
        took_ns = best_ns(call, _OF_ONE_NS)
        found[name] = max(known or 0.0, work.operations * 1e9 / took_ns)
    return found


def _works() -> Iterator[OpenVinoWork]:
    for quantity in (FP32, INT8):
        for rows, depth, columns in _SHAPES:
            model = _product(quantity, "MatMul", (rows, depth), np.ones((depth, columns)))
            yield OpenVinoWork(quantity, model, (rows, depth), 2.0 * rows * depth * columns)
        for channels, side in _IMAGES:
            shape = (1, channels, side, side)
            kernel = np.ones((channels, channels, 3, 3))
            model = _product(quantity, "Conv", shape, kernel, pads=[1, 1, 1, 1])
            yield OpenVinoWork(quantity, model, shape, 2.0 * side**2 * channels**2 * 9)


def _product(
    quantity: str, op: str, shape: Sequence[int], weights: Array, **attributes: Any
) -> bytes:
    """One product by constant weights; of integers between quantized tensors."""
    inputs: Inputs = {"x": (np.float32, shape)}
    if quantity == FP32:
        node = helper.make_node(op, ["x", "w"], ["y"], **attributes)
        return serialized([node], inputs, {"w": weights.astype(np.float32)}, np.float32)
    constants: dict[str, Array] = {
        "w": weights.astype(np.int8),
        "one": np.asarray(1, np.float32),
        "step": np.asarray(100, np.float32),
        "za": np.asarray(0, np.uint8),
        "zb": np.asarray(0, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "za"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "one", "za"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "one", "zb"], ["wd"]),
        helper.make_node(op, ["xd", "wd"], ["f"], **attributes),
        helper.make_node("QuantizeLinear", ["f", "step", "za"], ["fq"]),
        helper.make_node("DequantizeLinear", ["fq", "step", "za"], ["y"]),
    ]
    return serialized(nodes, inputs, constants, np.float32)
