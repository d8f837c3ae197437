"""The products of matrices in an exported program, as it executes them eager.

Only `_int_mm` multiplies integers there. A quantized program of another kind dequantizes both of
its factors and multiplies floating-point numbers, whatever it says that it is: integer kernels
are made of it by the compiler alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.numerics.graph import (
    CONVOLUTION,
    DENSE,
    MATRIX,
    RECURRENT,
    SCORES,
    GraphOperator,
    Inside,
)
from bitgauge.benchmarks.numerics.integer_operator import IntegerOperator
from bitgauge.benchmarks.numerics.ledger import COMPILE, FLOAT, INTEGER, WEIGHT_ONLY
from bitgauge.benchmarks.numerics.shown import Uninstrumentable

from .wording import (
    DEQUANTIZES,
    SUBCLASS,
    dtype_of,
    is_copy,
    keeps_shape,
    kind_of,
    shape_of,
    source,
    transposes,
)

_FACTORS: dict[str, tuple[int, int, str]] = {
    **{f"aten.conv{axes}d": (0, 1, CONVOLUTION) for axes in (1, 2, 3)},
    **{f"aten.conv_transpose{axes}d": (0, 1, CONVOLUTION) for axes in (1, 2, 3)},
    "aten.convolution": (0, 1, CONVOLUTION),
    "aten.linear": (0, 1, DENSE),
    **{f"aten.{name}": (0, 1, MATRIX) for name in ("mm", "bmm", "matmul", "mv", "dot")},
    **{f"aten.{name}": (1, 2, MATRIX) for name in ("addmm", "baddbmm", "addmv")},
    **{f"aten.{name}": (0, 1, MATRIX) for name in ("_int_mm", "_scaled_mm")},
    "aten._weight_int8pack_mm": (0, 1, DENSE),
    "aten._weight_int4pack_mm_for_cpu": (0, 1, MATRIX),
    "aten.scaled_dot_product_attention": (0, 1, SCORES),
}
"""Where an operator takes its factors, and how it multiplies them."""
_PACKED = {"aten._weight_int8pack_mm": "s8", "aten._weight_int4pack_mm_for_cpu": "s4"}
_RECURRENT = frozenset(f"aten.{name}" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu"))
_UNCOUNTED = frozenset(("aten.einsum", "aten.bilinear", "aten.addbmm", "aten.chain_matmul"))
_FUSED = ("onednn.q", "quantized.", "mkldnn_prepacked.")
_SHORT = {
    **{"uint8": "u8", "int8": "s8", "int16": "s16", "int32": "s32", "float16": "f16"},
    **{"bfloat16": "bf16", "float8_e4m3fn": "f8e4m3", "float8_e5m2": "f8e5m2"},
}
_NARROW = frozenset(("int8", "uint8", "int16", "float8_e4m3fn", "float8_e5m2"))
MATRIX_OF_INTEGERS = "int_mm"


def short(dtype: str) -> str:
    """``u8``; "" where numpy's own type says it."""
    return _SHORT.get(dtype, "")


@dataclass(frozen=True, slots=True)
class StoredFactor:
    """A constant factor as the file holds it.

    Attributes:
        node: what makes the stored values; the factor itself where that cannot be followed.
        swapped: whether its last two axes are swapped before they are multiplied.
        kind: short name of its type; "" where numpy's own type says it.
    """

    node: Any
    swapped: bool
    kind: str

    @property
    def narrow(self) -> bool:
        """Whether codes of eight bits or fewer stand for the weights."""
        return dtype_of(self.node) in _NARROW


def weights_of(factor: Any, constant: frozenset[Any]) -> StoredFactor | None:
    """The stored values of a factor; None for one that changes from call to call."""
    if factor not in constant:
        return None
    node, swapped, kind = factor, False, ""
    while node.op == "call_function" and kind_of(node) != SUBCLASS:
        if kind_of(node) in DEQUANTIZES and _four_bits(node):
            kind = "s4"
        if transposes(node):
            swapped = not swapped
        elif not keeps_shape(node):
            return StoredFactor(factor, False, short(dtype_of(factor)))
        node = source(node)
    return StoredFactor(node, swapped, kind or short(dtype_of(node)))


def _four_bits(node: Any) -> bool:
    """Whether the lowest and highest code, the last whole numbers it is given, are of four bits."""
    whole = [one for one in node.args if isinstance(one, int) and not isinstance(one, bool)]
    return whole[-2:] == [-8, 7]


