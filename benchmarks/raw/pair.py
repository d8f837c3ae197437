"""Raw file of pass `pair`, both directions.

A launch held baseline and candidate, or one of them where their libraries do not share a process
or memory does not hold both (`no_room`); then its role says which, and its place in a quad of
launches follows from its number.
"""

from __future__ import annotations

import msgspec
import numpy as np

from ..common.fits import Whole
from ..samples import ApartSamples, PairSamples
from ..vocabulary.enums import RawRole
from ..vocabulary.profiles import PLACES
from .container import RawFile
from .origin import RawOrigin, origin_meta, raw_origin
from .parts import (
    WarmMeta,
    arrays_of,
    bad_raw,
    conditions_arrays,
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


class _ApartMeta(msgspec.Struct, frozen=True):
    warm: WarmMeta
    quad: Whole
    place: Whole
    stopped: str = ""
    no_room: bool = False


def pair_raw(origin: RawOrigin, samples: PairSamples) -> RawFile:
    """The raw file of one launch of pass `pair`."""
    arrays = arrays_of(samples) | conditions_arrays(samples.conditions) | warm_arrays(samples.warm)
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


def apart_raw(origin: RawOrigin, samples: ApartSamples) -> RawFile:
    """The raw file of one launch of pass `pair` that held one artifact."""
    arrays = arrays_of(samples) | conditions_arrays(samples.conditions) | warm_arrays(samples.warm)
    where = {"quad": samples.quad, "place": samples.place, "stopped": samples.stopped}
    why = {"no_room": True} if samples.no_room else {}
    warm = {"warm": told(WarmMeta, samples.warm)}
    return RawFile(origin_meta(origin) | where | why | warm, arrays)


def apart_samples(raw: RawFile) -> ApartSamples:
    """The samples of such a launch; `BadInput` when the file does not hold them."""
    value_ns = floats_of(raw, "value_ns")
    blocks = value_ns.size
    if not blocks or not np.all(np.isfinite(value_ns)) or np.any(value_ns <= 0):
        raise bad_raw("it holds no block values, or one that is no positive number")
    meta, origin = meta_of(raw, _ApartMeta), raw_origin(raw)
    if origin.role not in (RawRole.BASELINE, RawRole.CANDIDATE):
        raise bad_raw("a launch of one artifact is neither the baseline's nor the candidate's")
    if meta.place >= PLACES or (meta.quad, meta.place) != divmod(origin.launch, PLACES):
        raise bad_raw("its place among the launches is not that of its number")
    return ApartSamples(
        value_ns=value_ns,
        start_ns=ints_of(raw, "start_ns", blocks),
        iterations=ints_of(raw, "iterations", blocks),
        conditions=conditions_of(raw, blocks),
        warm=warm_of(raw, meta.warm),
        quad=meta.quad,
        place=meta.place,
        stopped=meta.stopped,
        no_room=meta.no_room,
    )


def either_samples(raw: RawFile) -> PairSamples | ApartSamples:
    """The samples of a raw file of pass `pair`, by its role; `BadInput` as for each."""
    return pair_samples(raw) if raw_origin(raw).role is RawRole.BOTH else apart_samples(raw)
