"""What would settle an open question: jobs, how long they take, and which is worth most first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..table.units import unit_of
from ..vocabulary.enums import Profile
from ..vocabulary.profiles import SECOND_NS, shortest_s
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import Entry, JobSpec
from ..vocabulary.values.rows import TableRow
from .assess import Assessed
from .checks import OBJECTIVE_METRIC
from .objections import Settle
from .ranking import worst_draws

UNKNOWN_GAIN = 0.5
"""What a recipe of which nothing is known is taken to be able to gain, as a log ratio."""

_OVERHEAD_S = 20.0
"""Processes and files of one entry when no run of it tells how long they take."""


@dataclass(frozen=True, slots=True)
class Settling:
    """A job that would settle what is open about one recipe.

    Attributes:
        of: the recipe.
        thorough: whether a longer profile is needed, and not only a measurement.
        minutes: about how long it takes.
    """

    of: Assessed
    thorough: bool
    minutes: float


def settling_jobs(
    query: SelectQuery, assessed: Sequence[Assessed], unsettled: Sequence[Assessed]
) -> tuple[Settling, ...]:
    """One job per recipe that is open, the most expected gain per minute first.

    The value of a job is the expected gain over fp32 in the draws where there is one, as if
    measuring would settle it (measurement.md F-3); its cost is what the same runs took before.
    """
    baselines = {unit_of(row): row for one in assessed if one.is_baseline for row in one.rows}
    jobs = []
    for one in unsettled:
        if one.is_baseline or not one.settles:
            continue
        thorough = is_thorough([one])
        minutes = _minutes(query, one, list(baselines.values()), thorough=thorough)
        jobs.append((_expected_gain(query, one) / minutes, Settling(one, thorough, minutes)))
    return tuple(job for _, job in sorted(jobs, key=lambda found: (-found[0], found[1].of.recipe)))


def is_thorough(those: Sequence[Assessed]) -> bool:
    """Whether measuring them once more as they were measured would tell nothing new."""
    return not any(
        objection.settle is Settle.MEASURE for one in those for objection in one.objections
    )


def _minutes(
    query: SelectQuery, one: Assessed, baselines: Sequence[TableRow], *, thorough: bool
) -> float:
    """Minutes of the recipe and its baseline on every unit."""
    rows = [*one.rows, *baselines]
    durations = [row.run_duration_ns / SECOND_NS for row in rows if row.run_duration_ns]
    profile = one.rows[0].profile if one.rows else Profile.QUICK
    wanted = Profile.STANDARD if thorough and profile is Profile.QUICK else profile
    least = [_least_s(query, which) for which in (profile, wanted)]
    if durations:
        # What is not a timed window stays as long as it was.
        return (sum(durations) + len(durations) * (least[1] - least[0])) / 60
    return max(1, len(rows)) * (least[1] + _OVERHEAD_S) / 60


def _least_s(query: SelectQuery, profile: Profile) -> float:
    """Timed seconds of one entry under a profile."""
    nothing = Digest("", 0)
    one = JobSpec(
        "",
        nothing,
        (Entry("fp32"), Entry("fp32")),
        nothing,
        workload=query.workload,
        profile=profile,
    )
    return shortest_s(one) - shortest_s(replace(one, entries=one.entries[:1]))


def _expected_gain(query: SelectQuery, one: Assessed) -> float:
    worst = worst_draws(OBJECTIVE_METRIC[query.objective], one.rows)
    if worst is None:
        return UNKNOWN_GAIN
    return float(np.maximum(0.0, -worst).mean())
