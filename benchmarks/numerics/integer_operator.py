"""Integer operators as plain values, and their exact results from what they were given.

An operator becomes one or more `Product`s: a matrix of activations (M, K) in the kernel's own
order of K, and a matrix of weights (K, N). ONNX defines QLinearMatMul, QLinearConv,
MatMulInteger and ConvInteger; QGemm, MatMulIntegerToFloat and DynamicQuantizeMatMul are
operators of onnxruntime's com.microsoft domain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .quantizing import U8_OF_CALL, quantize_dynamically, quantize_rows
from .saturation import Ints

Values = Mapping[str, npt.NDArray[Any]]
Floats32 = npt.NDArray[np.float32]

PAIRING = frozenset(
    {
        "QLinearMatMul",
        "QLinearConv",
        "QGemm",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "DynamicQuantizeMatMul",
    }
)
"""Operators whose unsigned-by-signed product takes the pairing kernel where there is no VNNI.

ConvInteger multiplies weights by patches, so that its first factor is the signed one."""


@dataclass(frozen=True, slots=True)
class Clamp:
    """What an activation that an operator fuses leaves of real numbers."""

    low: float = -math.inf
    high: float = math.inf

    def of(self, real: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The numbers within."""
        if self == UNBOUNDED:
            return real
        within: npt.NDArray[Any] = np.clip(real, self.low, self.high)
        return within


