"""The sentinel's two medians: before the first entry of a lease, and after its last."""

from __future__ import annotations

import numpy as np

from ..raw.sentinel import sentinel_latencies
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.reasons import NO_RAW_DATA
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, null

KEYS = ("sentinel_before_ns", "sentinel_after_ns")
"""By launch: 0 before the job, 1 after it."""


def sentinel(groups: Groups) -> tuple[MetricValue, ...]:
    """`sentinel_before_ns` and `sentinel_after_ns` of the runs that carry them."""
    found = {}
    for raw in groups.get((PassName.SENTINEL, RawRole.FLOOR), ()):
        launch = raw.meta["launch"]
        if launch not in (0, 1):
            raise BadInput(Code.BAD_RAW, f"A sentinel has no launch {launch}.")
        latencies = sentinel_latencies(raw)
        key = KEYS[launch]
        found[key] = MetricValue(key=key, value=float(np.median(latencies)), n=latencies.size)
    return tuple(found.get(key) or null(key, NO_RAW_DATA) for key in KEYS)
