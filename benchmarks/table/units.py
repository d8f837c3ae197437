"""Units of evidence: where a recipe must hold, and which row speaks for it there.

Pure: the order in which rows come never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..vocabulary.enums import Profile
from ..vocabulary.metric import Group
from ..vocabulary.metrics import keys
from ..vocabulary.profiles import buys_less
from ..vocabulary.reasons import OLDER_DEFINITION, OTHER_OUTPUT
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue

Unit = tuple[str, str, str]
"""Model name, device id, runtime of the baseline: where a recipe must hold.

What another runtime executes is held against the same baseline, so it is another choice there and
no other place.
"""

_JUDGED = keys(lambda metric: metric.group is Group.QUALITY and not metric.counted)

_PROFILE_RANK = {
    Profile.QUICK: 0,
    Profile.SUSTAINED: 1,
    Profile.STANDARD: 2,
    Profile.CERTIFIED: 3,
}


def unit_of(row: TableRow) -> Unit:
    """The unit of evidence that a row belongs to."""
    return (row.model_name, row.device_id, row.reference_runtime)


def variant_of(row: TableRow) -> str:
    """What a row is counted as where recipes are held against each other."""
    return row.variant


def best_rows(
    rows: Iterable[TableRow], name: Callable[[TableRow], str] = variant_of
) -> tuple[TableRow, ...]:
    """The row that counts per name and unit, ordered by both.

    Of several profiles of one unit the most thorough counts, of equals the newest; one that was
    overridden to measure less comes last. What was built here counts before the files of owners,
    of which it is not known how they were made.
    """
    found: dict[tuple[str, Unit], list[TableRow]] = {}
    for row in rows:
        found.setdefault((name(row), unit_of(row)), []).append(row)
    return tuple(_best(found[key]) for key in sorted(found))


def _best(rows: Sequence[TableRow]) -> TableRow:
    # Most units have one row, and writing a row down takes longer than all the rest of this.
    return rows[0] if len(rows) == 1 else max(rows, key=thoroughness)


def thoroughness(row: TableRow) -> tuple[bool, bool, bool, int, bool, int, str]:
    """Sorts the rows of one unit by how much they are worth, the best last."""
    return (
        row.state.has_numbers,
        row.artifact is None,
        not buys_less(row.overrides, row.profile),
        _PROFILE_RANK[row.profile],
        not row.overrides.session_options,
        row.measured_unix_ns or 0,
        repr(row),  # Makes the order total, so that the order of the rows cannot matter.
    )


def told_apart(rows: Iterable[TableRow]) -> Mapping[tuple[str, Digest | None], str]:
    """A name for each (variant, artifact of its owner) among these rows.

    The variant alone where there is one artifact of it; else the owner's are named.
    """
    found: dict[str, dict[Digest | None, str]] = {}
    for row in rows:
        found.setdefault(row.variant, {})[row.artifact] = row.full_name
    return {
        (variant, artifact): full if artifact is not None and len(named) > 1 else variant
        for variant, named in found.items()
        for artifact, full in named.items()
    }


def current_baselines(rows: Sequence[TableRow]) -> tuple[list[TableRow], tuple[str, ...]]:
    """Rows compared with the newest baseline of their model, and the models of those left out."""
    newest: dict[str, tuple[int, Digest]] = {}
    for row in rows:
        if row.baseline is not None and row.state.has_numbers:
            told = (row.measured_unix_ns or 0, row.baseline)
            newest[row.model_name] = max(told, newest.get(row.model_name, told))
    kept, dropped = [], set()
    for row in rows:
        current = newest.get(row.model_name)
        if current is None or row.baseline in (None, current[1]):
            kept.append(row)
        else:
            dropped.add(row.model_name)
    return kept, tuple(sorted(dropped))


def comparable(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Rows whose numbers can be held together: of one definition, and judged on one output."""
    return of_one_output(of_one_definition(rows))


def of_one_output(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Rows of which each model's accuracy is that of one output: the one judged last.

    What was judged on another one is null with the reason.
    """
    judged = {id(row): judged_output(row) for row in rows}
    if not any(judged.values()):
        return tuple(rows)
    newest: dict[str, tuple[int, str]] = {}
    for row in rows:
        if judged[id(row)]:
            told = (row.measured_unix_ns or 0, judged[id(row)])
            newest[row.model_name] = max(told, newest.get(row.model_name, told))
    return tuple(
        row
        if not judged[id(row)] or judged[id(row)] == newest[row.model_name][1]
        else replace(row, metrics=tuple(map(_not_of_this_output, row.metrics)))
        for row in rows
    )


def judged_output(row: TableRow) -> str:
    """The output that a row's accuracy is about; empty where it does not say."""
    told = (
        item.value
        for key in ("accuracy_delta_pp", "accuracy_pct")
        for item in row.metric(key).detail
        if item.name == "output"
    )
    return next(told, row.output)


def _not_of_this_output(metric: MetricValue) -> MetricValue:
    if metric.key not in _JUDGED or metric.value is None:
        return metric
    return MetricValue(metric.key, reason=OTHER_OUTPUT, definition=metric.definition)


def of_one_definition(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Rows whose numbers can be held together: of each metric those of its newest definition.

    The others are null with the reason. Which is the newest is decided among these rows, so that
    a table of yesterday's definitions can still be asked.
    """
    newest: dict[str, int] = {}
    mixed = False
    for row in rows:
        for metric in row.metrics:
            known = newest.setdefault(metric.key, metric.definition)
            if metric.definition != known:
                newest[metric.key], mixed = max(known, metric.definition), True
    if not mixed:
        return tuple(rows)
    return tuple(
        replace(row, metrics=tuple(_newest(metric, newest[metric.key]) for metric in row.metrics))
        for row in rows
    )


def _newest(metric: MetricValue, definition: int) -> MetricValue:
    if metric.definition == definition:
        return metric
    return MetricValue(metric.key, reason=OLDER_DEFINITION, definition=definition)
