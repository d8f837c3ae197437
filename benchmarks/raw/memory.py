"""Raw file of pass `memory`, both directions."""

from __future__ import annotations

from dataclasses import fields

import msgspec
import numpy as np

from ..common.fits import Whole
from ..samples import MemoryCheckpoint, MemorySamples
from ..vocabulary.reasons import NOT_RECORDED, REASONS
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import bad_raw, ints_of, meta_of, told

_MOST_NAMES = 8
_BYTES = tuple(field.name for field in fields(MemoryCheckpoint) if field.name != "name")


class _Meta(msgspec.Struct, frozen=True):
    checkpoints: list[str]
    method: str = ""
    arena: str = "on"
    batches: tuple[Whole, ...] = ()
    group_peak_bytes: tuple[Whole, ...] = ()
    device_peak_bytes: tuple[Whole, ...] = ()
    card_peak_bytes: tuple[Whole, ...] = ()
    device_reason: str = NOT_RECORDED
    allocator_peak_bytes: dict[str, Whole] = {}


def memory_raw(origin: RawOrigin, samples: MemorySamples) -> RawFile:
    """The raw file of one launch of pass `memory`."""
    points = samples.checkpoints
    arrays = {name: np.array([getattr(p, name) for p in points], np.int64) for name in _BYTES}
    meta = told(_Meta, samples) | {"checkpoints": [point.name for point in points]}
    return RawFile(origin_meta(origin) | meta, arrays)


def memory_samples(raw: RawFile) -> MemorySamples:
    """The samples of a raw file of pass `memory`; `BadInput` when it does not hold them."""
    meta = meta_of(raw, _Meta)
    names = meta.checkpoints
    if not {"m0", "m1", "m2"} <= set(names):
        raise bad_raw("it lacks a memory checkpoint")
    columns = [ints_of(raw, name, len(names)) for name in _BYTES]
    if any(np.any(column < 0) for column in columns):
        raise bad_raw("it holds a negative number of bytes")
    points = tuple(
        MemoryCheckpoint(name, *(int(column[i]) for column in columns))
        for i, name in enumerate(names)
    )
    if len(meta.group_peak_bytes) not in (0, len(points)):
        raise bad_raw("it does not tell its group's peak at each checkpoint")
    for told_of in (meta.device_peak_bytes, meta.card_peak_bytes):
        if len(told_of) not in (0, len(points)):
            raise bad_raw("it does not tell its card's memory at each checkpoint")
    if meta.device_reason and meta.device_reason not in REASONS:
        raise bad_raw("it names a reason that is not known")
    if len(meta.allocator_peak_bytes) > _MOST_NAMES:
        raise bad_raw("its allocator has too many names")
    return MemorySamples(
        checkpoints=points,
        method=meta.method,
        arena=meta.arena,
        batches=meta.batches,
        group_peak_bytes=meta.group_peak_bytes,
        device_peak_bytes=meta.device_peak_bytes,
        card_peak_bytes=meta.card_peak_bytes,
        device_reason=meta.device_reason,
        allocator_peak_bytes=meta.allocator_peak_bytes,
    )
