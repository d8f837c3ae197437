"""The header of one file of tensors, read strictly: nothing of what it says of itself is believed.

Eight bytes of length, that much JSON (name to type, shape and where its bytes lie), then the bytes.
Tensors follow one another without gap or overlap and fill the file, so that no byte has two
meanings: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.files import opened_plain
from bitgauge.benchmarks.common.folders.objects import object_of, wrong

MAX_HEADER_BYTES = 16 << 20
"""One of ten thousand tensors takes 1 MiB."""
MAX_TENSORS = 1_000_000
"""Of a model, in all its files."""
_SHOWN = 80
_LENGTH_BYTES = 8
_MOST_AXES = 16
_BITS = {
    **{"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8},
    **{"U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32},
    **{"U64": 64, "I64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
}


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """One tensor as a header names it: its type as safetensors spells it, and its sizes."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


def tensors_in(path: Path, what: str) -> dict[str, TensorHeader]:
    """The tensors of the file at `path`, called `what`, by name.

    Raises:
        BadInput: `BAD_MODEL`, the header is none, or the file is not as it says.
        OSError: it cannot be read.
    """
    with opened_plain(path) as file:
        there = file.seek(0, 2)
        file.seek(0)
        prefix = file.read(_LENGTH_BYTES)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < _LENGTH_BYTES or length > there - _LENGTH_BYTES:
            raise wrong(what, f"is cut short: it has {there} bytes and its header alone needs more")
        if length > MAX_HEADER_BYTES:
            raise wrong(what, f"has a header of {length} bytes; {MAX_HEADER_BYTES} are taken")
        held = object_of(file.read(length), f"The header of {what}")
    return _sound(held, there - _LENGTH_BYTES - length, what)


def _sound(held: Mapping[str, Any], there: int, what: str) -> dict[str, TensorHeader]:
    """Every tensor of a header, whose bytes together are the rest of the file."""
    found: dict[str, TensorHeader] = {}
    places: list[tuple[int, int]] = []
    if len(held) > MAX_TENSORS:
        raise wrong(what, f"names {len(held)} tensors; {MAX_TENSORS} are taken")
    for name, one in held.items():
        if name == "__metadata__":
            if not isinstance(one, dict) or not all(isinstance(text, str) for text in one.values()):
                raise wrong(what, "says of itself what is no text")
            continue
        tensor, begin, end = _tensor(one, f"{what} gives tensor {name[:_SHOWN]!r}")
        found[name] = tensor
        places.append((begin, end))
    at = 0
    for begin, end in sorted(places):
        if begin != at:
            raise wrong(what, f"keeps tensors over one another or leaves a gap at byte {at}")
        at = end
    if at > there:
        raise wrong(what, f"is cut short: its tensors take {at} bytes, {there} are there")
    if at < there:
        raise wrong(what, f"holds {there - at} bytes behind its last tensor")
    return found


def _tensor(one: object, what: str) -> tuple[TensorHeader, int, int]:
    if not isinstance(one, dict) or set(one) != {"dtype", "shape", "data_offsets"}:
        raise wrong(what, "no type, shape and place")
    dtype, shape, place = one["dtype"], one["shape"], one["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise wrong(what, f"the type {str(dtype)[:_SHOWN]!r}, which is not known")
    if not _are_sizes(shape) or len(shape) > _MOST_AXES:
        raise wrong(what, "sizes that are none")
    if not _are_sizes(place) or len(place) != 2 or place[0] > place[1]:
        raise wrong(what, "a place that is none")
    bits = prod(shape) * _BITS[dtype]
    if bits != 8 * (place[1] - place[0]):
        raise wrong(what, f"{place[1] - place[0]} bytes, where its type and sizes take {bits // 8}")
    return TensorHeader(dtype, tuple(shape)), place[0], place[1]


def _are_sizes(found: object) -> bool:
    return isinstance(found, list) and all(type(one) is int and one >= 0 for one in found)
