"""What a refresh measures, why, and in which order: most value per device-second first.

Pure: the same targets, rows, questions and durations in any order give the same plan.

    score = staleness x demand x uncertainty / seconds

after measurement.md F-6, with what people asked and how much a cell is used for the regret of a
wrong answer. Only what has a reason is measured: a fresh cell is never planned.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..table.rows import row_key
from ..table.staleness import AGE, aged
from ..vocabulary.enums import CellState, HardwareClass, ModelClass, Profile
from ..vocabulary.profiles import plan_of, shortest_s
from ..vocabulary.reasons import SUSPECT
from ..vocabulary.values.campaigns import (
    PlannedCell,
    PlannedJob,
    RefreshPlan,
    SkippedDevice,
    Volume,
)
from ..vocabulary.values.jobs import Overrides, Workload
from ..vocabulary.values.rows import StackChange, TableRow
from .targets import Target, spec_of

NEVER_RUN = "never_run"
STALE = "stale"
UNDECIDED = "undecided"
FAILED = "failed"
RECALIBRATED = "recalibrated"
"""It was built with a calibration set that another one replaces."""

WEIGHTS: Mapping[str, float] = {
    NEVER_RUN: 1.0,
    STALE: 1.0,
    RECALIBRATED: 1.0,
    UNDECIDED: 0.5,
    FAILED: 0.25,
}
"""How much a reason counts. A failure is likely to come again; what is stale by age alone counts
half, for its numbers are of today's stack."""

START_S = 0.6
"""What a child process takes to start, load and end, seconds; measured on a virtual machine with
two processors, and used only until runs of the lab say better."""

_OTHER_PASSES = 4
"""Child processes of a run besides its launches: quality, numerics, operators, throughput."""

MIN_DEADLINE_S = 3600
DEADLINE_FACTOR = 4.0
LEAST_UNCERTAINTY = 0.05


@dataclass(frozen=True, slots=True)
class Ask:
    """How often a part of the table was asked for; an unset field was not named."""

    count: int
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    workload: Workload | None = None


@dataclass(frozen=True, slots=True)
class RunTime:
    """How long an earlier run took on its device, in seconds."""

    model_name: str
    recipe: str
    device_id: str
    workload: Workload
    profile: Profile
    overrides: Overrides
    seconds: float


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan is made from besides its targets.

    Attributes:
        rows: of the table, marked with what changed since.
        asks: what people asked lately.
        volumes: how much is used.
        times: of earlier runs.
    """

    rows: tuple[TableRow, ...] = ()
    asks: tuple[Ask, ...] = ()
    volumes: tuple[Volume, ...] = ()
    times: tuple[RunTime, ...] = ()


@dataclass(frozen=True, slots=True)
class _Due:
    target: Target
    cell: PlannedCell


def plan(
    targets: Iterable[Target],
    known: Known,
    now_ns: int,
    *,
    budget_s: int | None = None,
    max_age_s: int | None = None,
    stale_only: bool = False,
    recalibrated: bool = False,
    skipped: tuple[SkippedDevice, ...] = (),
) -> RefreshPlan:
    """The jobs that bring the targets up to date.

    Args:
        targets: what could be measured.
        known: table, demand and durations.
        now_ns: UTC nanoseconds, for the age of results.
        budget_s: device seconds that may be spent; what they do not pay for is listed as cut.
        max_age_s: age at which a result is stale, in seconds.
        stale_only: whether anything but what is stale is left out.
        recalibrated: every target is measured, for it is built with another calibration set.
        skipped: devices that were left out before.
    """
    rows = {row_key(row): row for row in known.rows}
    clock, wanted = _Clock(known.times), Demand(known.asks, known.volumes)
    due, fresh = [], 0
    for target in targets:
        row = rows.get(target.key)
        why, changes = reason(row, now_ns, max_age_s)
        if recalibrated:
            why, changes = RECALIBRATED, ()
        if why is None or (stale_only and why != STALE):
            fresh += why is None
        else:
            due.append(_Due(target, _cell(target, row, wanted, clock, why=why, changes=changes)))
    due.sort(key=lambda one: (-one.cell.score, repr(one.target.key)))
    chosen, cut = _within(due, clock, budget_s)
    jobs = tuple(_job(group, clock) for group in chosen)
    return RefreshPlan(
        jobs=jobs,
        cut=tuple(cut),
        fresh=fresh,
        skipped=skipped,
        seconds=sum(job.seconds for job in jobs),
        budget_s=budget_s,
    )


def reason(
    row: TableRow | None, now_ns: int, max_age_s: int | None
) -> tuple[str | None, tuple[StackChange, ...]]:
    """Why a target has to be measured, and the inputs that changed; None: it has not.

    Accuracy that its evaluation set leaves undecided is no reason: the same samples give the same
    answer. Time that was left undecided is, and so is a result of a device that drifted.
    """
    if row is None or row.state is CellState.NEVER_RUN:
        return NEVER_RUN, ()
    changes = row.changes + aged(row, now_ns, max_age_s)
    if changes:
        return STALE, changes
    if row.state is CellState.FAILED:
        return FAILED, ()
    undecided = row.metric("latency_ratio").verdict == "UNDECIDED" or SUSPECT in row.flags
    return (UNDECIDED, ()) if row.state.has_numbers and undecided else (None, ())


_Part = tuple[ModelClass | None, HardwareClass | None, Workload | None]


class Demand:
    """How much each part of the table is wanted, by what people asked and by what is used.

    Counted once, so that a target costs the same however much was asked.
    """

    def __init__(self, asks: Iterable[Ask], volumes: Iterable[Volume]) -> None:
        self._asked: Counter[_Part] = Counter()
        for ask in asks:
            if (ask.model_class, ask.hardware_class) != (None, None):
                self._asked[_part(ask)] += ask.count
        used: dict[_Part, list[float]] = {}
        for volume in volumes:
            used.setdefault(_part(volume), []).append(volume.per_day)
        self._used = {part: math.fsum(rates) for part, rates in used.items()}

    def of(self, target: Target) -> float:
        """1, and more for each question and tenfold of daily use."""
        parts: set[_Part] = set(
            itertools.product(
                {None, target.model.model_class},
                {None, target.hardware_class},
                {None, target.workload},
            )
        )
        asked = sum(self._asked[part] for part in parts if part in self._asked)
        used = math.fsum(self._used[part] for part in parts if part in self._used)
        return (1.0 + math.log2(1.0 + asked)) * (1.0 + math.log10(1.0 + used))


def _part(one: Ask | Volume) -> _Part:
    return one.model_class, one.hardware_class, one.workload


def uncertainty(row: TableRow | None) -> float:
    """How little is known, 0 to 1: the relative width of the latency ratio's interval."""
    if row is None or not row.state.has_numbers:
        return 1.0
    ratio = row.metric("latency_ratio")
    if row.is_baseline:
        ratio = row.metric("latency_p50_ns")
    if not ratio.value or ratio.low is None or ratio.high is None:
        return 1.0
    return min(1.0, max(LEAST_UNCERTAINTY, (ratio.high - ratio.low) / ratio.value))


