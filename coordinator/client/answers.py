"""What a shell asks of whoever answers: a coordinator, a database file, an exported table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, ScheduleView
    from bitgauge.benchmarks.vocabulary.values.cells import Cell
    from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
    from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
    from bitgauge.benchmarks.vocabulary.values.digests import Digest
    from bitgauge.benchmarks.vocabulary.values.gates import (
        GateVerdict,
        PairedAnswers,
        RuleVerdict,
        UseCase,
        VerdictQuery,
    )
    from bitgauge.benchmarks.vocabulary.values.history import (
        CompareQuery,
        Comparison,
        HistoryQuery,
        Regression,
        RowHistory,
    )
    from bitgauge.benchmarks.vocabulary.values.jobs import JobView
    from bitgauge.benchmarks.vocabulary.values.registry import (
        AliasMove,
        Lineage,
        Registered,
        RegistryQuery,
    )
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
    from bitgauge.benchmarks.vocabulary.values.runs import RunView


class Reads(Protocol):
    """What a coordinator, a database file and an exported table all answer."""

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, by name."""

    def job(self, job_id: str) -> JobView:
        """One job."""

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, priors among them; `query` says which are looked for."""

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""

    def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, with their steps."""

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""

    def judge(
        self,
        run: str,
        use_case: UseCase,
        paired: PairedAnswers | None = None,
        further: Sequence[RuleVerdict] = (),
    ) -> GateVerdict:
        """What a gate says of a run; nothing is kept."""

    def verdicts(self, query: VerdictQuery) -> tuple[GateVerdict, ...]:
        """Verdicts that are kept, newest first."""

    def artifacts(self, query: RegistryQuery) -> tuple[Registered, ...]:
        """Artifacts that were measured, the last one first."""

    def lineage(self, word: str) -> Lineage:
        """Where the artifact of a run, or of `MODEL@ALIAS`, comes from."""

    def aliases(self, model_name: str | None = None, *, now: bool = False) -> tuple[AliasMove, ...]:
        """Moves of aliases, newest first; with `now` only those that count."""

    def run(self, run_id: str) -> RunView:
        """One run."""

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job."""

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or the beginning of it, with its diff."""

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first."""

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob, verified."""
