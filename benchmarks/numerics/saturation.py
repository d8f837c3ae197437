"""Integer products as they should be, and as a kernel with 16-bit pair sums computes them.

On x86 without VNNI, a product of unsigned activations by signed weights goes through VPMADDUBSW
(Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2): it adds two neighbouring
products and saturates the sum to int16, then adds such sums in int32 with wrap-around. Pairs are
neighbours in the order in which the kernel walks the summed axis: k of a matrix product, and
(kh, kw, cin) of a convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LOW16, HIGH16 = -(1 << 15), (1 << 15) - 1
SAFE_PAIR = 128
"""Largest sum of two weights of one sign whose products with 255 still fit: 255 * 128 < 2^15."""

_FLOAT32_EXACT = 1 << 24
_FLOAT64_EXACT = 1 << 53
_MIN_ACTIVATIONS = 257
"""Two activations below it cannot leave int16 with any weight: 256 * -128 = -2^15 still fits."""


@dataclass(frozen=True, slots=True, eq=False)
class PairSums:
    """What saturation does to one product.

    Attributes:
        excess: (M, N), what saturated pairs add to the exact sums; 0 where none saturates.
        saturated: pair sums that leave int16.
        pairs: pair sums in all, M * N * ceil(K / 2).
    """

    excess: Ints
    saturated: int
    pairs: int

    @property
    def rate(self) -> float:
        """Share of pair sums that leave int16 (rate16)."""
        return self.saturated / self.pairs if self.pairs else 0.0


def exact_product(a: Integers, b: Integers) -> Ints:
    """The product of integer matrices without any overflow.

    Floating-point arithmetic does it wherever no sum can reach the first integer that the type
    cannot hold; it is many times faster.

    Args:
        a: (M, K), of at most 8 bits.
        b: (K, N), of at most 8 bits.

    Returns:
        (M, N).
    """
    reach = a.shape[-1] * _reach(a.dtype) * _reach(b.dtype)
    if reach > _FLOAT64_EXACT:
        return a.astype(np.int64) @ b.astype(np.int64)
    kind = np.float32 if reach <= _FLOAT32_EXACT else np.float64
    product: Ints = (a.astype(kind) @ b.astype(kind)).astype(np.int64)
    return product


def pair_sums(a: Integers, b: Integers) -> PairSums:
    """What a kernel with 16-bit pair sums does to the product of `a` and `b`.

    Only pairs of weights that are unsafe by `unsafe_pairs`, and rows whose two activations are
    large enough, are looked at; no other can saturate.

    Args:
        a: (M, K), uint8.
        b: (K, N), int8.
    """
    rows, depth = a.shape
    unsafe = unsafe_pairs(b)
    excess = np.zeros((rows, b.shape[1]), np.int64)
    saturated = 0
    for pair in np.flatnonzero(unsafe.any(axis=1)):
        part = slice(2 * pair, 2 * pair + 2)
        left = a[:, part].astype(np.int32)
        large = np.flatnonzero(left.sum(axis=1) >= _MIN_ACTIVATIONS)
        columns = np.flatnonzero(unsafe[pair])
        # Two products written out: numpy multiplies integer matrices without any blocking.
        weights = b[part, columns].astype(np.int32)
        sums = left[large, :1] * weights[0] + left[large, 1:] * weights[1]
        over = np.clip(sums, LOW16, HIGH16) - sums
        excess[np.ix_(large, columns)] += over
        saturated += int(np.count_nonzero(over))
    return PairSums(excess, saturated, rows * b.shape[1] * -(-depth // 2))


def wrap32(sums: Ints) -> Ints:
    """The sums as int32 arithmetic leaves them: modulo 2^32."""
    wrapped: Ints = sums.astype(np.int32).astype(np.int64)
    return wrapped


def unsafe_pairs(b: Integers) -> Bools:
    """Which pairs of weights leave int16 for some unsigned 8-bit activations.

    Exact, not only sufficient: the largest sum takes 255 where a weight is positive and 0
    elsewhere, the smallest the other way round. The last weight of an odd K is alone and safe.

    Args:
        b: (K, N), int8.

    Returns:
        (ceil(K / 2), N).
    """
    depth, columns = b.shape
    even = np.zeros((depth + depth % 2, columns), np.int16)
    even[:depth] = b
    pairs = even.reshape(-1, 2, columns)
    high = np.maximum(pairs, 0).sum(axis=1)
    low = np.minimum(pairs, 0).sum(axis=1)
    found: Bools = (high > SAFE_PAIR) | (low < -SAFE_PAIR)
    return found


def int32_safe(depth: int, a: np.dtype[Any], b: np.dtype[Any], bias: int = 0) -> bool:
    """Whether no sum of `depth` products can leave int32, whatever the values.

    Args:
        depth: products in one sum (K); of a convolution kh * kw * cin / groups.
        a: type of the activations.
        b: type of the weights.
        bias: largest magnitude of what is added.
    """
    return depth * _reach(a) * _reach(b) + bias <= (1 << 31) - 1


def _reach(kind: np.dtype[Any]) -> int:
    """Largest magnitude of a type; for weights of a signed type that is 128."""
    info = np.iinfo(kind)
    return max(-int(info.min), int(info.max))
