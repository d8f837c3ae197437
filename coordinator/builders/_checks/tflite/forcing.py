"""Runs a tflite file with tensors of it handed in: a copy, edited with LiteRT's own schema."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.tflite.tables import schema

from ....models.formats.tflite.graph import PRODUCTS
from ..._lite import LiteInterpreter
from .._agreement import GIVEN, Array, Weights, shifts


@dataclass(frozen=True, slots=True, eq=False)
class LiteForcing:
    """A built file of which points are handed in.

    Attributes:
        data: the file.
        places: where in its subgraph each point is, by name.
        delegated: whether LiteRT's delegate computes it, and not its own kernels.
    """

    data: bytes
    places: Mapping[str, int]
    delegated: bool = False

    def compute(self, points: Mapping[str, Array], weights: Weights) -> dict[str, Array]:
        """See `_agreement.Computes`."""
        lite = LiteInterpreter(self._edited(weights), as_it_stands=not self.delegated)
        return lite.run({name + GIVEN: value for name, value in points.items()})

    def _edited(self, weights: Weights) -> bytes:
        """A copy whose operators read what is handed in, and which returns what they make."""
        import flatbuffers

        words = schema()
        model = words.ModelT.InitFromPackedBuf(self.data, 0)
        _take_in(model.buffers, self.data)
        graph = model.subgraphs[0]
        if weights is not Weights.AS_BUILT:
            _disturb(model, graph, weights)
        instead: dict[int, int] = {}
        for name, at in self.places.items():
            given = copy.copy(graph.tensors[at])
            given.name, given.buffer = (name + GIVEN).encode(), 0
            instead[at] = len(graph.tensors)
            graph.tensors.append(given)
        for one in graph.operators:
            one.inputs = [instead.get(int(at), int(at)) for at in one.inputs]
        made = {int(at) for one in graph.operators for at in one.outputs}
        graph.inputs = list(instead.values())
        graph.outputs = [at for at in self.places.values() if at in made]
        model.signatureDefs = [_signature(words, graph, self.places, instead, made)]
        builder = flatbuffers.Builder(len(self.data) + (1 << 16))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def _take_in(buffers: list[Any], data: bytes) -> None:
    """Bring weights that lie behind the tables into them: the copy's tables are longer."""
    for one in buffers:
        if one.offset > 1:
            one.data = np.frombuffer(data, np.uint8, one.size, one.offset)
            one.offset = one.size = 0


def _signature(
    words: Any, graph: Any, places: Mapping[str, int], instead: Mapping[int, int], made: set[int]
) -> Any:
    """Points by their names: what is handed in, and what operators make."""
    told = words.SignatureDefT()
    told.signatureKey, told.subgraphIndex = b"forced", 0
    told.inputs = [_named(words, name + GIVEN, instead[at]) for name, at in places.items()]
    told.outputs = [_named(words, name, at) for name, at in places.items() if at in made]
    return told


def _named(words: Any, name: str, at: int) -> Any:
    one = words.TensorMapT()
    one.name, one.tensorIndex = name.encode(), at
    return one


def _disturb(model: Any, graph: Any, weights: Weights) -> None:
    """Move the stored weights of products by about one step each."""
    words = schema()
    kinds = {number: word for word, number in vars(words.TensorType).items()}
    codes = {number: word for word, number in vars(words.BuiltinOperator).items()}
    makers = {int(at): one for one in graph.operators for at in one.outputs}
    moved: set[int] = set()
    generator = weights.generator
    for one in graph.operators:
        code = model.operatorCodes[one.opcodeIndex]
        if codes[max(code.builtinCode, code.deprecatedBuiltinCode)] not in PRODUCTS:
            continue
        for at in map(int, one.inputs):
            maker = makers.get(at)
            kept = at if maker is None else int(maker.inputs[0])
            tensor = graph.tensors[kept] if kept >= 0 else None
            if tensor is None or len(tensor.shape) < 2 or tensor.buffer in moved:
                continue
            buffer = model.buffers[tensor.buffer]
            if buffer.data is not None and len(buffer.data):
                moved.add(tensor.buffer)
                buffer.data = _moved(np.asarray(buffer.data), kinds[tensor.type], generator)


def _moved(data: Array, kind: str, generator: np.random.Generator | None) -> Array:
    """The bytes of a tensor whose codes, or last bits, are moved."""
    if kind == "INT8":
        held = data.view(np.int8).astype(np.int16)
        return np.clip(held + shifts(held.shape, generator), -127, 127).astype(np.int8).view("u1")
    if kind == "INT4":
        low, high = (_signed(data & 15), _signed(data >> 4))
        low, high = (
            np.clip(half + shifts(half.shape, generator), -7, 7) & 15 for half in (low, high)
        )
        return np.asarray(low | high << 4).astype(np.uint8)
    if kind == "FLOAT16":
        half = data.view(np.float16).astype(np.float64)
        moved = half * (1 + 2.0**-10 * shifts(half.shape, generator))
        return np.asarray(moved.astype(np.float16).view(np.uint8))
    return data


def _signed(half: Array) -> Array:
    """Four bits as the number that they stand for."""
    wide: Array = half.astype(np.int16)
    wide[wide > 7] -= 16
    return wide
