"""What a raw file of pass `throughput` holds.

meta   stopped, preflight
arrays batch calls start_ns elapsed_ns busy_ns i8[w] per window, conditions f8[w] as in
       `origin`
"""

from __future__ import annotations

import msgspec
import numpy as np

from ..samples import SweepSamples
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import arrays_of, bad_raw, conditions_arrays, conditions_of, ints_of, meta_of

_WINDOW = ("batch", "calls", "start_ns", "elapsed_ns", "busy_ns")


class _Meta(msgspec.Struct, frozen=True):
    stopped: str = ""


def throughput_raw(origin: RawOrigin, samples: SweepSamples) -> RawFile:
    """The raw file of one launch of pass `throughput`."""
    meta = origin_meta(origin) | {"stopped": samples.stopped}
    return RawFile(meta, arrays_of(samples) | conditions_arrays(samples.conditions))


def sweep_samples(raw: RawFile) -> SweepSamples:
    """The samples of a raw file of pass `throughput`; `BadInput` when it does not hold them."""
    windows = ints_of(raw, "batch").size
    columns = {name: ints_of(raw, name, windows) for name in _WINDOW}
    batch, calls = columns["batch"], columns["calls"]
    if not windows or np.any(batch < 1) or np.any(calls < 1) or np.any(np.diff(batch) < 0):
        raise bad_raw("its windows do not form a sweep over batches")
    stopped = meta_of(raw, _Meta).stopped
    return SweepSamples(**columns, conditions=conditions_of(raw, windows), stopped=stopped)
