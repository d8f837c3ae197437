"""The A/A certificate: does a device call the same artifact different (measurement.md A-11).

A device compares one artifact with itself many times. The certificate says how often a difference
was detected where there is none, and how small a true difference it would find. Without a valid
one its verdicts of time are `untrusted`. Pure functions on plain values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..vocabulary.enums import Profile
from ..vocabulary.metrics import METRICS
from ..vocabulary.reasons import UNTRUSTED
from ..vocabulary.values.credentials import AaCertificate
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.runs import MetricValue

COMPARISONS = 40
"""A/A comparisons of a certificate; fewer prove nothing."""

ALPHA = 0.05
"""Share of A/A comparisons that detect a difference by chance: intervals are at 95 %."""

_TAIL = 0.02
_POWER_FACTOR = 2.8
"""z(0.975) + z(0.8): an effect so many standard deviations large is found 4 times in 5."""

DAY_NS = 24 * 3600 * 1_000_000_000
LIFE_NS = 7 * DAY_NS
"""How long a certificate lasts."""

CERTIFIED_LIFE_NS = DAY_NS
"""How old it may be for profile `certified` (A-12)."""


@dataclass(frozen=True, slots=True)
class AaResult:
    """What a set of A/A comparisons shows.

    Attributes:
        comparisons: those that gave a number.
        false_positives: those among them that detected a difference.
        worst_effect: largest relative difference that was estimated, 0.01 is 1 %.
        mde: smallest relative difference that is found 4 times in 5; None for fewer than two.
        passed: whether verdicts of this device can be trusted.
        reason: a sentence without full stop: what was found, or why it did not pass.
    """

    comparisons: int
    false_positives: int
    worst_effect: float | None
    mde: float | None
    passed: bool
    reason: str


def allowed_false_positives(comparisons: int) -> int:
    """How many differences chance explains: 5 of 40.

    The smallest count that a sound device exceeds in less than 2 of 100 certifications.
    """
    below, count = 0.0, 0
    while True:
        ways = math.comb(comparisons, count)
        below += ways * ALPHA**count * (1 - ALPHA) ** (comparisons - count)
        if below >= 1 - _TAIL:
            return count
        count += 1


LATENCY = ("latency_ratio",)
REQUESTS = ("ttft_ratio", "tpot_ratio")


def compared_by(workload: Workload) -> tuple[str, ...]:
    """The ratios of a comparison that a certificate judges: of a decoder prefill and decode."""
    return REQUESTS if workload.is_llm else LATENCY


def judge_each(
    ratios: Sequence[MetricValue], asked: int, margin: float, keys: Sequence[str]
) -> AaResult:
    """As `judge`, of several ratios of each comparison: it passes when all of them do.

    What is told is the worst of them: a verdict on either must be one to trust.

    Args:
        ratios: of every key and comparison that was analysed.
        asked: how many comparisons were asked for.
        margin: relative difference that matters.
        keys: of the ratios.
    """
    found = {key: judge([one for one in ratios if one.key == key], asked, margin) for key in keys}
    failed = [(key, one) for key, one in found.items() if not one.passed]
    told = failed or list(found.items())
    words = [f"{key}: {one.reason}" if len(found) > 1 else one.reason for key, one in told]
    every = found.values()
    return AaResult(
        comparisons=min(one.comparisons for one in every),
        false_positives=max(one.false_positives for one in every),
        worst_effect=_largest(one.worst_effect for one in every),
        mde=_largest(one.mde for one in every),
        passed=not failed,
        reason=" and ".join(dict.fromkeys(words)),
    )


def _largest(values: Iterable[float | None]) -> float | None:
    """The largest; None where one is not known."""
    known = list(values)
    return None if None in known else max(one for one in known if one is not None)


def judge(ratios: Sequence[MetricValue], asked: int, margin: float) -> AaResult:
    """What A/A comparisons say about their device.

    It passes when all of at least `COMPARISONS` gave a number, no more of them detected a
    difference than chance explains, and none was off by more than the margin: one comparison is
    what a user makes, so the worst of them counts and not their median.

    Args:
        ratios: one of each comparison that was analysed; one of an older definition is no
            number.
        asked: how many comparisons were asked for.
        margin: relative difference that matters.
    """
    newest = max((one.definition for one in ratios), default=1)
    found = [
        (math.log(one.value), one.difference)
        for one in ratios
        if one.value and one.definition == newest
    ]
    logs = [ratio for ratio, _ in found]
    positives = sum(difference == "detected" for _, difference in found)
    worst = math.expm1(max(map(abs, logs))) if logs else None
    faults = _faults(len(found), positives, worst, asked, margin)
    told = f"{positives} of {len(found)} comparisons detected a difference where there is none"
    return AaResult(
        comparisons=len(found),
        false_positives=positives,
        worst_effect=worst,
        mde=_minimal_effect(logs),
        passed=not faults,
        reason=" and ".join(faults) if faults else told,
    )


def _faults(
    count: int, positives: int, worst: float | None, asked: int, margin: float
) -> list[str]:
    if asked < COMPARISONS:
        return [f"{asked} comparisons prove nothing; a certificate takes {COMPARISONS}"]
    if count < asked or worst is None:
        return [f"{asked - count} of {asked} comparisons gave no number"]
    faults = []
    allowed = allowed_false_positives(count)
    if positives > allowed:
        faults.append(
            f"{positives} of {count} comparisons of an artifact with itself detected a difference;"
            f" chance explains {allowed}"
        )
    if worst > margin:
        faults.append(
            f"one of {count} comparisons of an artifact with itself was off by"
            f" {100 * worst:.1f} %, more than the margin of {100 * margin:g} %"
        )
    return faults


def _minimal_effect(logs: Sequence[float]) -> float | None:
    if len(logs) < 2:
        return None
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((one - mean) ** 2 for one in logs) / (len(logs) - 1)
    return math.expm1(_POWER_FACTOR * math.sqrt(variance))


def is_rehearsal(certificate: AaCertificate) -> bool:
    """Whether it was asked for with too few comparisons to say anything, for or against."""
    return certificate.asked < COMPARISONS


def newest_before(certificates: Iterable[AaCertificate], at_ns: int) -> AaCertificate | None:
    """The last word on a device at a moment, a refusal too; later ones change nothing.

    Args:
        certificates: of one device, runtime and stack.
        at_ns: UTC nanoseconds of the coordinator.
    """
    known = [one for one in certificates if one.issued_unix_ns <= at_ns and not is_rehearsal(one)]
    return max(known, key=lambda one: (one.issued_unix_ns, one.job_id), default=None)


def objection(certificate: AaCertificate | None, profile: Profile, at_ns: int) -> str | None:
    """Why what was measured at `at_ns` is untrusted; None: the certificate covers it."""
    if certificate is None:
        return "no A/A certificate of this device, runtime and stack"
    if not certificate.passed:
        return f"the A/A certificate was refused: {certificate.reason}"
    if at_ns >= certificate.expires_unix_ns:
        return "the A/A certificate had expired"
    if profile is Profile.CERTIFIED and at_ns - certificate.issued_unix_ns > CERTIFIED_LIFE_NS:
        return "profile certified needs an A/A certificate of the last 24 hours"
    return None


def trusted(
    metric: MetricValue, certificate: AaCertificate | None, profile: Profile, at_ns: int
) -> MetricValue:
    """A metric with what the device's certificate says about it."""
    if not METRICS[metric.key].certified or metric.value is None:
        return metric
    why = objection(certificate, profile, at_ns)
    if why is not None:
        return replace(
            metric,
            flags=(*metric.flags, UNTRUSTED),
            detail=(*metric.detail, StackItem("untrusted", why)),
        )
    assert certificate is not None
    said = [StackItem("aa_certificate_id", certificate.job_id)]
    if metric.key in (*LATENCY, *REQUESTS):
        said.append(StackItem("mde", str(certificate.mde)))
    return replace(metric, detail=(*metric.detail, *said))
