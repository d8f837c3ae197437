"""The coordinator behind its services: one facade over store, scheduler and task runner.

Everything it decides on is in the store, so it may be killed between any two lines. It lives
on one event loop; the store has a thread of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable

import msgspec
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.enums import Disposition, ModelClass, Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.fingerprint import require_stacks
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import (
    MetricValue,
    Progress,
    Reanalysis,
    RunReport,
    RunView,
)

from ..access.access import NOBODY, Caller
from ..decisions import submission
from ..decisions.care import require_quota
from ..decisions.jobs import ENDED
from ..store import questions
from ..store.store import Store
from ..store.values import LeaseTerms, Registration
from ..store.writer import Writer
from .analyses import Analyses
from .care import LabCare
from .history import HistoryDesk
from .runner import TaskRunner

LONGEST_WAIT_S = 10.0
LEASE_TOKEN_BYTES = 16

Clock = Callable[[], int]


def _bits(metrics: tuple[MetricValue, ...]) -> bytes:
    """JSON writes the shortest text that gives a float back exactly."""
    return msgspec.json.encode(sorted(metrics, key=lambda metric: metric.key))


class Coordinator:
    """What agents and users may ask, in plain values.

    Every method raises `BitgaugeError` only.
    """

    def __init__(
        self,
        writer: Writer,
        runner: TaskRunner,
        analyses: Analyses,
        terms: LeaseTerms,
        clock: Clock = time.time_ns,
        *,
        care: LabCare | None = None,
        intake: Callable[[], None] = lambda: None,
        asked: Callable[[SelectQuery | TableQuery], None] = lambda _query: None,
    ) -> None:
        """Answer from `writer`'s store.

        Args:
            writer: the store's thread.
            runner: runs tasks.
            analyses: computes published numbers.
            terms: life and renewal of leases.
            clock: the present, UTC nanoseconds.
            care: of devices.
            intake: raises while no new job may be taken, such as `DISK_FULL`.
            asked: told of every question about the table; must not wait.
        """
        self._asked = asked
        self._intake = intake
        self._writer = writer
        self._runner = runner
        self._analyses = analyses
        self.terms = terms
        self.care = care or LabCare(writer, terms, clock=clock)
        self.history = HistoryDesk(writer, clock)
        self._now_ns = clock

    # -- agents ---------------------------------------------------------------------------
    async def register(self, registration: Registration) -> None:
        """Introduce a device; jobs that its older incarnations held are queued again."""
        require_stacks(registration.device)
        now_ns = self._now_ns()
        await self._writer.change(lambda store: store.register(registration, now_ns))

    async def acquire(self, device_id: str, incarnation: str, wait_s: float) -> Assignment | None:
        """A job for the device, or None when there was none for `wait_s` seconds.

        It waits for 10 s at most, and for half of the silence that makes a device unreachable:
        an agent that is gone is heard last when it asked.
        """
        loop = asyncio.get_running_loop()
        longest_s = min(LONGEST_WAIT_S, self.terms.unreachable_after_ns / 2e9)
        until = loop.time() + min(max(wait_s, 0.0), longest_s)
        asked_ns = self._now_ns()
        await self.care.provide()
        await self._writer.change_if(
            lambda store: store.acquiring(device_id, incarnation, asked_ns)
        )
        while True:
            version = self._writer.changes.version
            assignment = await self._claim(device_id, incarnation, asked_ns)
            left_s = until - loop.time()
            if assignment is not None:
                crash_point("C2")
                return assignment
            if left_s <= 0:
                return None
            if not await self._writer.changes.wait_past(version, left_s):
                return None

    async def _claim(self, device_id: str, incarnation: str, asked_ns: int) -> Assignment | None:
        now_ns = self._now_ns()
        token = secrets.token_bytes(LEASE_TOKEN_BYTES)

        def work(store: Store) -> Assignment | None:
            store.seen(device_id, incarnation, asked_ns)
            job_id = self.care.next_job(store, device_id, now_ns)
            if job_id is None:
                return None
            return store.claim(job_id, device_id, token, now_ns=now_ns, terms=self.terms)

        return await self._writer.change_if(work)

    async def renew(  # noqa: PLR0917  (a lease, then what is said of it)
        self,
        job_id: str,
        epoch: int,
        token: bytes,
        progress: Progress | None,
        hold_ns: int,
        who: Caller = NOBODY,
    ) -> str:
        """Extend a lease: `ok`, `cancel` or `lost`."""
        now_ns = self._now_ns()

        def work(store: Store) -> str:
            who.require_device(store.lease_device(job_id, epoch), f"The lease of job {job_id}")
            return store.renew(
                job_id,
                epoch,
                token,
                progress=progress,
                hold_ns=hold_ns,
                now_ns=now_ns,
                terms=self.terms,
            )

        return await self._writer.change(work)

    async def report(self, report: RunReport, who: Caller = NOBODY) -> Disposition:
        """Take one run; once this returns it is durable."""
        crash_point("C5")
        who.require_device(report.device_id, f"Run {report.run_id}")
        now_ns = self._now_ns()
        digests = tuple(ref.digest for ref in report.raw)

        def work(store: Store) -> Disposition:
            holder = store.lease_device(report.job_id, report.epoch)
            who.require_device(holder, f"The lease of job {report.job_id}")
            missing = store.missing_blobs(digests)
            if missing:
                listed = ", ".join(str(digest) for digest in missing)
                raise BadInput(Code.BLOB_MISSING, f"Raw data of the run is missing: {listed}.")
            return store.report(report, now_ns, self.terms)

        disposition = await self._writer.change(work)
        crash_point("C7")
        return disposition

    # -- users ----------------------------------------------------------------------------
    async def submit(self, spec: JobSpec, submitted_by: str = "") -> tuple[str, bool]:
        """Take a job whose files are here, after a look into them.

        Returns:
            The id of the job, and whether this call made it.
        """
        await asyncio.to_thread(self._intake)
        spec = submission.completed(spec)
        digests = tuple(submission.named_digests(spec))
        submission.require_blobs(spec, await self.wanted_blobs(digests))
        inspection = await self._runner.inspect(spec)
        spec = submission.described(spec, inspection)
        model_class = spec.model_class or ModelClass.OTHER
        job_id = str(uuid.uuid4())
        now_ns = self._now_ns()

        def work(store: Store) -> tuple[str, bool]:
            if store.job_with_key(spec.idempotency_key) is None:
                views = store.devices(now_ns, self.terms)
                present = [view.description for view in views if not view.retired]
                submission.require_options(spec, present)
                submission.require_device(spec, present)
                require_quota(submitted_by, store.waiting_of(submitted_by), self.care.terms)
            return store.submit(job_id, spec, model_class, now_ns=now_ns, submitted_by=submitted_by)

        submitted = await self._writer.change(work)
        crash_point("C1")
        return submitted

    async def certify(
        self, device: str, runtime: str, profile: Profile, comparisons: int, submitted_by: str = ""
    ) -> tuple[str, bool]:
        """Have a device compare an artifact with itself; see `LabCare.certify`."""
        await asyncio.to_thread(self._intake)
        return await self.care.certify(device, runtime, profile, comparisons, submitted_by)

    async def watch(self, job_id: str) -> AsyncIterator[JobView]:
        """The job now and after each change, until it has ended."""
        shown: JobView | None = None
        while True:
            version = self._writer.changes.version
            view = await self.job(job_id)
            if view != shown:
                yield view
                shown = view
            if view.state in ENDED:
                return
            await self._writer.changes.wait_past(version)

    async def cancel(self, job_id: str, only_of: str | None = None) -> JobView:
        """Cancel a job that has not ended; only one that `only_of` submitted, when given."""
        now_ns = self._now_ns()

        def work(store: Store) -> JobView:
            if only_of is not None and store.submitter(job_id) != only_of:
                raise Refused(
                    Code.FORBIDDEN, f"Job {job_id} was submitted by somebody else than {only_of}."
                )
            return store.cancel(job_id, "cancelled by the user", now_ns)

        return await self._writer.change(work)

    async def job(self, job_id: str) -> JobView:
        """One job."""
        now_ns = self._now_ns()
        return await self._writer.call(
            lambda store: self.care.explained(store, (store.job(job_id),), now_ns)[0]
        )

    async def jobs(self, limit: int, active_only: bool) -> tuple[JobView, ...]:
        """Jobs, newest first."""
        now_ns = self._now_ns()
        return await self._writer.call(
            lambda store: self.care.explained(store, store.jobs(limit, active_only), now_ns)
        )

    async def devices(self) -> tuple[DeviceView, ...]:
        """Every device that ever registered."""
        now_ns = self._now_ns()
        return await self._writer.call(lambda store: self.care.device_views(store, now_ns))

    async def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Rows of the benchmark table."""
        self._asked(query)
        return await self._writer.call(lambda store: store.rows(query))

    async def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        self._asked(query)
        now_ns = self._now_ns()
        return await self._writer.call(lambda store: questions.select(store, query, now_ns))

    async def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells of the table, priors among them; `query` says which are looked for."""
        if query is not None:
            self._asked(query)
        return await self._writer.call(questions.cells)

    async def run(self, run_id: str) -> RunView:
        """One run."""
        return await self._writer.call(lambda store: store.run(run_id))

    async def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job."""
        return await self._writer.call(lambda store: store.runs(job_id))

    async def reanalyse(self, run_id: str) -> Reanalysis:
        """A run's published numbers beside the same computed again from its raw data.

        Raises:
            Refused: the run has no published numbers yet.
        """
        run = await self.run(run_id)
        if run.analysis_version is None:
            raise Refused(Code.ILLEGAL_TRANSITION, f"Run {run_id} has no published numbers.")
        analysis = await self._analyses.compute(run_id)
        same = _bits(run.metrics) == _bits(analysis.metrics)
        return Reanalysis(run.metrics, analysis.metrics, same)

    # -- blobs ----------------------------------------------------------------------------
    async def missing_blobs(self, digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
        """Those of `digests` that are not here."""
        return await self._writer.call(lambda store: store.missing_blobs(digests))

    async def wanted_blobs(self, digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
        """As `missing_blobs`, for somebody who means to use them: the others live on."""
        now_ns = self._now_ns()

        def work(store: Store) -> tuple[Digest, ...]:
            store.use_blobs(digests, now_ns)
            return store.missing_blobs(digests)

        return await self._writer.call(work)

    async def record_blob(
        self, digest: Digest, present: Callable[[Digest], bool] = lambda _digest: True
    ) -> bool:
        """Note a blob that is complete and durable on disk.

        Args:
            digest: which blob.
            present: whether it is there; asked on the store's thread, where blobs are
                collected too, so that it stays there once it is noted.
        """
        now_ns = self._now_ns()

        def work(store: Store) -> bool:
            if not present(digest):
                return False
            store.record_blob(digest, now_ns)
            return True

        return await self._writer.call(work)
