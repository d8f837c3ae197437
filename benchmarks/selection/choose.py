"""The last step that decides: from assessed recipes to an outcome, as a value.

What the data does not decide is a tie or undecided, never guessed. `sentences` says it in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..stats.pareto import Standing
from ..table.units import unit_of
from ..vocabulary.enums import FormatFamily, Objective
from ..vocabulary.values.cells import Cell
from ..vocabulary.values.choices import BreakEven, SelectQuery
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed
from .break_even import break_even, pays_in_time
from .gather import Gathered, measured_workloads
from .nearest import Lifted, Near, loosened, nearest, similar_model
from .ranking import Ranking
from .settle import Settling, settling_jobs
from .twins import guarded

FALLBACK = "fp16"
"""The conservative choice when nothing was measured."""

MUCH_SMALLER = 0.95
"""From which size ratio on a recipe that is not faster is named for its size."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """A question, what speaks to it, and how each recipe does.

    Attributes:
        query: the question.
        gathered: the rows that speak to it.
        assessed: each recipe against each limit.
        standings: of the recipes that may be chosen, by recipe.
        front: those on the Pareto front.
    """

    query: SelectQuery
    gathered: Gathered
    assessed: tuple[Assessed, ...]
    standings: Mapping[str, Standing]
    front: tuple[str, ...] = ()

    @property
    def fp32(self) -> Assessed:
        """The baseline as assessed; an empty stand-in when it has no row."""
        known = (one for one in self.assessed if one.is_baseline)
        return next(known, Assessed("fp32", FormatFamily.FP32))


@dataclass(frozen=True, slots=True)
class Ship:
    """One recipe is better than fp32 and meets every limit.

    Attributes:
        chosen: the one that is named first.
        near: all whose regret is next to none, the chosen one included, smaller ones first.
        likely: others that are as likely to be the best.
        maybe: open ones that may be better still.
        pays: when the switch pays; None where it is not known, or nobody asked.
        settling: jobs that would tell more.
    """

    chosen: Assessed
    near: tuple[Assessed, ...]
    likely: tuple[Assessed, ...]
    maybe: tuple[Assessed, ...]
    pays: BreakEven | None
    settling: tuple[Settling, ...]

    @property
    def rivals(self) -> tuple[str, ...]:
        """Recipes that the data shows no difference from."""
        return tuple(one.recipe for one in (*self.near, *self.likely) if one is not self.chosen)

    @property
    def of_one_size(self) -> bool:
        """Whether none of those with next to no regret is smaller than another."""
        return len({size_order(one)[0] for one in self.near}) == 1


@dataclass(frozen=True, slots=True)
class DoesNotPay:
    """A recipe is better than fp32, and the switch does not pay in time."""

    better: Assessed
    pays: BreakEven


@dataclass(frozen=True, slots=True)
class KeepFp32:
    """Nothing is better than fp32.

    Attributes:
        others: every other recipe.
        smaller: one that meets every limit and is much smaller, where size was not asked for.
        pays: when the likeliest of those that meet every limit would pay.
    """

    others: tuple[Assessed, ...]
    smaller: Assessed | None = None
    pays: BreakEven | None = None

    @property
    def tried(self) -> bool:
        """Whether any other recipe could be measured."""
        return any(row.state.has_numbers for one in self.others for row in one.rows)

    @property
    def eligible(self) -> bool:
        """Whether any other recipe meets every limit."""
        return any(one.eligible for one in self.others)


@dataclass(frozen=True, slots=True)
class Undecided:
    """The data does not settle whether some recipes are better, or meet every limit.

    Attributes:
        open: these recipes, the most promising first.
        keep: whether fp32 meets every limit, so that it is safe until then.
        settling: jobs that would tell.
    """

    open: tuple[Assessed, ...]
    keep: bool
    settling: tuple[Settling, ...]


@dataclass(frozen=True, slots=True)
class NoneMeets:
    """No recipe meets every limit, fp32 included; what would without one of them."""

    without: tuple[Lifted, ...]


@dataclass(frozen=True, slots=True)
class NothingMeasured:
    """Nothing was measured for the question.

    Attributes:
        barred: whether the conservative choice is ruled out.
        empty: whether the table has nothing at all.
        workloads: of what was measured for the same class and hardware.
        similar: the nearest name, where there is no model of the one that was asked about.
        near: what was measured elsewhere.
    """

    barred: bool
    empty: bool
    workloads: tuple[Workload, ...]
    similar: str | None
    near: tuple[Near, ...]


Decision = Ship | DoesNotPay | KeepFp32 | Undecided | NoneMeets


def nothing_measured(
    query: SelectQuery,
    assessed: Sequence[Assessed],
    rows: Sequence[TableRow],
    cells: Iterable[Cell],
) -> NothingMeasured:
    """What can be said where nothing was measured."""
    cells = tuple(cells)
    return NothingMeasured(
        barred=any(one.recipe == FALLBACK and not (one.open or one.eligible) for one in assessed),
        empty=not rows and not any(one.state.has_numbers for one in cells),
        workloads=measured_workloads(query, rows),
        similar=similar_model(query, rows),
        near=nearest(query, cells),
    )


def choose(grounds: Grounds, ranking: Ranking | None, now_ns: int) -> Decision:
    """The outcome where something was measured; the ranking is of those that may be chosen."""
    objective, fp32 = grounds.query.objective, grounds.fp32
    others = tuple(one for one in grounds.assessed if one is not fp32)
    keep = bool(fp32.rows) and fp32.eligible
    winners = [one for one in others if one.eligible and (not keep or one.gains(objective))]
    winners = guarded(winners, grounds.assessed, objective)
    if winners and ranking is not None:
        return _ship(grounds, ranking, winners)
    unsettled = [
        one
        for one in others
        if (one.open or one.eligible) and (not keep or one.may_gain(objective))
    ]
    if fp32.open:
        unsettled.append(fp32)
    if unsettled:
        promising = sorted(unsettled, key=lambda one: _promise(grounds.query, one))
        settling = settling_jobs(grounds.query, grounds.assessed, promising)
        return Undecided(tuple(promising), keep, settling)
    if keep:
        return _keep(grounds, others)
    return NoneMeets(loosened(grounds.query, grounds.gathered, now_ns))


def _ship(grounds: Grounds, ranking: Ranking, winners: Sequence[Assessed]) -> Ship | DoesNotPay:
    near, likely = ranking.tied(winners)
    near = tuple(sorted(near, key=size_order))
    chosen = near[0]
    pays = _break_even(grounds, chosen)
    if pays is not None and not pays_in_time(grounds.query, pays):
        return DoesNotPay(chosen, pays)
    maybe = _might_be_better(grounds, chosen)
    # Where one of several is better and the data does not say which, measuring them tells.
    unsure = (*near, *likely) if likely else ()
    settling = settling_jobs(grounds.query, grounds.assessed, (*unsure, *maybe))
    return Ship(chosen, near, likely, maybe, pays, settling)


def _might_be_better(grounds: Grounds, chosen: Assessed) -> tuple[Assessed, ...]:
    """Recipes that are open and whose figure is better than the chosen one's."""
    objective = grounds.query.objective
    limit = _value(chosen.objective(objective))
    return tuple(
        one
        for one in grounds.assessed
        if one.open and not one.is_baseline and _value(one.objective(objective)) < limit
    )


