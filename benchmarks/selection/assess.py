"""From table rows to assessed recipes: which rows answer a query, and how each recipe does.

A recipe must hold on every unit of evidence (model, device, runtime) of the question; the
figures shown for it are those of its worst unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..table.units import Unit, best_rows, current_baselines, unit_of
from ..vocabulary.enums import FormatFamily, Objective
from ..vocabulary.values.choices import Candidate, SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .checks import findings, gains, may_gain, objective_value, with_throughput_ratio
from .findings import Finding, is_baseline
from .limits import RATIOS, Chances, chances, of_baseline


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows that answer a query, one per recipe and unit, in a fixed order."""

    rows: tuple[TableRow, ...]
    units: tuple[Unit, ...]
    warnings: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether any row holds numbers."""
        return any(row.state.has_numbers for row in self.rows)


@dataclass(frozen=True, slots=True)
class Assessed:
    """One recipe with its rows and everything that speaks against it.

    A recipe whose sessions are made with an option is one of its own: `TableRow.variant`.
    """

    recipe: str
    family: FormatFamily
    rows: tuple[TableRow, ...]
    findings: tuple[Finding, ...]

    @property
    def eligible(self) -> bool:
        """Whether it meets every limit on every unit."""
        return not self.findings

    @property
    def open(self) -> bool:
        """Whether nothing rejects it, and something is not known."""
        return bool(self.findings) and not any(finding.rejects for finding in self.findings)

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
        if key in RATIOS and self.family is FormatFamily.FP32:
            return of_baseline(key)
        values = [row.metric(key) for row in self.rows]
        if not values:
            return MetricValue(key=key, reason="not_measured")
        return _worst(values, high=key != "accuracy_delta_pp")

    def flags(self) -> tuple[str, ...]:
        """Every flag of its rows, once."""
        return tuple(sorted({flag for row in self.rows for flag in row.flags}))

    def candidate(self) -> Candidate:
        """The recipe as an answer shows it."""
        return Candidate(
            recipe=self.recipe,
            family=self.family,
            eligible=self.eligible,
            reasons=tuple(finding.sentence for finding in self.findings),
            latency_ratio=self.worst("latency_ratio"),
            size_ratio=self.worst("size_ratio"),
            accuracy_delta_pp=self.worst("accuracy_delta_pp"),
            run_ids=tuple(sorted(row.run_id for row in self.rows if row.run_id)),
        )


def gather(query: SelectQuery, rows: Iterable[TableRow]) -> Evidence:
    """The rows that speak to a query: same class, hardware, workload; real devices only.

    Of several profiles of one unit the most thorough counts, of equals the newest; one that was
    overridden to measure less comes last. Rows that
    were compared with an older baseline of a model are left out with a warning.
    """
    asked = [row for row in rows if _answers(query, row)]
    current, warnings = current_baselines(asked)
    ordered = best_rows(current)
    if query.objective is Objective.THROUGHPUT:
        baselines = {unit_of(row): row for row in ordered if is_baseline(row)}
        ordered = tuple(with_throughput_ratio(row, baselines.get(unit_of(row))) for row in ordered)
    return Evidence(ordered, tuple(sorted({unit_of(row) for row in ordered})), warnings)


def assess(query: SelectQuery, evidence: Evidence, now_ns: int = 0) -> tuple[Assessed, ...]:
    """Every recipe of the evidence against the query, ordered by recipe.

    Args:
        query: the question.
        evidence: from `gather`.
        now_ns: UTC nanoseconds, for a limit on age.
    """
    found: dict[tuple[str, FormatFamily], dict[Unit, tuple[TableRow, Chances]]] = {}
    for row in evidence.rows:
        own = found.setdefault((row.variant, row.family), {})
        own[unit_of(row)] = (row, chances(query, row))
    names = {unit: _unit_name(unit, evidence) for unit in evidence.units}
    mixed = _mixed_meters(query, evidence)
    return tuple(
        Assessed(
            recipe,
            family,
            tuple(row for row, _ in found[recipe, family].values()),
            (*_found(query, names, found[recipe, family], now_ns), *mixed),
        )
        for recipe, family in sorted(found)
    )


def _found(
    query: SelectQuery,
    names: dict[Unit, str],
    rows: dict[Unit, tuple[TableRow, Chances]],
    now_ns: int,
) -> list[Finding]:
    found: list[Finding] = []
    for unit, name in names.items():
        prefix = f"{name}: " if name else ""
        if unit not in rows:
            found.append(Finding(False, f"{prefix}it was not measured here", "measure"))
            continue
        row, shares = rows[unit]
        found.extend(
            Finding(finding.rejects, prefix + finding.sentence, finding.settle)
            for finding in findings(query, row, shares, now_ns)
        )
    devices = len({row.device_id for row, _ in rows.values() if row.state.has_numbers})
    if query.min_devices is not None and devices < query.min_devices:
        found.append(
            Finding(
                False, f"it was measured on {devices} of {query.min_devices} devices", "measure"
            )
        )
    return found


def _mixed_meters(query: SelectQuery, evidence: Evidence) -> tuple[Finding, ...]:
    """Joules of different kinds of meter are not held against one limit (DESIGN.md 9)."""
    if query.max_energy_mj is None:
        return ()
    kinds = {
        item.value
        for row in evidence.rows
        for item in row.metric("energy_mj").detail
        if item.name == "meter_kind"
    }
    if len(kinds) < 2:
        return ()
    listed = ", ".join(sorted(kinds))
    return (Finding(False, f"its energy is of different kinds of meter ({listed})"),)


def _unit_name(unit: Unit, evidence: Evidence) -> str:
    """As much of a unit as is needed to tell it from the others."""
    devices = {row.device_id: row.device_name for row in evidence.rows}
    parts = []
    if len({model for model, _, _ in evidence.units}) > 1:
        parts.append(unit[0])
    if len(devices) > 1:
        parts.append(f"on {devices[unit[1]]}")
    if len({runtime for _, _, runtime in evidence.units}) > 1:
        parts.append(f"with {unit[2]}")
    return " ".join(parts)


def _answers(query: SelectQuery, row: TableRow) -> bool:
    return (
        row.model_class is query.model_class
        and row.hardware_class is query.hardware_class
        and row.workload == query.workload
        and query.model_name in (None, row.model_name)
        and row.realness.keeps_time
    )


def _worst(values: Sequence[MetricValue], *, high: bool) -> MetricValue:
    for metric in values:
        if metric.value is None:
            return metric
    worst = (max if high else min)(metric.value or 0.0 for metric in values)
    tied = [metric for metric in values if (metric.value or 0.0) == worst]
    # Writing metrics down makes the order total, and takes longer than all the rest of this.
    return tied[0] if len(tied) == 1 else sorted(tied, key=repr)[-1 if high else 0]
