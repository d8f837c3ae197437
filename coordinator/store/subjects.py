"""What is analysed of one run: its facts and raw files, from what the store remembers."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.analysis.certificate import newest_before
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import Capability, Realness
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.kernel_modes import probe_map_of
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobView
from bitgauge.benchmarks.vocabulary.values.runs import RawRef, RunView

from .store import Store
from .values import LeaseTerms


@dataclass(frozen=True, slots=True)
class Subject:
    """One run as its analysis sees it: raw files, facts, and the set it was evaluated on."""

    raw: tuple[RawRef, ...]
    facts: RunFacts
    evaluation: Digest


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
    candidate = entry.artifact or spec.baseline
    facts = RunFacts(
        run_id=run.run_id,
        entry_index=run.entry_index,
        recipe=run.recipe,
        profile=spec.profile,
        workload=spec.workload,
        candidate=candidate,
        baseline=spec.baseline,
        candidate_bytes=store.artifact_bytes(candidate),
        baseline_bytes=store.artifact_bytes(spec.baseline),
        accuracy_margin_pp=spec.accuracy_margin_pp,
        perplexity_margin_pct=spec.perplexity_margin,
        realness=realness_of(entry.runtime, device),
        family=entry.family,
        on_card=device.hardware_class.is_gpu,
        dequantized=dequantizes(entry.runtime, device),
        meters=device.meters,
        is_baseline=run.entry_index == 0,
        comparisons=max(1, len(spec.entries) - 1),
        overrides=spec.overrides,
        output=spec.output,
        runtime=entry.runtime,
        device_id=run.device_id,
        runs=(run.run_id, *_of_baseline(job, run)),
        signed=store.is_signed(run.run_id),
        leased_unix_ns=leased_ns,
        kernel_modes=tuple(StackItem(*item) for item in probe_map_of(run.stack).items()),
        certificate=newest_before(
            store.certificates(run.device_id, entry.runtime, run.fingerprint), leased_ns
        ),
    )
    return Subject(run.raw, facts, spec.evaluation)


def _of_baseline(job: JobView, run: RunView) -> tuple[str, ...]:
    """The runs of the job's baseline whose launches a run may share: of one device, none later."""
    return tuple(
        run_id(job.job_id, one.epoch, 0)
        for one in job.claims
        if one.device_id == run.device_id and one.epoch <= run.epoch
    )


def dequantizes(name: str, device: DeviceDescription) -> bool:
    """Whether a runtime computes in floats whatever an artifact holds."""
    return any(
        one.name == name and Capability.DEQUANTIZES in one.capabilities for one in device.runtimes
    )


def realness_of(name: str, device: DeviceDescription) -> Realness:
    """How real the numbers are: a simulated runtime makes any device simulated."""
    for runtime in device.runtimes:
        if runtime.name == name and runtime.simulated:
            return Realness.SIMULATED
    return device.realness
