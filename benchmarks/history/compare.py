"""Two sets of results held against each other, row by row.

Pure. Rows are matched by their row key less the factor that is studied. What has no partner is
named, with the reason where it is near: numbers of other workloads, profiles or baselines are
never mixed. Everything here compares separate measurements (see `change`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..vocabulary.metrics import METRICS
from ..vocabulary.profiles import overrides_words
from ..vocabulary.values.history import Comparison, MetricChange, RowComparison
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .change import change_between
from .past import Measured, input_changes, row_words


class Factor(str, enum.Enum):
    """What is studied: what may differ between two rows that are compared."""

    RUN = "run"
    STACK = "stack"
    DATE = "date"
    RECIPE = "recipe"
    ARTIFACT = "artifact"
    DEVICE = "device"


class _Part(NamedTuple):
    """A part of a row key: its value, and how people are told of it."""

    value: Callable[[TableRow], object]
    told: Callable[[TableRow], str]


def _workload(row: TableRow) -> str:
    one = row.workload
    tokens = f" prompt {one.prompt_tokens} generated {one.generated_tokens}" if one.is_llm else ""
    return f"{one.scenario.value} batch {one.batch} threads {one.threads}{tokens}"


_FIELDS = {
    "model": _Part(lambda row: row.model_name, lambda row: row.model_name),
    "baseline": _Part(
        lambda row: row.baseline, lambda row: row.baseline.sha256[:12] if row.baseline else "none"
    ),
    "recipe": _Part(lambda row: row.recipe, lambda row: row.recipe),
    "artifact": _Part(lambda row: row.artifact, lambda row: row.own_name or "built here"),
    "workload": _Part(lambda row: row.workload, _workload),
    "device": _Part(lambda row: row.device_id, lambda row: row.device_name),
    "runtime": _Part(lambda row: row.runtime, lambda row: row.runtime),
    "profile": _Part(lambda row: row.profile, lambda row: row.profile.value),
    "overrides": _Part(
        lambda row: row.overrides, lambda row: overrides_words(row.overrides) or "none"
    ),
    "reference": _Part(
        lambda row: row.reference_runtime, lambda row: f"against {row.reference_runtime}"
    ),
    "output": _Part(lambda row: row.output, lambda row: row.output or "the one that fits"),
}
"""The parts of a row key, by the word that people know."""

_STUDIED: dict[Factor, frozenset[str]] = {
    Factor.RUN: frozenset({"recipe", "artifact", "device", "runtime", "reference"}),
    Factor.STACK: frozenset(),
    Factor.DATE: frozenset(),
    Factor.RECIPE: frozenset({"recipe", "artifact"}),
    Factor.ARTIFACT: frozenset({"recipe", "artifact"}),
    Factor.DEVICE: frozenset({"device"}),
}


def compare(
    names: tuple[str, str], factor: Factor, before: Sequence[Measured], after: Sequence[Measured]
) -> Comparison:
    """Match two sets of results and say what changed between them.

    Of a recipe there may be several files of owners: each is held against each.

    Args:
        names: of the earlier and the later set, for sentences.
        factor: what is studied.
        before: the earlier set, at most one row per row key.
        after: the later one.
    """
    fields = [field for field in _FIELDS if field not in _STUDIED[factor]]
    later: dict[tuple[object, ...], list[Measured]] = {}
    for one in after:
        if one.row.state.has_numbers:
            later.setdefault(_key(one.row, fields), []).append(one)
    rows, left_out, used = [], [], set()
    for one in before:
        key = _key(one.row, fields)
        if not one.row.state.has_numbers:
            continue
        if key in later:
            used.add(key)
            rows += [_compared(one, other) for other in later[key]]
        else:
            left_out.append(_no_partner(one.row, names[0], after, fields))
    left_out += [
        f"{row_words(one.row)}: only {names[1]} has it"
        for key, those in later.items()
        for one in those
        if key not in used and _nearest(one.row, before, fields) is None
    ]
    return Comparison(names[0], names[1], factor.value, tuple(rows), tuple(left_out))


def _compared(before: Measured, after: Measured) -> RowComparison:
    return RowComparison(
        before=replace(before.row, metrics=()),
        after=replace(after.row, metrics=()),
        changes=input_changes(before, after),
        metrics=metric_changes(before.row, after.row),
        paired=_paired(before, after),
    )


def metric_changes(before: TableRow, after: TableRow) -> tuple[MetricChange, ...]:
    """How each metric moved that either row has, in the order of the registry."""
    told = {one.key for row in (before, after) for one in row.metrics if one.value is not None}
    return tuple(change_between(key, before, after) for key in METRICS if key in told)


def _paired(before: Measured, after: Measured) -> MetricValue | None:
    """The ratio that a candidate's run measured against its baseline in the same child."""
    first, second = before.evidence, after.evidence
    if first.job_id != second.job_id or first.entry_index != 0 or second.entry_index == 0:
        return None
    ratio = after.row.metric("latency_ratio")
    return ratio if ratio.value is not None else None


# -- what has no partner ------------------------------------------------------------------
def _key(row: TableRow, fields: Sequence[str]) -> tuple[object, ...]:
    return tuple(_FIELDS[field].value(row) for field in fields)


def _differing(first: TableRow, second: TableRow, fields: Sequence[str]) -> list[str]:
    return [
        field for field in fields if _FIELDS[field].value(first) != _FIELDS[field].value(second)
    ]


_NEAR = frozenset({"workload", "profile", "baseline", "overrides", "output", "reference"})
"""What may keep two rows apart that somebody could take for partners."""


def _nearest(row: TableRow, others: Sequence[Measured], fields: Sequence[str]) -> TableRow | None:
    """A row that is another one only by one of `_NEAR`."""
    for one in others:
        differing = _differing(row, one.row, fields)
        if one.row.state.has_numbers and len(differing) == 1 and differing[0] in _NEAR:
            return one.row
    return None


def _no_partner(row: TableRow, name: str, others: Sequence[Measured], fields: Sequence[str]) -> str:
    near = _nearest(row, others, fields)
    if near is None and len(others) == 1:
        near = others[0].row
    if near is None:
        return f"{row_words(row)}: only {name} has it"
    told = [
        f"another {field} ({_FIELDS[field].told(row)} and {_FIELDS[field].told(near)})"
        for field in _differing(row, near, fields)
    ]
    return f"{row_words(row)}: not compared, {' and '.join(told)}"
