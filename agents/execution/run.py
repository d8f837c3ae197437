"""One run: the files, launches and raw data of one entry.

What to launch is decided by `passes`, what a dead child means by `failures`; this module only
carries it out.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.meters import best_meter, second_meter
from bitgauge.benchmarks.vocabulary.profiles import ProfilePlan, plan_of
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure, RawRef

from ..config import PhaseLimits
from ..connection.lease import LeaseKeeper
from ..connection.transfer import Transfer
from ..host.machine import THIS_MACHINE, Machine
from ..host.patience import to_the_end
from ..launcher.exit import ChildExit
from ..launcher.supervision import Listener
from ..registry import Found
from ..spec import ChildSpec, Event
from ..storage.spool import Intent, Spool
from .failures import failure_of, needs_confirmation
from .plan import AFTER, PassPlan, bracketed, is_enough, plan_passes

_OWN = "child"  # the part of a run's folder that its children may write to

Launch = Callable[[ChildSpec, Path, str, PhaseLimits, Listener], Awaitable[ChildExit]]

_TIMED = (PassName.PAIR, PassName.ABSOLUTE, PassName.THROUGHPUT, PassName.SENTINEL)

# Without these a run is still a run: their numbers are missing, with the reason.
_OPTIONAL = {
    PassName.SENTINEL: "The sentinel could not be timed",
    PassName.THROUGHPUT: "The sweep over batches ended without a result",
}


async def _no_rest() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What an executor works with.

    Attributes:
        device: this device as it is registered.
        runtimes: the plug-ins that can be loaded.
        plugins: folders that the child looks for plug-ins in, too.
        transfer: gets artifacts.
        spool: keeps what was measured.
        folder: where children have their folders.
        limits: how long a child may be silent.
        deliver: reports what the spool holds, once.
        say: prints one line.
        launch: runs one child to its end, confined.
        sandbox: the level that it confines to.
        machine: whose disk and clocks these are.
        rest: lets the device cool down before a job; returns the seconds that it took.
    """

    device: DeviceDescription
    runtimes: Found
    plugins: tuple[Path, ...]
    transfer: Transfer
    spool: Spool
    folder: Path
    limits: PhaseLimits
    deliver: Callable[[], Awaitable[object]]
    say: Callable[[str], None]
    launch: Launch
    sandbox: str
    machine: Machine = THIS_MACHINE
    rest: Callable[[], Awaitable[float]] = _no_rest


@dataclass(frozen=True, slots=True)
class Bound:
    """What every launch of one run shares: its intent, its folder, and who keeps its lease."""

    intent: Intent
    folder: Path
    keeper: LeaseKeeper


