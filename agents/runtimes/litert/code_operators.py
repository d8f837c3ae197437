"""Integer operators of a tflite file that work value by value, to be computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from bitgauge.benchmarks.common.tflite.tables import FileGraph, FileOperator
from bitgauge.benchmarks.numerics import code_operator as known
from bitgauge.benchmarks.numerics.code_operator import CodeInput, CodeOperator
from bitgauge.benchmarks.numerics.integer_operator import Clamp

_FUNCTIONS: Mapping[str, str] = {
    "ADD": known.ADD,
    "SUB": known.SUBTRACT,
    "MUL": known.MULTIPLY,
    "CONCATENATION": known.CONCATENATE,
    "LOGISTIC": known.SIGMOID,
    "TANH": known.TANH,
    "LEAKY_RELU": known.LEAKY_RELU,
    "SOFTMAX": known.SOFTMAX,
    "MEAN": known.MEAN,
    "QUANTIZE": known.SAME,
}
_OTHERS = frozenset(
    {
        *("AVERAGE_POOL_2D", "SUM", "DIV", "SQUARED_DIFFERENCE", "RSQRT", "SQRT", "HARD_SWISH"),
        *("GELU", "ELU", "PRELU", "LOG_SOFTMAX", "L2_NORMALIZATION", "EXP", "ABS", "NEG"),
        *("RESIZE_BILINEAR", "BATCH_TO_SPACE_ND", "MAXIMUM", "MINIMUM"),
    }
)
"""Those that make codes of codes too, and whose formula is not known here."""
KINDS = frozenset(_FUNCTIONS) | _OTHERS


def read(
    one: FileOperator,
    graph: FileGraph,
    inputs: Sequence[CodeInput],
    output: CodeInput,
    bounds: Clamp | None,
) -> CodeOperator | None:
    """How to compute an operator again; None for one whose formula is not known."""
    function = _FUNCTIONS.get(one.kind)
    axes = _axes(one, graph) if function == known.MEAN else ()
    if function is None or bounds is None or axes is None:
        return None
    if one.kind == "SOFTMAX" and one.options.get("beta", 1.0) != 1.0:
        return None
    return CodeOperator(
        function=function,
        inputs=tuple(inputs),
        y_scale=output.scale,
        y_zero=output.zero,
        output=output.codes,
        axis=int(one.options.get("axis", -1)),
        alpha=float(one.options.get("alpha", known.LEAKY_SLOPE)),
        axes=axes,
        keeps_axes=bool(one.options.get("keepDims", True)),
        bounds=bounds,
    )


def _axes(one: FileOperator, graph: FileGraph) -> tuple[int, ...] | None:
    """What a mean is taken over, where the file has it."""
    held: npt.NDArray[Any] | None = graph.tensors[one.inputs[1]].values()
    return None if held is None else tuple(int(axis) for axis in held.reshape(-1).tolist())
