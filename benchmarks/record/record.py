"""The measurement record: all that is known about one measured run, in one schema.

Ten groups (measurement.md section H), every field a `Fact`: a value, or null with the reason.
Published metrics stand in the group that they belong to; `METRICS` says which. Units are in the
names; what counts has none. `build` makes records, `schema` writes, reads and
describes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.runs import MetricValue
from .facts import Fact

SCHEMA = "bitgauge.record/1"
_UNTOLD: Fact[str] = Fact(reason="not_recorded")
_NO_TOKENS: Fact[int] = Fact(reason="not_applicable")
_UNCOUNTED: Fact[int] = Fact(reason="not_recorded")
_UNMEASURED: Fact[float] = Fact(reason="not_recorded")


@dataclass(frozen=True, slots=True)
class Identity:
    """What was measured, by what, on what; `lease_id` is job and epoch.

    `label` is the name of an artifact that its owner gave, null of what was built here.

    `original_sha256` is the baseline as it was sent, where that was not in order; `order` is what
    was done to it, or left out and why. `sources` are the further FP32 forms of the model that the
    job held, each with its digest, its kind and how it agrees with the baseline.
    """

    metrics: tuple[MetricValue, ...]
    record_id: Fact[str]
    profile: Fact[str]
    model_name: Fact[str]
    model_class: Fact[str]
    model_sha256: Fact[str]
    format: Fact[str]
    artifact_sha256: Fact[str]
    kernel_mode: Fact[str]
    int_coverage: Fact[float]
    fingerprint: Fact[str]
    runtime: Fact[str]
    runtime_version: Fact[str]
    execution_provider: Fact[str]
    session_options: Fact[str]
    versions: tuple[StackItem, ...]
    device_id: Fact[str]
    device_name: Fact[str]
    hardware_class: Fact[str]
    realness: Fact[str]
    soc: Fact[str]
    driver: Fact[str]
    firmware: Fact[str]
    power_mode: Fact[str]
    lease_id: Fact[str]
    agent_version: Fact[str]
    original_sha256: Fact[str] = _UNTOLD
    order: Fact[str] = _UNTOLD
    sources: Fact[str] = _UNTOLD
    label: Fact[str] = _UNTOLD


@dataclass(frozen=True, slots=True)
class WorkloadGroup:
    """What one call did; an override is null where the profile was followed.

    `shapes` and `Identity.session_options` are those of the timed launches of the artifact; `seed`
    is that of the first launch of quads, or of single latencies where there are none.
    """

    metrics: tuple[MetricValue, ...]
    scenario: Fact[str]
    batch: Fact[int]
    threads: Fact[int]
    shapes: Fact[str]
    affinity: Fact[str]
    input_set_sha256: Fact[str]
    calibration_sha256: Fact[str]
    cache_policy: Fact[str]
    seed: Fact[int]
    override_warmup_ms: Fact[int]
    override_launches: Fact[int]
    override_budget_ms: Fact[int]
    prompt_tokens: Fact[int] = _NO_TOKENS
    generated_tokens: Fact[int] = _NO_TOKENS


@dataclass(frozen=True, slots=True)
class Environment:
    """The surroundings: before the first timed launch, and over all timed blocks."""

    metrics: tuple[MetricValue, ...]
    governor: Fact[str]
    boost: Fact[str]
    smt: Fact[str]
    psi_cpu_before_pct: Fact[float]
    psi_cpu_max_pct: Fact[float]
    steal_ticks: Fact[float]
    foreign_cpu_pct: Fact[float]
    load_1m_max: Fact[float]
    clock_before_mhz: Fact[float]
    clock_min_mhz: Fact[float]
    clock_after_mhz: Fact[float]
    nominal_clock_mhz: Fact[float]
    throttle_events: Fact[float]
    temperature_before_c: Fact[float]
    temperature_max_c: Fact[float]
    temperature_after_c: Fact[float]
    thermal_status_max: Fact[float]
    power_supply: Fact[str]
    shared: Fact[bool]
    foreign_load: Fact[bool]
    memory_clock_min_mhz: Fact[float] = _UNMEASURED
    power_max_w: Fact[float] = _UNMEASURED
    performance_state_max: Fact[float] = _UNMEASURED
    foreign_processes_max: Fact[float] = _UNMEASURED
    thermal_slowdown_ms: Fact[float] = _UNMEASURED
    power_slowdown_ms: Fact[float] = _UNMEASURED
    sync_slowdown_ms: Fact[float] = _UNMEASURED


@dataclass(frozen=True, slots=True)
class Latency:
    """Single latencies of the artifact alone, over fresh processes."""

    metrics: tuple[MetricValue, ...]
    clock_kind: Fact[str]
    launches: Fact[int]
    n: Fact[int]
    n_eff: Fact[float]
    tau: Fact[float]
    mean_ns: Fact[float]
    mad_ns: Fact[float]
    outliers_mild: Fact[int]
    outliers_severe: Fact[int]
    discarded_blocks: Fact[int]
    discarded_causes: Fact[str]
    steady_state: Fact[bool]
    raw_sha256: Fact[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ComparisonGroup:
    """Candidate against baseline in interleaved quads; logarithms are natural."""

    metrics: tuple[MetricValue, ...]
    baseline_sha256: Fact[str]
    launches: Fact[int]
    quads: Fact[int]
    hl_log_ratio: Fact[float]
    hl_low_log_ratio: Fact[float]
    hl_high_log_ratio: Fact[float]
    difference: Fact[str]
    verdict: Fact[str]
    margin_ratio: Fact[float]
    method: Fact[str]
    between_launch_variance: Fact[float]
    within_launch_variance: Fact[float]
    aa_certificate_id: Fact[str]
    raw_sha256: Fact[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of fresh processes; peaks are metrics."""

    metrics: tuple[MetricValue, ...]
    launches: Fact[int]
    method: Fact[str]
    raw_sha256: Fact[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Energy:
    """How energy was metered; `u_...` are standard uncertainties, relative to the energy."""

    metrics: tuple[MetricValue, ...]
    meter: Fact[str]
    meter_kind: Fact[str]
    scope: Fact[str]
    update_period_ns: Fact[int]
    averaging_window_ns: Fact[int]
    seen_fraction: Fact[float]
    inferences: Fact[int]
    u_gain: Fact[float]
    u_edge: Fact[float]
    u_rep: Fact[float]
    u_idle: Fact[float]
    power_w: Fact[float]
    idle_before_w: Fact[float]
    idle_after_w: Fact[float]
    raw_sha256: Fact[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One activation tensor of the overflow ledger; shares are 0..1."""

    name: str
    dtype: str
    producer: str
    elements: int
    nan_count: int
    inf_count: int
    clip_hi: Fact[float]
    clip_lo: Fact[float]
    clip_mass: Fact[float]
    rail_rate: Fact[float]
    range_util: Fact[float]
    underflow: Fact[float]
    sqnr_db: Fact[float]
    fp16_headroom_log2: Fact[float]
    outlier_ratio: Fact[float]
    channel_spread: Fact[float]


@dataclass(frozen=True, slots=True)
class OperatorEntry:
    """One product of matrices of the executed graph; `kernel_err1` is off by over one step."""

    name: str
    op_type: str
    compute: str
    output: str
    macs: int
    rate16: Fact[float]
    kernel_err0: Fact[float]
    kernel_err1: Fact[float]
    fix: Fact[str]


@dataclass(frozen=True, slots=True)
class Numerics:
    """The overflow ledger, worst tensors and operators first.

    `twin_elements` outputs were held against those of the runtime's reference kernels;
    `twin_differing` of them differ, the most by `twin_steps` output steps.
    """

    metrics: tuple[MetricValue, ...]
    samples: Fact[int]
    exposure: Fact[str]
    output_sqnr_db: Fact[float]
    first_divergence: Fact[str]
    tensors: Fact[tuple[TensorEntry, ...]]
    operators: Fact[tuple[OperatorEntry, ...]]
    raw_sha256: Fact[tuple[str, ...]]
    twin_elements: Fact[int] = _UNCOUNTED
    twin_differing: Fact[int] = _UNCOUNTED
    twin_steps: Fact[float] = _UNMEASURED


@dataclass(frozen=True, slots=True)
class Quality:
    """Outputs against the baseline's, paired by sample: b right to wrong, c wrong to right.

    `output` is the name of what was judged, `head` how it tells classes (`heads.Head`).
    """

    metrics: tuple[MetricValue, ...]
    n: Fact[int]
    b: Fact[int]
    c: Fact[int]
    margin_pp: Fact[float]
    verdict: Fact[str]
    flips: Fact[int]
    kl_p99_nat: Fact[float]
    kl_max_nat: Fact[float]
    samples_needed: Fact[str]
    raw_sha256: Fact[tuple[str, ...]]
    output: Fact[str] = _UNTOLD
    head: Fact[str] = _UNTOLD
    output_why: Fact[str] = _UNTOLD
    other_outputs: Fact[str] = _UNTOLD


_NO_SEED: Fact[int] = _UNCOUNTED


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One raw file; `state` is `read`, or a key of `reasons.REASONS` for why it was not.

    `seed` is that of every random choice in its launch.
    """

    pass_name: str
    launch: int
    role: str
    sha256: str
    size_bytes: int
    state: str
    seed: Fact[int] = _NO_SEED


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from and how to have them computed again."""

    metrics: tuple[MetricValue, ...]
    kind: Fact[str]
    status: Fact[str]
    disposition: Fact[str]
    failure: Fact[str]
    job_id: Fact[str]
    epoch: Fact[int]
    entry_index: Fact[int]
    analysis_version: Fact[int]
    sandbox: Fact[str]
    started_unix_ns: Fact[int]
    ended_unix_ns: Fact[int]
    started_monotonic_ns: Fact[int]
    interval_method: Fact[str]
    suspect: Fact[str]
    recompute_command: Fact[str]
    raw: tuple[RawEntry, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One measured run."""

    schema: str
    identity: Identity
    workload: WorkloadGroup
    environment: Environment
    latency: Latency
    comparison: ComparisonGroup
    memory: Memory
    energy: Energy
    numerics: Numerics
    quality: Quality
    provenance: Provenance

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema {self.schema!r} is not {SCHEMA}")
        for _, metric in self.metrics():
            if (metric.value is None) == (metric.reason is None):
                raise ValueError("a metric has either a value or a reason why it has none")

    def metrics(self) -> Iterator[tuple[str, MetricValue]]:
        """Every published metric with the name of its group."""
        for name in GROUP_NAMES:
            for metric in getattr(self, name).metrics:
                yield name, metric

    def metric(self, key: str) -> MetricValue:
        """The metric named `key`; KeyError when the record has none."""
        found = next((one for _, one in self.metrics() if one.key == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def facts(self) -> Iterator[tuple[str, str, Fact[Any]]]:
        """Every field as group, name and fact; rows of the ledger aside."""
        for group in GROUP_NAMES:
            part = getattr(self, group)
            for field in fields(part):
                found = getattr(part, field.name)
                if isinstance(found, Fact):
                    yield group, field.name, found


GROUP_NAMES = tuple(field.name for field in fields(Record) if field.name != "schema")
