"""Kernel modes: what integer kernels really do, as the saturation probe finds it.

The probe map holds, by operator, types and option (``QLinearMatMul.u8s8.const``), one mode. A
run's mode is the worst among the operators that it executed (DESIGN 10.9). Sources of the cases
and of the classes: measurement.md D-1 and D.2 (pair16).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .fingerprint import KERNEL
from .model import StackItem

EXACT = "exact"
FLOAT = "float"
FP32_ACCUMULATOR = "fp32acc"
FP16_ACCUMULATOR = "fp16acc"
UNSUPPORTED = "unsupported"
UNKNOWN = "unknown"
INEXACT = "inexact"
SAT16 = "sat16"

MEANING: dict[str, str] = {
    EXACT: "every accumulation is the exact integer",
    FLOAT: "computed in floating point between dequantized tensors",
    FP32_ACCUMULATOR: "half-precision products are summed in single precision",
    FP16_ACCUMULATOR: "half-precision products are summed in half precision: sums stop at 2,048",
    UNSUPPORTED: "the runtime has no kernel for it",
    UNKNOWN: "the probe did not find out",
    INEXACT: "neither the exact integer nor what saturation to 16 bits would give",
    SAT16: "adjacent products are added in 16 bits and saturate",
}
"""Every mode, from harmless to worst, and what it means."""

_RANK = {mode: rank for rank, mode in enumerate(MEANING)}
_INT16 = np.iinfo(np.int16)

Ints = npt.NDArray[np.int64]


def worst(modes: Iterable[str]) -> str:
    """The worst of `modes`; one that is not known counts as `unknown`.

    Raises:
        ValueError: there are none.
    """
    return max((mode if mode in _RANK else UNKNOWN for mode in modes), key=_RANK.__getitem__)


def kernel_mode(executed: Iterable[str], probe_map: Mapping[str, str]) -> str | None:
    """The mode of a run.

    Args:
        executed: integer operators that it executed, as the probe map names them.
        probe_map: mode by name; a name that is not there counts as `unknown`.

    Returns:
        The worst mode; None when nothing ran in integer kernels or nothing was probed.
    """
    names = tuple(executed)
    if not names or not probe_map:
        return None
    return worst(probe_map.get(name, UNKNOWN) for name in names)


def probe_map_of(stack: Iterable[StackItem]) -> dict[str, str]:
    """The probe map in the stack of a run."""
    return {
        item.name.removeprefix(KERNEL): item.value for item in stack if item.name.startswith(KERNEL)
    }


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
        if self.a.min() < 0 or self.a.max() <= np.iinfo(np.int8).max:
            found.append(pair16(self.a + 128, self.b) - 128 * self.b.sum(axis=0))
        return tuple(found)


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
    """

    got: npt.NDArray[np.float64]
    exact: npt.NDArray[np.float64]
    saturated: tuple[npt.NDArray[np.float64], ...]
    tolerance: float


def classify(answers: Sequence[Answer]) -> str:
    """The mode that explains every answer: exact if that does, else saturation, else neither."""
    if not answers:
        return UNKNOWN

    def fits(one: Answer, expected: npt.NDArray[np.float64]) -> bool:
        return bool(np.all(np.abs(one.got - expected) <= one.tolerance))

    if all(fits(one, one.exact) for one in answers):
        return EXACT
    kinds = min(len(one.saturated) for one in answers)
    if any(all(fits(one, one.saturated[kind]) for one in answers) for kind in range(kinds)):
        return SAT16
    return INEXACT


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
