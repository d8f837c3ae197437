"""The table in long form: one line per row and metric, with what identifies the row.

For CSV and Parquet, where one type per column is worth more than nesting. A row without numbers
(unsupported, failed) is one line whose `key` is null and whose `reason` says why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from ..vocabulary.metrics import METRICS
from ..vocabulary.profiles import overrides_words
from ..vocabulary.values.rows import TableRow
from .file import TableFile


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one row; `value`, `low` and `high` in `unit`, flags divided by spaces.

    `reason` says why the row has no numbers, `null_reason` why this metric has none.
    """

    model_name: str
    model_class: str
    baseline_sha256: str | None
    recipe: str
    family: str
    scenario: str
    batch: int
    threads: int
    hardware_class: str
    device_id: str
    device_name: str
    realness: str
    runtime: str
    profile: str
    overrides: str
    state: str
    reason: str | None
    kernel_mode: str | None
    flags: str
    fingerprint: str
    toolchain: str | None
    measuring_version: int
    measured_unix_ns: int | None
    run_id: str | None
    run_sha256: str | None
    key: str | None
    unit: str | None
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    null_reason: str | None
    verdict: str | None
    difference: str | None
    metric_flags: str


COLUMNS = tuple(field.name for field in fields(Line))


def lines(table: TableFile) -> tuple[Line, ...]:
    """Every metric of every row, in the order of the table."""
    digests = {run.run_id: run.sha256 for run in table.runs}
    return tuple(line for row in table.rows for line in _lines_of(row, digests))


def to_csv(table: TableFile) -> bytes:
    """The lines as CSV in UTF-8; a null is an empty cell, numbers keep every digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines(table):
        writer.writerow([_cell(getattr(line, name)) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: str | float | None) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _lines_of(row: TableRow, digests: dict[str, str]) -> Iterator[Line]:
    bare = _bare(row, digests.get(row.run_id or ""))
    if not row.metrics:
        yield bare
    for metric in row.metrics:
        yield replace(
            bare,
            key=metric.key,
            unit=METRICS[metric.key].unit if metric.key in METRICS else None,
            value=metric.value,
            low=metric.low,
            high=metric.high,
            n=metric.n,
            null_reason=metric.reason,
            verdict=metric.verdict,
            difference=metric.difference,
            metric_flags=" ".join(metric.flags),
        )


def _bare(row: TableRow, run_sha256: str | None) -> Line:
    """What every line of a row says."""
    return Line(
        model_name=row.model_name,
        model_class=row.model_class.value,
        baseline_sha256=row.baseline.sha256 if row.baseline else None,
        recipe=row.recipe,
        family=row.family.value,
        scenario=row.workload.scenario.value,
        batch=row.workload.batch,
        threads=row.workload.threads,
        hardware_class=row.hardware_class.value,
        device_id=row.device_id,
        device_name=row.device_name,
        realness=row.realness.value,
        runtime=row.runtime,
        profile=row.profile.value,
        overrides=overrides_words(row.overrides),
        state=row.state.value,
        reason=row.reason,
        kernel_mode=row.kernel_mode,
        flags=" ".join(row.flags),
        fingerprint=row.fingerprint,
        toolchain=row.toolchain,
        measuring_version=row.measuring_version,
        measured_unix_ns=row.measured_unix_ns,
        run_id=row.run_id,
        run_sha256=run_sha256,
        key=None,
        unit=None,
        value=None,
        low=None,
        high=None,
        n=None,
        null_reason=None,
        verdict=None,
        difference=None,
        metric_flags="",
    )
