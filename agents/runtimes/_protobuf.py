"""Writes protobuf messages by hand, because an agent has no ONNX library.

A message is fields of a number and a value (protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations


def varint(value: int) -> bytes:
    """A number as base-128 digits, the last ones first."""
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def number(field: int, value: int) -> bytes:
    """A field of a whole number, 0 or more."""
    return varint(field << 3) + varint(value)


def chunk(field: int, content: bytes) -> bytes:
    """A field of bytes, of a text or of a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content
