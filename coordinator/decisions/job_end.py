"""What follows when a job has ended: its drift is judged, its certificate issued.

A suspect job is measured again, once; else what saturated in it is measured in exact mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bitgauge.benchmarks.analysis import certificate
from bitgauge.benchmarks.stats import sentinel
from bitgauge.benchmarks.stats.sentinel import Consequences, FixedPoint, Judgement, Outcome
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.profiles import plan_of
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from . import again
from .again import QueueJob
from .instructions import CordonDevice
from .job_now import JobNow


# -- what is known ------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Compared:
    """The comparisons of a certification.

    Attributes:
        stacks: device and stack of each, in order.
        ratios: what `certificate.compared_by` names, of each.
    """

    stacks: tuple[tuple[str, str], ...] = ()
    ratios: tuple[MetricValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of a job that has just ended.

    Attributes:
        job: the job.
        certifies: its comparisons; None: it is no certification.
        points: every fixed point with its device, in the order of the runs.
        earlier: by device, the outcomes of the jobs before it, newest first.
        saturating: entry and device of each run that saturated, in order.
        exact_options: by device, what makes the kernels of the job's runtime exact there.
    """

    job: JobNow
    certifies: Compared | None = None
    points: tuple[tuple[str, FixedPoint], ...] = ()
    earlier: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    saturating: tuple[tuple[int, str], ...] = ()
    exact_options: Mapping[str, tuple[StackItem, ...]] = field(default_factory=dict)


# -- what is done -------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class EndCertification:
    """Let the next certification of the device begin."""


@dataclass(frozen=True, slots=True)
class NoteDrift:
    """Store what the fixed points say of the job, and of which device."""

    outcome: Outcome
    suspect: str | None
    device_id: str | None


@dataclass(frozen=True, slots=True)
class IssueCertificate:
    """Store an A/A certificate, passed or not."""

    certificate: AaCertificate


EndInstruction = EndCertification | NoteDrift | CordonDevice | IssueCertificate | QueueJob


# -- what is decided ----------------------------------------------------------------------
def on_end(ended: Ended, now_ns: int) -> tuple[EndInstruction, ...]:
    """What follows from a job that has just ended; nobody ever sees it before it is judged."""
    job = ended.job
    acts: list[EndInstruction] = [EndCertification()] if ended.certifies else []
    if job.state is not JobState.FINISHED:
        return tuple(acts)
    device_id, judgement = worst(ended.points)
    suspect = judgement.reason if judgement.outcome is Outcome.SUSPECT else None
    acts.append(NoteDrift(judgement.outcome, suspect, device_id))
    then = Consequences()
    if device_id is not None:
        then = sentinel.consequences(
            judgement,
            ended.earlier.get(device_id, ()),
            is_repeat=job.repeats is not None,
            repeatable=ended.certifies is None,
        )
        if then.repeat:
            acts.append(again.repeat(job.job_id, job.spec, device_id))
        if then.cordon is not None:
            acts.append(CordonDevice(device_id, then.cordon))
    if ended.certifies is not None:
        issued = certified(job, ended.certifies, judgement, now_ns)
        acts += [IssueCertificate(issued)] if issued else []
    elif not then.repeat and (exact := _exact(ended)):
        acts.append(exact)
    return tuple(acts)


def worst(points: Sequence[tuple[str, FixedPoint]]) -> tuple[str | None, Judgement]:
    """The device that drifted, or else the one that measured last, and what is said of it."""
    by_device: dict[str, list[FixedPoint]] = {}
    for device_id, point in points:
        by_device.setdefault(device_id, []).append(point)
    judged = [(device_id, sentinel.judge(found)) for device_id, found in by_device.items()]
    suspects = [one for one in judged if one[1].outcome is Outcome.SUSPECT]
    if suspects:
        return suspects[0]
    return judged[-1] if judged else (None, sentinel.judge(()))


def certified(
    job: JobNow, compared: Compared, drift: Judgement, now_ns: int
) -> AaCertificate | None:
    """The certificate of a certification that has finished; None when nothing was compared."""
    if not compared.stacks:
        return None
    spec = job.spec
    asked = len(spec.entries) - 1
    margin = plan_of(spec.profile, spec.overrides).margin
    keys = certificate.compared_by(spec.workload)
    finding = certificate.judge_each(compared.ratios, asked, margin, keys)
    if len(set(compared.stacks)) > 1:
        finding = replace(finding, passed=False, reason="the stack changed between comparisons")
    elif drift.outcome is Outcome.SUSPECT:
        finding = replace(finding, passed=False, reason=f"the device drifted: {drift.reason}")
    device_id, fingerprint = compared.stacks[-1]
    return AaCertificate(
        job_id=job.job_id,
        device_id=device_id,
        runtime=spec.runtime,
        fingerprint=fingerprint,
        profile=spec.profile,
        issued_unix_ns=now_ns,
        expires_unix_ns=now_ns + certificate.LIFE_NS,
        asked=asked,
        comparisons=finding.comparisons,
        false_positives=finding.false_positives,
        worst_effect=finding.worst_effect,
        mde=finding.mde,
        passed=finding.passed,
        reason=finding.reason,
    )


def _exact(ended: Ended) -> QueueJob | None:
    """What saturated, in exact mode, with the very artifacts that did."""
    job = ended.job
    entries = tuple(
        replace(asked, artifact=entry.artifact)
        for asked, entry in zip(job.spec.entries, job.entries, strict=True)
    )
    spec = replace(job.spec, entries=entries)
    return again.exact(job.job_id, spec, ended.saturating, ended.exact_options)
