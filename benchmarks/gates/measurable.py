"""What a use case asks that a job cannot answer, said before anything is measured. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..vocabulary.enums import Profile
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.metric import Group
from ..vocabulary.reasons import REASONS
from ..vocabulary.values.devices import DeviceDescription
from ..vocabulary.values.gates import UseCase
from ..vocabulary.values.jobs import JobSpec
from .limits import LIMITS, LOSS_PCT, LOSS_PP, GateLimit


def require_measurable(
    use_case: UseCase, spec: JobSpec, devices: Iterable[DeviceDescription]
) -> None:
    """Refuse a job of which no run could pass a limit, because nothing measures what it limits.

    Args:
        use_case: what the runs are to be held against.
        spec: the job.
        devices: those that may take it.

    Raises:
        BadInput: `BAD_GATES`, which limit and why.
    """
    known = list(devices)
    for rule in use_case.rules:
        why = _of_job(LIMITS[rule.key], spec)
        if not why and known:
            each = [(_of_device(LIMITS[rule.key], one), one.name) for one in known]
            if all(reason for reason, _ in each):
                why = "; ".join(dict.fromkeys(f"{name} {reason}" for reason, name in each))
        if why:
            what = f"The use case {use_case.name!r} limits {LIMITS[rule.key].metric} ({rule.key})"
            raise BadInput(Code.BAD_GATES, f"{what}, which this job cannot answer: {why}.")


def _of_job(limit: GateLimit, spec: JobSpec) -> str:
    """Why no run of a job tells a metric, wherever it is measured; empty where one does."""
    llm = spec.workload.is_llm
    if limit.of.decoder and not llm:
        return "it is told of decoders alone, by --scenario llm"
    if limit.key in (LOSS_PP, LOSS_PCT) and llm:
        return "of a decoder the perplexity stands for the accuracy"
    if limit.of.needs_device and spec.profile is Profile.QUICK:
        return "profile quick is preliminary and gates no time, memory or energy; take standard"
    return ""


def _of_device(limit: GateLimit, device: DeviceDescription) -> str:
    """Why a device does not tell a metric; empty where it does."""
    if not limit.of.needs_device:
        return ""
    if not device.realness.keeps_time:
        return f"is {device.realness.value} and tells numerics and quality alone"
    if limit.of.group is Group.ENERGY:
        meters = [one for one in device.meters if one.quantity == "energy"]
        if all(one.reason for one in meters):
            reasons = [one.reason or "" for one in meters]
            told = "; ".join(REASONS.get(one, one) for one in dict.fromkeys(reasons))
            return f"measures no energy ({told})" if told else "has no energy meter"
    return ""
