"""Whether a median latency would need more than the device was ever seen to do (A-14).

Both bounds are on work that is certain: multiplications that the overflow ledger counted in the
executed graph, and weights that cannot all lie in a cache. A row beyond a bound stays, flagged
`impossible` when a launch after a fresh reading of the anchors is beyond them too, else
`anomalous`. A reading that was taken while others used the machine proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..numerics.ledger import FLOAT, Ledger, OperatorRow
from ..raw.absolute import absolute_samples
from ..raw.anchors import FP16, FP32, INT8, MEMORY, Anchors, together
from ..raw.container import RawFile
from ..raw.given import given_of
from ..raw.numerics import read_ledger
from ..stats.sanity import ANCHOR_SLACK, beyond_anchor
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import ANOMALOUS, IMPOSSIBLE
from ..vocabulary.shown import size
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, items

_NS_PER_S = 1e9
_DEVICE_TIME = "the runtime tells no time of the device besides the host's"
_NO_ANCHORS = "its raw files hold no anchors"
_NO_LEDGER = "no overflow ledger counts its work"
_READ_UNDER_LOAD = "the anchors were read while others used the machine"
BF16, FP8 = "bf16_flops_per_s", "fp8_flops_per_s"
"""What no runtime's anchors measure yet, so that there is no bound on it."""
_UNCOUNTED = ("transpose", "attention")
"""Operators of which the ledger's count is no lower bound: a part of it may be skipped."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound.

    Attributes:
        work: what one call certainly does.
        anchor: the most of it per second; None when it cannot be checked.
        why_not: why not, "" when it can.
    """

    work: float = 0.0
    anchor: float | None = None
    why_not: str = ""

    def per_s(self, median_ns: float) -> float:
        """What the median claims."""
        return self.work / (median_ns / _NS_PER_S)


def bounded(median: MetricValue, groups: Groups, facts: RunFacts) -> MetricValue:
    """The median latency with what it claims beside the anchors, flagged where it is beyond."""
    if median.value is None or median.value <= 0:
        return median
    anchors, ledger = anchors_of(groups), _ledger(groups)
    bounds = bounds_of(ledger, anchors, facts.workload)
    told: dict[str, object] = {}
    for name, bound in bounds.items():
        if bound.anchor is None:
            told[f"{name}_unchecked"] = bound.why_not
            continue
        told[f"{name}_per_s"] = f"{bound.per_s(median.value):.4g}"
        told[f"{name}_anchor_per_s"] = f"{bound.anchor:.4g}"
    flag = None
    if anchors is not None and is_beyond(bounds, median.value):
        if anchors.is_quiet or anchors.is_unknown:
            confirmed = anchors.is_quiet and _is_confirmed(groups, bounds)
            flag = IMPOSSIBLE if confirmed else ANOMALOUS
        else:
            told["beyond_unchecked"] = _READ_UNDER_LOAD
    if not _tells_device_time(groups):
        told["device_time_unchecked"] = _DEVICE_TIME
    flags = median.flags if flag is None or IMPOSSIBLE in median.flags else (*median.flags, flag)
    return replace(median, flags=flags, detail=(*median.detail, *items(**told)))


def _tells_device_time(groups: Groups) -> bool:
    """Whether launches hold what the device told, against which `device_time` holds the median."""
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    return any("device_ns" in raw.arrays for raw in raws)


def bounds_of(
    ledger: Ledger | None, anchors: Anchors | None, workload: Workload
) -> dict[str, Bound]:
    """Each bound by what it is a bound on."""
    return {
        "flops": flops_bound(ledger, anchors, workload),
        "bytes": bytes_bound(ledger, anchors, workload),
    }


def is_beyond(bounds: Mapping[str, Bound], median_ns: float) -> bool:
    """Whether a median latency needs more than an anchor, where that can be checked."""
    return any(
        beyond_anchor(bound.per_s(median_ns), bound.anchor)
        for bound in bounds.values()
        if bound.anchor is not None
    )


