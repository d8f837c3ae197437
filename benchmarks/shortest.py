"""How long a job takes at the very least: what its profile spends inside timed windows.

Processes that start, models that load and files that travel come on top, and so does everything
that a slow model does beyond a window. A deadline below this cannot be met.
"""

from __future__ import annotations

import math

from .model import JobSpec
from .profiles import SECOND_NS, ProfilePlan, floor_plan, plan_of
from .vocabulary import PassName

HEADROOM = 1.3
"""A deadline that is proposed leaves so much more: half of a job of many launches is no window."""

_BLOCKS_PER_QUAD = 4


def shortest_s(spec: JobSpec) -> float:
    """Seconds inside timed windows that every run of `spec` has to spend.

    A profile that may end early counts with its fewest launches and quads. Energy is left out: a
    device without a meter spends nothing on it. Builds and waiting take no running time.
    """
    plan = plan_of(spec.profile, spec.overrides)
    wanted = spec.passes or tuple(PassName)
    launches = plan.absolute_launches
    if plan.absolute_half_width is not None:
        launches = min(launches, plan.absolute_min_launches)
    absolute_ns = launches * (plan.warmup_min_ns + plan.absolute_timed_ns)
    entries, floor = len(spec.entries), floor_plan(plan)
    total_ns = 0
    if PassName.ABSOLUTE in wanted:
        total_ns += floor.warmup_min_ns + floor.absolute_timed_ns + entries * absolute_ns
    if PassName.THROUGHPUT in wanted and plan.sweeps(spec.workload.scenario):
        total_ns += entries * plan.throughput_point_ns
    if PassName.PAIR in wanted:
        total_ns += (entries - 1) * _pair_ns(plan)
    return total_ns / SECOND_NS


def _pair_ns(plan: ProfilePlan) -> int:
    quads_ns = plan.quads * _BLOCKS_PER_QUAD * plan.block_ns
    return plan.pair_launches * (plan.warmup_min_ns + min(quads_ns, plan.pair_budget_ns))


def deadline_warning(spec: JobSpec) -> str | None:
    """A sentence about a deadline that cannot be met, with one that can; None when it may be."""
    least_s = shortest_s(spec)
    if least_s <= spec.deadline_s:
        return None
    enough_s = 60 * math.ceil(HEADROOM * least_s / 60)
    return (
        f"{len(spec.entries)} entries under profile {spec.profile.value} are timed for at least"
        f" {lasting(least_s)}, which is more than the deadline of {lasting(spec.deadline_s)}: what"
        f" is not measured by then will fail. Give --deadline {enough_s}, or fewer recipes."
    )


def lasting(seconds: float) -> str:
    """A duration for people, rounded up: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
