"""Runs the entries of one assignment: fetch, plan, children, spool.

What is decided here is decided by `passes` and `failures`; what is remembered is in the spool.
The order is fixed: the intent is on the disk before a child is spawned, raw files and report
are on the disk before the coordinator hears of the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable
from dataclasses import replace

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.profiles import MEASURING_VERSION
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure, Progress, RawRef, RunReport

from ..connection.lease import LeaseKeeper
from ..host.patience import to_the_end
from .failures import simple_failure, status_of
from .plan import as_baseline
from .run import Bench, EntryRun, RunFailed, files_of

_DISK_WAIT_S = 5.0
_TRACEBACK_CHARACTERS = 4096


class Executor:
    """One assignment on one bench.

    Args:
        bench: the tools.
        assignment: the work.
        keeper: keeps the lease meanwhile.
    """

    def __init__(self, bench: Bench, assignment: Assignment, keeper: LeaseKeeper) -> None:
        self._bench = bench
        self._assignment = assignment
        self._keeper = keeper
        self._reported: set[int] = set()
        self._bracket: tuple[int, ...] = ()
        self._shared: tuple[RawRef, ...] = ()
        for entry in assignment.entries:
            if entry.index == 0:
                self._shared = as_baseline(entry.raw)

    async def run(self) -> None:
        """Measures every entry that has no result yet, and spools each as it is finished.

        When this task is cancelled, no child is left and no run is half spooled.
        """
        if entries := self._open_entries():
            self._bracket = (entries[0].index, entries[-1].index)
            await self._prefetch()
            self._progress(entries[0], "cooling down", 0.0)
            await self._bench.rest()
        for entry in self._open_entries():
            report = await self._measure(entry)
            crash_point("A4")
            await self._spool(report)
            crash_point("A5")
            await self._bench.deliver()

    async def _prefetch(self) -> None:
        """Gets every file of the job first, so that measuring needs no coordinator."""
        keep = files_of(self._assignment)
        entries = self._open_entries()
        for done, digest in enumerate(sorted(keep)):
            self._progress(entries[0], "fetching", done / len(keep))
            with contextlib.suppress(BitgaugeError, OSError):  # said by the entry that needs it
                await self._bench.transfer.fetch(digest, keep)

    async def give_up(self, failure: Failure) -> None:
        """Reports every entry that is still open as failed."""
        for entry in self._open_entries():
            now = self._bench.machine.unix_ns()
            await self._spool(self._report(entry, now, failure=failure))

    def _open_entries(self) -> list[AssignedEntry]:
        return [
            entry
            for entry in self._assignment.entries
            if not entry.accepted and entry.index not in self._reported
        ]

    async def _measure(self, entry: AssignedEntry) -> RunReport:
        """One run, whatever becomes of it."""
        started = self._bench.machine.unix_ns()
        sentinels = [at for at, index in enumerate(self._bracket) if index == entry.index]
        work = EntryRun(self._bench, self._assignment, entry, self._progress_of(entry), sentinels)

        def told(failure: Failure) -> RunReport:
            return self._report(
                entry, started, raw=work.bracket, failure=failure, attempts=work.attempts
            )

        try:
            description = self._runtime()
            raw = await work.run(self._keeper, self._shared, self._keeps_time(description))
        except RunFailed as failed:
            return told(failed.failure)
        except BitgaugeError as error:
            return told(simple_failure(_group_of(error), error.code, error.sentence))
        except OSError as error:
            sentence = f"The device's disk says: {error}."
            return told(simple_failure(FailureGroup.ENVIRONMENT, Code.DISK_FULL, sentence))
        except Exception as error:  # a defect of ours must not take the other entries along
            message = f"The agent failed: {type(error).__name__}: {error}."
            failure = simple_failure(FailureGroup.HARNESS, Code.INTERNAL, message)
            log_tail = traceback.format_exc()[-_TRACEBACK_CHARACTERS:]
            return told(replace(failure, log_tail=log_tail))
        if entry.index == 0:
            self._shared = as_baseline(raw)
        else:
            raw = (*(ref for ref in self._shared if ref not in raw), *raw)
        return self._report(entry, started, raw=raw, attempts=work.attempts)

    async def _spool(self, report: RunReport) -> None:
        """Puts a report on the disk, waiting for room as long as it takes."""
        try:
            await self._spool_with_room(report)
        except asyncio.CancelledError:
            if report.entry_index not in self._reported:
                # The result goes with its job; nothing of its run is left to be settled.
                self._bench.spool.abandon(report.run_id)
            raise

    async def _spool_with_room(self, report: RunReport) -> None:
        said = False
        while True:
            try:
                await to_the_end(self._put, report)
            except OSError as error:
                if not said:
                    self._bench.say(f"The result waits for room on the disk: {error}.")
                said = True
                await asyncio.sleep(_DISK_WAIT_S)
            else:
                return

    def _put(self, report: RunReport) -> None:
        self._bench.spool.put_report(report)
        self._reported.add(report.entry_index)

    def _report(
        self,
        entry: AssignedEntry,
        started: int,
        *,
        raw: tuple[RawRef, ...] = (),
        failure: Failure | None = None,
        attempts: int = 1,
    ) -> RunReport:
        job = self._assignment
        status = RunStatus.MEASURED if failure is None else status_of(failure)
        runtime = next(
            (one for one in self._bench.device.runtimes if one.name == job.runtime), None
        )
        stack = () if runtime is None else stack_of(self._bench.device.stack, runtime)
        return RunReport(
            run_id=run_id(job.job_id, job.epoch, entry.index),
            job_id=job.job_id,
            epoch=job.epoch,
            lease_token=job.lease_token,
            entry_index=entry.index,
            status=status,
            started_unix_ns=started,
            ended_unix_ns=self._bench.machine.unix_ns(),
            device_id=self._bench.device.device_id,
            sandbox=self._bench.sandbox,
            stack=stack,
            fingerprint=fingerprint(stack) if stack else "",
            raw=raw,
            failure=failure,
            attempts=attempts,
            measuring_version=MEASURING_VERSION,
        )

    def _stack(self) -> tuple[StackItem, ...]:
        """The stack of this device and the job's runtime; nothing when it has no such runtime."""
        for runtime in self._bench.device.runtimes:
            if runtime.name == self._assignment.runtime:
                return stack_of(self._bench.device.stack, runtime)
        return ()

    def _runtime(self) -> RuntimeDescription:
        for runtime in self._bench.device.runtimes:
            if runtime.name == self._assignment.runtime:
                return runtime
        raise BitgaugeError(
            Code.RUNTIME_MISSING, f"This device has no runtime {self._assignment.runtime!r}."
        )

    def _keeps_time(self, runtime: RuntimeDescription) -> bool:
        return self._bench.device.realness.keeps_time and not runtime.simulated

    def _progress(self, entry: AssignedEntry, step: str, fraction: float) -> None:
        self._keeper.progress = Progress(entry.index, entry.recipe, step, fraction)

    def _progress_of(self, entry: AssignedEntry) -> Callable[[str, float], None]:
        return lambda step, fraction: self._progress(entry, step, fraction)


def _group_of(error: BitgaugeError) -> FailureGroup:
    """Who must act when something failed outside a child."""
    return {
        Code.RUNTIME_MISSING: FailureGroup.DEVICE,
        Code.UNKNOWN_PLUGIN: FailureGroup.DEVICE,
        Code.DISK_FULL: FailureGroup.ENVIRONMENT,
        Code.STORE_IO: FailureGroup.ENVIRONMENT,
    }.get(error.code, FailureGroup.HARNESS)
