"""Records as a table in long form: one row per metric, with what identifies its run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields

from .record import Record


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one run; `low` and `high` in `unit`, `flags` divided by spaces."""

    run_id: str
    job_id: str
    model_name: str | None
    model_sha256: str | None
    artifact_sha256: str | None
    format: str
    kernel_mode: str | None
    device_id: str
    device_name: str | None
    hardware_class: str | None
    runtime: str | None
    runtime_version: str | None
    fingerprint: str | None
    scenario: str
    batch: int
    threads: int
    shapes: str | None
    session_options: str | None
    input_set_sha256: str | None
    calibration_sha256: str | None
    profile: str
    measured_unix_ns: int
    analysis_version: int | None
    group: str
    key: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    reason: str | None
    verdict: str | None
    difference: str | None
    flags: str


COLUMNS = tuple(field.name for field in fields(Row))


def rows(records: Sequence[Record]) -> tuple[Row, ...]:
    """Every metric of every record, in their order."""
    return tuple(row for record in records for row in _rows_of(record))


def to_csv(records: Sequence[Record]) -> bytes:
    """Records as CSV in UTF-8; a null is an empty cell, numbers keep every digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(records):
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: str | float | None) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _rows_of(record: Record) -> list[Row]:
    identity, workload, provenance = record.identity, record.workload, record.provenance
    return [
        Row(
            run_id=identity.record_id.value or "",
            job_id=provenance.job_id.value or "",
            model_name=identity.model_name.value,
            model_sha256=identity.model_sha256.value,
            artifact_sha256=identity.artifact_sha256.value,
            format=identity.format.value or "",
            kernel_mode=identity.kernel_mode.value,
            device_id=identity.device_id.value or "",
            device_name=identity.device_name.value,
            hardware_class=identity.hardware_class.value,
            runtime=identity.runtime.value,
            runtime_version=identity.runtime_version.value,
            fingerprint=identity.fingerprint.value,
            scenario=workload.scenario.value or "",
            batch=workload.batch.value or 0,
            threads=workload.threads.value or 0,
            shapes=workload.shapes.value,
            session_options=identity.session_options.value,
            input_set_sha256=workload.input_set_sha256.value,
            calibration_sha256=workload.calibration_sha256.value,
            profile=identity.profile.value or "",
            measured_unix_ns=provenance.ended_unix_ns.value or 0,
            analysis_version=provenance.analysis_version.value,
            group=group,
            key=measure.key,
            unit=measure.unit,
            value=measure.value,
            low=measure.low,
            high=measure.high,
            n=measure.n,
            reason=measure.reason,
            verdict=measure.verdict,
            difference=measure.difference,
            flags=" ".join(measure.flags),
        )
        for group, measure in record.measures()
    ]
