"""Operators that make codes of codes, value by value, and their exact results.

They multiply no matrices, so that no accumulation can saturate; what they can do is clip, round
and be wrong. Inputs and formulas are those of onnxruntime's ContribOperators.md: each input is
dequantized, the function is taken of real numbers, and its value is quantized again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .integer_operator import UNBOUNDED, Clamp, NotComputable, Values
from .kernel_check import Checked, KernelCounts

Floats = npt.NDArray[np.float64]

LEAKY_SLOPE = 0.01
"""Below zero, where a leaky Relu states none."""

ADD, SUBTRACT, MULTIPLY, CONCATENATE = "add", "subtract", "multiply", "concatenate"
SIGMOID, TANH, LEAKY_RELU, SOFTMAX, MEAN = "sigmoid", "tanh", "leaky_relu", "softmax", "mean"
SAME = "same"
"""Functions of real numbers; the last gives them other codes."""


@dataclass(frozen=True, slots=True)
class CodeInput:
    """Names of a tensor of codes, of its scale and of its zero point; "" for a zero point of 0."""

    codes: str
    scale: str
    zero: str


@dataclass(frozen=True, slots=True)
class CodeOperator:
    """One operator that makes codes of codes; tensors by name.

    Attributes:
        function: a key of `COMPUTED`.
        y_zero: zero point of the output; "" for 0.
        axis: of a concatenation, or of what a softmax sums over.
        trailing: whether a softmax sums over the axes behind `axis` too (ONNX before opset 13).
        alpha: slope below zero.
        channels_last: whether the axis of channels is the last.
        axes: of a mean; () for all but those of samples and channels.
        keeps_axes: whether those remain, of one place each.
        bounds: of an activation that it fuses.
    """

    function: str
    inputs: tuple[CodeInput, ...]
    y_scale: str
    y_zero: str
    output: str
    axis: int = 0
    trailing: bool = False
    alpha: float = LEAKY_SLOPE
    channels_last: bool = False
    axes: tuple[int, ...] = ()
    keeps_axes: bool = True
    bounds: Clamp = UNBOUNDED


def _sigmoid(own: CodeOperator, x: list[Floats]) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x[0])), np.float64)


def _softmax(own: CodeOperator, x: list[Floats]) -> Floats:
    first = own.axis % x[0].ndim
    over = tuple(range(first, x[0].ndim)) if own.trailing else (first,)
    powers = np.exp(x[0] - x[0].max(axis=over, keepdims=True))
    return np.asarray(powers / powers.sum(axis=over, keepdims=True), np.float64)


def _mean(own: CodeOperator, x: list[Floats]) -> Floats:
    places = range(1, x[0].ndim - 1) if own.channels_last else range(2, x[0].ndim)
    axes = own.axes if own.axes else tuple(places)
    return np.asarray(x[0].mean(axis=axes, keepdims=own.keeps_axes), np.float64)


COMPUTED: Mapping[str, Callable[[CodeOperator, list[Floats]], Floats]] = {
    ADD: lambda own, x: x[0] + x[1],
    MULTIPLY: lambda own, x: x[0] * x[1],
    SUBTRACT: lambda own, x: x[0] - x[1],
    SAME: lambda own, x: x[0],
    TANH: lambda own, x: np.asarray(np.tanh(x[0]), np.float64),
    CONCATENATE: lambda own, x: np.concatenate(x, axis=own.axis),
    SIGMOID: _sigmoid,
    LEAKY_RELU: lambda own, x: np.where(x[0] < 0, own.alpha * x[0], x[0]),
    SOFTMAX: _softmax,
    MEAN: _mean,
}
"""How each function is computed."""


def check_codes(operator: CodeOperator, values: Values) -> Checked:
    """Compute one call of an operator again and compare.

    Args:
        operator: what was executed.
        values: its tensors by name, the output as the device returned it.

    Raises:
        NotComputable: the operator is in a form that is not computed again.
    """
    inputs = [_real(one, values) for one in operator.inputs]
    real = operator.bounds.of(COMPUTED[operator.function](operator, inputs))
    observed = values[operator.output]
    if real.shape != observed.shape:
        raise NotComputable("its output has another shape than its inputs give")
    scale, zero = _parameters(operator.y_scale, operator.y_zero, observed.dtype, values)
    info = np.iinfo(observed.dtype)
    if zero == info.min:
        real = np.maximum(real, 0.0)  # that code is the Relu behind it
    expected = np.clip(np.rint(real / scale) + zero, info.min, info.max)
    off = np.abs(observed.astype(np.float64) - expected)
    counts = KernelCounts(
        elements=int(off.size),
        errors0=int(np.count_nonzero(off)),
        errors1=int(np.count_nonzero(off > 1)),
        worst_steps=float(off.max(initial=0.0)),
        signal=float(np.square(real).sum()),
        noise=float(np.square((observed - float(zero)) * scale - real).sum()),
        ideal_noise=float(np.square((expected - zero) * scale - real).sum()),
    )
    return Checked(counts, real.ravel(), observed.ravel())


def _real(one: CodeInput, values: Values) -> Floats:
    codes = values[one.codes]
    scale, zero = _parameters(one.scale, one.zero, codes.dtype, values)
    return (codes.astype(np.float64) - zero) * scale


def _parameters(scale: str, zero: str, kind: np.dtype[Any], values: Values) -> tuple[float, int]:
    found = values[scale]
    offset = values[zero] if zero else np.zeros((), kind)
    if found.size != 1 or offset.size != 1:
        raise NotComputable("one of its tensors has a scale per channel")
    return float(found.reshape(())), int(offset.reshape(()))
