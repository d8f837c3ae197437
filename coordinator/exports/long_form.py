"""Records and the table in long form: one line per metric, with what identifies it.

For CSV and Parquet, where one type per column is worth more than nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bitgauge.benchmarks.record import record as records_of_runs
from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.table import file as table_file
from bitgauge.benchmarks.table.file import TableFile
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.profiles import overrides_words
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from .sheet import Column, Sheet

T = TypeVar("T")
RecordLine = tuple[Record, MetricValue]
"""One metric of one run."""

TableLine = tuple[TableRow, str | None, MetricValue | None]
"""One metric of one row, with the evidence of its run in one word."""


def record_sheet(records: Sequence[Record]) -> Sheet[RecordLine]:
    """Every metric of every record, in their order."""
    lines = ((record, metric) for record in records for _, metric in record.metrics())
    return Sheet(records_of_runs.SCHEMA, RECORD_COLUMNS, tuple(lines))


def table_sheet(table: TableFile) -> Sheet[TableLine]:
    """Every metric of every row, in the order of the table.

    A row without numbers (unsupported, failed) is one line whose `key` is null and whose `reason`
    says why; `null_reason` says why a metric has none.
    """
    digests = {run.run_id: run.sha256 for run in table.runs}
    lines = (
        (row, digests.get(row.run_id or ""), metric)
        for row in table.rows
        for metric in row.metrics or (None,)
    )
    return Sheet(table_file.SCHEMA, TABLE_COLUMNS, tuple(lines))


def _metric_columns(
    metric_of: Callable[[T], MetricValue | None], *, reason: str, flags: str, optional: bool
) -> tuple[Column[T], ...]:
    """What a metric says; `low` and `high` are in `unit`, flags are divided by spaces.

    `reason` and `flags` name two of the columns; where it is optional a line may have no metric.
    """

    def said(name: str) -> Callable[[T], str | int | float | None]:
        return lambda line: getattr(metric_of(line), name, None)

    def unit(line: T) -> str | None:
        metric = metric_of(line)
        return METRICS[metric.key].unit if metric and metric.key in METRICS else None

    return (
        Column("key", str, said("key"), optional),
        Column("unit", str, unit, optional),
        Column("value", float, said("value"), True),
        Column("low", float, said("low"), True),
        Column("high", float, said("high"), True),
        Column("n", int, said("n"), True),
        Column(reason, str, said("reason"), True),
        Column("verdict", str, said("verdict"), True),
        Column("difference", str, said("difference"), True),
        Column(flags, str, lambda line: " ".join(getattr(metric_of(line), "flags", ()))),
        Column("definition", int, said("definition"), optional),
    )


def _run(
    name: str,
    kind: type[str] | type[int],
    of: Callable[[Record], str | int | None],
    optional: bool = False,
) -> Column[RecordLine]:
    return Column(name, kind, lambda line: of(line[0]), optional)


RECORD_COLUMNS: tuple[Column[RecordLine], ...] = (
    _run("run_id", str, lambda one: one.identity.record_id.value or ""),
    _run("job_id", str, lambda one: one.provenance.job_id.value or ""),
    _run("model_name", str, lambda one: one.identity.model_name.value, True),
    _run("model_sha256", str, lambda one: one.identity.model_sha256.value, True),
    _run("artifact_sha256", str, lambda one: one.identity.artifact_sha256.value, True),
    _run("label", str, lambda one: one.identity.label.value, True),
    _run("format", str, lambda one: one.identity.format.value or ""),
    _run("kernel_mode", str, lambda one: one.identity.kernel_mode.value, True),
    _run("device_id", str, lambda one: one.identity.device_id.value or ""),
    _run("device_name", str, lambda one: one.identity.device_name.value, True),
    _run("hardware_class", str, lambda one: one.identity.hardware_class.value, True),
    _run("runtime", str, lambda one: one.identity.runtime.value, True),
    _run("runtime_version", str, lambda one: one.identity.runtime_version.value, True),
    _run("fingerprint", str, lambda one: one.identity.fingerprint.value, True),
    _run("scenario", str, lambda one: one.workload.scenario.value or ""),
    _run("batch", int, lambda one: one.workload.batch.value or 0),
    _run("threads", int, lambda one: one.workload.threads.value or 0),
    _run("prompt_tokens", int, lambda one: one.workload.prompt_tokens.value or 0),
    _run("generated_tokens", int, lambda one: one.workload.generated_tokens.value or 0),
    _run("shapes", str, lambda one: one.workload.shapes.value, True),
    _run("session_options", str, lambda one: one.identity.session_options.value, True),
    _run("input_set_sha256", str, lambda one: one.workload.input_set_sha256.value, True),
    _run("calibration_sha256", str, lambda one: one.workload.calibration_sha256.value, True),
    _run("profile", str, lambda one: one.identity.profile.value or ""),
    _run("measured_unix_ns", int, lambda one: one.provenance.ended_unix_ns.value or 0),
    _run("analysis_version", int, lambda one: one.provenance.analysis_version.value, True),
    Column("group", str, lambda line: METRICS[line[1].key].group.value),
    *_metric_columns(lambda line: line[1], reason="reason", flags="flags", optional=False),
)


def _row(
    name: str,
    kind: type[str] | type[int],
    of: Callable[[TableRow], str | int | None],
    optional: bool = False,
) -> Column[TableLine]:
    return Column(name, kind, lambda line: of(line[0]), optional)


TABLE_COLUMNS: tuple[Column[TableLine], ...] = (
    _row("model_name", str, lambda row: row.model_name),
    _row("model_class", str, lambda row: row.model_class.value),
    _row("baseline_sha256", str, lambda row: row.baseline.sha256 if row.baseline else None, True),
    _row("recipe", str, lambda row: row.recipe),
    _row("family", str, lambda row: row.family.value),
    _row("scenario", str, lambda row: row.workload.scenario.value),
    _row("batch", int, lambda row: row.workload.batch),
    _row("threads", int, lambda row: row.workload.threads),
    _row("prompt_tokens", int, lambda row: row.workload.prompt_tokens),
    _row("generated_tokens", int, lambda row: row.workload.generated_tokens),
    _row("hardware_class", str, lambda row: row.hardware_class.value),
    _row("device_id", str, lambda row: row.device_id),
    _row("device_name", str, lambda row: row.device_name),
    _row("realness", str, lambda row: row.realness.value),
    _row("runtime", str, lambda row: row.runtime),
    _row("profile", str, lambda row: row.profile.value),
    _row("overrides", str, lambda row: overrides_words(row.overrides)),
    _row("state", str, lambda row: row.state.value),
    _row("reason", str, lambda row: row.reason, True),
    _row("kernel_mode", str, lambda row: row.kernel_mode, True),
    _row("flags", str, lambda row: " ".join(row.flags)),
    _row("fingerprint", str, lambda row: row.fingerprint),
    _row("toolchain", str, lambda row: row.toolchain, True),
    _row("measuring_version", int, lambda row: row.measuring_version),
    _row("measured_unix_ns", int, lambda row: row.measured_unix_ns, True),
    _row("run_id", str, lambda row: row.run_id, True),
    Column("run_sha256", str, lambda line: line[1], True),
    *_metric_columns(
        lambda line: line[2], reason="null_reason", flags="metric_flags", optional=True
    ),
)
