"""What an analysis needs to know about a run, gathered from the store, and having it done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bitgauge.benchmarks.certificate import newest_before
from bitgauge.benchmarks.errors import Code, NotFound
from bitgauge.benchmarks.facts import RunFacts
from bitgauge.benchmarks.kernel_modes import probe_map_of
from bitgauge.benchmarks.model import DeviceDescription, Digest, JobSpec, RawRef, StackItem
from bitgauge.benchmarks.vocabulary import Realness

from .builds import Builds, patiently
from .runner import Analysis, TaskRunner
from .store import LeaseTerms, Store
from .writer import Writer


@dataclass(frozen=True, slots=True)
class Subject:
    """One run as its analysis sees it: raw files, facts, and the set it was evaluated on."""

    raw: tuple[RawRef, ...]
    facts: RunFacts
    evaluation: Digest


class Analyses:
    """Computes published numbers; the first time and again alike."""

    def __init__(
        self,
        writer: Writer,
        runner: TaskRunner,
        builds: Builds,
        terms: LeaseTerms,
        clock: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._runner = runner
        self._builds = builds
        self._terms = terms
        self._now_ns = clock

    async def compute(self, run_id: str) -> Analysis:
        """The numbers of a run from its raw data; nothing is stored.

        Raises:
            BitgaugeError: the raw data gives none, or no task could be run.
        """
        now_ns = self._now_ns()
        subject = await self._writer.call(
            lambda store: subject_of(store, run_id, now_ns, self._terms)
        )
        reference = await self._builds.reference_of(subject.facts.baseline, subject.evaluation)
        return await patiently(lambda: self._runner.analyse(subject.raw, subject.facts, reference))


def subject_of(store: Store, run_id: str, now_ns: int, terms: LeaseTerms) -> Subject:
    """What the store knows about a run.

    Raises:
        NotFound: `UNKNOWN_RUN`, or `UNKNOWN_DEVICE` when its device is not registered.
    """
    run = store.run(run_id)
    spec = store.spec(run.job_id)
    job = store.job(run.job_id)
    entry = job.entries[run.entry_index]
    # The coordinator's clock: a device's own may be wrong.
    leased_ns = next(one.claimed_unix_ns for one in job.claims if one.epoch == run.epoch)
    views = store.devices(now_ns, terms)
    device = next(
        (view.description for view in views if view.description.device_id == run.device_id), None
    )
    if device is None:
        raise NotFound(Code.UNKNOWN_DEVICE, f"Device {run.device_id} of run {run_id} is unknown.")
    facts = RunFacts(
        run_id=run.run_id,
        entry_index=run.entry_index,
        recipe=run.recipe,
        profile=spec.profile,
        workload=spec.workload,
        candidate=entry.artifact or spec.baseline,
        baseline=spec.baseline,
        accuracy_margin_pp=spec.accuracy_margin_pp,
        realness=realness_of(spec, device),
        meters=device.meters,
        is_baseline=run.entry_index == 0,
        comparisons=max(1, len(spec.entries) - 1),
        overrides=spec.overrides,
        leased_unix_ns=leased_ns,
        kernel_modes=tuple(StackItem(*item) for item in probe_map_of(run.stack).items()),
        certificate=newest_before(
            store.certificates(run.device_id, spec.runtime, run.fingerprint), leased_ns
        ),
    )
    return Subject(run.raw, facts, spec.evaluation)


def realness_of(spec: JobSpec, device: DeviceDescription) -> Realness:
    """How real the numbers are: a simulated runtime makes any device simulated."""
    for runtime in device.runtimes:
        if runtime.name == spec.runtime and runtime.simulated:
            return Realness.SIMULATED
    return device.realness
