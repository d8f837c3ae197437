"""What the ledger needs to know of what a runtime executes, whatever format it came from.

Plain values. `onnx_graph` reads them out of an ONNX model; a runtime whose artifacts are of another
kind makes them itself, in its own room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .code_operator import CodeOperator
from .integer_operator import IntegerOperator
from .quantizing import FLOAT8
from .tensor_tally import Steps, Zeros

Arrays = Mapping[str, npt.NDArray[Any]]

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

    @classmethod
    def of_outputs(cls, names: tuple[str, ...]) -> GraphFacts:
        """What is known where a runtime shows outputs and nothing else."""
        return cls(
            operators=(),
            producers=dict.fromkeys(names, "output"),
            copies=frozenset(),
            codes={},
            constants={},
            dynamic=False,
            claims_integer=False,
            outputs=names,
            aliases={},
        )


def with_narrow_floats(observed: Arrays, codes: Mapping[str, Codes]) -> Arrays:
    """Tensors as they were observed, those of 8-bit floats as numbers in units of their scale.

    numpy has no such type, so that a runtime hands out their bits.
    """
    narrow = {
        name: FLOAT8[how.float8].numbers[observed[name].view(np.uint8)]
        for name, how in codes.items()
        if how.float8 and name in observed
    }
    return {**observed, **narrow} if narrow else observed


def parameters_of(
    how: Codes | None, values: Arrays, codes: npt.NDArray[Any]
) -> tuple[Steps, Zeros] | None:
    """Scale and zero point of a tensor, or one for each place of some of its axes.

    None when they are unknown, or told as one for each channel of an axis that is not told.
    """
    scale = values.get(how.scale) if how is not None else None
    if how is None or scale is None:
        return None
    zero = values.get(how.zero) if how.zero else np.zeros((), np.uint8)
    if zero is None or not (scale > 0).all():
        return None
    if scale.size == 1 and zero.size == 1:
        return float(scale.reshape(())), int(zero.reshape(()))
    if any(one.size != 1 and not _spread_over(one.shape, codes.shape) for one in (scale, zero)):
        return None
    return scale.astype(np.float32), zero.astype(np.int64)


def _spread_over(shape: tuple[int, ...], codes: tuple[int, ...]) -> bool:
    """Whether each axis is told apart: as long as that of the codes, or one for all of it."""
    return len(shape) == len(codes) and all(
        size in (1, whole) for size, whole in zip(shape, codes, strict=True)
    )


def numbers(x: npt.NDArray[Any], how: Codes | None, values: Arrays) -> npt.NDArray[Any] | None:
    """What a tensor stands for; None for codes whose scale is not known."""
    if x.dtype.kind == "f":
        return x
    parameters = parameters_of(how, values, x)
    if parameters is None:
        return None
    scale, zero = parameters
    real: npt.NDArray[Any] = (x.astype(np.float32) - zero) * np.float32(scale)
    return real
