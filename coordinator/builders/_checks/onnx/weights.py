"""Whether the weights that a build stores are the model's, each within a step.

The quantizers of onnxruntime name what they store after what they read: codes, scale and zero
point carry the name of the weight. A weight by another name is left to the comparison of layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.onnx_operators import attributes

from .graph import all_nodes, constants

MOST_STEPS = 1.5
"""Rounding explains half a step, and one where the largest value has no code."""
_HALF = (2.0**-13, 1e4)
"""Where float16 tools leave values alone; below and above, they clamp."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """A weight as a build stores it.

    Attributes:
        name: in the float model.
        values: what its codes stand for.
        steps: difference of two neighbouring codes, for each value.
    """

    name: str
    values: Array
    steps: Array


def misfit(model: Any, baseline: Any) -> tuple[str, float] | None:
    """The first weight that is off by more than its steps explain, and by how many; else None."""
    from onnx import numpy_helper

    floats = constants(baseline)
    for weight in stored_weights(model):
        if weight.name in floats:
            steps = _steps_off(weight, numpy_helper.to_array(floats[weight.name]))
            if steps is not None and steps > MOST_STEPS:
                return weight.name, steps
    return None


def _steps_off(weight: StoredWeight, wanted: Array) -> float | None:
    """The largest error in steps; None for a weight in another form (merged, or reshaped)."""
    turned = np.swapaxes(wanted, -1, -2) if wanted.ndim >= 2 else wanted
    forms = [form for form in (wanted, turned) if form.shape == weight.values.shape]
    if not forms or not wanted.size or not np.isfinite(wanted).all():
        return None
    return min(float((np.abs(weight.values - form) / weight.steps).max()) for form in forms)


def stored_weights(model: Any) -> Iterator[StoredWeight]:
    """The weights of an artifact that go by the name of the model's."""
    from onnx import TensorProto, numpy_helper

    fixed, eight = constants(model), (TensorProto.INT8, TensorProto.UINT8)
    for name, tensor in fixed.items():
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float64)
            size = np.abs(values)
            steps = np.where(size < _HALF[0], 2.0**-20, size * 2.0**-10)
            if size.max(initial=0.0) < _HALF[1]:
                yield StoredWeight(name, values, steps)
        elif name.endswith("_quantized") and tensor.data_type in eight:
            yield from _in_codes(name.removesuffix("_quantized"), tensor, fixed)
    for node, _ in all_nodes(model):
        if node.op_type == "MatMulNBits" and node.input[1] in fixed and node.input[2] in fixed:
            yield from _in_blocks(node, fixed)


def _in_codes(name: str, tensor: Any, fixed: Mapping[str, Any]) -> Iterator[StoredWeight]:
    from onnx import numpy_helper

    if f"{name}_scale" not in fixed:
        return
    codes = numpy_helper.to_array(tensor).astype(np.float64)
    scale = numpy_helper.to_array(fixed[f"{name}_scale"]).astype(np.float64)
    zero = np.zeros(())
    if f"{name}_zero_point" in fixed:
        zero = numpy_helper.to_array(fixed[f"{name}_zero_point"]).astype(np.float64)
    if scale.size != 1:
        axes = [axis for axis, length in enumerate(codes.shape) if length == scale.size]
        if scale.ndim != 1 or len(axes) != 1:
            return  # which axis the scales are of cannot be told from here
        shape = [-1 if axis == axes[0] else 1 for axis in range(codes.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape) if zero.size > 1 else zero
    if scale.size == 1:
        scale, zero = scale.reshape(()), zero.reshape(-1)[0]
    yield StoredWeight(name, (codes - zero) * scale, np.broadcast_to(scale, codes.shape))


def _in_blocks(node: Any, fixed: Mapping[str, Any]) -> Iterator[StoredWeight]:
    """Of a symmetric MatMulNBits, [K, N] as a MatMul takes it."""
    from onnx import numpy_helper

    given = attributes(node)
    bits, rows, columns = int(given.get("bits", 4)), int(given["K"]), int(given["N"])
    if bits not in (4, 8) or (len(node.input) > 3 and node.input[3]):
        return
    packed = numpy_helper.to_array(fixed[node.input[1]])
    codes = packed if bits == 8 else np.stack((packed & 15, packed >> 4), axis=-1)
    codes = codes.reshape(columns, -1).astype(np.float64) - 2 ** (bits - 1)
    scales = numpy_helper.to_array(fixed[node.input[2]]).astype(np.float64).reshape(columns, -1)
    steps = np.repeat(scales, int(given["block_size"]), axis=1)
    name = node.input[1].removesuffix(f"_Q{bits}")
    if codes.shape != steps.shape:
        return
    values, steps = (codes * steps)[:, :rows].T, np.abs(steps)[:, :rows].T
    yield StoredWeight(name, values, np.maximum(steps, np.finfo(np.float32).tiny))
