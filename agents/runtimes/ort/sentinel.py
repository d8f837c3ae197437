"""The sentinel as an ONNX file: four products of (64, 256) with (256, 256), 33 million operations.

Encoded by hand, because an agent has no ONNX library. The field numbers follow onnx.proto:
ModelProto{ir_version=1, graph=7, opset_import=8}, GraphProto{node=1, name=2, initializer=5,
input=11, output=12}, NodeProto{input=1, output=2, op_type=4, attribute=5}, AttributeProto{name=1,
t=5, type=20}, TensorProto{dims=1, data_type=2, name=8, raw_data=9}, ValueInfoProto{name=1,
type=2}, TypeProto{tensor_type=1{elem_type=1, shape=2{dim=1{dim_value=1}}}}.
"""

from __future__ import annotations

import itertools
import struct

_ROWS, _WIDTH, _PRODUCTS = 64, 256, 4
_FLOAT, _INT64, _TENSOR = 1, 7, 4


def onnx_model() -> bytes:
    """The file. The weights are made at load: every product of ones is ones again."""
    sizes = struct.pack("<2q", _WIDTH, _WIDTH)
    shape = _int(1, 2) + _int(2, _INT64) + _bytes(8, b"shape") + _bytes(9, sizes)
    weight = _int(1, 1) + _int(2, _FLOAT) + _bytes(9, struct.pack("<f", 1 / _WIDTH))
    value = _bytes(1, b"value") + _bytes(5, weight) + _int(20, _TENSOR)
    nodes = [_node(b"ConstantOfShape", (b"shape",), b"w") + _bytes(5, value)]
    names = [b"x", *(b"h%d" % at for at in range(1, _PRODUCTS)), b"y"]
    nodes += [
        _node(b"MatMul", (source, b"w"), target) for source, target in itertools.pairwise(names)
    ]
    axes = b"".join(_bytes(1, _int(1, size)) for size in (_ROWS, _WIDTH))
    kind = _bytes(1, _int(1, _FLOAT) + _bytes(2, axes))
    graph = (
        b"".join(_bytes(1, node) for node in nodes)
        + _bytes(2, b"sentinel")
        + _bytes(5, shape)
        + _bytes(11, _bytes(1, b"x") + _bytes(2, kind))
        + _bytes(12, _bytes(1, b"y") + _bytes(2, kind))
    )
    opset = _bytes(1, b"") + _int(2, 13)
    return _int(1, 7) + _bytes(7, graph) + _bytes(8, opset)


def _node(operator: bytes, inputs: tuple[bytes, ...], output: bytes) -> bytes:
    named = b"".join(_bytes(1, name) for name in inputs)
    return named + _bytes(2, output) + _bytes(4, operator)


def _varint(value: int) -> bytes:
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