def least_ns(bounds: Mapping[str, Bound]) -> float:
    """The median latency below which `is_beyond` says so; 0 where nothing can be checked."""
    return max(
        (
            _NS_PER_S * bound.work / (ANCHOR_SLACK * bound.anchor)
            for bound in bounds.values()
            if bound.anchor is not None
        ),
        default=0.0,
    )


def _is_confirmed(groups: Groups, bounds: Mapping[str, Bound]) -> bool:
    """Whether a launch that followed a fresh reading of the anchors is beyond them, too."""
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    readings = [_reading(raw) for raw in raws]
    fresh = [raw for raw, at in zip(raws, readings, strict=True) if at > min(readings)]
    medians = [float(np.median(absolute_samples(raw)[0].latency_ns)) for raw in fresh]
    return bool(medians) and all(is_beyond(bounds, median) for median in medians)


def _reading(raw: RawFile) -> float:
    anchors = given_of(raw).anchors
    return 0.0 if anchors is None else anchors.reading


def anchors_of(groups: Groups) -> Anchors | None:
    """The anchors that held when the candidate was timed, as its launches were given them."""
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    return together(found for raw in raws if (found := given_of(raw).anchors) is not None)


def _ledger(groups: Groups) -> Ledger | None:
    raws = groups.get((PassName.NUMERICS, RawRole.BOTH), ())
    ledger = read_ledger(raws[0]) if raws else None
    return ledger if ledger is not None and not ledger.why_not else None


def flops_bound(ledger: Ledger | None, anchors: Anchors | None, workload: Workload) -> Bound:
    """Two operations per multiplication, against the fastest type that it computes in."""
    if anchors is None or ledger is None:
        return Bound(why_not=_NO_ANCHORS if anchors is None else _NO_LEDGER)
    rows = [row for row in ledger.products if row.macs and not (row.inside or _is_uncounted(row))]
    if not rows:
        return Bound(why_not="the ledger counts no product of matrices")
    threads = workload.threads
    peaks = []
    for quantity in sorted({quantity for row in rows for quantity in _quantities(row)}):
        peak = anchors.peak(quantity, threads)
        if peak is None:
            return Bound(why_not=f"there is no anchor {quantity}")
        peaks.append(peak)
    work = 2.0 * sum(row.macs for row in rows) * workload.batch
    return Bound(work, max(peaks))


def bytes_bound(ledger: Ledger | None, anchors: Anchors | None, workload: Workload) -> Bound:
    """Weights beyond what all caches hold come from memory at every call."""
    if anchors is None or ledger is None:
        return Bound(why_not=_NO_ANCHORS if anchors is None else _NO_LEDGER)
    known = [row.weight_bytes for row in ledger.products if row.weight_bytes is not None]
    if not known:
        return Bound(why_not="the ledger does not tell the size of its weights")
    weights, cache = sum(known), anchors.cache_bytes
    if cache is None:
        return Bound(why_not="the size of the caches is not told")
    if weights <= cache:
        return Bound(why_not=f"{size(weights)} of weights fit in {size(cache)} of cache")
    peak = anchors.peak(MEMORY, workload.threads)
    if peak is None:
        return Bound(why_not=f"there is no anchor {MEMORY}")
    return Bound(weights - cache, peak)


def _is_uncounted(row: OperatorRow) -> bool:
    return any(part in row.op_type.lower() for part in _UNCOUNTED)


def _quantities(row: OperatorRow) -> tuple[str, ...]:
    """The anchors of what a row may be computed in; weights alone may be either."""
    if row.activation_type == "bf16":
        return (BF16,)
    if "f8" in row.activation_type or "f8" in row.weight_type:
        return (FP8,)
    if row.compute == FLOAT:
        return (FP16 if row.activation_type == "f16" else FP32,)
    return (FP32, INT8)
