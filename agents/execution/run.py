"""One run: the files, launches and raw data of one entry, a function for each step.

What to launch is decided by `plan`, what a dead child means by `failures`.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.common.manifest import ArtifactFiles
from bitgauge.benchmarks.vocabulary.enums import Capability, PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.meters import best_meter
from bitgauge.benchmarks.vocabulary.profiles import ProfilePlan, plan_of
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure, Progress, RawRef

from ..connection.lease import LeaseKeeper
from ..host import process
from ..host.patience import to_the_end
from ..launcher.exit import ChildExit
from ..launcher.supervision import Listener
from ..spec import BUILD, ChildSpec, Event
from ..storage.spool import Intent
from .bench import Bench
from .child import OWN, lay_out, spec_of
from .doubt import doubted, read_afresh
from .failures import NO_MEMORY, failure_of, needs_confirmation
from .placed import placed
from .plan import AFTER, PassPlan, bracketed, is_enough, one_at_a_time, plan_passes

_TIMED = (PassName.PAIR, PassName.ABSOLUTE, PassName.THROUGHPUT, PassName.SENTINEL)

# Without these a run is still a run: their numbers are missing, with the reason.
_OPTIONAL = {
    PassName.SENTINEL: "The sentinel could not be timed",
    PassName.THROUGHPUT: "The sweep over batches ended without a result",
}


class RunFailed(Exception):
    """A run produced no result, for this reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class Run:
    """One entry under one lease: what it is, and what it has made so far.

    Attributes:
        keeper: keeps the lease, in the gaps while a clock runs.
        sentinels: which launches of the sentinel go with this entry; see `plan.bracketed`.
        medians_ns: median latency of each launch of a pass and role so far.
        attempts: children that the launch with the most of them took.
        least_ns: the shortest latency that the anchors allow the entry; 0: not known.
    """

    job: Assignment
    entry: AssignedEntry
    keeper: LeaseKeeper
    sentinels: tuple[int, ...] = ()
    made: list[RawRef] = field(default_factory=list)
    medians_ns: defaultdict[tuple[PassName, RawRole], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    attempts: int = 1
    least_ns: float = 0.0

    @property
    def name(self) -> str:
        """The id of the run."""
        return run_id(self.job.job_id, self.job.epoch, self.entry.index)

    @property
    def median_ns(self) -> float | None:
        """Median latency of its own launches so far; None before any."""
        found = self.medians_ns[PassName.ABSOLUTE, RawRole.CANDIDATE]
        return statistics.median(found) if found else None

    @property
    def bracket(self) -> tuple[RawRef, ...]:
        """The sentinel's raw files that were made; they are kept when the entry itself failed."""
        return tuple(ref for ref in self.made if ref.pass_name is PassName.SENTINEL)

    def tell(self, step: str, fraction: float) -> None:
        """Says with the next heartbeat which step this is, and the share that is done."""
        self.keeper.progress = Progress(self.entry.index, self.entry.recipe, step, fraction)


async def measure(
    bench: Bench, run: Run, shared: tuple[RawRef, ...], *, keeps_time: bool
) -> tuple[RawRef, ...]:
    """Makes every launch that an entry needs.

    `shared` are raw files of the baseline that need not be made again.

    Returns:
        The raw files that were made.

    Raises:
        RunFailed: a launch failed.
        BitgaugeError: a file could not be had.
    """
    plans = _planned(bench, run, shared, keeps_time)
    try:
        intent = await to_the_end(
            bench.spool.begin, run.name, run.job.job_id, run.job.epoch, run.entry.index
        )
        crash_point("A1")
        try:
            await _every_launch(bench, run, plans, intent)
        except Exception:  # whatever it was, the device may have drifted before it
            await _close_bracket(bench, run, plans, intent)
            raise
        return tuple(run.made)
    except asyncio.CancelledError:
        # The child is dead; what it was to measure will be another run's.
        bench.spool.abandon(run.name)
        raise
    finally:
        bench.machine.drop_folder(bench.folder / run.name)


def _planned(
    bench: Bench, run: Run, shared: tuple[RawRef, ...], keeps_time: bool
) -> tuple[PassPlan, ...]:
    """The launches, with those of the sentinel where the job is to be bracketed."""
    job = run.job
    plans = plan_passes(
        run.entry,
        job.baseline,
        plan_of(job.profile, job.overrides),
        keeps_time=keeps_time,
        available=shared,
        only=job.passes,
        metered=best_meter(bench.device.meters) is not None,
        scenario=job.workload.scenario,
        baseline_runtime=job.baseline_runtime,
        alone=_alone(bench, {job.baseline_runtime, run.entry.runtime}),
        name=run.name,
    )
    if _is_bracketed(bench, job):
        plans = bracketed(plans, run.sentinels, job.baseline_runtime)
    return plans


def _alone(bench: Bench, runtimes: set[str]) -> set[str]:
    """Those of which no library is timed beside theirs."""
    told = (one for one in bench.device.runtimes if Capability.ALONE in one.capabilities)
    return runtimes & {one.name for one in told}


def _is_bracketed(bench: Bench, job: Assignment) -> bool:
    """Whether the job is timed between two launches of the sentinel of the baseline's runtime.

    It is the job's: its last entry has the one after it, though it may be timed itself or not.
    """
    own = bench.runtime(job.baseline_runtime)
    keeps_time = bench.device.realness.keeps_time and own is not None and not own.simulated
    wanted = keeps_time and (not job.passes or PassName.SENTINEL in job.passes)
    return wanted and bench.module(job.baseline_runtime).TRAITS.sentinel is not None


async def _every_launch(
    bench: Bench, run: Run, plans: tuple[PassPlan, ...], intent: Intent
) -> None:
    files = await _fetch(bench, run)
    profile = plan_of(run.job.profile, run.job.overrides)
    closing = [one for one in plans if _closes(one)]

    async def launch(plan: PassPlan, fraction: float) -> None:
        if is_enough(plan, profile, run.medians_ns[plan.pass_name, plan.role]):
            return
        run.tell(plan.pass_name.value, fraction)
        try:
            run.made.append(await _launch(bench, run, plan, files, intent))
        except RunFailed as failed:
            if plan.pass_name not in _OPTIONAL:
                raise
            bench.say(f"{_OPTIONAL[plan.pass_name]}: {failed.failure.message}")

    waiting = [one for one in plans if one not in closing]
    while waiting:
        plan = waiting.pop(0)
        try:
            await launch(plan, 1 - (len(waiting) + 1) / max(len(plans), len(waiting) + 1))
        except RunFailed as failed:
            instead = _without_room(failed.failure, plan, profile, run)
            if not instead:
                raise
            bench.say(f"Memory forbids baseline and candidate in one process: {failed}")
            waiting = [*instead, *(one for one in waiting if one.pass_name is not plan.pass_name)]
    again = doubted(run.made, run.median_ns, run.least_ns)
    if again is not None and await read_afresh(bench, run.entry.runtime):
        made = PassPlan(
            PassName.ABSOLUTE, again, RawRole.CANDIDATE, (run.entry.artifact,), (run.entry.runtime,)
        )
        run.made.append(await _launch(bench, run, made, files, intent))
    for plan in closing:
        await launch(plan, 1.0)


def _without_room(
    failure: Failure, plan: PassPlan, profile: ProfilePlan, run: Run
) -> tuple[PassPlan, ...]:
    """The launches in place of those of a pass that holds two artifacts and found no memory.

    What the pass made before is forgotten: it holds one kind of launches or the other.
    """
    instead = one_at_a_time(plan, profile, name=run.name) if failure.code in NO_MEMORY else ()
    if instead:
        run.made[:] = [one for one in run.made if one.pass_name is not plan.pass_name]
    return instead


def _closes(plan: PassPlan) -> bool:
    """Whether a launch is the sentinel after the job."""
    return (plan.pass_name, plan.launch) == (PassName.SENTINEL, AFTER)


async def _close_bracket(
    bench: Bench, run: Run, plans: tuple[PassPlan, ...], intent: Intent
) -> None:
    """The sentinel after the job, when its last entry failed: it needs no file of the entry."""
    for plan in filter(_closes, plans):
        try:
            run.made.append(await _launch(bench, run, plan, _NO_FILES, intent))
        except RunFailed as failed:
            bench.say(f"{_OPTIONAL[PassName.SENTINEL]}: {failed.failure.message}")
        except (BitgaugeError, OSError) as error:  # the entry's own failure is what is told
            bench.say(f"{_OPTIONAL[PassName.SENTINEL]}: {error}")


@dataclass(frozen=True, slots=True)
class _Files:
    """The verified files of an entry.

    Attributes:
        artifacts: those of each artifact.
        evaluation: the evaluation set; None for a launch that needs no file.
    """

    artifacts: dict[Digest, ArtifactFiles]
    evaluation: Path | None


_NO_FILES = _Files({}, None)


async def _fetch(bench: Bench, run: Run) -> _Files:
    evaluation = await bench.transfer.fetch(run.job.evaluation)
    wanted = sorted({run.job.baseline, run.entry.artifact})
    return _Files({one: await bench.transfer.artifact(one) for one in wanted}, evaluation)


async def _launch(bench: Bench, run: Run, plan: PassPlan, files: _Files, intent: Intent) -> RawRef:
    """One launch, and one more when it crashed (DESIGN 10.12)."""
    sources = [files.artifacts[digest] for digest in plan.artifacts]
    spec = spec_of(bench, run, plan, sources, files.evaluation)
    elsewhere = placed(bench, run.job, run.entry, plan)
    if elsewhere is not None:
        spec = await elsewhere.told(spec)
    ended = await _attempt(bench, run, spec, sources, intent)
    tried = 1
    if needs_confirmation(ended):
        tried = 2
        ended = await _attempt(bench, run, spec, sources, intent)
    run.attempts = max(run.attempts, tried)
    if not ended.done:
        what = f"pass {plan.pass_name.value}, launch {plan.launch} ({plan.role.value})"
        raise RunFailed(failure_of(ended, what, elsewhere.provider if elsewhere else ""))
    if elsewhere is not None:
        await elsewhere.keep(spec)
    run.medians_ns[plan.pass_name, plan.role].append(ended.median_ns)
    run.least_ns = max(run.least_ns, ended.least_ns)
    digest = await asyncio.to_thread(bench.spool.put_raw, Path(spec.result))
    return RawRef(plan.pass_name, plan.launch, plan.role, digest)


async def _attempt(
    bench: Bench, run: Run, spec: ChildSpec, sources: Sequence[ArtifactFiles], intent: Intent
) -> ChildExit:
    """One child, from its folder to its end."""
    folder, keeper = bench.folder / run.name, run.keeper
    await asyncio.to_thread(lay_out, bench, spec, sources, folder)

    async def spawned(pid: int) -> None:
        crash_point("A2")
        await to_the_end(bench.spool.spawned, intent, pid)

    def phase(name: str) -> None:
        keeper.measuring(name == "measure" and spec.pass_name in _TIMED)
        if name == "measure":
            crash_point("A3")

    async def gap(event: Event) -> None:
        await keeper.gap(event.hold_ms, event.fraction if event.phase == BUILD else None)

    listener = Listener(spawned, phase, gap)
    try:
        with process.living(intent.mark):
            return await bench.launch(spec, folder / OWN, intent.mark, bench.limits, listener)
    finally:
        keeper.measuring(False)


def files_of(assignment: Assignment) -> set[Digest]:
    """Every blob that a job still needs on the device."""
    artifacts = {entry.artifact for entry in assignment.entries if not entry.accepted}
    return {assignment.evaluation, assignment.baseline} | artifacts
