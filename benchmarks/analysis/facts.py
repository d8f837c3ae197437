"""What an analysis knows about a run besides its raw data, and the helpers its parts share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..raw.container import RawFile
from ..stats.discards import Discarded
from ..vocabulary.enums import FormatFamily, PassName, Profile, RawRole, Realness
from ..vocabulary.kernel_modes import widens
from ..vocabulary.metrics import METRICS
from ..vocabulary.profiles import ProfilePlan, buys_less, plan_of
from ..vocabulary.reasons import DEQUANTIZED, INVALID_DISCARDED, NO_KERNEL, PRELIMINARY, REASONS
from ..vocabulary.recipes import family_of
from ..vocabulary.session_options import modes_under, options_for, provider_of
from ..vocabulary.values.credentials import AaCertificate
from ..vocabulary.values.devices import MeterDescription, StackItem
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import (
    NO_OVERRIDES,
    USUAL_PERPLEXITY_MARGIN_PCT,
    Overrides,
    Workload,
)
from ..vocabulary.values.runs import MetricValue

Groups = Mapping[tuple[PassName, RawRole], Sequence[RawFile]]
"""Raw files by pass and role, ascending by launch."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as the store knows it.

    Attributes:
        run_id: seeds the resampling.
        entry_index: position of the entry in its job.
        accuracy_margin_pp: loss of accuracy that is still acceptable, in points.
        perplexity_margin_pct: loss of perplexity that is still acceptable, percent of the
            baseline's.
        realness: of the device, or `simulated` for a simulated runtime.
        meters: what the device can measure.
        leased_unix_ns: when its lease began, UTC nanoseconds of the coordinator.
        certificate: the last word on the device's A/A comparisons at that time.
        kernel_modes: the probe map of its stack: what the integer kernels were found to do.
        candidate_bytes: what the artifact takes on a device, all its files together; when not
            given, it is the one file of its digest.
        baseline_bytes: the same of the baseline.
        device_id: the only device that its raw data may be of; empty: not told.
        runs: the runs that its raw data may have been made for: itself, and those of its job's
            baseline; empty: not told.
        runtime: what executes the artifact; empty: what was measured before it was told.
        signed: its raw data say whose they are, as all do since agents write it.
        family: of an artifact whose recipe names none.
        dequantized: its runtime unpacks every weight to a float, so that no time and no memory of
            it is that of a format, whatever the raw data hold.
        on_card: its device is a graphics card, with a memory of its own.
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
    dequantized: bool = False
    comparisons: int = 1
    overrides: Overrides = NO_OVERRIDES
    leased_unix_ns: int = 0
    certificate: AaCertificate | None = None
    kernel_modes: tuple[StackItem, ...] = ()
    candidate_bytes: int = 0
    baseline_bytes: int = 0
    device_id: str = ""
    runs: tuple[str, ...] = ()
    signed: bool = False
    output: str = ""
    perplexity_margin_pct: float = USUAL_PERPLEXITY_MARGIN_PCT
    runtime: str = ""
    family: FormatFamily | None = None
    on_card: bool = False

    def __post_init__(self) -> None:
        for name, digest in (("candidate", self.candidate), ("baseline", self.baseline)):
            if not getattr(self, f"{name}_bytes"):
                object.__setattr__(self, f"{name}_bytes", digest.size_bytes)

    @property
    def modes(self) -> dict[str, str]:
        """The probe map as it is under the session options of this run.

        Of a candidate that was placed elsewhere than on the processor nothing was probed.
        """
        options = options_for(self.overrides.session_options, self.runtime)
        if provider_of(options) and not self.is_baseline:
            return {}
        return modes_under({item.name: item.value for item in self.kernel_modes}, options)

    @property
    def why_no_cost(self) -> str:
        """Why no time and no memory of it is that of its format; "" where they are."""
        if self.dequantized:
            return DEQUANTIZED
        return NO_KERNEL if widens(family_of(self.recipe, self.family), self.modes) else ""

    @property
    def plan(self) -> ProfilePlan:
        """What the profile asks for, as overridden."""
        return plan_of(self.profile, self.overrides)

    @property
    def profile_flags(self) -> tuple[str, ...]:
        """Flags that profile and overrides alone put on latency, memory and energy."""
        little = self.profile is Profile.QUICK or buys_less(self.overrides, self.profile)
        return (PRELIMINARY,) if little else ()


def seed_of(run_id: str, key: str) -> int:
    """Seed of everything random in the analysis of one metric of one run."""
    return int.from_bytes(hashlib.sha256(f"{run_id}/{key}".encode()).digest()[:8], "big")


def null(key: str, reason: str, **detail: object) -> MetricValue:
    """The metric without a value, and why; `reason` is a key of `REASONS`."""
    if key not in METRICS or reason not in REASONS:
        raise KeyError(f"{key}: {reason}")
    return MetricValue(key=key, reason=reason, detail=items(**detail))


def invalid(key: str, detail: tuple[StackItem, ...]) -> MetricValue:
    """The metric of a run of which too much was discarded; `detail` says what and why."""
    return MetricValue(key=key, reason=INVALID_DISCARDED, detail=detail)


def discarded_detail(discarded: Discarded) -> dict[str, object]:
    """How much does not count, and why; nothing where all does."""
    if not discarded.units:
        return {}
    return {
        "discarded": discarded.units,
        "discarded_of": discarded.of,
        "discarded_causes": discarded.words(),
    }


def items(**detail: object) -> tuple[StackItem, ...]:
    """Details as text; numbers keep every digit."""
    return tuple(StackItem(name, str(value)) for name, value in detail.items())
