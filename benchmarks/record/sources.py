"""What a record is built from, and the parts of it that every group needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ..raw.absolute import absolute_samples
from ..raw.energy import energy_samples
from ..raw.files import RawFiles
from ..raw.generation import generation_samples
from ..raw.given import given_of
from ..raw.memory import memory_samples
from ..raw.numerics import read_ledger
from ..raw.operators import operator_profile
from ..raw.pair import either_samples
from ..raw.perplexity import perplexity_samples
from ..raw.quality import quality_samples
from ..raw.sentinel import sentinel_latencies
from ..raw.throughput import sweep_samples
from ..samples import AbsoluteSamples
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.metrics import METRICS, published
from ..vocabulary.reasons import NO_RAW_DATA, NOT_MEASURED, NOT_RECORDED
from ..vocabulary.values.devices import DeviceView, RuntimeDescription
from ..vocabulary.values.jobs import EntryView, JobView
from ..vocabulary.values.runs import MetricValue, RunView
from .facts import Details, Fact

PARSERS = {
    PassName.PAIR: either_samples,
    PassName.ABSOLUTE: absolute_samples,
    PassName.MEMORY: memory_samples,
    PassName.QUALITY: quality_samples,
    PassName.NUMERICS: read_ledger,
    PassName.THROUGHPUT: sweep_samples,
    PassName.SENTINEL: sentinel_latencies,
    PassName.OPERATORS: operator_profile,
    PassName.ENERGY: energy_samples,
    PassName.GENERATION: generation_samples,
    PassName.PERPLEXITY: perplexity_samples,
}
"""What proves that a raw file holds what its pass stores."""


Order = tuple[tuple[PassName, RawRole], ...]

ALONE_FIRST: Order = (
    (PassName.ABSOLUTE, RawRole.CANDIDATE),
    (PassName.PAIR, RawRole.BOTH),
    (PassName.PAIR, RawRole.CANDIDATE),
    (PassName.MEMORY, RawRole.CANDIDATE),
    (PassName.THROUGHPUT, RawRole.CANDIDATE),
    (PassName.QUALITY, RawRole.BOTH),
    (PassName.NUMERICS, RawRole.BOTH),
)
"""Where a fact about the artifact is looked for: first where nothing else was loaded."""

QUADS_FIRST: Order = (*ALONE_FIRST[1:3], ALONE_FIRST[0], *ALONE_FIRST[3:])
"""Where a fact about the comparison is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What a record is built from; `device` is None when it is not registered any more."""

    run: RunView
    job: JobView
    device: DeviceView | None
    raw_files: RawFiles

    @property
    def entry(self) -> EntryView:
        """The entry that the run measured."""
        return self.job.entries[self.run.entry_index]

    @property
    def is_baseline(self) -> bool:
        """Whether the run measured the baseline itself."""
        return self.run.entry_index == 0

    @property
    def runtime(self) -> RuntimeDescription | None:
        """The runtime of the run as its device advertises it now; None when it is not there."""
        name = next((item.value for item in self.run.stack if item.name == "runtime"), None)
        offered = self.device.description.runtimes if self.device else ()
        return next((one for one in offered if one.name == name), None)

    @property
    def on_card(self) -> bool:
        """Whether it was measured on a graphics card, of whose memory something is said."""
        return any(one.key in METRICS and METRICS[one.key].of_cards for one in self.run.metrics)

    @property
    def certificate_id(self) -> str | None:
        """Job of the newest A/A certificate for this stack from before the run, as far as known."""
        known = [
            one
            for one in (self.device.aa_certificates if self.device else ())
            if one.fingerprint == self.run.fingerprint
            and one.issued_unix_ns <= self.run.started_unix_ns
        ]
        newest = max(known, key=lambda one: one.issued_unix_ns, default=None)
        return newest.job_id if newest else None

    def metric(self, key: str) -> MetricValue:
        """A published metric; null, `not_measured`, when the run has none of that name."""
        for metric in self.run.metrics:
            if metric.key == key:
                if metric.value is None or math.isfinite(metric.value):
                    return metric
                return replace(metric, value=None, reason=metric.reason or NOT_MEASURED)
        return MetricValue(key, reason=NOT_MEASURED)

    @property
    def quality(self) -> MetricValue:
        """What holds the quality of the artifact against its baseline's."""
        llm = self.job.workload.is_llm
        return self.metric("perplexity_ratio" if llm else "accuracy_delta_pp")

    def details(self, key: str, reason: str) -> Details:
        """How a published metric came about; what it does not say is null for `reason`."""
        return Details(self.metric(key), reason)

    def group(self, name: str) -> tuple[MetricValue, ...]:
        """The published metrics of one group, in the order of the registry."""
        keys = published(self.job.workload.scenario, on_card=self.on_card)
        return tuple(self.metric(key) for key in keys if METRICS[key].group.value == name)

    def absolute(self) -> list[AbsoluteSamples]:
        """The launches in which the artifact was timed alone."""
        found = self.raw_files.parsed(PassName.ABSOLUTE, RawRole.CANDIDATE, absolute_samples)
        return [samples for samples, _ in found]

    def digests(self, pass_name: PassName, reason: str) -> Fact[tuple[str, ...]]:
        """Digests of a pass's raw files about the run's own artifact, readable or not.

        A launch of the baseline that took turns with the artifact's is about the comparison.
        """
        own = {RawRole.CANDIDATE, RawRole.BOTH}
        if pass_name is PassName.PAIR:
            own.add(RawRole.BASELINE)
        files = [one for one in self.raw_files.of(pass_name) if one.ref.role in own]
        found = tuple(one.ref.digest.sha256 for one in files)
        return Fact(found) if found else Fact(reason=reason)

    def given(self, name: str, order: Order = ALONE_FIRST) -> Fact[Any]:
        """A field of `given.Given`: that of the first launch, in this order, which tells it."""
        files = [one for where in order for one in self.raw_files.of(*where)]
        raws = [one.raw for one in files if one.raw is not None]
        for raw in raws:
            found = getattr(given_of(raw), name)
            if found is not None:
                return Fact(found)
        return Fact(reason=NOT_RECORDED if raws else NO_RAW_DATA)
