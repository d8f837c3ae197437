"""What the ledger needs to know of an exported program that runs eager (measurement.md D-5).

The graph is the one that production's module executes, read node by node; nothing here calls the
library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.graph import Codes, GraphFacts, GraphOperator
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER

from .products import ProductsOf, short
from .wording import (
    DEQUANTIZES,
    QUANTIZES,
    SUBCLASS,
    dtype_of,
    is_copy,
    kind_of,
    source,
)

Array = npt.NDArray[Any]

_RANDOM = frozenset(
    f"aten.{name}" for name in ("rand", "randn", "randint", "bernoulli", "randperm")
)
_CHOOSES = ("torchao.choose_qparams", "quantized_decomposed.choose_qparams", "quantization.choose")
_OF_QUANTIZING = ("scale", "zero_point")
_SHOWN = frozenset(("float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2"))


def scale_of(name: str) -> str:
    """Name of what scales a tensor of codes."""
    return f"{name}:scale"


def zero_of(name: str) -> str:
    """Name of its zero point."""
    return f"{name}:zero"


@dataclass(frozen=True, slots=True)
class Borders:
    """The nodes of a program's inputs and outputs, by the names that sessions have for them."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def borders_of(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Borders:
    """The borders of a graph: placeholders in their order, and what its last node returns."""
    given = [node for node in graph.nodes if node.op == "placeholder"]
    (last,) = (node for node in graph.nodes if node.op == "output")
    returned = list(_nodes(last.args[0]))
    return Borders(dict(zip(inputs, given, strict=True)), dict(zip(outputs, returned, strict=True)))


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = value.values()
    elif hasattr(value, "op"):
        yield value
        return
    if isinstance(value, Iterable) and not isinstance(value, str):
        for one in value:
            yield from _nodes(one)


def names_of(graph: Any, borders: Borders) -> dict[Any, str]:
    """A name for each node, each once: the session's, else its own."""
    found: dict[Any, str] = {}
    for name, node in (*borders.inputs.items(), *borders.outputs.items()):
        found.setdefault(node, name)
    taken = {*borders.inputs, *borders.outputs}
    for node in graph.nodes:
        if node not in found:
            found[node] = f"{node.name} (inner)" if node.name in taken else node.name
    return found


def constants_of(graph: Any) -> frozenset[Any]:
    """Nodes that are the same at every call."""
    found: set[Any] = set()
    for node in graph.nodes:
        if node.op == "get_attr" or (
            node.op == "call_function"
            and kind_of(node) not in _RANDOM
            and all(one in found for one in node.all_input_nodes)
        ):
            found.add(node)
    return frozenset(found)


def read_graph(module: Any, borders: Borders) -> tuple[GraphFacts, dict[Any, str]]:
    """The facts of a module's graph, but for the values of its constants, and its nodes' names.

    Raises:
        Uninstrumentable: it multiplies in a form that is not counted.
    """
    names = names_of(module.graph, borders)
    return _Reader(module, borders, names, constants_of(module.graph)).facts(), names


@dataclass(frozen=True, slots=True)
class _Reader:
    module: Any
    borders: Borders
    names: dict[Any, str]
    constant: frozenset[Any]

    def facts(self) -> GraphFacts:
        nodes = list(self.module.graph.nodes)
        codes = {self.names[one]: self._codes(one) for one in nodes if self._quantizes(one)}
        products = [
            one for node in nodes for one in ProductsOf(self.names, self.constant).read(node)
        ]
        products += [one for node in nodes for one in self._within(node)]
        claims = bool(codes) or any(one.compute == INTEGER for one in products)
        return GraphFacts(
            operators=tuple(_fixed(one) if claims else one for one in products),
            producers=self._producers(nodes),
            copies=frozenset(self.names[one] for one in nodes if is_copy(one)),
            codes=codes,
            constants={},
            dynamic=any(one.dynamic for one in codes.values()),
            claims_integer=claims,
            outputs=tuple(self.borders.outputs),
            aliases={},
            given=self._given(nodes),
            types={
                self.names[one]: short(dtype_of(one))
                for one in nodes
                if dtype_of(one) in ("bfloat16", "float8_e4m3fn", "float8_e5m2")
            },
        )

    def _quantizes(self, node: Any) -> bool:
        return kind_of(node) in QUANTIZES and node not in self.constant

    def _codes(self, node: Any) -> Codes:
        scale = node.args[2 if kind_of(node).endswith("affine") else 1]
        rails = [one for one in node.args if isinstance(one, int) and not isinstance(one, bool)][
            -2:
        ]
        name = self.names[node]
        return Codes(
            scale_of(name),
            zero_of(name),
            self.names[source(node)],
            dynamic=hasattr(scale, "op") and scale not in self.constant,
            rails=(rails[0], rails[1]) if len(rails) == 2 else None,
        )

    def _within(self, node: Any) -> Iterator[GraphOperator]:
        """The products in the graphs that a node executes, whose tensors are not shown."""
        if node.op != "call_function" or kind_of(node) == SUBCLASS:
            return
        for one in node.all_input_nodes:
            inner = getattr(self.module, str(one.target), None) if one.op == "get_attr" else None
            graph = getattr(inner, "graph", None)
            if graph is None:
                continue
            names = {at: f"{self.names[node]}/{at.name}" for at in graph.nodes}
            reader = ProductsOf(names, constants_of(graph), self.names[node])
            yield from (found for at in graph.nodes for found in reader.read(at))

    def _given(self, nodes: Sequence[Any]) -> frozenset[str]:
        found = set(self.borders.inputs.values())
        for node in nodes:
            if is_copy(node) and source(node) in found and kind_of(node) not in DEQUANTIZES:
                found.add(node)
        return frozenset(self.names[one] for one in found)

    def _producers(self, nodes: Sequence[Any]) -> dict[str, str]:
        """What a person looks for: no parts of a quantized product, nor what quantizes it."""
        hidden = _parts(nodes)
        return {
            self.names[node]: kind_of(node).partition(".")[2]
            for node in nodes
            if node.op == "call_function"
            and node not in self.constant
            and node not in hidden
            and (dtype_of(node) in _SHOWN or self._quantizes(node))
        }


