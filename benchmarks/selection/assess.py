"""The second step: each recipe against each limit.

A recipe must hold on every unit of evidence (model, device, runtime) of the question; the
figures shown for it are those of its worst unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..table.units import Unit, unit_of
from ..vocabulary.enums import FormatFamily, Objective
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .checks import ACCURACY_LIMIT, gains, may_gain, objections, objective_value
from .gather import Gathered
from .limits import RATIOS, Chances, chances, of_baseline
from .objections import Objection, Settle, Why

_QUALITY = ("accuracy_delta_pp", "perplexity_ratio")
"""What holds the quality of a recipe against its baseline's."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """One recipe with its rows and everything that speaks against it.

    A recipe whose sessions are made with an option is one of its own, and so is a file of its
    owner's where there are several: `Gathered.name`.

    Attributes:
        recipe: its name.
        family: its format family.
        rows: one per unit where it was looked at.
        objections: in the order of the units and the limits.
        tightest: share of draws in which the limit nearest to breaking holds; None when no
            limit is a matter of draws.
        unjudged: models that say nothing of its accuracy.
    """

    recipe: str
    family: FormatFamily
    rows: tuple[TableRow, ...] = ()
    objections: tuple[Objection, ...] = ()
    tightest: float | None = None
    unjudged: tuple[str, ...] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether it is the FP32 baseline itself."""
        return self.family is FormatFamily.FP32 and all(row.is_baseline for row in self.rows)

    @property
    def file(self) -> TableRow | None:
        """A row of the one file that all of it is about; None when it is of a recipe."""
        files = {row.artifact for row in self.rows}
        return self.rows[0] if len(files) == 1 and files != {None} else None

    @property
    def runtime(self) -> str:
        """What executes it; where each unit has its own, all of them."""
        return ", ".join(dict.fromkeys(row.runtime for row in self.rows))

    @property
    def eligible(self) -> bool:
        """Whether it meets every limit on every unit."""
        return not self.objections

    @property
    def open(self) -> bool:
        """Whether nothing rejects it, and something is not known."""
        return bool(self.objections) and not any(one.rejects for one in self.objections)

    @property
    def settles(self) -> bool:
        """Whether measuring more could settle all that is open about it."""
        return all(one.settle is not Settle.NOTHING for one in self.objections if not one.rejects)

    def gains(self, objective: Objective) -> bool:
        """Whether it is better than the baseline in the objective on every unit."""
        return bool(self.rows) and all(gains(objective, row) for row in self.rows)

    def may_gain(self, objective: Objective) -> bool:
        """Whether more measuring could show that it is."""
        return all(may_gain(objective, row) for row in self.rows)

    def objective(self, objective: Objective) -> MetricValue:
        """Its worst value of the objective; null when one unit lacks it."""
        return _worst([objective_value(objective, row) for row in self.rows], high=True)

    def worst(self, key: str) -> MetricValue:
        """Its worst value of a metric over the units; null when one unit lacks it."""
        if key in RATIOS and self.is_baseline:
            return of_baseline(key)
        without = self.unjudged if key in _QUALITY else ()
        values = [row.metric(key) for row in self.rows if row.model_name not in without]
        if not values:
            return MetricValue(key=key, reason="not_measured")
        return _worst(values, high=key != "accuracy_delta_pp")

    def flags(self) -> tuple[str, ...]:
        """Every flag of its rows, once."""
        return tuple(sorted({flag for row in self.rows for flag in row.flags}))


def assess(query: SelectQuery, gathered: Gathered, now_ns: int = 0) -> tuple[Assessed, ...]:
    """Every recipe of the rows against the query, ordered by recipe."""
    found: dict[tuple[str, FormatFamily], dict[Unit, tuple[TableRow, Chances]]] = {}
    for row in gathered.rows:
        own = found.setdefault((gathered.name(row), row.family), {})
        own[unit_of(row)] = (row, chances(query, row))
    mixed = _mixed_meters(query, gathered)
    return tuple(
        Assessed(
            recipe,
            family,
            tuple(row for row, _ in rows.values()),
            (*_against(query, gathered, rows, now_ns), *mixed),
            min((share for _, shares in rows.values() for share in shares.values()), default=None),
            gathered.unjudged,
        )
        for (recipe, family), rows in sorted(found.items(), key=lambda one: one[0])
    )


def _against(
    query: SelectQuery,
    gathered: Gathered,
    rows: Mapping[Unit, tuple[TableRow, Chances]],
    now_ns: int,
) -> Iterator[Objection]:
    for unit in gathered.units:
        if unit in rows:
            unjudged = rows[unit][0].model_name in gathered.unjudged
            for one in objections(query, *rows[unit], now_ns):
                if not (unjudged and one.limit == ACCURACY_LIMIT and one.why is Why.UNKNOWN):
                    yield one
        else:
            yield Objection(Why.UNMEASURED, unit=unit, settle=Settle.MEASURE)
    devices = len({row.device_id for row, _ in rows.values() if row.state.has_numbers})
    if query.min_devices is not None and devices < query.min_devices:
        yield Objection(Why.FEW_DEVICES, settle=Settle.MEASURE, devices=devices)


def _mixed_meters(query: SelectQuery, gathered: Gathered) -> tuple[Objection, ...]:
    """Joules of different kinds of meter are not held against one limit (DESIGN.md 9)."""
    if query.max_energy_mj is None:
        return ()
    kinds = {
        item.value
        for row in gathered.rows
        for item in row.metric("energy_mj").detail
        if item.name == "meter_kind"
    }
    return (Objection(Why.MIXED_METERS, meters=tuple(sorted(kinds))),) if len(kinds) > 1 else ()


def _worst(values: Sequence[MetricValue], *, high: bool) -> MetricValue:
    for metric in values:
        if metric.value is None:
            return metric
    worst = (max if high else min)(metric.value or 0.0 for metric in values)
    tied = [metric for metric in values if (metric.value or 0.0) == worst]
    # Writing metrics down makes the order total, and takes longer than all the rest of this.
    return tied[0] if len(tied) == 1 else sorted(tied, key=repr)[-1 if high else 0]
