"""The raw file of pass `sentinel`: metadata of every pass, and `latency_ns` i8[n]."""

from __future__ import annotations

import numpy as np

from ..samples import Ints
from ..vocabulary.errors import BadInput, Code
from .container import RawFile
from .origin import RawOrigin, origin_meta


def sentinel_raw(origin: RawOrigin, latency_ns: Ints) -> RawFile:
    """The raw file of one launch of the sentinel."""
    return RawFile(origin_meta(origin), {"latency_ns": latency_ns})


def sentinel_latencies(raw: RawFile) -> Ints:
    """Single latencies of the sentinel in nanoseconds; `BadInput` when there are none."""
    array = raw.arrays.get("latency_ns")
    if array is None or array.dtype != np.int64 or array.ndim != 1 or array.size == 0:
        raise BadInput(Code.BAD_RAW, "The raw file cannot be used: it holds no latencies.")
    if np.any(array <= 0):
        raise BadInput(Code.BAD_RAW, "The raw file cannot be used: a latency is not positive.")
    latencies: Ints = array
    return latencies
