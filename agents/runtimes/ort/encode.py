"""Writes ONNX files by hand: each is a protobuf message.

The numbers of its fields follow onnx.proto:
ModelProto{ir_version=1, graph=7, opset_import=8}, GraphProto{node=1, name=2, initializer=5,
input=11, output=12}, NodeProto{input=1, output=2, op_type=4, attribute=5}, AttributeProto{name=1,
t=5, type=20}, TensorProto{dims=1, data_type=2, name=8, raw_data=9}, ValueInfoProto{name=1,
type=2}, TypeProto{tensor_type=1{elem_type=1, shape=2{dim=1{dim_value=1}}}}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._protobuf import chunk, number

FLOAT, INT64 = 1, 7
"""Element types of tensors."""

_IR_VERSION, _OPSET, _TENSOR = 7, 13, 4


def model(
    name: bytes, nodes: Iterable[bytes], shape: Sequence[int], constants: Iterable[bytes] = ()
) -> bytes:
    """A model of `nodes` from `x` to `y`, both of float32 in one shape."""
    axes = b"".join(chunk(1, number(1, size)) for size in shape)
    kind = chunk(1, number(1, FLOAT) + chunk(2, axes))
    graph = (
        b"".join(chunk(1, one) for one in nodes)
        + chunk(2, name)
        + b"".join(chunk(5, one) for one in constants)
        + chunk(11, chunk(1, b"x") + chunk(2, kind))
        + chunk(12, chunk(1, b"y") + chunk(2, kind))
    )
    opset = chunk(1, b"") + number(2, _OPSET)
    return number(1, _IR_VERSION) + chunk(7, graph) + chunk(8, opset)


def node(
    operator: bytes, inputs: Sequence[bytes], output: bytes, value: bytes | None = None
) -> bytes:
    """One operator, with a tensor as its attribute `value` when given."""
    named = b"".join(chunk(1, one) for one in inputs) + chunk(2, output) + chunk(4, operator)
    if value is None:
        return named
    return named + chunk(5, chunk(1, b"value") + chunk(5, value) + number(20, _TENSOR))


def tensor(size: int, kind: int, data: bytes, name: bytes = b"") -> bytes:
    """A tensor of one axis."""
    named = chunk(8, name) if name else b""
    return number(1, size) + number(2, kind) + named + chunk(9, data)
