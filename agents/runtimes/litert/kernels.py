"""What LiteRT's integer kernels do here (measurement.md D-1), XNNPACK first as in production.

Tiny models of one operator with the extremes of their types; `kernel_cases` says which answer
means what. Scales are powers of nothing in particular: an output is a code of eight bits, so an
answer is known to one code, and saturation differs by dozens. Only the probe's child imports this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from bitgauge.benchmarks.numerics.kernel_cases import Answer, Case, cases, classify
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    EXACT,
    INEXACT,
    UNKNOWN,
    UNSUPPORTED,
    worst,
)

from .encode import Lite, Operator, Tensor
from .products import IN_BLOCKS

Array = npt.NDArray[Any]
Load = Callable[[bytes], Any]
"""An interpreter of production on a model, allocated."""

_NAMES = {"s4": "int4", "s8": "int8", "s16": "int16"}
_DTYPES: dict[str, type] = {"s8": np.int8, "s16": np.int16}
_TOP = 120
"""The largest code that an exact answer becomes: saturated ones must not be clipped to it."""
_OF_FLOATS = 0.02
"""What quantizing activations on the way explains, of the largest answer."""
_BLOCK = 32
_BLOCK_SCALES = (0.25, 0.75)
"""Of the two blocks of a row: one that is taken for the other, or for none, is seen."""


def modes(load: Load) -> dict[str, str]:
    """The mode of every operator, by its name, types and whether its weights are constant."""
    found = {}
    for types in ("s8s8", "s8s4", "s16s8", "f32s8", "f32s4"):
        for name, build in _CONSTANT.items():
            found[f"{name}.{types}.const"] = _probed(load, build, types)
    types = f"f32s4{IN_BLOCKS}"
    # LiteRT's own kernel forgets a fused Relu, and answers zeros for less than four columns.
    both = (_probed(load, build, types) for build in (_dense, _rectified))
    found[f"FULLY_CONNECTED.{types}.const"] = worst(both)
    for types in ("s8s8", "s16s16"):
        found[f"BATCH_MATMUL.{types}.dynamic"] = _probed(load, _product, types)
    for types in ("s8s8", "f32s8"):
        # A name is for both: LiteRT computes with one scale, and answers zeros with several.
        ways = (_product_of_constant, _product_by_columns)
        found[f"BATCH_MATMUL.{types}.const"] = worst(_probed(load, way, types) for way in ways)
    return dict(sorted(found.items()))


def _probed(load: Load, build: _Build, types: str) -> str:
    """The mode of one operator on one pair of types."""
    kind, weights = _split(types)
    answers = []
    for case in cases(_DTYPES.get(kind, np.int8), _DTYPES.get(weights, np.int8)):
        if _in_blocks(types) and case.b.shape[0] != _BLOCK * len(_BLOCK_SCALES):
            continue
        # Weights are symmetric in a tflite file: the lowest code is not among them.
        top = {"s4": 7, "s8": 127, "s16": 32767}[weights]
        held = replace(case, b=np.clip(case.b, -top, top))
        if build is _rectified:
            held = replace(held, b=np.tile(held.b, 4))
        try:
            interpreter = load(build(held, types).encoded())
        except (ValueError, RuntimeError):  # what the binding raises for a model
            return UNSUPPORTED
        try:
            answer = _answer(interpreter, held, types)
            answers.append(_above_zero(answer) if build is _rectified else answer)
        except (ValueError, RuntimeError):
            return UNKNOWN
    if weights == "s4":  # no pair of products by four bits leaves 16 bits
        return EXACT if all(one.is_exact().all() for one in answers) else INEXACT
    return classify(answers)


def _split(types: str) -> tuple[str, str]:
    """``s16s8``: activations and weights."""
    at = types.rindex("s")
    return types[:at], types[at:].removesuffix(IN_BLOCKS)


def _in_blocks(types: str) -> bool:
    return types.endswith(IN_BLOCKS)


def _answer(interpreter: Any, case: Case, types: str) -> Answer:
    """What came out, in codes of the output; of floats in their own unit."""
    floats = types.startswith("f32")
    kind, weights = _split(types)
    dtype = np.float32 if floats else _DTYPES[kind]
    given = [case.a, case.b]
    for one, values in zip(interpreter.get_input_details(), given, strict=False):
        held: Array = values.astype(dtype if values is case.a else _DTYPES[weights])
        interpreter.set_tensor(one["index"], held.reshape(one["shape"]))
    interpreter.invoke()
    out = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    unit = 1.0 if floats else _scale(case)
    if _in_blocks(types):  # the weights of a column are all the same
        unit = 1 / float(np.mean(_BLOCK_SCALES))
    largest = float(np.abs(case.exact).max()) / unit
    return Answer(
        got=out.reshape(case.exact.shape).astype(np.float64),
        exact=case.exact / unit,
        saturated=tuple(one / unit for one in case.hypotheses()),
        tolerance=_OF_FLOATS * largest if floats else 1.0,
    )


def _scale(case: Case) -> float:
    """The scale of the output: the largest exact answer becomes `_TOP`."""
    return max(float(np.abs(case.exact).max()), 1.0) / _TOP


def _above_zero(answer: Answer) -> Answer:
    """What is expected of an operator that fuses a Relu."""
    saturated = tuple(np.maximum(one, 0) for one in answer.saturated)
    return replace(answer, exact=np.maximum(answer.exact, 0), saturated=saturated)


_Build = Callable[[Case, str], Lite]


def _sides(
    case: Case,
    types: str,
    shapes: tuple[tuple[int, ...], ...],
    weight: Array | None,
    axis: int | None = 0,
) -> tuple[Tensor, ...]:
    """Activations, weights, a bias of zeros, output: scales of 1 but of the output.

    Without a bias some kernels refuse a model, and one ends its process; with one scale for all
    channels the depthwise kernel for floats reads beyond it.
    """
    floats = types.startswith("f32")
    first, second = _split(types)
    kind = "float32" if floats else _NAMES[first]
    data = None if weight is None else weight.astype(np.int8)
    sums = {"f32": "float32", "s8": "int32", "s16": "int64"}[first]
    columns = case.b.shape[1]
    zeros: Array = np.zeros(columns, sums)
    how: dict[str, Any] = {"scale": 1.0, "axis": None if data is None else axis}
    if _in_blocks(types):
        how = {"scale": _BLOCK_SCALES, "block": _BLOCK}
    return (
        Tensor("a", shapes[0], kind, scale=0.0 if floats else 1.0),
        Tensor("b", shapes[1], _NAMES[second], data, **how),
        Tensor("bias", (columns,), sums, zeros, scale=0.0 if floats else 1.0, axis=0),
        Tensor("y", shapes[2], kind, scale=0.0 if floats else _scale(case)),
    )


def _model(tensors: tuple[Tensor, ...], kind: str, options: Any) -> Lite:
    inputs = tuple(one.name for one in tensors[:-1] if one.data is None)
    sides = ("a", "b") if kind == "BATCH_MATMUL" else ("a", "b", "bias")
    operator = Operator(kind, sides, ("y",), options)
    return Lite(tensors, (operator,), inputs, ("y",), description="probe")


def _dense(case: Case, types: str) -> Lite:
    (rows, depth), columns = case.a.shape, case.b.shape[1]
    shapes = ((rows, depth), (columns, depth), (rows, columns))
    options = schema.FullyConnectedOptionsT()
    return _model(_sides(case, types, shapes, case.b.T), "FULLY_CONNECTED", options)


def _rectified(case: Case, types: str) -> Lite:
    """With a Relu behind it."""
    (rows, depth), columns = case.a.shape, case.b.shape[1]
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    shapes = ((rows, depth), (columns, depth), (rows, columns))
    return _model(_sides(case, types, shapes, case.b.T), "FULLY_CONNECTED", options)


def _convolution(case: Case, types: str) -> Lite:
    """A kernel of one pixel over as many channels as there are products."""
    (rows, depth), columns = case.a.shape, case.b.shape[1]
    shapes = ((rows, 1, 1, depth), (columns, 1, 1, depth), (rows, 1, 1, columns))
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding = schema.Padding.VALID
    weight = case.b.T.reshape(shapes[1])
    return _model(_sides(case, types, shapes, weight), "CONV_2D", options)


def _apart(case: Case, types: str) -> Lite:
    """One channel, a kernel as wide as there are products, one result per column."""
    (rows, depth), columns = case.a.shape, case.b.shape[1]
    shapes = ((rows, 1, depth, 1), (1, 1, depth, columns), (rows, 1, 1, columns))
    options = schema.DepthwiseConv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding, options.depthMultiplier = schema.Padding.VALID, columns
    weight = case.b.reshape(shapes[1])
    return _model(_sides(case, types, shapes, weight, 3), "DEPTHWISE_CONV_2D", options)


def _product(case: Case, types: str, weight: Array | None = None, axis: int | None = None) -> Lite:
    (rows, depth), columns = case.a.shape, case.b.shape[1]
    shapes = ((1, rows, depth), (1, depth, columns), (1, rows, columns))
    sides = _sides(case, types, shapes, weight, axis)
    return _model(sides, "BATCH_MATMUL", _as_they_are())


def _product_of_constant(case: Case, types: str) -> Lite:
    """A second factor that is stored, with one scale."""
    return _product(case, types, case.b[None])


def _product_by_columns(case: Case, types: str) -> Lite:
    """As quantizers store it: with a scale for each column."""
    return _product(case, types, case.b[None], 2)


def _as_they_are() -> Any:
    options = schema.BatchMatMulOptionsT()
    options.adjX = options.adjY = options.asymmetricQuantizeInputs = False
    return options


_CONSTANT: dict[str, _Build] = {
    "FULLY_CONNECTED": _dense,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _apart,
}
