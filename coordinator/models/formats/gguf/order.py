"""A language model in float16 or bfloat16 becomes the same in float32, which is the reference.

Each value of either is one of float32, so nothing is rounded: what differs is the type that stands
in the file and the bytes that a value takes.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from bitgauge.benchmarks.common.files import plain_file
from bitgauge.benchmarks.common.gguf.header import GgufHeader, GgufTensor, read_header
from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from .recipe import multiplied, recipe_and_family

VERSION = 1
"""Raised when the same model would come out otherwise."""

_NARROW = {"f16": "float16", "bf16": "bfloat16"}
_FLOAT32 = 0
_VALUES_AT_ONCE = 1 << 20


def out_of_order(path: Path, label: str) -> tuple[str, ...]:
    """What there is to do; nothing of a file that is in float32 or quantized.

    Raises:
        BadInput: it is no GGUF file.
    """
    header = read_header(path, label)
    recipe, _ = recipe_and_family(header)
    halves = FormatFamily.FP16, FormatFamily.BF16
    if recipe is None or recipe.family not in halves:
        return ()
    if any(one.type.name not in (*_NARROW, "f32") for one in multiplied(header)):
        return ()
    kinds = Counter(_NARROW[one.type.name] for one in header.tensors if one.type.name in _NARROW)
    return tuple(
        f"{count} tensors of {kind} widened to float32" for kind, count in sorted(kinds.items())
    )


def put_in_order(path: Path, label: str, output: Path) -> None:
    """Write the model at `path` with every narrow float as float32.

    Raises:
        BadInput: it is no GGUF file, or was cut while it was read.
        OSError: `output` cannot be written.
    """
    header = read_header(path, label)
    with plain_file(path, label) as source, output.open("wb") as target:
        head = bytearray(source.read(header.listed_at))
        _say_float32(head, header)
        sizes = [_widened_bytes(one) for one in header.tensors]
        listed, at = b"", 0
        for one, size in zip(header.tensors, sizes, strict=True):
            listed += _entry(one, at)
            at = _aligned(at + size, header.alignment)
        target.write(head + listed)
        for one in header.tensors:
            _fill(target, header.alignment)
            source.seek(one.offset)
            _write(source, target, one)
        _fill(target, header.alignment)


def _say_float32(head: bytearray, header: GgufHeader) -> None:
    place = header.metadata.places.get("general.file_type")
    if place is not None and header.metadata.whole("general.file_type") is not None:
        struct.pack_into("<I", head, place, _FLOAT32)


def _entry(one: GgufTensor, at: int) -> bytes:
    kind = _FLOAT32 if one.type.name in _NARROW else one.type.number
    name = one.name.encode("ascii")
    axes = len(one.shape)
    return (
        struct.pack("<Q", len(name))
        + name
        + struct.pack(f"<I{axes}QIQ", axes, *one.shape, kind, at)
    )


def _widened_bytes(one: GgufTensor) -> int:
    return 2 * one.size_bytes if one.type.name in _NARROW else one.size_bytes


def _write(source: BinaryIO, target: BinaryIO, one: GgufTensor) -> None:
    left = one.size_bytes
    while left:
        data = source.read(min(left, 2 * _VALUES_AT_ONCE))
        if not data:
            raise EOFError(f"{one.name} was cut while it was read")
        left -= len(data)
        target.write(_widened(one.type.name, data))


def _widened(kind: str, data: bytes) -> Any:
    if kind == "f16":
        return np.frombuffer(data, "<f2").astype("<f4").tobytes()
    if kind == "bf16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).tobytes()
    return data


def _fill(target: BinaryIO, alignment: int) -> None:
    at = target.tell()
    target.write(bytes(_aligned(at, alignment) - at))


def _aligned(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment
