"""The certification of a device: one artifact, compared with itself many times. Pure.

Its model and inputs are those of the health check, which every device that can be checked has; for
a runtime that takes no such file the same model in a form that it takes, and for one of language
models the zoo's decoder, whose requests are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitgauge.benchmarks.analysis.certificate import COMPARISONS
from bitgauge.benchmarks.vocabulary.enums import Capability, ModelClass, PassName, Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector, Workload

from ..decisions.scheduler import matches

NAME = "aa-certificate"
MAX_COMPARISONS = 200
DEADLINE_S = 4 * 3600
PASSES = (PassName.PAIR, PassName.SENTINEL)
NETWORK = Workload()
"""A call of a network: one sample."""
REQUEST_PASSES = (PassName.GENERATION, PassName.SENTINEL)


@dataclass(frozen=True, slots=True)
class CertifiedModel:
    """What a runtime that takes a kind of artifact is certified with.

    Attributes:
        kind: of the artifact.
        baseline: an FP32 model.
        evaluation: a set for it.
        model_class: of the model.
        workload: what a call is.
    """

    kind: str
    baseline: Digest
    evaluation: Digest
    model_class: ModelClass
    workload: Workload = NETWORK

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The files that it needs."""
        return (self.baseline, self.evaluation)


def certified_model(
    subjects: Sequence[CertifiedModel], device: DeviceDescription, runtime: str
) -> CertifiedModel:
    """The first that a runtime of a device takes; the first of all where it takes none."""
    own = (one.artifact_kinds for one in device.runtimes if one.name == runtime)
    taken = next(own, ())
    return next((one for one in subjects if one.kind in taken), subjects[0])


def certification(
    subject: CertifiedModel,
    device: DeviceDescription,
    runtime: str,
    profile: Profile,
    comparisons: int,
) -> JobSpec:
    """The job that certifies a runtime of a device; 0 comparisons: as many as a certificate takes.

    Raises:
        BadInput: `BAD_ARGUMENT` for a number of comparisons that makes no sense.
        Refused: `NOT_CERTIFIABLE` when the device cannot be certified.
    """
    if not 0 <= comparisons <= MAX_COMPARISONS:
        raise BadInput(
            Code.BAD_ARGUMENT, f"{comparisons} comparisons is not 1 to {MAX_COMPARISONS}."
        )
    itself = Entry("fp32", subject.baseline, artifact_kind=subject.kind)
    spec = JobSpec(
        model_name=NAME,
        baseline=subject.baseline,
        entries=(itself,) * (1 + (comparisons or COMPARISONS)),
        evaluation=subject.evaluation,
        model_class=subject.model_class,
        runtime=runtime,
        selector=Selector(device=device.device_id),
        workload=subject.workload,
        profile=profile,
        deadline_s=DEADLINE_S,
        wait_for_device=True,
        passes=REQUEST_PASSES if subject.workload.is_llm else PASSES,
    )
    if why := _hindrance(spec, device):
        raise Refused(Code.NOT_CERTIFIABLE, f"The device {device.name} cannot be certified: {why}.")
    return spec


def _hindrance(spec: JobSpec, device: DeviceDescription) -> str | None:
    """Why a device cannot be certified; time that is not real says nothing."""
    if not device.realness.keeps_time:
        return f"it is {device.realness.value}, so it keeps no time"
    if any(one.simulated for one in device.runtimes if one.name == spec.runtime):
        return f"its {spec.runtime} is simulated, so it keeps no time"
    own = (one for one in device.runtimes if one.name == spec.runtime)
    if any(Capability.DEQUANTIZES in one.capabilities for one in own):
        return f"its {spec.runtime} unpacks every weight to a float, so its times are of no format"
    if reasons := matches(spec, device):
        return f"it {' and '.join(reasons)}"
    return None
