"""What OpenVINO's integer kernels do here (measurement.md D-1).

Tiny quantized models of one product are compiled as production compiles them. Their answers are
classified as anywhere; what says that a product was computed in floating point is the name of the
kernel that took it. Only the probe's child imports this module; it needs the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from bitgauge.benchmarks.numerics.kernel_cases import Answer, cases, classify
from bitgauge.benchmarks.numerics.ledger import OPAQUE
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    FLOAT,
    INEXACT,
    UNKNOWN,
    UNSUPPORTED,
    worst,
)

from ..base import SessionOptions
from ..ort.kernel_models import OPERATORS, QDQ, Build, Setup
from .network import products
from .session import OpenVinoSession

Compile = Callable[[bytes], Any]
"""A compiled model of production."""

_TYPES: dict[str, type] = {"u8": np.uint8, "s8": np.int8}
_PAIRS = ("u8s8", "s8s8", "u8u8", "s8u8")
_CASES = 2
"""The last ones: compiling takes a tenth of a second each. K is odd, and longer than a register."""
_REFUSALS = (Code.UNSUPPORTED_ARTIFACT, Code.BAD_MODEL)
_WAYS: Mapping[str, tuple[tuple[Build, bool], ...]] = {
    "Convolution.{}.const": ((QDQ["QDQConv"], True), (OPERATORS["DepthwiseConv"], True)),
    "FullyConnected.{}.const": ((QDQ["QDQMatMul"], True),),
    "MatMul.{}.dynamic": ((OPERATORS["QLinearMatMul"], False),),
}
"""How each kind of product is written in ONNX, and whether its weights are constant. A name is for
all ways: a run is not told which of its convolutions have one channel per group."""


def modes(compile_model: Compile) -> dict[str, str]:
    """The mode of every kind of product on every pair of types."""
    found = {}
    for types in _PAIRS:
        for name, ways in _WAYS.items():
            seen = [_probed(compile_model, build, types, constant) for build, constant in ways]
            found[name.format(types)] = worst(seen)
    return dict(sorted(found.items()))


def _probed(compile_model: Compile, build: Build, types: str, constant: bool) -> str:
    a, b = _TYPES[types[:2]], _TYPES[types[2:]]
    answers: list[Answer] = []
    floats = False
    try:
        for case in cases(a, b)[-_CASES:]:
            made = build(Setup(case, a, b, constant))
            session = OpenVinoSession(compile_model(made.model), SessionOptions())
            for rows in made.parts():
                answers.append(made.answer(session.run(made.feeds(rows))[0], rows))
            taken = products(session.compiled.get_runtime_model())
            floats |= any(one.compute != OPAQUE for one in taken)
            if floats:
                break
    except BitgaugeError as error:
        return UNSUPPORTED if error.code in _REFUSALS else UNKNOWN
    mode = classify(answers)
    return FLOAT if floats and mode != INEXACT else mode
