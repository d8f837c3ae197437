"""What is measured again: the job that asks for it, once, on the device whose numbers it is about.

The id of such a job follows from what it measures again, and a unique index keeps it from being
there twice. It has no idempotency key: a user's could be the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.session_options import options_for
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, Selector


@dataclass(frozen=True, slots=True)
class QueueJob:
    """Queue a job, with class and user of the one that it follows from.

    Attributes:
        repeats: the suspect job that it measures again.
        exact_of: the job whose saturating artifacts it measures in exact mode.
    """

    job_id: str
    spec: JobSpec
    repeats: str | None = None
    exact_of: str | None = None


def repeat(job_id: str, spec: JobSpec, device_id: str) -> QueueJob:
    """A suspect job once more, as it was."""
    return QueueJob(_id(f"repeat/{job_id}"), _on(device_id, spec), repeats=job_id)


def confirm(
    run_id: str, spec: JobSpec, index: int, artifact: Digest | None, device_id: str
) -> QueueJob:
    """The entry of a run once more, beside its baseline.

    The artifact is what was measured: its recipe might be built anew, by another toolchain. Several
    findings of one run share one job.
    """
    entries = spec.entries[:1]
    if index:
        entries += (replace(spec.entries[index], artifact=artifact),)
    return QueueJob(confirming_job(run_id), _on(device_id, replace(spec, entries=entries)))


def confirming_job(run_id: str) -> str:
    """The id of the one job that measures once more what a run showed."""
    return _id(f"confirm/{run_id}")


def exact(
    job_id: str,
    spec: JobSpec,
    saturating: Sequence[tuple[int, str]],
    exact_options: Mapping[str, tuple[StackItem, ...]],
) -> QueueJob | None:
    """What saturated in a finished job once more, in exact mode; None when there is none to make.

    It runs on the device that measured the last of it, and holds what saturated there. Options are
    those of a whole job: what another runtime than the baseline's executes has no part in it.

    `saturating` holds entry and device of each run that saturated, in order, `exact_options` by
    device what makes the kernels of their runtime exact there; `spec` has the very artifact of each
    entry that was measured.
    """
    if not saturating:
        return None
    device_id = saturating[-1][1]
    here = [spec.entries[at] for at, where in sorted(saturating) if at and where == device_id]
    baseline = spec.runtime_of(spec.entries[0])
    chosen = tuple(entry for entry in here if spec.runtime_of(entry) == baseline)
    given, exactly = spec.overrides.session_options, exact_options.get(device_id, ())
    names = {one.name for one in exactly}
    if not (names and chosen) or any(one.name in names for one in options_for(given, baseline)):
        return None
    options = tuple(sorted((*given, *exactly), key=lambda one: one.name))
    asked = replace(
        spec,
        entries=(spec.entries[0], *chosen),
        overrides=replace(spec.overrides, session_options=options),
    )
    return QueueJob(_id(f"exact/{job_id}"), _on(device_id, asked), exact_of=job_id)


def _on(device_id: str, spec: JobSpec) -> JobSpec:
    """The same on one device, whenever that is free."""
    return replace(
        spec, idempotency_key="", selector=Selector(device=device_id), wait_for_device=True
    )


def _id(what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:{what}"))
