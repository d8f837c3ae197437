"""A client that answers from a script, and what was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks.vocabulary.enums import (
    EntryState,
    JobState,
)
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    EntryView,
    JobSpec,
    JobView,
    Overrides,
    Workload,
)
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Reanalysis
from bitgauge.coordinator.client.jobs import Submitted

from tests.labs.values import device, row, seen, view


@dataclass
class FakeClient:
    """A coordinator in memory whose jobs end as told."""

    end: JobState = JobState.FINISHED
    entry_end: EntryState = EntryState.ACCEPTED
    known: set[Digest] = field(default_factory=set)
    specs: list[JobSpec] = field(default_factory=list)
    interrupt: bool = False
    suspect: str | None = None
    saturates: bool = False
    cancelled: list[str] = field(default_factory=list)

    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        return tuple(digest for digest in digests if digest not in self.known)

    def committed(self, digest: Digest) -> int | None:
        return 0

    def write(self, digest: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        self.known.add(digest)
        return offset + sum(map(len, chunks))

    def submit(self, spec: JobSpec, say: Callable[[str], None]) -> Submitted:
        say("looking into the model")
        self.specs.append(spec)
        return Submitted(f"job-{len(self.specs)}", True)

    def _spec(self, job_id: str) -> JobSpec:
        if self.saturates and job_id == "job-2":
            return replace(self.specs[0], overrides=Overrides(session_options=(EXACT_MODE,)))
        return self.specs[int(job_id.removeprefix("job-")) - 1]

    def job(self, job_id: str) -> JobView:
        spec = self._spec(job_id) if self.specs else None
        return seen(
            job_id,
            EntryView(0, "", "fp32", self.entry_end),
            state=self.end,
            model_name=spec.model_name if spec else "digits",
            workload=spec.workload if spec else Workload(),
            exact_options=(EXACT_MODE,) if self.saturates else (),
            suspect=self.suspect,
            repeated_by="job-9" if self.suspect else None,
            exact_by="job-2" if self.saturates and job_id == "job-1" else None,
            exact_of="job-1" if self.saturates and job_id == "job-2" else None,
        )

    def watch(self, job_id: str) -> Iterator[JobView]:
        yield replace(self.job(job_id), state=JobState.QUEUED)
        if self.interrupt:
            raise KeyboardInterrupt
        yield self.job(job_id)

    def cancel(self, job_id: str) -> JobView:
        self.cancelled.append(job_id)
        return replace(self.job(job_id), state=JobState.CANCELLED)

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        spec = self._spec(query.job_id or "")
        return (
            row(
                "fp32", model_name=spec.model_name, overrides=spec.overrides, workload=spec.workload
            ),
        )

    def devices(self) -> tuple[DeviceView, ...]:
        return (view(device()),)

    def reanalyse(self, run_id: str) -> Reanalysis:
        metric = MetricValue("latency_ratio", 0.5)
        return Reanalysis((metric,), (metric,), run_id == "same")
