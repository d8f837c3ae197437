"""The words of Bitgauge as plain frozen values.

Every class here that crosses the wire has a message of the same name and field names in
``protos/v1``; `wire` converts between the two by reflection, and a test proves each pair.
Enumerations hold the exact words of the documentation; on the wire they are proto enums.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

PROTOCOL_VERSION = 1


class ModelClass(str, enum.Enum):
    """What kind of network a model is, recognised from its graph, overridable."""

    CNN = "cnn"
    TRANSFORMER = "transformer"
    RECURRENT = "recurrent"
    MLP = "mlp"
    OTHER = "other"


class HardwareClass(str, enum.Enum):
    """What kind of device runs the artifact."""

    GPU_NVIDIA = "gpu_nvidia"
    GPU_AMD = "gpu_amd"
    EDGE_ARM = "edge_arm"
    MOBILE_QUALCOMM = "mobile_qualcomm"
    CPU_ONLY = "cpu_only"


class FormatFamily(str, enum.Enum):
    """The first word of a recipe."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"


class Realness(str, enum.Enum):
    """How real a device is; the last two never enter the table."""

    PHYSICAL = "physical"
    VIRTUAL_MACHINE = "virtual_machine"
    EMULATED = "emulated"
    SIMULATED = "simulated"

    @property
    def keeps_time(self) -> bool:
        """Whether time, memory and energy of this device mean anything."""
        return self in (Realness.PHYSICAL, Realness.VIRTUAL_MACHINE)


class Scenario(str, enum.Enum):
    """How samples arrive."""

    SINGLE_STREAM = "single_stream"
    OFFLINE = "offline"


class Profile(str, enum.Enum):
    """How much measuring a job buys; part of every row."""

    QUICK = "quick"
    STANDARD = "standard"
    CERTIFIED = "certified"


class PassName(str, enum.Enum):
    """One part of a run, always in child processes of its own."""

    PAIR = "pair"
    ABSOLUTE = "absolute"
    MEMORY = "memory"
    QUALITY = "quality"


class JobState(str, enum.Enum):
    """Where a job is; `coordinator.jobs` holds the only transition table."""

    BUILDING = "building"
    QUEUED = "queued"
    LEASED = "leased"
    ANALYSING = "analysing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EntryState(str, enum.Enum):
    """Where one entry of a job is."""

    BUILDING = "building"
    READY = "ready"
    UNSUPPORTED = "unsupported"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CellState(str, enum.Enum):
    """What the table knows about one combination."""

    MEASURED = "measured"
    STALE = "stale"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    NEVER_RUN = "never_run"
    PRIOR = "prior"
    PREDICTED = "predicted"


class RunStatus(str, enum.Enum):
    """How one run ended on the device."""

    MEASURED = "measured"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class Disposition(str, enum.Enum):
    """What the coordinator did with a reported run."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    STALE = "stale"


class FailureGroup(str, enum.Enum):
    """Who must act on a failure."""

    ARTIFACT = "artifact"
    DEVICE = "device"
    HARNESS = "harness"
    ENVIRONMENT = "environment"

    @property
    def retries(self) -> bool:
        """Whether another attempt may be made without a human."""
        return self in (FailureGroup.HARNESS, FailureGroup.ENVIRONMENT)


class RawRole(str, enum.Enum):
    """Which artifact of a run a raw file speaks of."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    BOTH = "both"
    FLOOR = "floor"


class Objective(str, enum.Enum):
    """What a selection minimises among the formats that meet every constraint."""

    LATENCY = "latency"
    SIZE = "size"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """Content address of a blob: lower-case SHA-256 hex and size."""

    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.size_bytes} bytes)"


@dataclass(frozen=True, slots=True)
class StackItem:
    """One named input of a stack fingerprint, stored so that a difference can be named."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RuntimeDescription:
    """A runtime as the device advertises it.

    `fingerprint` is the SHA-256 of the stack items that can change this runtime's numbers;
    `simulated` is true for the shipped fake, whose results never enter the table.
    """

    name: str
    version: str
    providers: tuple[str, ...] = ()
    families: tuple[FormatFamily, ...] = ()
    versions: tuple[StackItem, ...] = ()
    fingerprint: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class MeterDescription:
    """A source of one physical quantity."""

    name: str
    quantity: str
    kind: str
    scope: str
    update_period_ns: int | None = None
    uncertainty_relative: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """One physical unit, as its agent describes it at registration."""

    device_id: str
    name: str
    hardware_class: HardwareClass
    realness: Realness
    architecture: str
    processor_model: str
    isa_flags: tuple[str, ...]
    core_count: int
    memory_bytes: int
    kernel_release: str
    virtualisation: str | None = None
    governor: str | None = None
    stack: tuple[StackItem, ...] = ()
    runtimes: tuple[RuntimeDescription, ...] = ()
    meters: tuple[MeterDescription, ...] = ()
    tags: tuple[StackItem, ...] = ()
    evidence: tuple[StackItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """What one call does: everything here is part of the row key."""

    scenario: Scenario = Scenario.SINGLE_STREAM
    batch: int = 1
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Selector:
    """Which devices may run a job; an empty field matches everything."""

    device: str | None = None
    hardware_class: HardwareClass | None = None
    runtime: str | None = None
    min_memory_bytes: int | None = None
    tags: tuple[StackItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact of a job, or the recipe to build it from the baseline.

    With `artifact` unset the coordinator builds `recipe`; with `recipe` empty the
    coordinator recognises it from the artifact's graph.
    """

    recipe: str
    artifact: Digest | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a user submits. Entry 0 is always the baseline itself.

    `model_name` is the label shown in the table; `model_class` is recognised when unset.
    `deadline_s` bounds running time from first lease, never waiting in the queue.
    """

    model_name: str
    baseline: Digest
    entries: tuple[Entry, ...]
    evaluation: Digest
    calibration: Digest | None = None
    model_class: ModelClass | None = None
    runtime: str = "onnxruntime"
    selector: Selector = Selector()
    workload: Workload = Workload()
    profile: Profile = Profile.QUICK
    priority: int = 0
    deadline_s: int = 3600
    accuracy_margin_pp: float = 1.0
    wait_for_device: bool = False
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run or a build produced no result, grouped by who must act."""

    group: FailureGroup
    code: str
    message: str
    advice: str
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class RawRef:
    """One raw file of a run: what one child process wrote."""

    pass_name: PassName
    launch: int
    role: RawRole
    digest: Digest


