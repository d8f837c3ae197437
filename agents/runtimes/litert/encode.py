"""Small tflite files, written with LiteRT's own schema.

Only a child imports this module: the schema is heavy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

Array = npt.NDArray[Any]

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int4": schema.TensorType.INT4,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; with `data` it is a weight, with `scale` its integers stand for numbers.

    A size of -1 is any. With an `axis` each of its places has the scale for itself, or one of its
    own where there are several. With a `block` so many elements of a row share a scale, in each row
    the same. Values of four bits are given as `int8`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    data: Array | None = None
    scale: float | tuple[float, ...] = 0.0
    zero_point: int = 0
    axis: int | None = None
    block: int = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, by its name in the schema or a custom one's own."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Any = None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Lite:
    """A model.

    Attributes:
        signatures: keys of its signatures, all of the same function; none: names of tensors.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    signatures: tuple[str, ...] = ("serving_default",)
    description: str = "test"

    def encoded(self) -> bytes:
        """The file."""
        at = {one.name: number for number, one in enumerate(self.tensors)}
        model = schema.ModelT()
        model.version, model.description = 3, self.description
        model.buffers = [schema.BufferT()]
        graph = schema.SubGraphT()
        graph.name, graph.tensors = "main", []
        for one in self.tensors:
            graph.tensors.append(_tensor(one, model.buffers))
        for one, made in zip(self.tensors, tuple(graph.tensors), strict=True):
            if one.block:
                made.quantization = _in_blocks(one, len(graph.tensors))
                graph.tensors.append(_tensor(_scales_of(one), model.buffers))
        graph.inputs, graph.outputs = [at[n] for n in self.inputs], [at[n] for n in self.outputs]
        kinds = list(dict.fromkeys((one.kind, one.custom) for one in self.operators))
        model.operatorCodes = [_code(kind, custom=custom) for kind, custom in kinds]
        graph.operators = [
            _operator(one, kinds.index((one.kind, one.custom)), at) for one in self.operators
        ]
        model.subgraphs = [graph]
        model.signatureDefs = [
            _signature(key, self.inputs, self.outputs, at) for key in self.signatures
        ]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def _tensor(one: Tensor, buffers: list[Any]) -> Any:
    made = schema.TensorT()
    made.name, made.type, made.hasRank = one.name, _TYPES[one.dtype], True
    made.shape = [max(size, 1) for size in one.shape]
    if -1 in one.shape:
        made.shapeSignature = list(one.shape)
    made.buffer = 0
    if one.data is not None:
        held = schema.BufferT()
        held.data = np.frombuffer(_stored(one.data, one.dtype), np.uint8)
        made.buffer = len(buffers)
        buffers.append(held)
    if one.scale and not one.block:
        made.quantization = schema.QuantizationParametersT()
        places = 1 if one.axis is None else one.shape[one.axis]
        scales = one.scale if isinstance(one.scale, tuple) else (one.scale,) * places
        made.quantization.scale = list(scales)
        made.quantization.zeroPoint = [one.zero_point] * places
        made.quantization.quantizedDimension = one.axis or 0
    return made


def _scales_of(one: Tensor) -> Tensor:
    """The tensor of the scales of blocks."""
    shape = (*one.shape[:-1], one.shape[-1] // one.block)
    scales = np.broadcast_to(np.array(one.scale, np.float16), shape)
    return Tensor(f"{one.name}/scales", shape, "float16", scales)


def _in_blocks(one: Tensor, at: int) -> Any:
    """How blocks share scales that tensor `at` holds."""
    details = schema.BlockwiseQuantizationT()
    details.scales, details.zeroPoints, details.blockSize = at, -1, one.block
    made = schema.QuantizationParametersT()
    made.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    made.details = details
    return made


def _stored(data: Array, dtype: str) -> bytes:
    """The bytes of a weight; two values of four bits in each, the lower bits first."""
    if dtype != "int4":
        return np.ascontiguousarray(data).tobytes()
    flat = data.astype(np.int8).reshape(-1)
    even = np.concatenate([flat, np.zeros(flat.size % 2, np.int8)]).view(np.uint8) & 15
    packed: Array = even[0::2] | (even[1::2] << 4)
    return packed.tobytes()


def _code(kind: str, *, custom: bool) -> Any:
    made = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, "CUSTOM" if custom else kind)
    made.builtinCode, made.deprecatedBuiltinCode = number, min(number, 127)
    made.version, made.customCode = 1, kind if custom else None
    return made


def _operator(one: Operator, code: int, at: Mapping[str, int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs, made.outputs = [at[n] for n in one.inputs], [at[n] for n in one.outputs]
    if one.options is not None:
        name = type(one.options).__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        made.builtinOptions = one.options
    return made


def _signature(
    key: str, inputs: Sequence[str], outputs: Sequence[str], at: Mapping[str, int]
) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = key, 0
    made.inputs, made.outputs = ([_named(name, at) for name in side] for side in (inputs, outputs))
    return made


def _named(name: str, at: Mapping[str, int]) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, at[name]
    return made
