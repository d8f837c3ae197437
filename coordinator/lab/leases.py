"""What agents ask: to be known, a job, more time, and that a run be kept. In plain values.

Everything that is decided on is in the store, so the coordinator may be killed between any two
lines.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.fingerprint import require_stacks
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RunReport

from ..access.access import NOBODY, Caller
from ..decisions.reports import require_evidence, require_own, require_times
from ..store.store import Store
from ..store.values import LeaseTerms, Registration
from ..store.writer import Writer
from .care import LabCare

LONGEST_WAIT_S = 10.0
LEASE_TOKEN_BYTES = 16


@dataclass(eq=False)
class Leases:
    """The agents' side of one coordinator. Every method raises `BitgaugeError` only."""

    writer: Writer
    terms: LeaseTerms
    care: LabCare

    async def register(self, registration: Registration) -> None:
        """Introduce a device; jobs that its older incarnations held are queued again.

        A second agent of a device whose first is alive, or is another machine, is refused.
        """
        require_stacks(registration.device)
        now_ns = self.writer.now_ns()

        def work(store: Store) -> BitgaugeError | None:
            refused = store.seat(registration, now_ns, self.terms)
            if refused is None:
                store.register(registration, now_ns)
            return refused

        # Not raised in there: that somebody asked is remembered.
        if refused := await self.writer.change(work, first=True):
            raise refused

    async def acquire(
        self, device_id: str, incarnation: str, wait_s: float, who: Caller = NOBODY
    ) -> Assignment | None:
        """A job for the device, or None when there was none for `wait_s` seconds.

        It waits for 10 s at most, and for half of the silence that makes a device unreachable:
        an agent that is gone is heard last when it asked.
        """
        loop = asyncio.get_running_loop()
        longest_s = min(LONGEST_WAIT_S, self.terms.unreachable_after_ns / 2e9)
        until = loop.time() + min(max(wait_s, 0.0), longest_s)
        asked_ns = self.writer.now_ns()
        await self.care.keep_time()
        await self.care.provide()

        def asking(store: Store) -> tuple[str, ...]:
            who.require_agent(store.agent_of(device_id), "What asks for work")
            return store.acquiring(device_id, incarnation, asked_ns)

        await self.writer.change_if(asking, first=True)
        while True:
            version = self.writer.changes.version
            assignment = await self._claim(device_id, incarnation, asked_ns)
            left_s = until - loop.time()
            if assignment is not None:
                crash_point("C2")
                return assignment
            if left_s <= 0:
                return None
            if not await self.writer.changes.wait_past(version, left_s):
                return None

    async def _claim(self, device_id: str, incarnation: str, asked_ns: int) -> Assignment | None:
        now_ns = self.writer.now_ns()
        token = secrets.token_bytes(LEASE_TOKEN_BYTES)

        def work(store: Store) -> Assignment | None:
            store.seen(device_id, incarnation, asked_ns)
            job_id = self.care.next_job(store, device_id, now_ns)
            if job_id is None:
                return None
            return store.claim(job_id, device_id, token, now_ns=now_ns, terms=self.terms)

        return await self.writer.change_if(work, first=True)

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
        await self.care.keep_time()
        now_ns = self.writer.now_ns()

        def work(store: Store) -> str:
            _require_lease(who, store, job_id, epoch)
            return store.renew(
                job_id,
                epoch,
                token,
                progress=progress,
                hold_ns=hold_ns,
                now_ns=now_ns,
                terms=self.terms,
            )

        # Of a lease that only goes on nobody needs to know but who watches the job.
        verdict = await self.writer.change_if(work, first=True, changed=lambda one: one != "ok")
        self.writer.changes.moved(job_id)
        return verdict

    async def report(self, report: RunReport, who: Caller = NOBODY) -> Disposition:
        """Take one run; once this returns it is durable."""
        crash_point("C5")
        await self.care.keep_time()
        require_evidence(report)
        now_ns = self.writer.now_ns()
        digests = tuple(ref.digest for ref in report.raw)

        def work(store: Store) -> Disposition:
            who.require_agent(store.agent_of(report.device_id), f"Run {report.run_id}")
            _require_lease(who, store, report.job_id, report.epoch)
            missing = store.missing_blobs(digests)
            if missing:
                listed = ", ".join(str(digest) for digest in missing)
                raise BadInput(Code.BLOB_MISSING, f"Raw data of the run is missing: {listed}.")
            require_own(report, store.evidence_elsewhere(report))
            leased_ns = store.leased_at(report.job_id, report.epoch)
            if who.device_id is not None and leased_ns is not None:
                require_times(report, leased_ns, now_ns)
            return store.report(report, now_ns, self.terms)

        disposition = await self.writer.change(work, first=True)
        crash_point("C7")
        return disposition


def _require_lease(who: Caller, store: Store, job_id: str, epoch: int) -> None:
    """Refuse an agent that speaks of a lease which no device of its own has."""
    holder = store.lease_device(job_id, epoch)
    if holder is not None:
        who.require_agent(store.agent_of(holder), f"The lease of job {job_id}")
