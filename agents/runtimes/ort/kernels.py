"""What ONNX Runtime's integer and half-precision kernels do here (measurement.md D-1).

Tiny models of one operator are run in sessions made as production makes them; `kernel_modes`
says what an answer means. Only the probe's child imports this module; it needs the package onnx.
Nothing is derived from the processor's flags.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from bitgauge.benchmarks.numerics.kernel_cases import Answer, cases, classify
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    EXACT,
    FLOAT,
    FP8_INFINITE,
    FP8_NAN,
    FP8_SATURATING,
    FP16_ACCUMULATOR,
    FP16_INFINITE,
    FP16_SATURATING,
    FP32_ACCUMULATOR,
    INEXACT,
    SAT16,
    UNKNOWN,
    UNSUPPORTED,
    worst,
)
from bitgauge.benchmarks.vocabulary.session_options import mark_of

from .kernel_models import OPERATORS, QDQ, Build, Setup, fp8_product, one_node, there_and_back

Load = Callable[[bytes, Path | None], Any]
"""Makes a session of production on a model; saves its optimised graph where a path is given."""

_TYPES: dict[str, type] = {"u8": np.uint8, "s8": np.int8}
_PAIRS = ("u8s8", "s8s8", "u8u8", "s8u8")
_FLOAT_OPS = frozenset({"MatMul", "Gemm", "Conv", "FusedMatMul", "FusedGemm", "FusedConv"})
_REFUSALS = (Code.UNSUPPORTED_ARTIFACT, Code.BAD_MODEL)
_NO_KERNEL = ("NotImplemented", "InvalidGraph", "Fail", "InvalidArgument")
_FP8 = {
    "f8e4m3": ("FLOAT8E4M3FN", (464.0, 465.0, 1e5), 448.0),
    "f8e5m2": ("FLOAT8E5M2", (61_439.0, 61_441.0, 1e5), 57_344.0),
}
"""Types of 8 bits: what still rounds to the largest, what no more does, far beyond; the largest."""
_HALF = (65504.0, 65519.0, 65520.0)  # the largest, and what rounds to it and no more to it
_ONES = 4096  # half precision stops counting ones at 2,048
_LARGE = 240  # its square, twice, leaves the range of half precision


def modes(load: Load) -> dict[str, str]:
    """The mode of every operator on every pair of types, with constant weights and without."""
    found = {}
    for types in _PAIRS:
        for constant, option in ((True, "const"), (False, "dynamic")):
            for name, build in OPERATORS.items():
                found[f"{name}.{types}.{option}"] = _probed(load, build, types, constant)
            # A run is not told which of its convolutions have one channel per group.
            dense, apart = (f"{name}.{types}.{option}" for name in ("QLinearConv", "DepthwiseConv"))
            if found[apart] != UNSUPPORTED:
                found[dense] = worst((found[dense], found[apart]))
        for name, build in QDQ.items():
            found[f"{name}.{types}.const"] = _probed(load, build, types, True)
    found["MatMul.f16.sum"] = _half_sum(load)
    found["Cast.f32f16.plain"] = _half_cast(load)
    for name in _FP8:
        for saturate, option in ((True, "saturate"), (False, "plain")):
            found[f"Cast.f32{name}.{option}"] = _fp8_cast(load, name, saturate)
        for op, kind in (("MatMul", "QDQMatMul"), ("Conv", "QDQConv")):
            found[f"{kind}.{name}.const"] = _fp8_product(load, op, name)
    return dict(sorted(found.items()))


def precise_modes(load: Load, found: Mapping[str, str], option: str) -> dict[str, str]:
    """The modes under the option of exact mode of what saturates without it.

    Returns:
        Mode by name, which ends with the mark of the option. Weights must be constant: others
        cannot be rewritten.
    """
    precise = {}
    for name, build in {**OPERATORS, **QDQ}.items():
        for types in _PAIRS:
            kind = f"{name}.{types}.const"
            if found.get(kind) == SAT16:
                precise[kind + mark_of(option)] = _probed(load, build, types, True)
    return precise


def _probed(load: Load, build: Build, types: str, constant: bool) -> str:
    """The mode of one operator on one pair of types."""
    a, b = _TYPES[types[:2]], _TYPES[types[2:]]
    try:
        answers, fell_back = _answers(load, build, a, b, constant)
    except BitgaugeError as error:
        return UNSUPPORTED if error.code in _REFUSALS else UNKNOWN
    except Exception as error:  # the binding raises a dozen types that share no base
        return UNSUPPORTED if type(error).__name__ in _NO_KERNEL else UNKNOWN
    mode = classify(answers)
    return FLOAT if fell_back and mode != INEXACT else mode


def _answers(
    load: Load, build: Build, a: type, b: type, constant: bool
) -> tuple[list[Answer], bool]:
    """Every answer, and whether any product was computed in floating point."""
    answers, fell_back = [], False
    for case in cases(a, b):
        made = build(Setup(case, a, b, constant))
        with tempfile.TemporaryDirectory(dir=".") as folder:
            saved = Path(folder, "executed.onnx")
            session = load(made.model, saved if made.may_fall_back else None)
            if made.may_fall_back:
                nodes = onnx.load(saved).graph.node
                fell_back |= any(node.op_type in _FLOAT_OPS for node in nodes)
        for rows in made.parts():
            answers.append(made.answer(session.run(None, made.feeds(rows))[0], rows))
    return answers, fell_back


def _half_sum(load: Load) -> str:
    """Whether half-precision products are summed in half precision."""
    half = np.float16
    ones = np.ones((1, _ONES), half)
    count = one_node("MatMul", ["a", "b"], {"a": (half, [1, _ONES])}, {"b": ones.T}, half)
    there = np.array([[_LARGE, _LARGE, -_LARGE, -_LARGE]], half)
    column = np.full((4, 1), _LARGE, half)
    wide = one_node("MatMul", ["a", "b"], {"a": (half, [1, 4])}, {"b": column}, half)
    try:
        total = load(count, None).run(None, {"a": ones})[0].item()
        back = load(wide, None).run(None, {"a": there})[0].item()
    except Exception as error:  # as in `_probed`
        return UNSUPPORTED if type(error).__name__ in _NO_KERNEL else UNKNOWN
    if (total, back) == (_ONES, 0):
        return FP32_ACCUMULATOR
    return FP16_ACCUMULATOR if total == _ONES // 2 or not np.isfinite(back) else INEXACT


def _half_cast(load: Load) -> str:
    """What becomes of numbers that half precision cannot hold."""
    seen = _cast(load, "FLOAT16", None, _HALF)
    if isinstance(seen, str):
        return seen
    largest, rounded, beyond = seen
    if (largest, rounded) != (_HALF[0], _HALF[0]):
        return INEXACT
    return FP16_SATURATING if beyond == _HALF[0] else FP16_INFINITE


def _fp8_cast(load: Load, name: str, saturate: bool) -> str:
    """What becomes of numbers that a type of 8 bits cannot hold; NaN anywhere is NaN."""
    kind, given, top = _FP8[name]
    seen = _cast(load, kind, saturate, given)
    if isinstance(seen, str):
        return seen
    rounded, *beyond = seen
    if rounded != top:
        return INEXACT
    if np.isnan(beyond).any():
        return FP8_NAN
    if np.isinf(beyond).any():
        return FP8_INFINITE
    return FP8_SATURATING if beyond == [top, top] else INEXACT


def _fp8_product(load: Load, op: str, name: str) -> str:
    """Whether a product of numbers of 8 bits is computed of them, or of float32."""
    model, given = fp8_product(op, _FP8[name][0]), np.arange(8, dtype=np.float32).reshape(2, 4)
    exact = given.sum(axis=1)[:, None] * (1, 2)
    try:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            saved = Path(folder, "executed.onnx")
            session = load(model, saved)
            in_floats = any(one.op_type in _FLOAT_OPS for one in onnx.load(saved).graph.node)
        rows = given if op == "MatMul" else given[:, :, None, None]
        seen = session.run(None, {"x": rows})[0].reshape(2, 2)
    except Exception as error:  # as in `_probed`
        return UNSUPPORTED if type(error).__name__ in _NO_KERNEL else UNKNOWN
    if not np.allclose(seen, exact, rtol=2.0**-3):
        return INEXACT
    return FLOAT if in_floats else EXACT


def _cast(
    load: Load, kind: str, saturate: bool | None, given: Sequence[float]
) -> list[float] | str:
    """What the numbers are after a cast there and back, or why that is not known."""
    try:
        session = load(there_and_back(kind, saturate), None)
        seen: list[float] = session.run(None, {"x": np.array(given, np.float32)})[0].tolist()
    except Exception as error:  # as in `_probed`
        return UNSUPPORTED if type(error).__name__ in _NO_KERNEL else UNKNOWN
    return seen
