"""What a device's integer kernels returned, against the exact result and the 16-bit emulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .integer_operator import (
    IntegerOperator,
    Product,
    Requantization,
    Values,
    adds_pairs,
    products,
    requantization,
)
from .saturation import Ints, exact_product, pair_sums, unsafe_pairs, wrap32

Floats = npt.NDArray[np.float64]

_ROWS = 4096
"""Rows of one product that are in memory at a time."""
_FLOAT_SLACK = 1e-5
"""Relative error of float32 sums that is no error of an integer kernel."""
_NOT_FINITE = 1e30
"""Distance to an output that is NaN or infinite."""


@dataclass(frozen=True, slots=True)
class KernelCounts:
    """Outputs of one operator, summed over calls; the meanings are those of `ledger.OperatorRow`.

    Attributes:
        signal: sum of squares of the exact real outputs.
        noise: sum of squares of what the device returned less the exact real outputs.
        ideal_noise: the same for a kernel without any error: rounding and clipping alone.
    """

    elements: int = 0
    errors0: int = 0
    errors1: int = 0
    explained1: int = 0
    worst_steps: float = 0.0
    pairs: int = 0
    saturated_pairs: int = 0
    emulated_errors1: int = 0
    signal: float = 0.0
    noise: float = 0.0
    ideal_noise: float = 0.0

    def plus(self, other: KernelCounts) -> KernelCounts:
        """Both together."""
        sums = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__slots__
            if name != "worst_steps"
        }
        return replace(self, **sums, worst_steps=max(self.worst_steps, other.worst_steps))


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """One call of one operator.

    Attributes:
        counts: errors and saturation.
        real: exact real outputs before requantization, in output units, as many as were compared.
        codes: what the device returned for them.
    """

    counts: KernelCounts
    real: Floats
    codes: npt.NDArray[Any]


def check(operator: IntegerOperator, values: Values, max_macs: int) -> Checked:
    """Compute one call of an operator again and compare.

    Args:
        operator: what was executed.
        values: its tensors by name, the output as the device returned it.
        max_macs: about how many multiplications may be spent; outputs beyond are left out.

    Raises:
        NotComputable: the operator is in a form that is not computed again.
    """
    output = requantization(operator, values)
    counts, reals, codes = KernelCounts(), [], []
    for product in products(operator, values, _max_rows(operator, values, max_macs)):
        for start in range(0, len(product.a), _ROWS):
            part = product.part(slice(start, start + _ROWS))
            found, real = _compare(part, output)
            counts = counts.plus(found)
            reals.append(real.ravel())
            codes.append(part.observed.ravel())
    return Checked(counts, np.concatenate(reals), np.concatenate(codes))


def emulate(operator: IntegerOperator, values: Values) -> npt.NDArray[Any]:
    """The operator's whole output as a kernel with 16-bit pair sums returns it.

    `values` holds an output of the right shape and type; its content is not looked at.

    Raises:
        NotComputable: the operator is in a form that is not computed again.
    """
    output = requantization(operator, values)
    shape, kind = values[operator.output].shape, values[operator.output].dtype
    parts = []
    for product in products(operator, values, 1 << 62):
        exact = _exact(product)
        sums = wrap32(exact + pair_sums(product.a, product.b).excess) if product.pairs else exact
        parts.append(_returned(sums, product, output))
    geometry = operator.geometry
    if geometry is None:
        return np.concatenate(parts).reshape(shape).astype(kind)
    rows = np.concatenate(parts, axis=1)
    if geometry.channels_last:
        return rows.reshape(shape).astype(kind)
    images = rows.reshape(shape[0], shape[2], shape[3], shape[1]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images).astype(kind)


def unsafe_share(operator: IntegerOperator, values: Values) -> float | None:
    """Share of weight pairs that saturate for some activation; None where nothing is paired.

    Args:
        operator: with constant weights.
        values: its constants by name.
    """
    weights = values[operator.b]
    zero = values.get(operator.a_zero)
    activations = np.dtype(np.uint8) if zero is None else zero.dtype
    if not adds_pairs(operator, activations, weights):
        return None
    found = [unsafe_pairs(matrix) for matrix in weight_matrices(operator, weights)]
    return float(np.mean(np.concatenate([one.ravel() for one in found])))


def weight_matrices(operator: IntegerOperator, weights: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The weights as (K, N) matrices in the kernel's order of K; one per group of a convolution."""
    geometry = operator.geometry
    if geometry is None:
        swapped = weights.swapaxes(-1, -2) if operator.transposes[1] else weights
        return list(swapped.reshape(-1, *swapped.shape[-2:]))
    filters = weights.shape[0] // geometry.groups
    axes = (*range(2, weights.ndim), 1, 0)
    return [
        weights[group * filters : (group + 1) * filters].transpose(axes).reshape(-1, filters)
        for group in range(geometry.groups)
    ]


