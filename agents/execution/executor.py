"""Runs the entries of one assignment: fetch, plan, children, spool.

What is decided here is decided by `plan` and `failures`; what is remembered is in the spool.
The order is fixed: the intent is on the disk before a child is spawned, raw files and report
are on the disk before the coordinator hears of the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import replace

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.enums import Capability, FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import CORDONS, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.kernel_modes import widens
from bitgauge.benchmarks.vocabulary.profiles import MEASURING_VERSION
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM, family_of
from bitgauge.benchmarks.vocabulary.session_options import options_for, provider_of
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure, RawRef, RunReport

from ..connection.lease import LeaseKeeper
from ..host.patience import to_the_end
from .bench import Bench
from .failures import simple_failure, status_of
from .plan import AFTER, BEFORE, as_baseline, shared_with
from .run import Run, RunFailed, files_of, measure
from .watched import cause_of

_DISK_WAIT_S = 5.0
_TRACEBACK_CHARACTERS = 4096


class Executor:
    """One assignment on one bench."""

    def __init__(self, bench: Bench, assignment: Assignment, keeper: LeaseKeeper) -> None:
        self._bench = bench
        self._job = assignment
        self._keeper = keeper
        self._reported: set[int] = set()
        self._shared: tuple[RawRef, ...] = ()
        for entry in assignment.entries:
            if entry.index == 0:
                self._shared = as_baseline(entry.raw)

    async def run(self) -> None:
        """Measures every entry that has no result yet, and spools each as it is finished.

        When this task is cancelled, no child is left and no run is half spooled.
        """
        with self._bench.transfer.holding(files_of(self._job)):
            await self._every_run()

    async def _every_run(self) -> None:
        runs = self._open_runs()
        if runs:
            for at, run in ((BEFORE, runs[0]), (AFTER, runs[-1])):
                run.sentinels = (*run.sentinels, at)
            await self._prefetch(runs[0])
            runs[0].tell("cooling down", 0.0)
            await self._bench.rest()
        for run in runs:
            report = await self._report_of(run)
            crash_point("A4")
            await self._spool(report)
            crash_point("A5")
            await self._bench.outbox.deliver()

    async def _prefetch(self, first: Run) -> None:
        """Gets every file of the job first, so that measuring needs no coordinator."""
        wanted = sorted(files_of(self._job))
        for done, digest in enumerate(wanted):
            first.tell("fetching", done / len(wanted))
            with contextlib.suppress(BitgaugeError, OSError):  # said by the entry that needs it
                if digest == self._job.evaluation:
                    await self._bench.transfer.fetch(digest)
                else:
                    await self._bench.transfer.artifact(digest)

    async def give_up(self, failure: Failure) -> None:
        """Reports every entry that is still open as failed."""
        for run in self._open_runs():
            now = self._bench.machine.unix_ns()
            await self._spool(report_of(self._bench, run, now, failure=failure))

    def _open_runs(self) -> list[Run]:
        return [
            Run(self._job, entry, self._keeper)
            for entry in self._job.entries
            if not entry.accepted and entry.index not in self._reported
        ]

    async def _report_of(self, run: Run) -> RunReport:
        """Measures one entry; its report, whatever became of it."""
        started = self._bench.machine.unix_ns()
        try:
            shared = shared_with(run.entry, self._shared, self._job.baseline_runtime)
            await self._bench.look()
            raw = await measure(self._bench, run, shared, keeps_time=_keeps_time(self._bench, run))
            await self._bench.look()
        except Exception as error:  # whatever it is, the other entries are measured
            code = _failure_of(error).code
            failure = _failure_of(await cause_of(error, code, self._bench.look))
            return report_of(self._bench, run, started, raw=run.bracket, failure=failure)
        if run.entry.index == 0:
            self._shared = as_baseline(raw)
        else:
            raw = (*(ref for ref in shared if ref not in raw), *raw)
        return report_of(self._bench, run, started, raw=raw)

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


def report_of(
    bench: Bench,
    run: Run,
    started_unix_ns: int,
    *,
    raw: tuple[RawRef, ...] = (),
    failure: Failure | None = None,
) -> RunReport:
    """The report of a run that has ended now.

    `failure` says why it has no result.
    """
    runtime = bench.runtime(run.entry.runtime)
    stack = () if runtime is None else stack_of(bench.device.stack, runtime)
    return RunReport(
        run_id=run.name,
        job_id=run.job.job_id,
        epoch=run.job.epoch,
        lease_token=run.job.lease_token,
        entry_index=run.entry.index,
        status=RunStatus.MEASURED if failure is None else status_of(failure),
        started_unix_ns=started_unix_ns,
        # A clock that was set back meanwhile must not make a run end before it began.
        ended_unix_ns=max(started_unix_ns, bench.machine.unix_ns()),
        device_id=bench.device.device_id,
        sandbox=bench.sandbox,
        stack=stack,
        fingerprint=fingerprint(stack) if stack else "",
        raw=raw,
        failure=failure,
        attempts=run.attempts,
        measuring_version=MEASURING_VERSION,
    )


def _keeps_time(bench: Bench, run: Run) -> bool:
    """Whether a time of this device and runtime means anything for what is to be run."""
    runtime = bench.runtime(run.entry.runtime)
    if runtime is None:
        raise BitgaugeError(
            Code.RUNTIME_MISSING, f"This device has no runtime {run.entry.runtime!r}."
        )
    options = options_for(run.job.overrides.session_options, runtime.name)
    elsewhere = run.entry.index and provider_of(options)  # of an accelerator nothing was probed
    modes = {} if elsewhere else {one.name: one.value for one in runtime.kernel_modes}
    floats = Capability.DEQUANTIZES in runtime.capabilities or (
        run.entry.recipe != CUSTOM and widens(family_of(run.entry.recipe), modes)
    )
    return bench.device.realness.keeps_time and not runtime.simulated and not floats


def _failure_of(error: Exception) -> Failure:
    """Why a run has no result; a defect of ours must not take the other entries along."""
    if isinstance(error, RunFailed):
        return error.failure
    if isinstance(error, BitgaugeError):
        return simple_failure(_group_of(error), error.code, error.sentence)
    if isinstance(error, OSError):
        sentence = f"The device's disk says: {said(error)}."
        return simple_failure(FailureGroup.ENVIRONMENT, Code.DISK_FULL, sentence)
    message = f"The agent failed by a defect of Bitgauge: {said(error)}."
    failure = simple_failure(FailureGroup.HARNESS, Code.INTERNAL, message)
    trace = "".join(traceback.format_exception(error))
    return replace(failure, log_tail=trace[-_TRACEBACK_CHARACTERS:])


def _group_of(error: BitgaugeError) -> FailureGroup:
    """Who must act when something failed outside a child."""
    return {
        Code.BAD_MODEL: FailureGroup.ARTIFACT,  # its manifest: nothing was loaded
        Code.RUNTIME_MISSING: FailureGroup.DEVICE,
        Code.UNKNOWN_PLUGIN: FailureGroup.DEVICE,
        Code.DISK_FULL: FailureGroup.ENVIRONMENT,
        Code.STORE_IO: FailureGroup.ENVIRONMENT,
        Code.DRIVER_MISSING: FailureGroup.DEVICE,
        Code.DEVICE_TAKEN: FailureGroup.ENVIRONMENT,
        Code.DEVICE_MEMORY_TAKEN: FailureGroup.ENVIRONMENT,
        **{Code(one): FailureGroup.ENVIRONMENT for one in CORDONS},
    }.get(error.code, FailureGroup.HARNESS)