def _cell(
    target: Target,
    row: TableRow | None,
    wanted: Demand,
    clock: _Clock,
    *,
    why: str,
    changes: tuple[StackChange, ...],
) -> PlannedCell:
    seconds = clock.seconds(target)
    weight = WEIGHTS[why]
    if changes and all(change.name == AGE for change in changes):
        weight /= 2
    known_little = 1.0 if why == STALE and weight == WEIGHTS[STALE] else uncertainty(row)
    return PlannedCell(
        model_name=target.model.name,
        recipe=target.recipe,
        workload=target.workload,
        device_name=target.device_name,
        runtime=target.runtime,
        why=why,
        changes=changes,
        seconds=seconds,
        score=weight * wanted.of(target) * known_little / max(seconds, 1e-3),
    )


def _within(
    due: Sequence[_Due], clock: _Clock, budget_s: int | None
) -> tuple[list[list[_Due]], list[PlannedCell]]:
    """What the budget pays for, by job, and what it does not.

    The first cell of a job pays for its baseline too; a cell that no longer fits is cut, and a
    shorter one after it may still fit.
    """
    groups: dict[tuple[object, ...], list[_Due]] = {}
    cut: list[PlannedCell] = []
    spent = 0.0
    for one in due:
        cost = 0.0 if one.target.is_baseline else one.cell.seconds
        if one.target.group not in groups:
            cost += clock.baseline(one.target)
        if budget_s is not None and spent + cost > budget_s:
            cut.append(one.cell)
            continue
        spent += cost
        groups.setdefault(one.target.group, []).append(one)
    return list(groups.values()), cut


def _job(group: Sequence[_Due], clock: _Clock) -> PlannedJob:
    targets = [one.target for one in group]
    seconds = clock.baseline(targets[0]) + sum(
        one.cell.seconds for one in group if not one.target.is_baseline
    )
    deadline_s = max(MIN_DEADLINE_S, math.ceil(DEADLINE_FACTOR * seconds))
    return PlannedJob(
        spec=spec_of(targets, deadline_s),
        device_id=targets[0].device_id,
        device_name=targets[0].device_name,
        seconds=seconds,
        cells=tuple(one.cell for one in group),
    )


class _Clock:
    """How long runs take: as the same one did, as others did there, as the profile says."""

    def __init__(self, times: Iterable[RunTime]) -> None:
        took: dict[tuple[object, ...], list[float]] = {}
        for time in times:
            there = (time.device_id, time.profile, time.overrides)
            same = (time.model_name, time.recipe, time.workload, *there)
            for key in (same, there):
                took.setdefault(key, []).append(time.seconds)
        self._usual_s = {key: statistics.median(found) for key, found in took.items()}

    def seconds(self, target: Target) -> float:
        """Expected device time of one entry, in seconds."""
        there = (target.device_id, target.profile, target.overrides)
        same = (target.model.name, target.recipe, target.workload, *there)
        usual_s = self._usual_s.get(same, self._usual_s.get(there))
        return _promised_s(target) if usual_s is None else usual_s

    def baseline(self, target: Target) -> float:
        """Expected device time of the baseline of the target's job, in seconds."""
        return self.seconds(target.baseline)


def _promised_s(target: Target) -> float:
    """What the profile says of one entry, before anything like it was measured."""
    plan = plan_of(target.profile, target.overrides)
    launches = plan.pair_launches + plan.absolute_launches + plan.memory_launches
    alone = shortest_s(spec_of([target.baseline], MIN_DEADLINE_S))
    timed_s = alone
    if not target.is_baseline:
        timed_s = shortest_s(spec_of([target], MIN_DEADLINE_S)) - alone
    return timed_s + START_S * (launches + plan.no_arena_launches + _OTHER_PASSES)
