"""What would settle an open question: jobs, how long they take, and which is worth most first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..table.units import unit_of
from ..vocabulary.enums import FormatFamily, Profile
from ..vocabulary.profiles import SECOND_NS, shortest_s
from ..vocabulary.values.choices import SelectQuery, SettlingJob
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import Entry, JobSpec
from ..vocabulary.values.rows import TableRow
from .assess import Assessed
from .checks import OBJECTIVE_METRIC
from .ranking import worst_draws
from .sentences import run_command

UNKNOWN_GAIN = 0.5
"""What a recipe of which nothing is known is taken to be able to gain, as a log ratio."""

_OVERHEAD_S = 20.0
"""Processes and files of one entry when no run of it tells how long they take."""


def settling_jobs(
    query: SelectQuery, assessed: Sequence[Assessed], unsettled: Sequence[Assessed]
) -> tuple[SettlingJob, ...]:
    """One job per recipe that is open, the most expected gain per minute first.

    The value of a job is the expected gain over fp32 in the draws where there is one, as if
    measuring would settle it (measurement.md F-3); its cost is what the same runs took before.
    """
    baselines = {
        unit_of(row): row for one in assessed if one.family is FormatFamily.FP32 for row in one.rows
    }
    jobs = []
    for one in unsettled:
        if one.family is FormatFamily.FP32 or not settles(one):
            continue
        thorough = not any(finding.settle == "measure" for finding in one.findings)
        command = run_command(query, [one.recipe], thorough=thorough)
        minutes = _minutes(query, one, list(baselines.values()), thorough=thorough)
        why = one.findings[0].sentence if one.findings else "whether it is better is undecided"
        value = _expected_gain(query, one)
        jobs.append((value / minutes, SettlingJob(one.recipe, why, command, round(minutes, 1))))
    return tuple(job for _, job in sorted(jobs, key=lambda found: (-found[0], found[1].recipe)))


def settles(one: Assessed) -> bool:
    """Whether measuring more could settle all that is open about a recipe."""
    return all(finding.settle for finding in one.findings if not finding.rejects)


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
