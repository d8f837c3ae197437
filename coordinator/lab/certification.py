"""The certification of a device: one artifact, compared with itself many times. Pure.

Its model and inputs are those of the health check, which every device that can be checked has.
"""

from __future__ import annotations

from bitgauge.benchmarks.analysis.certificate import COMPARISONS
from bitgauge.benchmarks.vocabulary.enums import Capability, PassName, Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, Selector

from ..decisions.scheduler import matches
from .health_check import HealthCheck

NAME = "aa-certificate"
MAX_COMPARISONS = 200
DEADLINE_S = 4 * 3600
PASSES = (PassName.PAIR, PassName.SENTINEL)


def certification(
    check: HealthCheck, device: DeviceDescription, runtime: str, profile: Profile, comparisons: int
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
    itself = check.spec(device.device_id).entries[0]
    spec = JobSpec(
        model_name=NAME,
        baseline=check.baseline,
        entries=(itself,) * (1 + (comparisons or COMPARISONS)),
        evaluation=check.evaluation,
        model_class=check.model_class,
        runtime=runtime,
        selector=Selector(device=device.device_id),
        profile=profile,
        deadline_s=DEADLINE_S,
        wait_for_device=True,
        passes=PASSES,
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
