"""What an analysis needs to know about a run, gathered from the store."""

from __future__ import annotations

from bitgauge.benchmarks.errors import Code, NotFound
from bitgauge.benchmarks.facts import RunFacts
from bitgauge.benchmarks.model import DeviceDescription, JobSpec, RawRef, Realness

from .store import LeaseTerms, Store


def analysis_of(
    store: Store, run_id: str, now_ns: int, terms: LeaseTerms
) -> tuple[tuple[RawRef, ...], RunFacts]:
    """The raw files of a run and the facts that its analysis rests on.

    Raises:
        NotFound: `UNKNOWN_RUN`, or `UNKNOWN_DEVICE` when its device is not registered.
    """
    run = store.run(run_id)
    spec = store.spec(run.job_id)
    entry = store.job(run.job_id).entries[run.entry_index]
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
    )
    return run.raw, facts


def realness_of(spec: JobSpec, device: DeviceDescription) -> Realness:
    """How real the numbers are: a simulated runtime makes any device simulated."""
    for runtime in device.runtimes:
        if runtime.name == spec.runtime and runtime.simulated:
            return Realness.SIMULATED
    return device.realness
