"""What the ledger needs to know of what a runtime executes, whatever format it came from.

Plain values. `onnx_graph` reads them out of an ONNX model; a runtime whose artifacts are of another
kind makes them itself, in its own room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from .code_operator import CodeOperator
from .integer_operator import IntegerOperator

MATRIX = "matrix"
DENSE = "dense"
COLUMNS = "columns"
CONVOLUTION = "convolution"
RECURRENT = "recurrent"
SCORES = "scores"
ATTENTION = "attention"

FORMS: dict[str, str] = {
    MATRIX: "rows of the first factor by columns of the second: (..., K) x (K, N)",
    DENSE: "rows by rows, the second factor stored transposed: (..., K) x (N, K)",
    COLUMNS: "columns by columns, the first factor stored transposed: (..., K, M) x (K, N)",
    CONVOLUTION: "filters (filter, channel of its group, ...) over places",
    RECURRENT: "one step after another: (steps, batch, ...) by the weights of both products",
    SCORES: "scores and weighted sums over (batch, length, ...)",
    ATTENTION: "scores and weighted sums, and the projections before them",
}
"""How an operator multiplies, which says how often."""


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """Where an operator is that belongs to the graph of another node.

    Attributes:
        node: name of that node.
        times: how often its graph runs in a call, as far as the file states it; else 1.
        shapes: of the tensors in there; None for a size that only a call tells.
    """

    node: str
    times: int = 1
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)

    def of_call(self, batch: int) -> dict[str, tuple[int, ...]]:
        """The shapes in a call of `batch` samples, taken for what only a call tells."""
        return {
            name: tuple(batch if size is None else size for size in shape)
            for name, shape in self.shapes.items()
        }


@dataclass(frozen=True, slots=True)
class GraphOperator:
    """One product of matrices, or one integer operator that works value by value.

    Attributes:
        a: activations, as the operator takes them.
        b: weights; "" where it has none of one tensor.
        compute: a key of `ledger.COMPUTES`.
        constant_weight: whether `b` is the same at every call.
        form: a key of `FORMS`.
        fix: a key of `ledger.FIXES`, or "".
        why: why it is not computed again, or "".
        integer: how to compute it again, or None.
        codes: how to compute again what works value by value, or None.
        inside: where in the graph of another node it is, or None; its tensors are not shown then.
        weight_type: short name of the stored weights' type where the array that stands for them
            is wider, such as `s4`; else "".
        placed: whose kernel executes it, such as ``xnnpack``; "" where that is not told.
    """

    name: str
    op_type: str
    inputs: tuple[str, ...]
    output: str
    a: str
    b: str
    compute: str
    constant_weight: bool
    form: str = MATRIX
    fix: str = ""
    why: str = ""
    integer: IntegerOperator | None = None
    codes: CodeOperator | None = None
    inside: Inside | None = None
    weight_type: str = ""
    placed: str = ""


@dataclass(frozen=True, slots=True)
class Codes:
    """How a tensor of codes was made.

    Attributes:
        scale: name of its scale.
        zero: name of its zero point; "" is 0.
        real: name of the tensor that was quantized, when that is visible.
        dynamic: whether scale and zero point are computed at each call.
        rails: the lowest and the highest code; None for those of the type.
        float8: name of the 8-bit float that its codes are, as ``e4m3``; "" for integers.
    """

    scale: str
    zero: str
    real: str = ""
    dynamic: bool = False
    rails: tuple[int, int] | None = None
    float8: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class GraphFacts:
    """What the ledger needs to know of a graph.

    Attributes:
        operators: products of matrices, and integer operators besides, in order; those inside the
            graphs of other nodes come last.
        producers: operator type by the tensor that it makes, in order.
        copies: tensors that hold the very values of another one: not listed a second time.
        codes: tensors of codes by name.
        constants: arrays by name, those that `operators` and `codes` refer to.
        dynamic: whether anything is quantized with a scale of its call.
        claims_integer: whether activations are quantized at all.
        aliases: what a tensor that the runtime made itself stands for, where that can be told.
        given: the graph's inputs, and tensors that hold the very values of one in another shape.
        channels_last: whether the channels of an image are its last axis.
        steps: what one code is worth in an output that was made of codes, as it is observed.
        types: short names of tensors' types where numpy has none, by tensor; wider arrays stand
            for them.
    """

    operators: tuple[GraphOperator, ...]
    producers: Mapping[str, str]
    copies: frozenset[str]
    codes: Mapping[str, Codes]
    constants: Mapping[str, npt.NDArray[Any]]
    dynamic: bool
    claims_integer: bool
    outputs: tuple[str, ...]
    aliases: Mapping[str, str]
    given: frozenset[str] = frozenset()
    channels_last: bool = False
    steps: Mapping[str, float] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
