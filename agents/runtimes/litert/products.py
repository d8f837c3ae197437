"""The products of matrices in a tflite file, as the ledger computes them again.

Weights are handed on in the order in which it does: filters first, then the channels of their
group, then places. LiteRT stores them channels last, a depthwise one behind all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from bitgauge.benchmarks.common.tflite.tables import FileGraph, FileOperator, FileTensor
from bitgauge.benchmarks.numerics.graph import (
    COLUMNS,
    CONVOLUTION,
    DENSE,
    MATRIX,
    RECURRENT,
    GraphOperator,
)
from bitgauge.benchmarks.numerics.integer_operator import (
    UNBOUNDED,
    Clamp,
    Geometry,
    IntegerOperator,
)
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER, OPAQUE, WEIGHT_ONLY
from bitgauge.benchmarks.numerics.quantizing import S8_AWAY, S8_SYMMETRIC, S8_TO_EVEN

Array = npt.NDArray[Any]

RECURRENT_KINDS = frozenset(
    {
        *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"),
        *("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "SVDF"),
    }
)
_ACTIVATIONS_AT = {"TRANSPOSE_CONV": 2}
PRODUCTS = frozenset(
    {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "TRANSPOSE_CONV"),
        *("CONV_3D", "CONV_3D_TRANSPOSE", *RECURRENT_KINDS),
    }
)
"""What multiplies matrices."""
_SHORT = {"INT8": "s8", "INT4": "s4", "INT2": "s2", "UINT8": "u8", "INT16": "s16"}
IN_BLOCKS = "b"
"""Behind the type of weights of which blocks share a scale: other kernels multiply them."""
CODES = frozenset({"INT8", "UINT8", "INT16"})
NARROW = frozenset({"INT8", "INT4", "INT2"})
_SAME_PADDING = 0
BOUNDS = {0: UNBOUNDED, 1: Clamp(0.0), 2: Clamp(-1.0, 1.0), 3: Clamp(0.0, 6.0)}
"""Fused activations by their number in the schema; others are not computed again."""


def scale_of(name: str) -> str:
    """Name of what scales a tensor."""
    return f"{name}:scale"


def zero_of(name: str) -> str:
    """Name of its zero point."""
    return f"{name}:zero"


def weights_of(name: str) -> str:
    """Name of its values as they are multiplied."""
    return f"{name}:weights"


@dataclass(frozen=True, slots=True)
class Products:
    """The products of one graph.

    Attributes:
        names: of its tensors, by their number.
        taken: numbers of the operators that a delegate took.
    """

    graph: FileGraph
    names: tuple[str, ...]
    taken: frozenset[int]

    def read(self, number: int, placed: str) -> GraphOperator:
        """What operator `number` multiplies, and how to do it again."""
        one, tensors = self.graph.operators[number], self.graph.tensors
        given = one.inputs[_ACTIVATIONS_AT.get(one.kind, 0)]
        stored = self._weights(one)
        second = one.inputs[1]
        b = self.names[second] if stored is None else weights_of(self.names[stored])
        weights = tensors[second if stored is None else stored]
        compute = self._compute(one, tensors[given], weights)
        integer, why = None, ""
        if compute == INTEGER:
            integer, why = self._integer(number, given, b, second if stored is None else stored)
        if integer is None and compute == INTEGER:
            compute = OPAQUE
        return GraphOperator(
            name=self.names[one.outputs[0]],
            op_type=one.kind,
            inputs=tuple(self.names[at] for at in one.inputs if at >= 0),
            output=self.names[one.outputs[0]],
            a=self.names[given],
            b=b,
            compute=compute,
            constant_weight=stored is not None,
            form=_form(one),
            why=why,
            integer=integer,
            weight_type=_SHORT.get(weights.kind, "") + (IN_BLOCKS if weights.block else ""),
            placed=placed,
        )

    def constants(self, one: FileOperator) -> dict[str, Array]:
        """The weights and the bias of a product."""
        found: dict[str, Array] = {}
        at = self._weights(one)
        if at is not None and (values := self.graph.tensors[at].values()) is not None:
            if one.kind == "DEPTHWISE_CONV_2D":
                values = values.transpose(3, 0, 1, 2)
            elif one.kind == "CONV_2D":
                values = values.transpose(0, 3, 1, 2)
            found[weights_of(self.names[at])] = values
        for other in one.inputs[2:3]:
            bias = self.graph.tensors[other].values() if other >= 0 else None
            if bias is not None:
                found[self.names[other]] = bias
        return found

    def _weights(self, one: FileOperator) -> int | None:
        """The stored weights of a product, where they are a constant."""
        at = one.inputs[1] if len(one.inputs) > 1 else -1
        if at < 0:
            return None
        made = self._maker(at)
        if made is not None and made.kind == "DEQUANTIZE":
            at = made.inputs[0]
        return at if self.graph.tensors[at].constant else None

    def _maker(self, at: int) -> FileOperator | None:
        return next((one for one in self.graph.operators if at in one.outputs), None)

    def _compute(self, one: FileOperator, given: FileTensor, weights: FileTensor) -> str:
        narrow = weights.kind in (*NARROW, "UINT8", "INT16")
        if given.kind in CODES:
            return INTEGER
        if not narrow:
            return FLOAT
        made = self._maker(one.inputs[1])
        return WEIGHT_ONLY if made is not None else INTEGER

    def _integer(
        self, number: int, given: int, b: str, stored: int
    ) -> tuple[IntegerOperator | None, str]:
        """How to compute a product again, or None and why not."""
        one, tensors = self.graph.operators[number], self.graph.tensors
        weights, made = tensors[stored], tensors[one.outputs[0]]
        bounds = BOUNDS.get(int(one.options.get("fusedActivationFunction") or 0))
        if why := _unread(one, weights, bounds):
            return None, why
        own = self.names[given]
        floats = tensors[given].kind not in CODES
        scale, zero = scale_of(self.names[stored]), zero_of(self.names[stored])
        adjoint = bool(one.options.get("adjX")), bool(one.options.get("adjY"))
        bias = one.inputs[2] if len(one.inputs) > 2 else -1
        output = self.names[one.outputs[0]]
        codes = made.kind in CODES
        return IntegerOperator(
            name=output,
            op_type=one.kind,
            a=own,
            b=b,
            output=output,
            a_scale="" if floats else scale_of(own),
            a_zero="" if floats else zero_of(own),
            b_scale=scale,
            b_zero=zero,
            bias=self.names[bias] if bias >= 0 else "",
            y_scale=scale_of(output) if codes else "",
            y_zero=zero_of(output) if codes else "",
            geometry=self._geometry(one, stored, given),
            transposes=(False, True) if one.kind == "FULLY_CONNECTED" else adjoint,
            quantizes_input=self._quantizes(number, weights) if floats else "",
            scales_output=not codes,
            bounds=bounds or UNBOUNDED,
        ), ""

    def _quantizes(self, number: int, weights: FileTensor) -> str:
        """XNNPACK takes a zero point always; LiteRT's own kernels where the file asks for one."""
        one = self.graph.operators[number]
        if number in self.taken:
            return S8_TO_EVEN
        # A convolution with a scale per channel takes a zero point without being asked.
        told = one.options.get("asymmetricQuantizeInputs", len(weights.scales) > 1)
        return S8_AWAY if told else S8_SYMMETRIC

    def _geometry(self, one: FileOperator, stored: int, given: int) -> Geometry | None:
        if one.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return None
        shape, size = self.graph.tensors[stored].shape, self.graph.tensors[given].shape
        out = self.graph.tensors[one.outputs[0]].shape
        strides = int(one.options["strideH"]), int(one.options["strideW"])
        dilations = int(one.options["dilationHFactor"]), int(one.options["dilationWFactor"])
        before, behind = [], []
        for axis in (0, 1):
            reach = (shape[axis + 1] - 1) * dilations[axis] + 1
            total = (out[axis + 1] - 1) * strides[axis] + reach - size[axis + 1]
            total = max(total, 0) if one.options["padding"] == _SAME_PADDING else 0
            before.append(total // 2)
            behind.append(total - total // 2)
        groups = size[3] if one.kind == "DEPTHWISE_CONV_2D" else size[3] // max(shape[3], 1)
        return Geometry((shape[1], shape[2]), strides, dilations, (*before, *behind), groups, True)


def _unread(one: FileOperator, weights: FileTensor, bounds: Clamp | None) -> str:
    """Why a product is not computed again; "" for one that is."""
    if one.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"):
        return "its kernel fuses more than one product"
    if weights.block:
        return "its weights have a scale for each block"
    if not weights.scales:
        return "its weights have no scale"
    if bounds is None:
        return "it fuses an activation that is not computed again"
    return ""


def _form(one: FileOperator) -> str:
    if one.kind in RECURRENT_KINDS:
        return RECURRENT
    if one.kind == "FULLY_CONNECTED":
        return DENSE
    if one.kind != "BATCH_MATMUL":
        return CONVOLUTION
    if one.options.get("adjX"):
        return COLUMNS
    return MATRIX