def _keep(grounds: Grounds, others: tuple[Assessed, ...]) -> KeepFp32:
    eligible = [one for one in others if one.eligible]
    if not eligible:
        return KeepFp32(others)
    small = min(eligible, key=size_order)
    ratio = small.worst("size_ratio").value
    named = (
        grounds.query.objective is not Objective.SIZE and ratio is not None and ratio < MUCH_SMALLER
    )
    likeliest = min(eligible, key=lambda one: _promise(grounds.query, one))
    return KeepFp32(others, small if named else None, _break_even(grounds, likeliest))


def _break_even(grounds: Grounds, chosen: Assessed) -> BreakEven | None:
    baselines = {unit_of(row): row for row in grounds.fp32.rows}
    pairs = [(baselines[unit_of(row)], row) for row in chosen.rows if unit_of(row) in baselines]
    return break_even(grounds.query, chosen.recipe, pairs)


def _value(metric: MetricValue) -> float:
    return float("inf") if metric.value is None else metric.value


def _promise(query: SelectQuery, one: Assessed) -> tuple[float, tuple[float, float, str]]:
    return _value(one.objective(query.objective)), size_order(one)


def size_order(one: Assessed) -> tuple[float, float, str]:
    """Smaller first, then more accurate, then by name, so that the answer is always the same."""
    return (
        _value(one.worst("size_ratio")),
        -(one.worst("accuracy_delta_pp").value or 0.0),
        one.recipe,
    )
