"""The raw file of pass `sentinel`: metadata of every pass, and `latency_ns` i8[n]."""

from __future__ import annotations

import numpy as np

from ..samples import Ints
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import bad_raw, ints_of


def sentinel_raw(origin: RawOrigin, latency_ns: Ints) -> RawFile:
    """The raw file of one launch of the sentinel."""
    return RawFile(origin_meta(origin), {"latency_ns": latency_ns})


def sentinel_latencies(raw: RawFile) -> Ints:
    """Single latencies of the sentinel in nanoseconds; `BadInput` when there are none."""
    latency_ns = ints_of(raw, "latency_ns")
    if latency_ns.size == 0 or np.any(latency_ns <= 0):
        raise bad_raw("it holds no latencies, or one that is not positive")
    return latency_ns
