"""Raw file of pass `absolute`, both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..samples import (
    AbsoluteSamples,
)
from .container import RawFile
from .origin import (
    _NOT_READ,
    RawOrigin,
    origin_meta,
)
from .parts import (
    bad_raw,
    condition_arrays,
    conditions_of,
    count_of,
    ints_of,
    warm_arrays,
    warm_meta,
    warm_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class ColdStart:
    """Cold numbers of one launch: making the session, and its first call, in nanoseconds."""

    load_ns: int
    first_inference_ns: int


def absolute_raw(origin: RawOrigin, samples: AbsoluteSamples, cold: ColdStart) -> RawFile:
    """The raw file of one launch of pass `absolute`."""
    arrays = {
        "latency_ns": samples.latency_ns,
        "block": samples.block,
        "block_start_ns": samples.block_start_ns,
        **({"block_end_ns": samples.block_end_ns} if samples.block_end_ns.size else {}),
        **condition_arrays(samples.conditions),
        **warm_arrays(samples.warm),
    }
    meta = {
        "count": samples.count,
        "load_ns": cold.load_ns,
        "first_inference_ns": cold.first_inference_ns,
        "warm": warm_meta(samples.warm),
    }
    return RawFile(origin_meta(origin) | meta, arrays)


def absolute_samples(raw: RawFile) -> tuple[AbsoluteSamples, ColdStart]:
    """The samples of a raw file of pass `absolute`; `BadInput` when it does not hold them."""
    latency_ns = ints_of(raw, "latency_ns")
    block = ints_of(raw, "block", latency_ns.size)
    starts = ints_of(raw, "block_start_ns")
    if latency_ns.size == 0 or np.any(latency_ns < 0):
        raise bad_raw("it holds no latencies, or negative ones")
    if np.any(np.diff(block) < 0) or block[0] < 0 or block[-1] >= starts.size:
        raise bad_raw("its latencies do not belong to its blocks")
    try:
        count = count_of(raw.meta, "count")
        cold = ColdStart(count_of(raw.meta, "load_ns"), count_of(raw.meta, "first_inference_ns"))
    except (KeyError, ValueError) as error:
        raise bad_raw(f"its metadata lack a count ({error})") from error
    if count < latency_ns.size:
        raise bad_raw("it counts fewer latencies than it holds")
    conditions = conditions_of(raw, starts.size)
    ends = ints_of(raw, "block_end_ns", starts.size) if "block_end_ns" in raw.arrays else _NOT_READ
    return AbsoluteSamples(latency_ns, block, starts, conditions, warm_of(raw), count, ends), cold
