"""What the integer kernels that exported programs reach do here (measurement.md D-1).

Each is called by itself with the extremes of its types: what a compiled program calls
(`onednn.qlinear_pointwise`, `onednn.qconv_pointwise`), what quantized tensors of torchao call
(`_int_mm`), and the linear layer of each engine of quantized tensors, which may add in 16 bits
where weights keep their 8th bit (`reduce_range` gives it up for that). Only the probe's child
imports this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from bitgauge.benchmarks.numerics.kernel_cases import Answer, Case, cases, classify
from bitgauge.benchmarks.vocabulary.kernel_modes import UNKNOWN, UNSUPPORTED

_TYPES: dict[str, type] = {"u8": np.uint8, "s8": np.int8}
_TOP = 120
"""The largest code that an exact answer becomes: saturated ones must not be clipped to it."""
_ENGINES = ("x86", "fbgemm", "onednn", "qnnpack")

Computes = Callable[[Case, str], Answer]


def modes() -> dict[str, str]:
    """The mode of every kernel, by its name, types and whether its weights are constant."""
    found = {}
    for types in ("u8s8", "s8s8"):
        found[f"qlinear_pointwise.{types}.const"] = _probed(_linear, types)
        found[f"qconv_pointwise.{types}.const"] = _probed(_convolution, types)
        mode = _probed(_product, types)  # it is given weights as they are, constant or not
        found |= {f"int_mm.{types}.const": mode, f"int_mm.{types}.dynamic": mode}
    supported = torch.backends.quantized.supported_engines
    for engine in (one for one in _ENGINES if one in supported):
        found[f"linear_{engine}.u8s8.const"] = _of_engine(engine)
    return dict(sorted(found.items()))


def _probed(compute: Computes, types: str) -> str:
    """The mode of one kernel on one pair of types."""
    answers = []
    for case in cases(_TYPES[types[:2]], np.int8):
        try:
            answers.append(compute(case, types))
        except (RuntimeError, NotImplementedError):  # what the library raises for no kernel
            return UNKNOWN if answers else UNSUPPORTED
    return classify(answers)


def _of_engine(engine: str) -> str:
    before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = engine
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # these tensors are to go; what runs them is there
            return _probed(_quantized, "u8s8")
    finally:
        torch.backends.quantized.engine = before


def _sides(case: Case, types: str) -> tuple[Any, Any]:
    """Activations (rows, K), and weights as layers hold them, (columns, K)."""
    a = torch.from_numpy(case.a.astype(_TYPES[types[:2]]))
    return a, torch.from_numpy(case.b.T.astype(np.int8).copy())


def _answer(case: Case, got: Any) -> Answer:
    """An answer in whole numbers, as float32 holds them: exact below 2**24."""
    return Answer(
        got=got.double().reshape(case.exact.shape).numpy(),
        exact=case.exact.astype(np.float64),
        saturated=tuple(one.astype(np.float64) for one in case.hypotheses()),
        tolerance=0.5,
    )


def _linear(case: Case, types: str) -> Answer:
    a, b = _sides(case, types)
    ones, zeros = torch.ones(len(b)), torch.zeros(len(b), dtype=torch.int32)
    packed = torch.ops.onednn.qlinear_prepack(b, None)
    to_float: tuple[Any, ...] = (None, 1.0, 0, torch.float32, "none", [], "")
    got = torch.ops.onednn.qlinear_pointwise(a, 1.0, 0, packed, ones, zeros, *to_float)
    return _answer(case, got)


def _convolution(case: Case, types: str) -> Answer:
    """A kernel of one pixel over as many channels as there are products."""
    a, b = (one[:, :, None, None].contiguous() for one in _sides(case, types))
    ones, zeros = torch.ones(len(b)), torch.zeros(len(b), dtype=torch.int32)
    steps: tuple[Any, ...] = ([1, 1], [0, 0], [1, 1], 1)
    packed = torch.ops.onednn.qconv_prepack(b, ones, 1.0, 0, *steps, list(a.shape))
    to_float: tuple[Any, ...] = (1.0, 0, torch.float32, "none", [], "")
    got = torch.ops.onednn.qconv_pointwise(a, 1.0, 0, packed, ones, zeros, None, *steps, *to_float)
    return _answer(case, got)


def _product(case: Case, types: str) -> Answer:
    a, b = _sides(case, types)
    return _answer(case, torch._int_mm(a, b.T))


def _quantized(case: Case, types: str) -> Answer:
    """A layer whose output is a code of eight bits too: known to one code, saturation is dozens."""
    a, b = _sides(case, types)
    scale = max(float(np.abs(case.exact).max()), 1.0) / _TOP
    packed = torch.ops.quantized.linear_prepack(_held(b), None)
    got = torch.ops.quantized.linear(_held(a), packed, scale, 128).int_repr().double() - 128
    return Answer(
        got=got.reshape(case.exact.shape).numpy(),
        exact=case.exact / scale,
        saturated=tuple(one / scale for one in case.hypotheses()),
        tolerance=1.0,
    )


def _held(codes: Any) -> Any:
    """Codes as a quantized tensor whose scale is 1."""
    return torch._make_per_tensor_quantized_tensor(codes, 1.0, 0)
