"""What an engine says of its layers: in which types each multiplies, and which kernel it takes.

The engine inspector writes JSON (TensorRT developer guide, "Engine Inspector"): a layer has a name,
a type, tensors with dimensions and ``Format/Datatype``, for products the sizes of their kernel and
the type of their weights, the name of its tactic, and the ONNX nodes that it stands for. What was
asked for by Q/DQ pairs is not what is executed: the types of a layer's own tensors are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.numerics.graph import (
    CONVOLUTION,
    MATRIX,
    GraphFacts,
    GraphOperator,
    Inside,
)
from bitgauge.benchmarks.numerics.ledger import FLOAT, OPAQUE, WEIGHT_ONLY

NETWORK = "TensorRT's engine"

_TYPES = (
    (r"int8|\bi8\b", "s8"),
    (r"uint8", "u8"),
    (r"fp8|e4m3|float8", "e4m3"),
    (r"int4", "s4"),
    (r"fp4|e2m1", "e2m1"),
    (r"bf16|bfloat16", "bf16"),
    (r"fp16|half", "f16"),
    (r"int32", "s32"),
    (r"int64", "s64"),
    (r"bool", "bool"),
    (r"fp32|float", "f32"),
)
"""Words of ``Format/Datatype``, short (``Half``) or in a sentence, and the types that they mean."""
_NARROW = frozenset({"s8", "u8", "s4", "e4m3", "e2m1"})
_INTEGERS = frozenset({"s8", "u8"})
_PRODUCTS = re.compile(
    r"conv|gemm|matmul|matrixmultiply|matrix_multiply|correlation|fullyconn", re.I
)
_TACTICS = re.compile(r"gemm|_fprop_|conv|_mha_|xmma", re.I)
_CONVOLVES = re.compile(r"conv|correlation|fprop", re.I)
_NODE = re.compile(r"\[ONNX Layer: ([^\]]{1,400})\]")


@dataclass(frozen=True, slots=True)
class EngineLayer:
    """One layer of an engine.

    Attributes:
        kind: its type, such as ``CaskConvolution``, ``gemm`` or ``kgen``.
        inputs: names, types and sizes of its tensors; -1 for a size of the call.
        outputs: likewise.
        weights: type of its weights, or "".
        kernel: sizes of a convolution's window; empty for others.
        groups: of a convolution.
        tactic: name of the kernel that was chosen, or "".
        nodes: names of the ONNX nodes that it stands for, as far as they are told.
    """

    name: str
    kind: str
    inputs: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    outputs: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    weights: str = ""
    kernel: tuple[int, ...] = ()
    groups: int = 1
    tactic: str = ""
    nodes: tuple[str, ...] = ()

    @property
    def multiplies(self) -> bool:
        """Whether it is a product of matrices or a convolution."""
        return bool(_PRODUCTS.search(self.kind) or _TACTICS.search(self.tactic))

    @property
    def takes(self) -> tuple[str, str]:
        """Types of the factors: activations, and weights or the second input."""
        a = self.inputs[0][1] if self.inputs else ""
        second = self.inputs[1][1] if len(self.inputs) > 1 else ""
        return a, self.weights or second or a

    @property
    def compute(self) -> str:
        """A key of `ledger.COMPUTES`.

        Integers are multiplied where both factors are integers; 8-bit floats are floats.
        """
        a, b = self.takes
        if a in _INTEGERS and b in _INTEGERS:
            return OPAQUE
        return WEIGHT_ONLY if b in _NARROW and a not in _NARROW else FLOAT


def layers_of(text: str) -> tuple[EngineLayer, ...]:
    """The layers in what the inspector writes; none in what is no such JSON, or names alone."""
    try:
        told = json.loads(text)
    except ValueError:
        return ()
    listed = told.get("Layers", ()) if isinstance(told, dict) else told
    if not isinstance(listed, list):
        return ()
    return tuple(_layer(one) for one in listed if isinstance(one, dict))


def _layer(one: Mapping[str, Any]) -> EngineLayer:
    weights = one.get("Weights")
    weights = weights.get("Type", "") if isinstance(weights, dict) else ""
    return EngineLayer(
        name=str(one.get("Name", "")),
        kind=str(one.get("LayerType", "")),
        inputs=tuple(_tensors(one.get("Inputs"))),
        outputs=tuple(_tensors(one.get("Outputs"))),
        weights=type_of(str(weights)),
        kernel=_sizes(one.get("Kernel")),
        groups=groups if isinstance(groups := one.get("Groups"), int) else 1,
        tactic=str(one.get("TacticName", "")),
        nodes=tuple(_NODE.findall(str(one.get("Metadata", "")))),
    )


def _tensors(listed: object) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            name, kind = str(one.get("Name", "")), str(one.get("Format/Datatype", ""))
            yield name, type_of(kind), _sizes(one.get("Dimensions"))


def _sizes(listed: object) -> tuple[int, ...]:
    return tuple(n for n in listed if isinstance(n, int)) if isinstance(listed, list) else ()


def type_of(words: str) -> str:
    """``s8`` of ``Thirty-two wide channel vectorized row major Int8 format.``; "" if unknown."""
    lower = words.lower()
    found = (short for pattern, short in _TYPES if re.search(pattern, lower))
    if "uint8" in lower:
        return "u8"
    return next(found, "")


def operators(layers: Iterable[EngineLayer]) -> tuple[GraphOperator, ...]:
    """The products among them, with the sizes of which their multiplications are counted."""
    found = []
    for at, one in enumerate(layers):
        if not one.multiplies or not one.inputs or not one.outputs:
            continue
        a_type, b_type = one.takes
        name = one.name or f"layer {at}"
        a, b, made = f"{a_type} {name} a", f"{b_type} {name} b", f"{name} out"
        convolves = bool(one.kernel) or bool(_CONVOLVES.search(one.kind))
        a_sizes, made_sizes = one.inputs[0][2], one.outputs[0][2]
        shapes = {a: _free(a_sizes), made: _free(made_sizes)}
        if convolves and one.kernel and len(a_sizes) > 1 and len(made_sizes) > 1:
            depth = a_sizes[1] // max(one.groups, 1)
            shapes[b] = _free((made_sizes[1], depth, *one.kernel))
        elif len(one.inputs) > 1:
            shapes[b] = _free(one.inputs[1][2])
        found.append(
            GraphOperator(
                name=name,
                op_type="Convolution" if convolves else "MatMul",
                inputs=(a, b),
                output=made,
                a=a,
                b=b,
                compute=one.compute,
                constant_weight=bool(one.weights) or len(one.inputs) == 1,
                form=CONVOLUTION if convolves else MATRIX,
                inside=Inside(NETWORK, 1, shapes),
                weight_type=b_type,
                placed=one.tactic[:200],
            )
        )
    return tuple(found)


def _free(sizes: Iterable[int]) -> tuple[int | None, ...]:
    return tuple(None if size < 0 else size for size in sizes)


def facts(
    layers: Iterable[EngineLayer], outputs: tuple[str, ...], inner: Iterable[str] = ()
) -> GraphFacts:
    """What the ledger needs to know of an engine.

    Args:
        layers: as the inspector tells them.
        outputs: names, in the order of the session.
        inner: further tensors that are shown.
    """
    products = operators(layers)
    shown = {name: "tensor" for name in inner if name not in outputs}
    return GraphFacts(
        operators=products,
        producers=shown | dict.fromkeys(outputs, "output"),
        copies=frozenset(),
        codes={},
        constants={},
        dynamic=False,
        claims_integer=any(one.compute == OPAQUE for one in products),
        outputs=outputs,
        aliases={},
        types={one.a: one.a.partition(" ")[0] for one in products if not one.a.startswith(" ")},
    )