@dataclass(frozen=True, slots=True)
class ProductsOf:
    """Reads the products of one graph.

    Attributes:
        names: of its nodes' tensors.
        constant: nodes that are the same at every call.
        inside: the node whose graph this is; "" for the outermost.
    """

    names: dict[Any, str]
    constant: frozenset[Any]
    inside: str = ""

    def read(self, node: Any) -> Iterator[GraphOperator]:
        """The products that a node is.

        Raises:
            Uninstrumentable: it multiplies in a form that is not counted.
        """
        kind = kind_of(node)
        if kind in _FACTORS:
            first, second, form = _FACTORS[kind]
            yield self._product(node, node.args[first], node.args[second], form)
        elif kind in _RECURRENT:
            yield from self._recurrent(node)
        elif kind in _UNCOUNTED or kind.startswith(_FUSED):
            raise Uninstrumentable(
                f"It multiplies by {kind.partition('.')[2]}, whose multiplications are not counted."
            )

    def _product(self, node: Any, a: Any, b: Any, form: str) -> GraphOperator:
        kind = kind_of(node).removeprefix("aten.").removeprefix("_")
        held = weights_of(b, self.constant)
        integer = kind == MATRIX_OF_INTEGERS
        if integer:  # as it is multiplied: its kernel is given what the program makes of it
            held = StoredFactor(b, False, "") if held is not None else None
        if held is not None and held.swapped:
            form = {MATRIX: DENSE, DENSE: MATRIX}.get(form, form)
        stored = self.names[b if held is None else held.node]
        compute, fix = (INTEGER, "") if integer else self._compute(node, a, b, held)
        return GraphOperator(
            name=self.names[node],
            op_type=kind,
            inputs=(self.names[a], stored),
            output=self.names[node],
            a=self.names[a],
            b=stored,
            compute=compute,
            constant_weight=held is not None,
            form=form,
            fix=fix,
            integer=self._integer(node, a, stored) if integer else None,
            inside=self._where(node, a, b, held),
            weight_type=_PACKED.get(kind_of(node), "" if held is None else held.kind),
        )

    def _integer(self, node: Any, a: Any, b: str) -> IntegerOperator:
        return IntegerOperator(
            name=self.names[node],
            op_type=MATRIX_OF_INTEGERS,
            a=self.names[a],
            b=b,
            output=self.names[node],
        )

    def _compute(self, node: Any, a: Any, b: Any, held: StoredFactor | None) -> tuple[str, str]:
        """What it multiplies, and what would bring it into integer kernels."""
        given, other = maker(a), maker(b)
        if given in DEQUANTIZES and other in DEQUANTIZES:
            decomposed = (given + other).count("quantized_decomposed") == 2
            return FLOAT, COMPILE if decomposed else ""
        narrow = kind_of(node) in _PACKED or (held is not None and held.narrow)
        return (WEIGHT_ONLY if narrow else FLOAT), ""

    def _where(self, node: Any, a: Any, b: Any, held: StoredFactor | None) -> Inside | None:
        if not self.inside:
            return None
        nodes = (node, a, b, *(() if held is None else (held.node,)))
        return Inside(self.inside, 1, {self.names[one]: shape_of(one) for one in nodes})

    def _recurrent(self, node: Any) -> Iterator[GraphOperator]:
        """One product for the weights of each layer and direction."""
        weights = [one for one in node.args if isinstance(one, list | tuple) and len(one) > 1][-1]
        matrices = [one for one in weights if len(shape_of(one)) == 2]
        if len(matrices) % 2 or any(len(shape_of(one)) > 2 for one in weights) or self.inside:
            raise Uninstrumentable("It has a recurrent layer whose multiplications are unknown.")
        pairs = list(zip(matrices[::2], matrices[1::2], strict=True))
        if len(shape_of(node.args[0])) != 3:
            raise Uninstrumentable("It has a recurrent layer over a sequence without a batch.")
        given = self.names[node.args[0]]
        made = next((one for one in node.users if kind_of(one) == "getitem"), node)
        for at, (own, before) in enumerate(pairs):
            yield GraphOperator(
                name=f"{self.names[node]} {at}" if len(pairs) > 1 else self.names[node],
                op_type=kind_of(node).removeprefix("aten."),
                inputs=(given, self.names[own], self.names[before]),
                output=self.names[made],
                a=given,
                b="",
                compute=FLOAT,
                constant_weight=own in self.constant,
                form=RECURRENT,
            )


def maker(node: Any) -> str:
    """The operator whose values a node holds: the first behind copies that are not dequantized."""
    while is_copy(node) and kind_of(node) not in DEQUANTIZES:
        node = source(node)
    return kind_of(node)
