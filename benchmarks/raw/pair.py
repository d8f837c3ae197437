"""Raw file of pass `pair`, both directions."""

from __future__ import annotations

import msgspec
import numpy as np

from ..samples import PairSamples
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import (
    WarmMeta,
    arrays_of,
    bad_raw,
    conditions_of,
    floats_of,
    ints_of,
    meta_of,
    told,
    warm_arrays,
    warm_of,
)


class _Meta(msgspec.Struct, frozen=True):
    warm: WarmMeta
    stopped: str = ""


def pair_raw(origin: RawOrigin, samples: PairSamples) -> RawFile:
    """The raw file of one launch of pass `pair`."""
    arrays = arrays_of(samples) | arrays_of(samples.conditions) | warm_arrays(samples.warm)
    meta = {"stopped": samples.stopped, "warm": told(WarmMeta, samples.warm)}
    return RawFile(origin_meta(origin) | meta, arrays)


def pair_samples(raw: RawFile) -> PairSamples:
    """The samples of a raw file of pass `pair`; `BadInput` when it does not hold them."""
    value_ns = floats_of(raw, "value_ns")
    blocks = value_ns.size
    letter, quad = ints_of(raw, "letter", blocks), ints_of(raw, "quad", blocks)
    if not np.all(np.isfinite(value_ns)) or np.any(value_ns <= 0):
        raise bad_raw("a block value is no positive number")
    if blocks % 4 or not np.array_equal(quad, np.arange(blocks) // 4):
        raise bad_raw("its blocks do not form quads")
    orders = letter.reshape(-1, 4)
    mirrored = np.array_equal(orders, orders[:, ::-1])
    both = np.all(orders[:, 0] + orders[:, 1] == 1) and np.all(np.isin(letter, (0, 1)))
    if not mirrored or not both:
        raise bad_raw("a quad is neither ABBA nor BAAB")
    meta = meta_of(raw, _Meta)
    return PairSamples(
        value_ns=value_ns,
        start_ns=ints_of(raw, "start_ns", blocks),
        iterations=ints_of(raw, "iterations", blocks),
        letter=letter,
        quad=quad,
        conditions=conditions_of(raw, blocks),
        warm=warm_of(raw, meta.warm),
        stopped=meta.stopped,
    )