class RunFailed(Exception):
    """A run produced no result, for this reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class EntryRun:
    """One entry under one lease.

    Args:
        bench: the tools.
        assignment: the job and its lease.
        entry: what to measure.
        progress: told the step and the share that is done.
        sentinels: which launches of the sentinel go with this entry; see `passes.bracketed`.
    """

    def __init__(
        self,
        bench: Bench,
        assignment: Assignment,
        entry: AssignedEntry,
        progress: Callable[[str, float], None],
        sentinels: Collection[int] = (),
    ) -> None:
        self._sentinels = sentinels
        self._bench = bench
        self._assignment = assignment
        self._entry = entry
        self._progress = progress
        self.attempts = 1
        self._made: list[RawRef] = []
        self._medians_ns: defaultdict[tuple[PassName, RawRole], list[float]] = defaultdict(list)

    async def run(
        self, keeper: LeaseKeeper, shared: tuple[RawRef, ...], keeps_time: bool
    ) -> tuple[RawRef, ...]:
        """Every launch that the entry needs.

        Args:
            keeper: keeps the lease, in the gaps while a clock runs.
            shared: raw files of the baseline that need not be made again.
            keeps_time: whether anything but quality means something here.

        Returns:
            The raw files that were made.

        Raises:
            RunFailed: a launch failed.
            BitgaugeError: a file could not be had.
        """
        job, bench = self._assignment, self._bench
        profile = plan_of(job.profile, job.overrides)
        plans = plan_passes(
            self._entry,
            job.baseline,
            profile,
            keeps_time=keeps_time,
            available=shared,
            only=job.passes,
            metered=best_meter(bench.device.meters) is not None,
            scenario=job.workload.scenario,
        )
        if keeps_time and self._has_sentinel():
            plans = bracketed(plans, self._sentinels)
        name = run_id(job.job_id, job.epoch, self._entry.index)
        folder = bench.folder / name
        try:
            intent = await to_the_end(
                bench.spool.begin, name, job.job_id, job.epoch, self._entry.index
            )
            crash_point("A1")
            bound = Bound(intent, folder, keeper)
            try:
                await self._every_launch(plans, profile, bound)
            except Exception:  # whatever it was, the device may have drifted before it
                await self._close_bracket(plans, bound)
                raise
            return tuple(self._made)
        except asyncio.CancelledError:
            # The child is dead; what it was to measure will be another run's.
            bench.spool.abandon(name)
            raise
        finally:
            bench.machine.drop_folder(folder)

    async def _every_launch(
        self, plans: tuple[PassPlan, ...], profile: ProfilePlan, bound: Bound
    ) -> None:
        files = await self._fetch()
        for done, plan in enumerate(plans):
            if is_enough(plan, profile, self._medians_ns[plan.pass_name, plan.role]):
                continue
            self._progress(plan.pass_name.value, done / len(plans))
            try:
                self._made.append(await self._launch(plan, files, bound))
            except RunFailed as failed:
                if plan.pass_name not in _OPTIONAL:
                    raise
                self._bench.say(f"{_OPTIONAL[plan.pass_name]}: {failed.failure.message}")

    async def _close_bracket(self, plans: tuple[PassPlan, ...], bound: Bound) -> None:
        """The sentinel after the job, when its last entry failed: it needs no file of the entry."""
        after = [one for one in plans if (one.pass_name, one.launch) == (PassName.SENTINEL, AFTER)]
        for plan in after:
            try:
                self._made.append(await self._launch(plan, {}, bound))
            except RunFailed as failed:
                self._bench.say(f"{_OPTIONAL[PassName.SENTINEL]}: {failed.failure.message}")
            except (BitgaugeError, OSError) as error:  # the entry's own failure is what is told
                self._bench.say(f"{_OPTIONAL[PassName.SENTINEL]}: {error}")

    @property
    def bracket(self) -> tuple[RawRef, ...]:
        """The sentinel's raw files that were made; they are kept when the entry itself failed."""
        return tuple(ref for ref in self._made if ref.pass_name is PassName.SENTINEL)

    def _has_sentinel(self) -> bool:
        """Whether the job asks for the sentinel and its runtime has one."""
        passes = self._assignment.passes
        module = self._bench.runtimes.get(self._assignment.runtime)
        wanted = not passes or PassName.SENTINEL in passes
        return wanted and hasattr(module, "sentinel_artifact")

    async def _fetch(self) -> dict[str, Path]:
        """The verified files of the entry by SHA-256."""
        job = self._assignment
        keep = files_of(job)
        wanted = {job.evaluation, job.baseline, self._entry.artifact}
        return {
            digest.sha256: await self._bench.transfer.fetch(digest, keep)
            for digest in sorted(wanted)
        }

    async def _launch(
        self,
        plan: PassPlan,
        files: dict[str, Path],
        bound: Bound,
    ) -> RawRef:
        """One launch, and one more when it crashed (DESIGN 10.12)."""
        spec = self._spec(plan, files, bound.folder, bound.intent.run_id)
        sources = [files[digest.sha256] for digest in plan.artifacts]
        ended = await self._attempt(spec, sources, bound)
        tried = 1
        if needs_confirmation(ended):
            tried = 2
            ended = await self._attempt(spec, sources, bound)
        self.attempts = max(self.attempts, tried)
        if not ended.done:
            what = f"pass {plan.pass_name.value}, launch {plan.launch} ({plan.role.value})"
            raise RunFailed(failure_of(ended, what))
        self._medians_ns[plan.pass_name, plan.role].append(ended.median_ns)
        digest = await asyncio.to_thread(self._bench.spool.put_raw, Path(spec.result))
        return RawRef(plan.pass_name, plan.launch, plan.role, digest)

    async def _attempt(
        self,
        spec: ChildSpec,
        sources: list[Path],
        bound: Bound,
    ) -> ChildExit:
        intent, folder, keeper = bound.intent, bound.folder, bound.keeper
        await asyncio.to_thread(self._lay_out, spec, sources, folder)
        timed = spec.pass_name in _TIMED

        async def spawned(pid: int) -> None:
            crash_point("A2")
            await to_the_end(self._bench.spool.spawned, intent, pid)

        def phase(name: str) -> None:
            keeper.measuring(timed and name == "measure")
            if name == "measure":
                crash_point("A3")

        async def gap(event: Event) -> None:
            await keeper.gap(event.hold_ms)

        try:
            return await self._bench.launch(
                spec,
                folder / _OWN,
                intent.mark,
                self._bench.limits,
                Listener(spawned, phase, gap),
            )
        finally:
            keeper.measuring(False)

    def _lay_out(self, spec: ChildSpec, sources: list[Path], folder: Path) -> None:
        """A fresh folder for the child, and one for each artifact that holds nothing else.

        A model file may name others beside it; in the cache those would be other people's.
        """
        machine = self._bench.machine
        machine.fresh_folder(folder)
        machine.make_folder(folder / _OWN)
        places = [Path(path) for path in spec.paths]
        if not sources:
            runtime = self._bench.runtimes.get(spec.runtime)
            sentinel = spec.pass_name is PassName.SENTINEL
            make = runtime.sentinel_artifact if sentinel else runtime.empty_artifact
            machine.place(places[0], make())
        for place, source in zip(places, sources, strict=bool(sources)):
            machine.place(place, source)

    def _spec(self, plan: PassPlan, files: dict[str, Path], folder: Path, name: str) -> ChildSpec:
        job = self._assignment
        seed_text = f"{name}/{plan.pass_name.value}/{plan.role.value}/{plan.launch}"
        names = [digest.sha256 for digest in plan.artifacts] or ["floor"]
        meter = best_meter(self._bench.device.meters)
        second = second_meter(meter, self._bench.device.meters) if meter else None
        places = [folder / "artifacts" / str(at) / name for at, name in enumerate(names)]
        return ChildSpec(
            pass_name=plan.pass_name,
            launch=plan.launch,
            role=plan.role,
            runtime=job.runtime,
            workload=job.workload,
            profile=job.profile,
            recipe=self._entry.recipe,
            seed=int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:8], "big"),
            artifacts=tuple(digest.sha256 for digest in plan.artifacts),
            paths=tuple(str(place) for place in places),
            evaluation=str(files.get(job.evaluation.sha256, "")),
            result=str(folder / _OWN / "raw.npz"),
            event_fd=-1,
            ack_fd=-1,
            plugins=tuple(str(path) for path in self._bench.plugins),
            overrides=job.overrides,
            meter=meter.name if meter is not None else "",
            second_meter=second.name if second is not None else "",
            evaluation_sha256=job.evaluation.sha256,
            anchors=next(
                (one.anchors for one in self._bench.device.runtimes if one.name == job.runtime), ()
            ),
        )


def files_of(assignment: Assignment) -> set[Digest]:
    """Every blob that a job still needs on the device."""
    artifacts = {entry.artifact for entry in assignment.entries if not entry.accepted}
    return {assignment.evaluation, assignment.baseline} | artifacts
