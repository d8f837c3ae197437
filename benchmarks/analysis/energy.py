"""Energy from raw data: per inference, with and without the idle power, and the paired ratio."""

from __future__ import annotations

import numpy as np

from ..raw.energy import energy_samples
from ..samples import BASELINE, CANDIDATE, EnergySamples
from ..stats.discards import Discarded
from ..stats.energy import (
    MAX_SPREAD,
    TOO_SHORT,
    bounds,
    counted,
    disagreement,
    energy_of,
    energy_ratio_of,
    why_unusable,
)
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.meters import BESIDE, best_meter, why_no_meter
from ..vocabulary.metric import Group
from ..vocabulary.metrics import keys
from ..vocabulary.reasons import (
    DISCARDED_BLOCKS,
    INSUFFICIENT_SAMPLES,
    INVALID_DISCARDED,
    NO_RAW_DATA,
    NOT_COOLED,
    NOT_IN_PROFILE,
    NOT_TOGETHER,
    SIMULATED_METER,
    UNSTEADY_ENERGY,
)
from ..vocabulary.values.runs import MetricValue
from .apart import is_apart
from .facts import Groups, RunFacts, discarded_detail, items, null

KEYS = keys(lambda metric: metric.group is Group.ENERGY)
SIMULATED = "simulated"
_MJ = 1_000  # in a joule; milliwatts in a watt


def energy(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """`energy_mj`, `energy_active_mj` and `energy_ratio`."""
    alone = facts.is_baseline or is_apart(groups)
    role = RawRole.CANDIDATE if alone else RawRole.BOTH
    raws = groups.get((PassName.ENERGY, role), ())
    if not raws:
        return tuple(null(key, _why_none(facts)) for key in KEYS)
    samples, discarded = counted(energy_samples(raws[0]))
    slowed = INVALID_DISCARDED if discarded.invalid else None
    reason = (
        slowed
        or why_unusable(samples, CANDIDATE)
        or (SIMULATED_METER if samples.kind == SIMULATED else None)
    )
    if reason is not None:
        apart = _second(samples, CANDIDATE)
        meter = {**_meter(samples), **apart, "windows": samples.letter.size}
        meter |= discarded_detail(discarded)
        return tuple(null(key, reason, **meter) for key in KEYS)
    if is_apart(groups):
        return (*_each(samples, discarded), null("energy_ratio", NOT_TOGETHER))
    return (*_each(samples, discarded), _ratio(samples, facts, discarded))


def _meter(samples: EnergySamples) -> dict[str, object]:
    """What the record says of the meter; joules of different kinds are not comparable."""
    said: dict[str, object] = {
        "meter": samples.meter,
        "meter_kind": samples.kind,
        "scope": samples.scope,
        "update_period_ns": samples.update_period_ns,
    }
    if samples.averaging_window_ns:
        said["averaging_window_ns"] = samples.averaging_window_ns
        said["seen_fraction"] = min(samples.averaging_window_ns / samples.update_period_ns, 1.0)
    return said


def _second(samples: EnergySamples, letter: int) -> dict[str, object]:
    """What both meters showed where they differ most; empty when there was but one."""
    apart = disagreement(samples, letter)
    if apart is None:
        return {}
    return {
        "second_meter": samples.second_meter,
        "meter_j": apart.first_mj / _MJ,
        "second_meter_j": apart.second_mj / _MJ,
        "meters_differ": apart.relative,
    }


def _beside(samples: EnergySamples) -> dict[str, object]:
    """Joules of a card's other scopes over the same windows; none of them is in another's."""
    own, found = samples.of(CANDIDATE), {}
    for word in BESIDE:
        told = getattr(own, f"{word}_mj")
        if told.size and np.isfinite(told).all():
            found[f"{word}_j"] = float(told.sum()) / _MJ
    return dict(found)


def _flags(samples: EnergySamples, spread: float, discarded: Discarded) -> tuple[str, ...]:
    found = {
        UNSTEADY_ENERGY: spread > MAX_SPREAD,
        NOT_COOLED: not samples.cooled,
        DISCARDED_BLOCKS: discarded.units > 0,
    }
    return tuple(flag for flag, is_so in found.items() if is_so)


def _why_none(facts: RunFacts) -> str:
    if best_meter(facts.meters) is None:
        return why_no_meter(facts.meters)
    return NO_RAW_DATA if facts.plan.energy_quads else NOT_IN_PROFILE


def _each(samples: EnergySamples, discarded: Discarded) -> tuple[MetricValue, MetricValue]:
    found = energy_of(samples, CANDIDATE)
    flags = _flags(samples, found.spread, discarded)
    detail = items(
        **_meter(samples),
        **_second(samples, CANDIDATE),
        **_beside(samples),
        **discarded_detail(discarded),
        inferences=found.inferences,
        total_j=found.sum_mj / _MJ,
        active_j=found.active_sum_mj / _MJ,
        power_w=found.power_mw / _MJ,
        idle_before_w=found.idle_mw[0] / _MJ,
        idle_after_w=found.idle_mw[1] / _MJ,
        u_gain=found.u_gain / found.total_mj,
        u_edge=found.u_edge / found.total_mj,
        u_rep=found.u_rep / found.total_mj,
        u_idle=found.u_idle / found.total_mj,
        spread=found.spread,
        too_short_windows=int((samples.letter >= TOO_SHORT).sum()),
    )
    values = (
        ("energy_mj", found.total_mj, found.u_total_mj),
        ("energy_active_mj", found.active_mj, found.u_active_mj),
    )
    total, active = (
        MetricValue(key, value, *bounds(value, u), n=found.windows, flags=flags, detail=detail)
        for key, value, u in values
    )
    return total, active


def _ratio(samples: EnergySamples, facts: RunFacts, discarded: Discarded) -> MetricValue:
    key = "energy_ratio"
    if facts.is_baseline:
        return null(key, NO_RAW_DATA)
    reason = why_unusable(samples, BASELINE)
    if reason is not None:
        return null(key, reason, **_second(samples, BASELINE))
    found = energy_ratio_of(samples)
    if found is None:
        return null(key, INSUFFICIENT_SAMPLES)
    return MetricValue(
        key=key,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.quads,
        flags=(DISCARDED_BLOCKS,) if discarded.units else (),
        detail=items(**_meter(samples), quads=found.quads, **discarded_detail(discarded)),
    )
