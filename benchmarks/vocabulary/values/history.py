"""Comparisons, histories and regressions as plain frozen values.

Like `model`: each class has a message of the same name and fields in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..enums import FormatFamily, HardwareClass, ModelClass
from .digests import Digest
from .rows import StackChange, TableRow
from .runs import MetricValue


@dataclass(frozen=True, slots=True)
class MetricChange:
    """How a metric moved from `before` to `after`, two separate measurements.

    Attributes:
        verdict: `improved`, `regressed`, `same` or `unknown`.
        scale: whether `value` is after / before (`ratio`) or after - before (`difference`).
        value: the change; None when there is none to name.
        low: lower bound at 95 %.
        high: upper bound at 95 %.
        reason: why the verdict is `unknown`, a key of `change.REASONS`.
    """

    key: str
    before: MetricValue
    after: MetricValue
    verdict: str
    scale: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CompareQuery:
    """What to hold against what; the words are resolved by who knows the store.

    A word is a run id, a stack (the start of a fingerprint, or `device@date`), a date, a recipe
    or a device; `run:`, `stack:`, `date:`, `recipe:` or `device:` before it says which is meant.
    """

    before: str
    after: str
    model_name: str | None = None
    recipe: str | None = None
    device: str | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class RowComparison:
    """Two rows that are alike but for what is studied, metric by metric.

    Both rows come without their metrics. `changes` names every input that is another one in the
    later; `paired` is the ratio that the later run measured against the earlier one itself, the
    stronger statement, where the earlier is its baseline of the same job.
    """

    before: TableRow
    after: TableRow
    changes: tuple[StackChange, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    paired: MetricValue | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets of results: what is studied (`factor`), what was matched, and what could not be."""

    before: str
    after: str
    factor: str
    rows: tuple[RowComparison, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which series to show: all that match, or that of the row a run belongs to.

    `metric` absent: the latency ratio, of a baseline its median latency.
    """

    model_name: str | None = None
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    family: FormatFamily | None = None
    recipe: str | None = None
    device: str | None = None
    batch: int | None = None
    run_id: str | None = None
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One accepted run of a series.

    `changes` names what is another one than at the point before. `counts` is false for a value
    that nothing is judged by: it is null, its job was suspect, or it follows an older definition.
    """

    run_id: str
    job_id: str
    measured_unix_ns: int
    settled_unix_ns: int
    value: MetricValue
    fingerprint: str = ""
    artifact: Digest | None = None
    flags: tuple[str, ...] = ()
    changes: tuple[StackChange, ...] = ()
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Annotation:
    """An accepted change: what was measured before `from_unix_ns` is no longer the baseline."""

    from_unix_ns: int
    note: str
    made_unix_ns: int
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A lasting change of level in a series.

    `index` is the first point of the new level; `before` and `after` are medians of the values
    on either side, with their range of order statistics; `verdict` is that of `MetricChange`.
    """

    index: int
    run_id: str
    before: MetricValue
    after: MetricValue
    verdict: str
    changes: tuple[StackChange, ...] = ()


@dataclass(frozen=True, slots=True)
class RowHistory:
    """The values of one metric in one row over time, and what can be said of them.

    `row` comes without its metrics. `finding` is one sentence: the steps that were found, that
    there is none, or that there are too few values for any action.
    """

    row: TableRow
    row_key: str
    metric: str
    points: tuple[HistoryPoint, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    steps: tuple[Step, ...] = ()
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Regression:
    """Something that became worse, from the run that showed it to its end.

    Attributes:
        regression_id: follows from subject, signal, metric and first run.
        state: `new`, `confirmed`, `explained`, `fixed` or `not_confirmed`.
        signal: `accuracy_loss`, `latency_drift`, `overflow_rate` or `verdict`.
        row: the row of the run that showed it, without its metrics.
        subject: its row key; of a drift the device, runtime and format family it is about.
        before: what was usual, with the range of it; a verdict where that is the signal.
        after: what the run that showed it found.
        bound: beyond which `metric` is worse than usual, in the unit of `before`.
        sentence: all of this for people.
        opened_unix_ns: when it was found, UTC nanoseconds.
        changed_unix_ns: when its state changed last, UTC nanoseconds.
        run_ids: the run that showed it, then those that confirmed or ended it.
        confirm_job_id: the job that measures once more.
        note: why it was accepted, when it was.
        alert: what became of its alert, in words; absent: none was due.
    """

    regression_id: str
    state: str
    signal: str
    metric: str
    row: TableRow
    subject: str
    before: MetricValue
    after: MetricValue
    bound: float
    sentence: str
    opened_unix_ns: int
    changed_unix_ns: int
    run_ids: tuple[str, ...] = ()
    changes: tuple[StackChange, ...] = ()
    confirm_job_id: str | None = None
    note: str | None = None
    alert: str | None = None


@dataclass(frozen=True, slots=True)
class Annotated:
    """What an annotation did: rows whose baseline restarts, and regressions it explained."""

    rows: int
    regressions: tuple[Regression, ...] = ()