def _max_rows(operator: IntegerOperator, values: Values, max_macs: int) -> int:
    per_row = max(1, values[operator.b].size)
    return max(1, max_macs // per_row)


def _exact(product: Product) -> Ints:
    """Sums less what the zero points add, with an integer bias."""
    a, b = product.a, product.b
    sums = exact_product(a, b)
    sums -= product.a_zero * b.sum(axis=0, dtype=np.int64)
    if np.any(product.b_zero):
        rows = a.sum(axis=1, dtype=np.int64)[:, None]
        sums -= product.b_zero * (rows - a.shape[1] * product.a_zero)
    if product.bias.dtype.kind == "i":
        sums += product.bias
    return sums


def _returned(sums: Ints, product: Product, output: Requantization | None) -> npt.NDArray[Any]:
    """What the operator makes of its sums, in float32 arithmetic as the kernels do it."""
    if product.scale is None:
        return sums
    if output is None:
        real = sums.astype(np.float32) * product.scale
        return product.bounds.of(real + product.bias if product.bias.dtype.kind == "f" else real)
    scaled = sums.astype(np.float32) * (product.scale / output.scale)
    codes: Ints = np.clip(np.rint(scaled) + output.zero, output.low, output.high).astype(np.int64)
    return codes


def _compare(product: Product, output: Requantization | None) -> tuple[KernelCounts, Floats]:
    exact = _exact(product)
    saturated = 0
    expected = emulated = _returned(exact, product, output)
    pairs = exact.size * -(-product.a.shape[1] // 2)
    if product.pairs:
        sums = pair_sums(product.a, product.b)
        saturated = sums.saturated
        if saturated:
            emulated = _returned(wrap32(exact + sums.excess), product, output)
    observed = product.observed
    off, unlike = _steps(observed, expected, product), _steps(observed, emulated, product)
    wrong = off > 1
    real = _real(exact, product, output)
    counts = KernelCounts(
        elements=int(off.size),
        errors0=int(np.count_nonzero(off > (0.5 if observed.dtype.kind == "f" else 0))),
        errors1=int(np.count_nonzero(wrong)),
        explained1=int(np.count_nonzero(wrong & (unlike <= 1))),
        worst_steps=float(off.max(initial=0.0)),
        pairs=pairs,
        saturated_pairs=saturated,
        emulated_errors1=int(np.count_nonzero(_steps(emulated, expected, product) > 1)),
        signal=float(np.square(real).sum()),
        noise=float(np.square(_value(observed, product, output) - real).sum()),
        ideal_noise=float(np.square(_value(expected, product, output) - real).sum()),
    )
    return counts, real


def _steps(one: npt.NDArray[Any], other: npt.NDArray[Any], product: Product) -> Floats:
    """Distance in output steps; of floating-point outputs in steps of one integer product."""
    apart: Floats = np.abs(one.astype(np.float64) - other.astype(np.float64))
    if one.dtype.kind != "f" or product.scale is None:
        return apart
    apart = np.nan_to_num(apart, nan=_NOT_FINITE, posinf=_NOT_FINITE)
    slack = _FLOAT_SLACK * np.abs(other.astype(np.float64))
    return np.maximum(apart - slack, 0) / np.abs(product.scale.astype(np.float64))


def _real(exact: Ints, product: Product, output: Requantization | None) -> Floats:
    """The exact real outputs; where the lowest code is zero, that code is the operator's Relu."""
    if product.scale is None:
        return exact.astype(np.float64)
    real = exact.astype(np.float64) * product.scale.astype(np.float64)
    if product.bias.dtype.kind == "f":
        real = real + product.bias.astype(np.float64)
    elif output is not None and output.zero == output.low:
        real = np.maximum(real, 0.0)
    return product.bounds.of(real)


def _value(codes: npt.NDArray[Any], product: Product, output: Requantization | None) -> Floats:
    if output is None:
        return codes.astype(np.float64)
    return (codes.astype(np.float64) - output.zero) * float(output.scale)
