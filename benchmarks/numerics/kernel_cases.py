"""What a kernel is asked by the saturation probe, and which mode its answers mean.

Sources of the cases and of the classes: measurement.md D-1 and D.2 (pair16); of `wrap16`,
onnxruntime's issue 31573.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..vocabulary.kernel_modes import EXACT, INEXACT, SAT16, UNKNOWN, WRAP16

_INT16 = np.iinfo(np.int16)
_INT8_MAX = np.iinfo(np.int8).max
_LANES = 8
"""Products that a 128-bit register of 16-bit sums holds."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One product of constant matrices.

    Attributes:
        a: activations, (rows, K); every row holds one value.
        b: weights, (K, columns); every column holds one value.
    """

    a: Ints
    b: Ints

    @property
    def exact(self) -> Ints:
        """The accumulators of exact arithmetic."""
        product: Ints = self.a @ self.b
        return product

    def hypotheses(self) -> tuple[Ints, ...]:
        """What kernels that saturate would accumulate.

        Pairs along K are added in 16 bits. A kernel for unsigned activations takes signed ones
        after adding 128, and takes 128 times the column sum off again.
        """
        found = [pair16(self.a, self.b)]
        if self.a.min() < 0 or self.a.max() <= _INT8_MAX:
            found.append(pair16(self.a + 128, self.b) - 128 * self.b.sum(axis=0))
        return tuple(found)

    def wrapped(self) -> Ints:
        """What kernels that wrap around would accumulate.

        They multiply signed numbers: of unsigned ones 128 is taken first, and what that takes of
        the product is given back.
        """
        a, b = (side - 128 * (side.max() > _INT8_MAX) for side in (self.a, self.b))
        found: Ints = self.exact + wrap16(a, b) - a @ b
        return found


def wrap16(a: Ints, b: Ints) -> Ints:
    """Accumulators of a kernel that adds two products in 16 bits, which wrap around.

    So does ONNX Runtime on ARM cores without dot products: in each block of 16 along K a register
    takes the products 0 to 7 (SMULL), then adds the products 8 to 15 (SMLAL), and is widened only
    then (SADALP). Of signed numbers of 8 bits only -128 by -128, twice, leaves it: 2^15.

    Args:
        a: (rows, K), signed numbers of 8 bits.
        b: (K, columns), as above.
    """
    rest = -a.shape[1] % (2 * _LANES)
    blocks = np.pad(a, ((0, 0), (0, rest))).reshape(len(a), -1, 2, _LANES)
    weights = np.pad(b, ((0, rest), (0, 0))).reshape(-1, 2, _LANES, b.shape[1])
    pairs = np.einsum("rbil,bilc->rblc", blocks, weights)
    sums: Ints = pairs.astype(np.int16).astype(np.int64).sum(axis=(1, 2))
    return sums


def pair16(a: Ints, b: Ints) -> Ints:
    """Accumulators of a kernel that adds adjacent products in 16 bits (measurement.md D.2).

    Args:
        a: (rows, K).
        b: (K, columns).
    """
    if a.shape[1] % 2:
        a, b = np.pad(a, ((0, 0), (0, 1))), np.pad(b, ((0, 1), (0, 0)))
    pairs = a[:, 0::2, None] * b[None, 0::2, :] + a[:, 1::2, None] * b[None, 1::2, :]
    sums: Ints = np.clip(pairs, _INT16.min, _INT16.max).sum(axis=1)
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a kernel gave for one case, beside what each arithmetic would have given.

    Attributes:
        got: what came out, in the operator's own unit.
        exact: what exact arithmetic gives, in that unit.
        saturated: what each kind of saturation gives.
        tolerance: largest difference that rounding alone explains.
        wrapped: what arithmetic that wraps around gives; None where it cannot be what happened.
    """

    got: npt.NDArray[np.float64]
    exact: npt.NDArray[np.float64]
    saturated: tuple[npt.NDArray[np.float64], ...]
    tolerance: float
    wrapped: npt.NDArray[np.float64] | None = None

    def is_exact(self) -> npt.NDArray[np.bool_]:
        """Which outputs exact arithmetic explains."""
        near: npt.NDArray[np.bool_] = np.abs(self.got - self.exact) <= self.tolerance
        return near

    def is_saturated(self, kind: int) -> npt.NDArray[np.bool_]:
        """Which outputs this kind of saturation explains."""
        near: npt.NDArray[np.bool_] = np.abs(self.got - self.saturated[kind]) <= self.tolerance
        return near

    def is_wrapped(self) -> npt.NDArray[np.bool_]:
        """Which outputs arithmetic that wraps around explains."""
        if self.wrapped is None:
            return np.zeros(self.got.shape, np.bool_)
        near: npt.NDArray[np.bool_] = np.abs(self.got - self.wrapped) <= self.tolerance
        return near

    def tells(self) -> bool:
        """Whether any output could have told saturation from exact arithmetic."""
        return any(
            bool(np.any(np.abs(one - self.exact) > 2 * self.tolerance)) for one in self.saturated
        )


def classify(answers: Sequence[Answer]) -> str:
    """The mode that explains every output: exact if that does, else 16 bits, else neither.

    One kind of saturation, or of wrapping around, has to explain all that is not exact; a kernel
    whose remainders take another path may be exact in places. Without an answer that could have
    told, it is unknown.
    """
    if not any(one.tells() for one in answers):
        return UNKNOWN
    if all(one.is_exact().all() for one in answers):
        return EXACT
    kinds = min(len(one.saturated) for one in answers)
    explained = (
        all((one.is_exact() | one.is_saturated(kind)).all() for one in answers)
        for kind in range(kinds)
    )
    if any(explained):
        return SAT16
    return WRAP16 if all((one.is_exact() | one.is_wrapped()).all() for one in answers) else INEXACT


def cases(activation: type, weight: type) -> tuple[Case, ...]:
    """Extremes of both types, for several K: even, odd and longer than a vector register."""
    low, high = _extremes(activation)
    bottom, top = _extremes(weight)
    rows, columns = np.array([[low], [high]]), np.array([[bottom, top]])
    return tuple(
        Case(np.repeat(rows, k, axis=1).astype(np.int64), np.repeat(columns, k, axis=0))
        for k in (2, 4, 7, 64)
    )


def _extremes(kind: type) -> tuple[int, int]:
    info = np.iinfo(kind)
    return int(info.min), int(info.max)
