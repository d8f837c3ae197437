"""Tells a file that was cut short from one that never was a model."""

from __future__ import annotations

from bitgauge.benchmarks.errors import BadInput, Code

# Numbers of the fields of ModelProto that come with a length and may be long (onnx.proto3):
# graph, opset_import, metadata_props, training_info, functions.
_LONG_FIELDS = (7, 8, 14, 20, 25)
_IR_VERSION_TAG = 0x08
_MOST_FIELDS = 10_000  # a damaged file may seem to have as many as it has bytes


def refuse_cut_short(data: bytes, label: str) -> None:
    """Refuse a file whose own length prefix of its graph points behind its end.

    An ONNX file is a protobuf message: fields of (tag, value), the graph one of them, each with
    its length in front (protobuf.dev/programming-guides/encoding). Serializers write the fields
    in the order of their numbers, so a model begins with its ir_version.

    Raises:
        BadInput: BAD_MODEL.
    """
    if data[0] != _IR_VERSION_TAG:
        return
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            return
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            _, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            at += length
        else:
            return  # no field of an ONNX model; decoding will say what is wrong
        if at > len(data) and tag >> 3 in _LONG_FIELDS:
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} is cut short: it has {len(data)} bytes and needs at least {at}.",
            )


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number at `at`, and where it ends; 0 at the end of the data."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return 0, len(data) + 1
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            break
    return value, at
