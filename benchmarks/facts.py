"""What an analysis knows about a run besides its raw data, and the helpers its parts share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .metrics import METRICS
from .model import (
    Digest,
    MeterDescription,
    MetricValue,
    PassName,
    Profile,
    RawRole,
    Realness,
    StackItem,
    Workload,
)
from .profiles import PLANS, ProfilePlan
from .raw import RawFile

PRELIMINARY = "preliminary"
NO_STEADY_STATE = "no_steady_state"
SHARED = "shared"
FEW_LAUNCHES = "few_launches"
WIDE_INTERVAL = "wide_interval"
PEAK_SAMPLED = "peak_sampled"
REFERENCE_MISMATCH = "reference_mismatch"

FLAGS: dict[str, str] = {
    PRELIMINARY: "profile quick: may decide accuracy, never latency, memory or energy",
    NO_STEADY_STATE: "a launch was still changing when its warm-up reached the cap",
    SHARED: "others used the device: pressure over 1 % or stolen time over 0.5 %",
    FEW_LAUNCHES: "fewer fresh processes than the profile asks for",
    WIDE_INTERVAL: "quads ended before the interval was as short as half the margin",
    PEAK_SAMPLED: "the peak was polled, so a shorter one may have been missed",
    REFERENCE_MISMATCH: "the device's FP32 baseline predicts other classes than the reference",
}

BASELINE_ITSELF = "baseline"
NO_RAW_DATA = "pass_missing"
INSUFFICIENT_SAMPLES = "insufficient_samples"
BELOW_RESOLUTION = "below_resolution"
NO_SENSOR = "no_sensor"
NO_LABELS = "no_labels"
NO_CLASSES = "no_classes"
NONFINITE_OUTPUT = "nonfinite_output"

REASONS: dict[str, str] = {
    BASELINE_ITSELF: "the entry is the baseline, so there is nothing to compare it with",
    NO_RAW_DATA: "no raw data of that pass",
    INSUFFICIENT_SAMPLES: "too few independent samples for an interval",
    BELOW_RESOLUTION: "the baseline needs less than twice what an empty session needs",
    NO_SENSOR: "the device has no energy meter",
    NO_LABELS: "the evaluation set has no labels",
    NO_CLASSES: "the output is no (samples, classes) matrix",
    NONFINITE_OUTPUT: "an output is NaN or infinite",
    Realness.EMULATED.value: "an emulated device keeps no time and has no memory of its own",
    Realness.SIMULATED.value: "a simulated device or runtime measures nothing",
}

Groups = Mapping[tuple[PassName, RawRole], Sequence[RawFile]]
"""Raw files by pass and role, ascending by launch."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as the store knows it.

    Attributes:
        run_id: seeds the resampling.
        entry_index: position of the entry in its job.
        recipe: of the candidate.
        profile: how much was measured.
        workload: scenario, batch and threads.
        candidate: the entry's artifact.
        baseline: the job's baseline.
        accuracy_margin_pp: loss of accuracy that is still acceptable, in points.
        realness: of the device, or `simulated` for a simulated runtime.
        meters: what the device can measure.
        is_baseline: whether the entry is the baseline itself.
        comparisons: formats compared in the same job; verdicts of latency share their error
            among them (A-8).
    """

    run_id: str
    entry_index: int
    recipe: str
    profile: Profile
    workload: Workload
    candidate: Digest
    baseline: Digest
    accuracy_margin_pp: float = 1.0
    realness: Realness = Realness.PHYSICAL
    meters: tuple[MeterDescription, ...] = ()
    is_baseline: bool = False
    comparisons: int = 1

    @property
    def plan(self) -> ProfilePlan:
        """What the profile asks for."""
        return PLANS[self.profile]

    @property
    def profile_flags(self) -> tuple[str, ...]:
        """Flags that the profile alone puts on latency, memory and energy."""
        return (PRELIMINARY,) if self.profile is Profile.QUICK else ()


def seed_of(run_id: str, key: str) -> int:
    """Seed of everything random in the analysis of one metric of one run."""
    return int.from_bytes(hashlib.sha256(f"{run_id}/{key}".encode()).digest()[:8], "big")


def null(key: str, reason: str, **detail: object) -> MetricValue:
    """The metric without a value, and why; `reason` is a key of `REASONS`."""
    if key not in METRICS or reason not in REASONS:
        raise KeyError(f"{key}: {reason}")
    return MetricValue(key=key, reason=reason, detail=items(**detail))


def items(**detail: object) -> tuple[StackItem, ...]:
    """Details as text; numbers keep every digit."""
    return tuple(StackItem(name, str(value)) for name, value in detail.items())