def _fixed(one: GraphOperator) -> GraphOperator:
    """With what would bring a float product of a quantized program into integer kernels."""
    return replace(one, fix="quantize_inputs") if one.compute == FLOAT and not one.fix else one


def _parts(nodes: Sequence[Any]) -> frozenset[Any]:
    """Scales, zero points, and sums that are yet to be multiplied by a scale.

    Such sums stand for no number of the model, so that their size says nothing.
    """
    scales: set[Any] = set()
    for node in nodes:
        kind = kind_of(node)
        inner = kind == SUBCLASS and str(node.args[1]).endswith(_OF_QUANTIZING)
        follows = (kind == "getitem" or is_copy(node)) and source(node) in scales
        if inner or follows or kind.startswith(_CHOOSES):
            scales.add(node)
        elif kind in QUANTIZES or kind in DEQUANTIZES:
            scales.update(one for one in node.all_input_nodes[1:])
    unscaled: set[Any] = set()
    for node in reversed(nodes):
        factors = node.all_input_nodes
        if kind_of(node) == "aten.mul" and len(factors) == 2 and scales & set(factors):
            unscaled.update(set(factors) - scales)
        elif node in unscaled and (is_copy(node) or kind_of(node) in ("aten.sub_", "aten.sub")):
            unscaled.add(source(node))
    return frozenset(scales | unscaled)


def blocks_of(kind: str, given: Sequence[Any], shape: tuple[int, ...]) -> list[int] | None:
    """How many codes along each axis have one scale; None where rows of the last axis have.

    Args:
        kind: of the operator that made them.
        given: its arguments.
        shape: of the codes.
    """
    if kind.endswith("affine"):
        return [whole if size == -1 else size for whole, size in zip(shape, given[1], strict=True)]
    if kind.endswith("channel"):
        return [1 if axis == given[3] else whole for axis, whole in enumerate(shape)]
    if kind.endswith("group"):
        return [*(1 for _ in shape[:-1]), int(given[6])]
    return None


def broadcast(told: Array, codes: tuple[int, ...], blocks: Sequence[int] | None) -> Array:
    """Scales or zero points with an axis for each of the codes, as long as theirs or 1.

    Args:
        told: as the operator is given them.
        codes: shape of the codes.
        blocks: how many codes along each axis have one of them; None: rows of the last axis.
    """
    if told.size == 1:
        return told.reshape(())
    sizes = blocks or [*(1 for _ in codes[:-1]), codes[-1]]
    counts = [whole // size for whole, size in zip(codes, sizes, strict=True)]
    found = told.reshape(counts)
    for axis, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        if count > 1 and size > 1:
            found = np.repeat(found, size, axis=axis)
    return found


def pairs(ours: Any, theirs: Any) -> frozenset[Any]:
    """Nodes of the float program `theirs` that stand where ours of the same names do.

    Names are counted by operator. So those of an operator are taken only where both programs
    have as many of them: else the second one here may be the third one there.
    """
    own = {node.name: kind_of(node) for node in ours.nodes}
    counts = [_counts(graph) for graph in (ours, theirs)]
    return frozenset(
        node
        for node in theirs.nodes
        if (kind := kind_of(node))
        and own.get(node.name) == kind
        and counts[0][kind] == counts[1][kind]
    )


def _counts(graph: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in graph.nodes:
        found[kind_of(node)] = found.get(kind_of(node), 0) + 1
    return found
