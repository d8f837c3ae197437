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
from dataclasses import dataclass

import msgspec
from bitgauge.benchmarks.answers import Choice, SelectQuery, TableQuery, TableRow
from bitgauge.benchmarks.errors import BadInput, Code, Refused
from bitgauge.benchmarks.model import (
    PROTOCOL_VERSION,
    Assignment,
    DeviceView,
    Digest,
    JobSpec,
    JobView,
    MetricValue,
    Progress,
    RunReport,
    RunView,
)
from bitgauge.benchmarks.selection import select
from bitgauge.benchmarks.vocabulary import Disposition, ModelClass

from . import submission
from .analysis import Analyses
from .jobs import ENDED
from .runner import TaskRunner
from .scheduler import choose
from .store import LeaseTerms, Registration, Store
from .writer import Writer

LONGEST_WAIT_S = 10.0
LEASE_TOKEN_BYTES = 16

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """Published numbers and recomputed ones."""

    published: tuple[MetricValue, ...]
    recomputed: tuple[MetricValue, ...]

    @property
    def identical(self) -> bool:
        """Bit for bit; JSON writes the shortest text that gives a float back exactly."""
        return _bits(self.published) == _bits(self.recomputed)


def _bits(metrics: tuple[MetricValue, ...]) -> bytes:
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
    ) -> None:
        self._writer = writer
        self._runner = runner
        self._analyses = analyses
        self.terms = terms
        self._now_ns = clock

    # -- agents ---------------------------------------------------------------------------
    async def register(self, registration: Registration, protocol_version: int) -> None:
        """Introduce a device; jobs that its older incarnations held are queued again."""
        if protocol_version != PROTOCOL_VERSION:
            raise BadInput(
                Code.PROTOCOL_VERSION,
                f"The agent speaks version {protocol_version} of the contract,"
                f" this coordinator version {PROTOCOL_VERSION}.",
            )
        now_ns = self._now_ns()
        await self._writer.change(lambda store: store.register(registration, now_ns))

    async def acquire(self, device_id: str, incarnation: str, wait_s: float) -> Assignment | None:
        """A job for the device, or None when there was none for `wait_s` seconds (at most 10)."""
        loop = asyncio.get_running_loop()
        until = loop.time() + min(max(wait_s, 0.0), LONGEST_WAIT_S)
        asked_ns = self._now_ns()
        await self._writer.change_if(
            lambda store: store.acquiring(device_id, incarnation, asked_ns)
        )
        while True:
            version = self._writer.changes.version
            assignment = await self._claim(device_id, incarnation)
            left_s = until - loop.time()
            if assignment is not None or left_s <= 0:
                return assignment
            if not await self._writer.changes.wait_past(version, left_s):
                return None

    async def _claim(self, device_id: str, incarnation: str) -> Assignment | None:
        now_ns = self._now_ns()
        token = secrets.token_bytes(LEASE_TOKEN_BYTES)

        def work(store: Store) -> Assignment | None:
            store.seen(device_id, incarnation, now_ns)
            job_id = _next_job(store, device_id, now_ns, self.terms)
            if job_id is None:
                return None
            return store.claim(job_id, device_id, token, now_ns, self.terms)

        return await self._writer.change_if(work)

    async def renew(
        self, job_id: str, epoch: int, token: bytes, progress: Progress | None, hold_ns: int
    ) -> str:
        """Extend a lease: `ok`, `cancel` or `lost`."""
        now_ns = self._now_ns()
        return await self._writer.change(
            lambda store: store.renew(job_id, epoch, token, progress, hold_ns, now_ns, self.terms)
        )

    async def report(self, report: RunReport) -> Disposition:
        """Take one run; once this returns it is durable."""
        now_ns = self._now_ns()
        digests = tuple(ref.digest for ref in report.raw)

        def work(store: Store) -> Disposition:
            missing = store.missing_blobs(digests)
            if missing:
                listed = ", ".join(str(digest) for digest in missing)
                raise BadInput(Code.BLOB_MISSING, f"Raw data of the run is missing: {listed}.")
            return store.report(report, now_ns, self.terms)

        return await self._writer.change(work)

    # -- users ----------------------------------------------------------------------------
    async def submit(self, spec: JobSpec) -> tuple[str, bool]:
        """Take a job whose files are here, after a look into them.

        Returns:
            The id of the job, and whether this call made it.
        """
        spec = submission.completed(spec)
        digests = tuple(submission.named_digests(spec))
        submission.require_blobs(
            spec, await self._writer.call(lambda store: store.missing_blobs(digests))
        )
        inspection = await self._runner.inspect(spec)
        spec = submission.described(spec, inspection)
        model_class = spec.model_class or ModelClass.OTHER
        job_id = str(uuid.uuid4())
        now_ns = self._now_ns()

        def work(store: Store) -> tuple[str, bool]:
            views = store.devices(now_ns, self.terms)
            submission.require_device(spec, [view.description for view in views])
            return store.submit(job_id, spec, model_class, now_ns)

        return await self._writer.change(work)

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

    async def cancel(self, job_id: str) -> JobView:
        """Cancel a job that has not ended."""
        now_ns = self._now_ns()
        return await self._writer.change(
            lambda store: store.cancel(job_id, "cancelled by the user", now_ns)
        )

    async def job(self, job_id: str) -> JobView:
        """One job."""
        return await self._writer.call(lambda store: store.job(job_id))

    async def jobs(self, limit: int, active_only: bool) -> tuple[JobView, ...]:
        """Jobs, newest first."""
        return await self._writer.call(lambda store: store.jobs(limit, active_only))

    async def devices(self) -> tuple[DeviceView, ...]:
        """Every device that ever registered."""
        now_ns = self._now_ns()
        return await self._writer.call(lambda store: store.devices(now_ns, self.terms))

    async def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Rows of the benchmark table."""
        return await self._writer.call(lambda store: store.rows(query))

    async def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        rows = await self.table(TableQuery(model_class=query.model_class))
        return await asyncio.to_thread(select, query, rows)

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
        return Reanalysis(run.metrics, analysis.metrics)

    # -- blobs ----------------------------------------------------------------------------
    async def missing_blobs(self, digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
        """Those of `digests` that are not here."""
        return await self._writer.call(lambda store: store.missing_blobs(digests))

    async def record_blob(self, digest: Digest) -> None:
        """Note a blob that is complete and durable on disk."""
        now_ns = self._now_ns()
        await self._writer.call(lambda store: store.record_blob(digest, now_ns))


def _next_job(store: Store, device_id: str, now_ns: int, terms: LeaseTerms) -> str | None:
    """What the scheduler gives this device, from what the store knows at this moment."""
    queued = store.queued()
    if not queued:
        return None
    views = store.devices(now_ns, terms)
    own = next(view.description for view in views if view.description.device_id == device_id)
    others = [
        view.description
        for view in views
        if view.description.device_id != device_id and view.state != "unreachable"
    ]
    return choose(queued, own, others, store.avoid())
