"""What the store remembers of the past of each row: a protocol on plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.answers import TableRow
from bitgauge.benchmarks.history_values import (
    Annotated,
    Annotation,
    HistoryPoint,
    HistoryQuery,
    Regression,
)
from bitgauge.benchmarks.past import Evidence


@dataclass(frozen=True, slots=True)
class Settled:
    """Which settled entries to look at; an empty field matches everything."""

    model_name: str | None = None
    recipe: str | None = None
    device: str | None = None
    batch: int | None = None
    run_id: str | None = None
    fingerprint: str | None = None
    until_unix_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The accepted runs of one row key in the order of time, and its accepted changes."""

    row: TableRow
    row_key: str
    metric: str
    points: tuple[HistoryPoint, ...] = ()
    annotations: tuple[Annotation, ...] = ()


class HistoryAnswers(Protocol):
    """What may be asked about the past, also read-only. Raises `BitgaugeError` only."""

    def settled_rows(self, which: Settled) -> tuple[TableRow, ...]:
        """The newest row per row key among the settled entries that match, with its metrics.

        `fingerprint` matches by its beginning.
        """

    def evidence(self, run_id: str) -> Evidence:
        """What is kept of a run besides its numbers. `UNKNOWN_RUN` when there is none."""

    def fingerprints(self, beginning: str) -> tuple[str, ...]:
        """Every stack fingerprint of an accepted run that begins so."""

    def series(self, query: HistoryQuery) -> tuple[Series, ...]:
        """The series that match, in the order of the table. `UNKNOWN_RUN` for an unknown run."""

    def regressions(self, *, ended: bool) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that nobody has taken yet."""

    regression: Regression
    attempts: int


class HistoryStore(HistoryAnswers, Protocol):
    """The part of the store that judges runs by their past. Raises `BitgaugeError` only."""

    def unjudged(self) -> tuple[str, ...]:
        """Analysed runs of ended jobs that nobody has held against their past, oldest first."""

    def judge_run(self, run_id: str, now_ns: int) -> tuple[Regression, ...]:
        """Hold a run against the past of its row, once; what it opened, confirmed or ended.

        What is opened queues one job that measures the run's entry once more on its device; what
        is confirmed has an alert due. A run that was judged before changes nothing.
        """

    def annotate(self, query: HistoryQuery, note: str, now_ns: int, made_by: str) -> Annotated:
        """Restart the baseline of the rows that match from now on, or from the run of `query`.

        Their open regressions are explained. `UNKNOWN_RUN` when no row matches.
        """

    def explain(self, regression_id: str, note: str, now_ns: int, made_by: str) -> Annotated:
        """Accept what a regression is about: its rows' baseline restarts at the run it showed.

        `UNKNOWN_REGRESSION`; `ILLEGAL_TRANSITION` when it has ended.

        Args:
            regression_id: the beginning of its id.
            note: why it is accepted.
            now_ns: UTC nanoseconds.
            made_by: name of a token.
        """

    def due_alert(self, now_ns: int) -> DueAlert | None:
        """The alert that has waited longest, if any is due."""

    def alert_sent(self, regression_id: str, now_ns: int) -> None:
        """Note that an alert was taken."""

    def alert_failed(self, regression_id: str, why: str, next_unix_ns: int) -> None:
        """Note why an alert was not taken, and when to try again."""
