"""What the ledger needs to know of a tflite file (measurement.md D-4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.tflite.tables import FileGraph, FileOperator
from bitgauge.benchmarks.numerics.code_operator import CodeInput
from bitgauge.benchmarks.numerics.graph import Codes, GraphFacts, GraphOperator
from bitgauge.benchmarks.numerics.ledger import ELEMENTWISE, FLOAT, INTEGER, OPAQUE

from . import code_operators
from .products import BOUNDS, CODES, NARROW, PRODUCTS, Products, scale_of, zero_of

Array = npt.NDArray[Any]

XNNPACK = "xnnpack"

COPIES = frozenset(
    {
        *("RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "SLICE", "STRIDED_SLICE", "SPLIT"),
        *("SPLIT_V", "GATHER", "GATHER_ND", "BROADCAST_TO", "TILE", "PACK", "UNPACK"),
        *("DEQUANTIZE", "CAST", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"),
    }
)
"""Operators whose outputs hold values of their inputs."""
_OTHER_SHAPE = frozenset({"RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS"})


def real_of(name: str) -> str:
    """Name of the numbers that an input of codes is made of, outside the clock."""
    return f"{name} (numbers)"


def names_of(graph: FileGraph, borders: Mapping[int, str]) -> tuple[str, ...]:
    """A name for each tensor, each once: the signature's, else its own."""
    found: list[str] = []
    taken = set(borders.values())
    for at, one in enumerate(graph.tensors):
        name = borders.get(at) or one.name.strip(";")[:200] or f"tensor {at}"
        if at not in borders and name in taken:
            name = f"{name} #{at}"
        taken.add(name)
        found.append(name)
    return tuple(found)


def read_graph(
    graph: FileGraph, borders: Mapping[int, str], taken: frozenset[int], kernels: str
) -> GraphFacts:
    """The facts of a file's first graph.

    Args:
        graph: verified.
        borders: names of inputs and outputs by the numbers of their tensors.
        taken: numbers of the operators that a delegate took.
        kernels: whose the others are; a delegate's are XNNPACK's.
    """
    return _Reader(graph, names_of(graph, borders), taken, kernels).facts()


