"""What a record is built from, and the parts of it that every group needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..raw.absolute import absolute_samples
from ..raw.energy import energy_samples
from ..raw.files import RawFiles
from ..raw.memory import memory_samples
from ..raw.numerics import read_ledger
from ..raw.operators import operator_profile
from ..raw.pair import pair_samples
from ..raw.quality import quality_samples
from ..raw.sentinel import sentinel_latencies
from ..raw.throughput import sweep_samples
from ..vocabulary.enums import PassName
from ..vocabulary.metrics import METRICS
from ..vocabulary.reasons import NOT_MEASURED
from ..vocabulary.values.devices import DeviceView, RuntimeDescription
from ..vocabulary.values.jobs import EntryView, JobView
from ..vocabulary.values.runs import MetricValue, RunView

PARSERS = {
    PassName.PAIR: pair_samples,
    PassName.ABSOLUTE: absolute_samples,
    PassName.MEMORY: memory_samples,
    PassName.QUALITY: quality_samples,
    PassName.NUMERICS: read_ledger,
    PassName.THROUGHPUT: sweep_samples,
    PassName.SENTINEL: sentinel_latencies,
    PassName.OPERATORS: operator_profile,
    PassName.ENERGY: energy_samples,
}
"""What proves that a raw file holds what its pass stores."""


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

    def group(self, name: str) -> tuple[MetricValue, ...]:
        """The published metrics of one group, in the order of the registry."""
        return tuple(self.metric(key) for key in METRICS if METRICS[key].group.value == name)