UNBOUNDED = Clamp()


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a convolution walks its input: one value per spatial axis, pads begin then end.

    Attributes:
        channels_last: whether input and output are (n, h, w, c); weights never are.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    groups: int
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class IntegerOperator:
    """One operator that can be computed again; tensors by name, "" where absent.

    Attributes:
        a: activations; floating point where `quantizes_input` says how.
        bias: what is added: int32 sums, or floats where the output is floating point.
        y_scale: scale of the output; absent where it is int32 or floating point.
        transposes: which of the two factors are stored transposed.
        quantizes_input: how the operator quantizes its input itself, such as `U8_OF_CALL`; ""
            where it takes codes.
        scales_output: whether sums become floating-point numbers.
        bounds: of an activation that it fuses.
    """

    name: str
    op_type: str
    a: str
    b: str
    output: str
    a_scale: str = ""
    a_zero: str = ""
    b_scale: str = ""
    b_zero: str = ""
    bias: str = ""
    y_scale: str = ""
    y_zero: str = ""
    geometry: Geometry | None = None
    transposes: tuple[bool, bool] = (False, False)
    quantizes_input: str = ""
    scales_output: bool = False
    bounds: Clamp = UNBOUNDED


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Part of an operator's work: one product of matrices, rows taken where there are many.

    Attributes:
        a: (M, K) codes of the activations.
        b: (K, N) codes of the weights.
        a_zero: their zero points, (M, 1) or (1, 1).
        b_zero: zero points of the weights, (N,) or (1,).
        scale: float32 factor that turns sums into real numbers, (M, N), (N,) or (1,); None without
            scales.
        bias: added to the sums, (N,) or (1,): int32, or float32 real numbers for float outputs.
        observed: (M, N), what the device returned for these rows.
        pairs: whether the kernel may add neighbouring products in 16 bits.
        bounds: of an activation behind it.
    """

    a: npt.NDArray[Any]
    b: npt.NDArray[Any]
    a_zero: Ints
    b_zero: Ints
    scale: Floats32 | None
    bias: npt.NDArray[Any]
    observed: npt.NDArray[Any]
    pairs: bool
    bounds: Clamp = UNBOUNDED

    def part(self, rows: slice) -> Product:
        """Some of its rows."""
        scale = self.scale
        return replace(
            self,
            a=self.a[rows],
            observed=self.observed[rows],
            a_zero=self.a_zero[rows] if len(self.a_zero) > 1 else self.a_zero,
            scale=scale[rows] if scale is not None and scale.ndim > 1 else scale,
        )


@dataclass(frozen=True, slots=True)
class Requantization:
    """How sums become codes: real / scale + zero point, rounded half to even and clipped."""

    scale: np.float32
    zero: int
    low: int
    high: int


class NotComputable(Exception):
    """An operator in a form that is not computed again; says which."""


def requantization(operator: IntegerOperator, values: Values) -> Requantization | None:
    """How the operator makes codes of its sums; None when its output is int32 or float."""
    if not operator.y_scale:
        return None
    zero = values[operator.y_zero] if operator.y_zero else np.zeros((), np.uint8)
    scale = values[operator.y_scale]
    if scale.size != 1:
        raise NotComputable("its output has one scale per channel")
    info = np.iinfo(zero.dtype)
    step, offset = np.float32(scale.reshape(())), int(zero.reshape(()))
    low, high = operator.bounds.low / step + offset, operator.bounds.high / step + offset
    return Requantization(
        step,
        offset,
        int(info.min) if low < info.min else round(low),
        int(info.max) if high > info.max else round(high),
    )


_FACTORS = 32
"""Matrices of a batched product that are multiplied again; others are left out evenly."""


def products(operator: IntegerOperator, values: Values, max_rows: int) -> Iterator[Product]:
    """The products that make the operator's output, at most `max_rows` rows of each.

    Args:
        operator: what was executed.
        values: its tensors by name: constants, and activations as observed.
        max_rows: rows beyond it are left out evenly.

    Raises:
        NotComputable: the operator is in a form that is not computed again.
    """
    if operator.geometry is None:
        yield from _matrix_products(operator, values, max_rows)
    else:
        yield from _patch_products(operator, operator.geometry, values, max_rows)


def _matrix_products(operator: IntegerOperator, values: Values, max_rows: int) -> Iterator[Product]:
    b = values[operator.b]
    b = _swapped(b) if operator.transposes[1] else b
    given = values[operator.a]
    given = _swapped(given) if operator.transposes[0] else given
    if b.ndim < 2 or given.ndim < 1:
        raise NotComputable("its factors are no matrices")
    if b.ndim == 2:
        given = given.reshape(-1, b.shape[0])
    a, a_scale, a_zero = _activations(operator, values, given)
    width = b.shape[-1]
    b_zero = _per_column(operator.b_zero, values, width)
    scale = _scale(operator, values, a_scale, width)
    bias = _bias(operator, values, width)
    observed = values[operator.output].reshape(-1, width)
    if b.ndim == 2:
        factors = [(a, b)]
    else:
        outer = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        left = np.broadcast_to(a, outer + a.shape[-2:]).reshape(-1, *a.shape[-2:])
        right = np.broadcast_to(b, outer + b.shape[-2:]).reshape(-1, *b.shape[-2:])
        factors = list(zip(left, right, strict=True))
    height = factors[0][0].shape[0] if factors else 0
    pairs = adds_pairs(operator, a.dtype, b)
    chosen = spread(len(factors), _FACTORS)
    rows = spread(height, max(1, max_rows // max(chosen.size, 1)))
    for index in chosen.tolist():
        left, right = factors[index]
        own = observed[index * height : (index + 1) * height]
        yield Product(
            left[rows],
            right,
            a_zero[rows] if len(a_zero) > 1 else a_zero,
            b_zero,
            scale[rows] if scale is not None and scale.ndim > 1 else scale,
            bias,
            own[rows],
            pairs,
            operator.bounds,
        )


def _patch_products(
    operator: IntegerOperator, geometry: Geometry, values: Values, max_rows: int
) -> Iterator[Product]:
    x, a_scale, a_zero = _activations(operator, values, values[operator.a])
    weights, y = values[operator.b], values[operator.output]
    if x.ndim != 4 or weights.ndim != 4:
        raise NotComputable("it is no two-dimensional convolution")
    filters, own_channels = weights.shape[:2]
    width = filters // geometry.groups
    scale = _scale(operator, values, a_scale, filters)
    b_zero = _per_column(operator.b_zero, values, filters)
    bias = _bias(operator, values, filters)
    if not geometry.channels_last:
        x, y = x.transpose(0, 2, 3, 1), y.transpose(0, 2, 3, 1)
    padded = _padded(x, geometry, a_zero)
    places = y.shape[:3]
    per_image = len(a_zero) > 1
    where = np.unravel_index(spread(math.prod(places), max_rows), places)
    observed = y[where]
    pairs = adds_pairs(operator, x.dtype, weights)
    for group in range(geometry.groups):
        own = slice(group * width, (group + 1) * width)
        channels = slice(group * own_channels, (group + 1) * own_channels)
        # (filter, cin, kh, kw) to (kh, kw, cin, filter): the kernel's own order of K.
        b = weights[own].transpose(2, 3, 1, 0).reshape(-1, width)
        factor = scale[where[0]] if scale is not None and scale.ndim > 1 else scale
        yield Product(
            _patches(padded[..., channels], geometry, where),
            b,
            a_zero[where[0]] if per_image else a_zero,
            _columns(b_zero, own),
            None if factor is None else _columns(factor, own),
            _columns(bias, own),
            observed[:, own],
            pairs,
            operator.bounds,
        )


def adds_pairs(
    operator: IntegerOperator, activations: np.dtype[Any], weights: npt.NDArray[Any]
) -> bool:
    """Whether the operator takes the pairing kernel where there is no VNNI.

    A convolution of one channel by one filter per group has a depthwise kernel of its own.
    """
    geometry = operator.geometry
    depthwise = (
        geometry is not None and geometry.groups == weights.shape[0] > 1 and weights.shape[1] == 1
    )
    types = activations == np.uint8 and weights.dtype == np.int8
    return operator.op_type in PAIRING and types and not depthwise


def spread(count: int, wanted: int) -> npt.NDArray[np.intp]:
    """At most `wanted` of `count` indices, evenly spread with a step that shares no factor.

    A step that divides the length of an image row would look at the same columns of each image.
    """
    if count <= wanted:
        return np.arange(count)
    step = int(0.6180339887 * count) | 1
    while np.gcd(step, count) != 1:
        step += 2
    return np.sort(np.arange(wanted) * step % count)


def _activations(
    operator: IntegerOperator, values: Values, x: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], Floats32 | None, Ints]:
    """Codes, scales (M, 1) or (1, 1), and zero points of that shape."""
    if operator.quantizes_input == U8_OF_CALL:
        codes, step, offset = quantize_dynamically(x)
        return codes, np.full((1, 1), step, np.float32), np.full((1, 1), offset, np.int64)
    if operator.quantizes_input:
        if not np.isfinite(x).all():
            raise NotComputable("what it quantizes is not finite")
        return quantize_rows(x, operator.quantizes_input)
    scale = values[operator.a_scale] if operator.a_scale else None
    zero = values[operator.a_zero] if operator.a_zero else np.zeros((), x.dtype)
    if zero.size != 1 or (scale is not None and scale.size != 1):
        raise NotComputable("its activations have one scale per row")
    told = None if scale is None else scale.astype(np.float32).reshape(1, 1)
    return x, told, zero.astype(np.int64).reshape(1, 1)


def _scale(
    operator: IntegerOperator, values: Values, a_scale: Floats32 | None, width: int
) -> Floats32 | None:
    if not operator.b_scale or a_scale is None:
        return None
    scale = values[operator.b_scale].astype(np.float32).reshape(-1)
    if scale.size not in (1, width):
        raise NotComputable("its weights have scales that do not belong to its outputs")
    return scale * (a_scale if len(a_scale) > 1 else a_scale.reshape(1))


def _per_column(name: str, values: Values, width: int) -> Ints:
    if not name:
        return np.zeros(1, np.int64)
    zero: Ints = values[name].astype(np.int64).reshape(-1)
    if zero.size not in (1, width):
        raise NotComputable("its weights have zero points that do not belong to its outputs")
    return zero


def _bias(operator: IntegerOperator, values: Values, width: int) -> npt.NDArray[Any]:
    if not operator.bias:
        return np.zeros(1, np.float32 if operator.scales_output else np.int64)
    bias = values[operator.bias].reshape(-1)
    if bias.size not in (1, width):
        raise NotComputable("its bias does not belong to its outputs")
    return bias


def _columns(values: npt.NDArray[Any], own: slice) -> npt.NDArray[Any]:
    return values if values.shape[-1] == 1 else values[..., own]


def _swapped(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    swapped: npt.NDArray[Any] = matrix.swapaxes(-1, -2)
    return swapped


def _padded(x: npt.NDArray[Any], geometry: Geometry, zero: Ints) -> npt.NDArray[Any]:
    """(n, h, w, c) with its pads; what is outside is real zero."""
    top, left, bottom, right = geometry.pads
    images, height, width, channels = x.shape
    shape = (images, top + height + bottom, left + width + right, channels)
    padded = np.empty(shape, x.dtype)
    padded[:] = zero.reshape(-1, 1, 1, 1)
    padded[:, top : top + height, left : left + width] = x
    return padded


def _patches(
    padded: npt.NDArray[Any], geometry: Geometry, where: tuple[npt.NDArray[np.intp], ...]
) -> npt.NDArray[Any]:
    """Rows of K = kh * kw * cin codes, one per output place in `where` (sample, row, column)."""
    sample, row, column = where
    parts = [
        padded[
            sample,
            row * geometry.strides[0] + down * geometry.dilations[0],
            column * geometry.strides[1] + across * geometry.dilations[1],
        ]
        for down in range(geometry.kernel[0])
        for across in range(geometry.kernel[1])
    ]
    return np.concatenate(parts, axis=1)