@dataclass(frozen=True, slots=True)
class _Reader:
    graph: FileGraph
    names: tuple[str, ...]
    taken: frozenset[int]
    kernels: str

    @property
    def _products(self) -> Products:
        return Products(self.graph, self.names, self.taken)

    def facts(self) -> GraphFacts:
        graph = self.graph
        operators = tuple(found for at in range(len(graph.operators)) if (found := self._one(at)))
        codes = {self.names[at]: self._codes(at) for at in self._made() if self._is_codes(at)}
        whole = any(one.compute in (INTEGER, OPAQUE) for one in operators)
        return GraphFacts(
            operators=tuple(self._fixed(one) for one in operators) if whole else operators,
            producers=self._producers(),
            copies=frozenset(
                self.names[at]
                for one in graph.operators
                if one.kind in COPIES
                for at in one.outputs
            ),
            codes=codes,
            constants=self._constants(),
            dynamic=any(one.integer and one.integer.quantizes_input for one in operators),
            claims_integer=whole or bool(codes),
            outputs=tuple(self.names[at] for at in graph.outputs),
            aliases={},
            given=self._given(),
            channels_last=True,
            steps={self.names[at]: step for at in graph.outputs if (step := self._step(at))},
        )

    def _step(self, at: int) -> float:
        """What one code is worth in an output; 0 for numbers that are not made of codes."""
        if self._is_codes(at):
            return 1.0
        for one in self.graph.operators:
            if at in one.outputs and one.kind == "DEQUANTIZE" and self._is_codes(one.inputs[0]):
                return self.graph.tensors[one.inputs[0]].scales[0]
        return 0.0

    def _producers(self) -> dict[str, str]:
        """Every tensor of a call, and inputs of codes, which the harness makes of numbers."""
        found = {self.names[at]: "input" for at in self.graph.inputs if self._is_codes(at)}
        for one in self.graph.operators:
            for at in one.outputs:
                if self.graph.tensors[at].kind != "STRING":
                    found[self.names[at]] = one.kind
        return found

    def _is_codes(self, at: int) -> bool:
        one = self.graph.tensors[at]
        return one.kind in CODES and len(one.scales) == 1

    def _made(self) -> Iterator[int]:
        """Tensors that change from call to call."""
        yield from self.graph.inputs
        for one in self.graph.operators:
            yield from one.outputs

    def _given(self) -> frozenset[str]:
        found = set(self.graph.inputs)
        for one in self.graph.operators:
            if one.kind in _OTHER_SHAPE and one.inputs[0] in found:
                found.update(one.outputs)
        names = {self.names[at] for at in found}
        borders = {self.names[at] for at in self.graph.inputs}
        return frozenset(names | {real_of(name) for name in borders})

    def _codes(self, at: int) -> Codes:
        name = self.names[at]
        real = ""
        if at in self.graph.inputs:
            real = real_of(name)
        for one in self.graph.operators:
            if one.kind == "QUANTIZE" and at in one.outputs:
                given = self.graph.tensors[one.inputs[0]]
                real = self.names[one.inputs[0]] if given.kind == "FLOAT32" else ""
        return Codes(scale_of(name), zero_of(name), real)

    def _constants(self) -> dict[str, Array]:
        """Scales and zero points of all codes, and constants as operators multiply them."""
        found: dict[str, Array] = {}
        for at, one in enumerate(self.graph.tensors):
            name = self.names[at]
            if one.scales and one.kind in (*CODES, *NARROW):
                found[scale_of(name)] = np.array(one.scales, np.float32)
                kind = {"INT16": np.int16, "UINT8": np.uint8}.get(one.kind, np.int8)
                zeros = one.zeros or (0,) * len(one.scales)
                found[zero_of(name)] = np.array(zeros, kind)
            if one.kind in CODES and len(one.scales) == 1 and (held := one.values()) is not None:
                found[name] = held
        for operator in self.graph.operators:
            if operator.kind in PRODUCTS:
                found |= self._products.constants(operator)
        return found

    def _one(self, number: int) -> GraphOperator | None:
        one = self.graph.operators[number]
        placed = XNNPACK if number in self.taken else self.kernels
        if one.kind in PRODUCTS:
            return self._products.read(number, placed)
        return self._on_codes(one, placed) if one.kind in code_operators.KINDS else None

    def _on_codes(self, one: FileOperator, placed: str) -> GraphOperator | None:
        tensors = self.graph.tensors
        codes = [at for at in one.inputs if at >= 0 and tensors[at].kind in CODES]
        made = tensors[one.outputs[0]]
        if not codes or made.kind not in CODES or len(made.scales) != 1:
            return None
        if any(len(tensors[at].scales) != 1 for at in codes):
            return None
        inputs = [self._side(at) for at in codes]
        bounds = BOUNDS.get(int(one.options.get("fusedActivationFunction") or 0))
        found = code_operators.read(one, self.graph, inputs, self._side(one.outputs[0]), bounds)
        return GraphOperator(
            name=self.names[one.outputs[0]],
            op_type=one.kind,
            inputs=tuple(self.names[at] for at in codes),
            output=self.names[one.outputs[0]],
            a=self.names[codes[0]],
            b="",
            compute=ELEMENTWISE,
            constant_weight=False,
            why="" if found is not None else "its formula is not known here",
            codes=found,
            placed=placed,
        )

    def _side(self, at: int) -> CodeInput:
        name = self.names[at]
        return CodeInput(name, scale_of(name), zero_of(name))

    def _fixed(self, one: GraphOperator) -> GraphOperator:
        """With what would bring a float product of a quantized graph into integer kernels."""
        return replace(one, fix="quantize_inputs") if one.compute == FLOAT else one
