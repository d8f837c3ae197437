"""What the coordinator does by itself: leases that run out, builds, analyses.

It works off what the store says is pending, so a restart simply goes on. A step that fails
becomes data of its job; a step that could not be tried is tried again after a pause. One whose
outcome cannot be recorded, for another reason than a disk that heals, is a defect: it is tried
again once, then ends as such, and nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import FailureGroup
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ..decisions.clocks import stood_ns
from ..decisions.jobs import overdue_builds
from ..decisions.steps import ANALYSING, End, Ending, doing_build, error_of
from ..store.store import Store
from ..store.values import BuildOutcome, LeaseTerms, Looked, PendingBuild
from ..store.writer import Writer
from .analyses import Analyses
from .builds import Builds, Overdue
from .care import LabCare
from .collector import Collector

ATTEMPTS = 2
"""At a step whose outcome cannot be recorded."""
PAUSE_S = 1.0
LONGEST_TICK_S = 1.0
LOOK_AGAIN_NS = 600 * 1_000_000_000
_BUILD = "build"

_Step = Callable[[], Awaitable[None]]
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Dispatcher:
    """The background loops of one coordinator; without a collector blobs stay."""

    writer: Writer
    builds: Builds
    analyses: Analyses
    terms: LeaseTerms
    care: LabCare
    collector: Collector | None
    _refreshed: bool = field(default=False, init=False)
    _looked: Looked = field(default_factory=Looked, init=False)
    _looked_at_all_ns: int = field(default=0, init=False)
    _working: dict[Hashable, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _ended: set[Hashable] = field(default_factory=set, init=False)
    _defects: Counter[Hashable] = field(default_factory=Counter, init=False)

    async def refresh_leases(self) -> None:
        """At the start: every active lease gets a fresh TTL, because downtime consumes none.

        While the disk is full that waits, and with it the end of any lease.
        """
        now_ns = self.writer.now_ns()
        try:
            await self.writer.change(lambda store: store.refresh_leases(now_ns, self.terms))
            self._refreshed = True
        except BitgaugeError as error:
            if error.code is not Code.DISK_FULL:
                raise
            _log.error("leases could not be refreshed: %s", error)

    def start(self, *others: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin to work, with further endless loops; `task` ends only by `stop` or by a defect."""
        self.task = asyncio.create_task(self._run(others))

    async def stop(self) -> None:
        """Stop working and wait for that."""
        if hasattr(self, "task"):
            self.task.cancel()
            await asyncio.wait({self.task})

    async def _run(self, others: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        try:
            loops = [self._expire_for_ever(), self._work_for_ever()]
            if self.collector is not None:
                loops.append(self.collector.run())
            loops.extend(other() for other in others)
            await asyncio.gather(*loops)
        finally:
            for task in tuple(self._working.values()):
                task.cancel()
            self.builds.cancel()

    async def _expire_for_ever(self) -> None:
        tick_s = min(self.terms.ttl_ns / 4e9, LONGEST_TICK_S)
        before_ns = time.monotonic_ns()
        while True:
            now_ns = time.monotonic_ns()
            self.builds.count_time((now_ns - before_ns) / 1e9)
            stood = stood_ns(now_ns - before_ns, round((tick_s + PAUSE_S) * 1e9))
            before_ns = now_ns
            try:
                if not self._refreshed:
                    await self.refresh_leases()
                if self._refreshed:
                    await self.care.keep_time(stood)
                    await self.care.expire()
            except BitgaugeError as error:  # a full disk heals; the loop must outlive it
                _log.error("leases could not be expired: %s", error)
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(tick_s)

    async def _work_for_ever(self) -> None:
        while True:
            version = self.writer.changes.version
            try:
                await self._fail_unreadable()
                await self.care.judge()
                self._ended.clear()
                builds, runs, unjudged = await self.writer.call(
                    lambda store: (store.pending_builds(), store.unanalysed(), store.unjudged())
                )
            except BitgaugeError as error:
                _log.error("pending work could not be read: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            self._cancel_builds_but({_key(build) for build in builds})
            for build in builds:
                self._start(
                    _key(build), partial(self._build, build), partial(self._no_build, build)
                )
            for run_id in runs:
                work, end = partial(self._analyse, run_id), partial(self._no_analysis, run_id)
                self._start(run_id, work, end)
            for run_id in unjudged:
                self._start(("past", run_id), partial(self._judge, run_id))
            await self.writer.changes.wait_past(version)

    async def _fail_unreadable(self) -> None:
        """Fail what nobody can work on, so that nobody waits for it.

        Each job is read once when it comes, and now and then all of them: a disk may change.
        """
        now_ns, before = self.writer.now_ns(), self._looked
        if now_ns - self._looked_at_all_ns > LOOK_AGAIN_NS:
            self._looked_at_all_ns, before = now_ns, Looked()

        # Most changes bring nothing new, and a transaction that writes nothing costs one, too.
        if before == await self.writer.call(lambda store: store.arrived()):
            return

        def work(store: Store) -> tuple[str, ...]:
            self._looked, failed = store.fail_unreadable(before, now_ns)
            return failed

        await self.writer.change_if(work)

    def _start(self, key: Hashable, work: _Step, end: _Step | None = None) -> None:
        """Begin `work` unless the same is being done, or was while it was found to be pending.

        What failed by a defect too often is not begun again; `end` then records that.
        """
        if self._defects[key] < ATTEMPTS and key not in self._working and key not in self._ended:
            self._working[key] = asyncio.create_task(self._guarded(key, work, end))

    def _cancel_builds_but(self, wanted: set[Hashable]) -> None:
        """Stop building for jobs that do not want it any more."""
        for key, task in self._working.items():
            if isinstance(key, tuple) and key[0] == _BUILD and key not in wanted:
                task.cancel()

    async def _guarded(self, key: Hashable, work: _Step, end: _Step | None) -> None:
        """Do `work`; when its outcome could not be recorded, let it be found and tried again."""
        try:
            await work()
        except Exception as error:  # a background step has no caller to tell
            _log.exception("background work %s failed", key)
            self._defects[key] += not isinstance(error, Unavailable)
            if self._defects[key] >= ATTEMPTS and end is not None:
                try:
                    await end()
                except Exception:  # nothing is left to be tried
                    _log.exception("the end of background work %s could not be recorded", key)
            await asyncio.sleep(PAUSE_S)
            await self.writer.changes.announce()
        finally:
            del self._working[key]
            self._ended.add(key)

    # -- builds ---------------------------------------------------------------------------
    async def _build(self, build: PendingBuild) -> None:
        outcome: BuildOutcome | Failure
        try:
            outcome = await self.builds.made(build)
        except Overdue:
            outcome = overdue_builds(doing_build(build.key.recipe)[1], build.deadline_s)
        except BitgaugeError as error:
            outcome = failure_of(error)
        await self._built(build, outcome)

    async def _no_build(self, build: PendingBuild) -> None:
        await self._built(build, _defect(doing_build(build.key.recipe)[1]))

    async def _built(self, build: PendingBuild, outcome: BuildOutcome | Failure) -> None:
        now_ns = self.writer.now_ns()
        await self.writer.change(
            lambda store: store.built(build.job_id, build.entry_index, outcome, now_ns)
        )

    # -- analyses -------------------------------------------------------------------------
    async def _analyse(self, run_id: str) -> None:
        try:
            analysis = await self.analyses.compute(run_id)
        except BitgaugeError as error:
            _log.error("run %s could not be analysed: %s", run_id, error)
            await self._not_analysed(run_id, failure_of(error, FailureGroup.DEVICE))
            return
        now_ns = self.writer.now_ns()
        await self.writer.change(
            lambda store: store.analysed(run_id, analysis.version, analysis.metrics, now_ns)
        )

    async def _no_analysis(self, run_id: str) -> None:
        await self._not_analysed(run_id, _defect(ANALYSING))

    async def _not_analysed(self, run_id: str, failure: Failure) -> None:
        now_ns = self.writer.now_ns()
        await self.writer.change(lambda store: store.analysis_failed(run_id, failure, now_ns))

    # -- the past -------------------------------------------------------------------------
    async def _judge(self, run_id: str) -> None:
        """Hold a run whose job has ended against the past of its row."""
        now_ns = self.writer.now_ns()
        for one in await self.writer.change_if(lambda store: store.judge_run(run_id, now_ns)):
            level = logging.WARNING if one.state in ("new", "confirmed") else logging.INFO
            _log.log(level, "regression %s is %s: %s", one.regression_id, one.state, one.sentence)


def _key(build: PendingBuild) -> tuple[str, str, int]:
    """By which a build is known while it is under way."""
    return _BUILD, build.job_id, build.entry_index


def _defect(doing: str) -> Failure:
    """A step that ends because its outcome cannot be recorded."""
    return failure_of(error_of(Ending(End.DEFECT), doing))


def failure_of(error: BitgaugeError, sender: FailureGroup = FailureGroup.ARTIFACT) -> Failure:
    """A failed step as data of its job; what was sent is the fault of whoever sent it.

    A blob that arrives with other bytes than were stored is the fault of neither.
    """
    sent = isinstance(error, BadInput) and error.code is not Code.DIGEST_MISMATCH
    fault = sender if sent else FailureGroup.HARNESS
    return Failure(fault, error.code.value, error.sentence, error.advice)
