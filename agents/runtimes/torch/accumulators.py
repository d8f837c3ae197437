"""What products of matrices do with large sums, type by type (measurement.md D-1).

Each is asked for two sums that only wide accumulators hold. In the first, one product is large and
thousands are small: even a tensor core's partial sums of them vanish beside it where sums have
fewer bits than single precision. In the second, halves cancel that overflow the type alone. Nothing
here is CUDA's own: it runs wherever the library has the product. Only the probe's child imports it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    EXACT,
    FP16_ACCUMULATOR,
    FP16_INFINITE,
    FP16_SATURATING,
    FP32_ACCUMULATOR,
    INEXACT,
    NARROW_ACCUMULATOR,
    TF32,
    UNKNOWN,
    UNSUPPORTED,
)

_DEPTH = 4096
_SIDE = 32
"""Rows and columns: integer and FP8 products want multiples of 16."""
_FP16_MOST = 65_504.0
_LEAST_HIDDEN = 2.0**-12
"""Beside 1, what 10 bits of fraction do not hold and 23 do."""


@dataclass(frozen=True, slots=True)
class Sum:
    """One large product and many small ones, all factors representable in the type.

    Attributes:
        large: both factors of the first product.
        small: both factors of each of the others.
        step: of the type of the answer beside it, which rounding explains.
    """

    large: tuple[float, float]
    small: tuple[float, float]
    step: float

    @property
    def exact(self) -> float:
        """Of all products."""
        most, least = self.large, self.small
        return most[0] * most[1] + (_DEPTH - 1) * least[0] * least[1]

    @property
    def lost(self) -> float:
        """What is left where every small product vanishes."""
        return self.large[0] * self.large[1]


SUMS = {
    torch.float16: Sum((64.0, 32.0), (0.125, 0.125), 2.0),
    torch.bfloat16: Sum((16.0, 16.0), (0.0625, 0.0625), 2.0),
    torch.float8_e4m3fn: Sum((448.0, 448.0), (0.5, 0.25), 1.0),
}
"""By type. A partial sum of 32 small products stays below half a step of a narrow accumulator:
0.5 beside 2,048 in half precision, 0.125 beside 256 in bfloat16, 4 beside 200,704 in 14 bits."""

Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def mode_of(got: float, of: Sum, narrow: str) -> str:
    """What a sum says of its accumulator.

    Args:
        got: what came out.
        of: what was asked.
        narrow: the mode of an accumulator that lost what is small.
    """
    if abs(got - of.exact) <= of.step:
        return FP32_ACCUMULATOR
    return narrow if of.lost - of.step <= got < of.exact else INEXACT


def modes(device: str) -> dict[str, str]:
    """The mode of each kind of product on a device, by its name in the probe map."""
    matmul = torch.backends.cuda.matmul
    found = {
        "mm.f32.dynamic": _probed(lambda: _of_float32(device, allow=False)),
        "mm_tf32.f32.dynamic": _probed(lambda: _of_float32(device, allow=True)),
        "mm_out.f16.dynamic": _probed(lambda: _beyond(device)),
        "int_mm.s8s8.dynamic": _probed(lambda: _of_integers(device)),
    }
    for name, dtype, narrow in (
        ("f16", torch.float16, FP16_ACCUMULATOR),
        ("bf16", torch.bfloat16, NARROW_ACCUMULATOR),
    ):
        switch = f"allow_{'fp16' if name == 'f16' else name}_reduced_precision_reduction"
        for allowed, kind in ((True, "mm"), (False, "mm_unreduced")):
            with _switched(matmul, switch, allowed):
                ask = functools.partial(_of_sum, dtype, narrow, torch.mm, device)
                found[f"{kind}.{name}.dynamic"] = _probed(ask)
    for fast, kind in ((False, "scaled_mm"), (True, "scaled_mm_fast")):
        product = _scaled(device, fast=fast)
        ask = functools.partial(_of_sum, torch.float8_e4m3fn, NARROW_ACCUMULATOR, product, device)
        found[f"{kind}.f8e4m3f8e4m3.dynamic"] = _probed(ask)
    return dict(sorted(found.items()))


def _probed(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except (RuntimeError, NotImplementedError, ValueError):  # what the library raises for no kernel
        return UNSUPPORTED


def _of_sum(dtype: torch.dtype, narrow: str, product: Product, device: str) -> str:
    """The mode of one type; unknown where it is none of what was thought of."""
    of = SUMS[dtype]
    got = _answer(product, *_sides(of.large, of.small, dtype, device))
    found = mode_of(got, of, narrow)
    half = torch.finfo(dtype).max / 2
    if found != FP32_ACCUMULATOR or half * _DEPTH > torch.finfo(torch.float32).max:
        return found
    # Each half of the sum is far beyond the type.
    a = torch.full((_SIDE, _DEPTH), half, dtype=torch.float32)
    a[:, _DEPTH // 2 :] = -half
    ones = torch.ones(_DEPTH, _SIDE)
    cancelled = _answer(product, *_typed(a, ones, dtype, device))
    return FP32_ACCUMULATOR if cancelled == 0 else narrow


def _sides(
    large: tuple[float, float], small: tuple[float, float], dtype: torch.dtype, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.full((_SIDE, _DEPTH), small[0]), torch.full((_DEPTH, _SIDE), small[1])
    a[:, 0], b[0, :] = large
    return _typed(a, b, dtype, device)


def _typed(
    a: torch.Tensor, b: torch.Tensor, dtype: torch.dtype, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """In the type, the second one laid out by columns, as products of FP8 and integers want it."""
    return a.to(device).to(dtype), b.t().contiguous().to(device).to(dtype).t()


def _answer(product: Product, a: torch.Tensor, b: torch.Tensor) -> float:
    """The one value that every output should have; NaN where they differ."""
    made = product(a, b).float().cpu()
    low, high = float(made.min()), float(made.max())
    return low if low == high else float("nan")


def _scaled(device: str, *, fast: bool) -> Product:
    one = torch.ones((), device=device)

    def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch._scaled_mm(a, b, one, one, out_dtype=torch.float32, use_fast_accum=fast)

    return product


def _of_float32(device: str, *, allow: bool) -> str:
    """Whether factors are rounded to TF32 before they are multiplied."""
    with _switched(torch.backends.cuda.matmul, "allow_tf32", allow):
        hidden = (1 + _LEAST_HIDDEN, 1.0)
        got = _answer(torch.mm, *_sides(hidden, hidden, torch.float32, device))
    exact = _DEPTH * (1 + _LEAST_HIDDEN)
    if abs(got - exact) <= exact * 2**-20:
        return FP32_ACCUMULATOR
    return TF32 if abs(got - _DEPTH) <= _DEPTH * 2**-20 else INEXACT


def _beyond(device: str) -> str:
    """What becomes of a sum that the type of the answer does not hold."""
    ones, others = torch.ones(_SIDE, _DEPTH), torch.full((_DEPTH, _SIDE), 64.0)
    a, b = _typed(ones, others, torch.float16, device)
    got = float(torch.mm(a, b).float().max().cpu())
    if got == _FP16_MOST:
        return FP16_SATURATING
    return FP16_INFINITE if got == float("inf") else UNKNOWN


def _of_integers(device: str) -> str:
    """Products of the lowest codes, two of which no 16 bits hold."""
    a, b = _sides((-128.0, -128.0), (-128.0, -128.0), torch.int8, device)
    got = torch._int_mm(a, b).cpu()
    return EXACT if bool((got == 128 * 128 * _DEPTH).all()) else INEXACT


@contextlib.contextmanager
def _switched(owner: Any, name: str, value: bool) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