@dataclass(frozen=True, slots=True)
class AssignedEntry:
    """One entry of an assignment; `accepted` ones are not measured again."""

    index: int
    recipe: str
    artifact: Digest
    accepted: bool = False
    raw: tuple[RawRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """A lease and everything the agent needs to run its job."""

    job_id: str
    epoch: int
    lease_token: bytes
    ttl_ms: int
    renew_every_ms: int
    runtime: str
    workload: Workload
    profile: Profile
    baseline: Digest
    evaluation: Digest
    entries: tuple[AssignedEntry, ...]
    deadline_s: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """One entry measured under one lease: facts and digests, no statistics."""

    run_id: str
    job_id: str
    epoch: int
    lease_token: bytes
    entry_index: int
    status: RunStatus
    started_unix_ns: int
    ended_unix_ns: int
    device_id: str
    sandbox: str
    stack: tuple[StackItem, ...] = ()
    fingerprint: str = ""
    raw: tuple[RawRef, ...] = ()
    failure: Failure | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the agent is inside a job, for people who watch."""

    entry_index: int
    recipe: str
    step: str
    fraction: float


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One published number, or null with a reason; never an invented value.

    `low` and `high` bound the 95 % interval in the unit of `value`.
    """

    key: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str | None = None
    verdict: str | None = None
    difference: str | None = None
    flags: tuple[str, ...] = ()
    detail: tuple[StackItem, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry as people see it."""

    index: int
    name: str
    recipe: str
    state: EntryState
    artifact: Digest | None = None
    reason: str | None = None
    run_id: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as people see it."""

    job_id: str
    state: JobState
    model_name: str
    model_class: ModelClass | None = field(default=None, kw_only=True)
    workload: Workload
    profile: Profile
    entries: tuple[EntryView, ...]
    submitted_unix_ns: int
    epoch: int = 0
    device_name: str | None = None
    progress: Progress | None = None
    reason: str | None = None
    waiting_for: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device as people see it; `state` is `idle`, `busy` or `unreachable`."""

    description: DeviceDescription
    state: str
    last_seen_unix_ns: int
    agent_version: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One stored run with its published metrics."""

    run_id: str
    job_id: str
    epoch: int
    entry_index: int
    disposition: Disposition
    status: RunStatus
    device_id: str
    device_name: str
    recipe: str
    sandbox: str
    started_unix_ns: int
    ended_unix_ns: int
    analysis_version: int | None = field(default=None, kw_only=True)
    fingerprint: str = ""
    stack: tuple[StackItem, ...] = ()
    raw: tuple[RawRef, ...] = ()
    metrics: tuple[MetricValue, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """The newest knowledge about one (model, recipe, workload, device, runtime, profile)."""

    model_name: str
    model_class: ModelClass
    recipe: str
    family: FormatFamily
    workload: Workload
    hardware_class: HardwareClass
    device_id: str
    device_name: str
    realness: Realness
    runtime: str
    profile: Profile
    state: CellState
    metrics: tuple[MetricValue, ...] = ()
    reason: str | None = None
    flags: tuple[str, ...] = ()
    run_id: str | None = None
    baseline: Digest | None = None
    measured_unix_ns: int | None = None
    kernel_mode: str | None = None

    def metric(self, key: str) -> MetricValue:
        """The metric named `key`, or a null metric with reason `not_measured`."""
        for metric in self.metrics:
            if metric.key == key:
                return metric
        return MetricValue(key=key, reason="not_measured")


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows to answer; an empty field matches everything."""

    model_name: str | None = None
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    device: str | None = None
    family: FormatFamily | None = None
    batch: int | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class SelectQuery:
    """A question: which format, for what, within which limits."""

    model_class: ModelClass
    hardware_class: HardwareClass
    model_name: str | None = None
    workload: Workload = Workload()
    max_accuracy_loss_pp: float | None = None
    max_latency_ns: float | None = None
    max_size_bytes: int | None = None
    max_size_ratio: float | None = None
    objective: Objective = Objective.LATENCY


@dataclass(frozen=True, slots=True)
class Candidate:
    """One recipe in an answer: its rows, and every reason for which it was rejected."""

    recipe: str
    family: FormatFamily
    eligible: bool
    reasons: tuple[str, ...] = ()
    latency_ratio: MetricValue = field(default_factory=lambda: MetricValue("latency_ratio"))
    size_ratio: MetricValue = field(default_factory=lambda: MetricValue("size_ratio"))
    accuracy_delta_pp: MetricValue = field(default_factory=lambda: MetricValue("accuracy_delta_pp"))
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer of a selection.

    `outcome` is `format`, `tie`, `keep_fp32`, `undecided`, `none_meets` (a limit that nothing
    measured keeps, fp32 included) or `nothing_measured`.
    """

    outcome: str
    recipe: str
    family: FormatFamily
    sentence: str
    candidates: tuple[Candidate, ...] = ()
    alternatives: tuple[str, ...] = ()
    next_command: str | None = None
    warnings: tuple[str, ...] = ()
