"""What may be asked of the memory of record, also read-only."""

from __future__ import annotations

from typing import Protocol

from bitgauge.benchmarks.history.past import Evidence
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    ScheduleView,
)
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.history import (
    HistoryQuery,
    Regression,
)
from bitgauge.benchmarks.vocabulary.values.jobs import JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import (
    RunView,
)

from .values import (
    LeaseTerms,
    Series,
    Settled,
)


class CampaignAnswers(Protocol):
    """What may be asked of campaigns, also read-only."""

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or by the beginning of one. `UNKNOWN_CAMPAIGN`."""

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first, without their diffs."""

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""


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


class Answers(CampaignAnswers, HistoryAnswers, Protocol):
    """What may be asked of the memory of record, also read-only. Raises `BitgaugeError` only."""

    def close(self) -> None:
        """Close every connection."""

    def devices(self, now_ns: int, terms: LeaseTerms) -> tuple[DeviceView, ...]:
        """Every device, `unreachable` after the silence that `terms` allow."""

    def job(self, job_id: str) -> JobView:
        """One job. `UNKNOWN_JOB` when there is none."""

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""

    def run(self, run_id: str) -> RunView:
        """One run. `UNKNOWN_RUN` when there is none."""

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job, in order of arrival."""

    def rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The newest row per row key that matches; simulated and emulated results never."""

    def deciding_rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Like `rows`, with `table.DECIDING_METRICS` and no others: a third of the work."""

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that something was measured or tried for, without priors."""
