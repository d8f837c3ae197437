"""The closed words of Bitgauge: enumerations whose values are the words of the documentation.

On the wire they are proto enums of the same names; a test keeps the two equal.
"""

from __future__ import annotations

import enum


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

    @property
    def is_gpu(self) -> bool:
        """Whether it is a graphics card, with a memory and a meter of its own."""
        return self in (HardwareClass.GPU_NVIDIA, HardwareClass.GPU_AMD)


class FormatFamily(str, enum.Enum):
    """The first word of a recipe, and of what an artifact of its owner's is; several: `mixed`."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT6 = "int6"
    INT5 = "int5"
    INT4 = "int4"
    INT3 = "int3"
    INT2 = "int2"
    MIXED = "mixed"


class Capability(str, enum.Enum):
    """What a runtime is or can do besides running an artifact; it declares which."""

    GRAPH = "graph"
    PROFILE = "profile"
    KERNELS = "kernels"
    ANCHORS = "anchors"
    SENTINEL = "sentinel"
    ARENA = "arena"
    ALONE = "alone"
    DECODER = "decoder"
    DEQUANTIZES = "dequantizes"


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
    LLM = "llm"


class Profile(str, enum.Enum):
    """How much measuring a job buys; part of every row."""

    QUICK = "quick"
    STANDARD = "standard"
    CERTIFIED = "certified"
    SUSTAINED = "sustained"


class PassName(str, enum.Enum):
    """One part of a run, always in child processes of its own."""

    PAIR = "pair"
    ABSOLUTE = "absolute"
    MEMORY = "memory"
    QUALITY = "quality"
    NUMERICS = "numerics"
    OPERATORS = "operators"
    ENERGY = "energy"
    THROUGHPUT = "throughput"
    SENTINEL = "sentinel"
    GENERATION = "generation"
    PERPLEXITY = "perplexity"


class JobState(str, enum.Enum):
    """Where a job is; `coordinator.jobs` holds the only transition table."""

    BUILDING = "building"
    QUEUED = "queued"
    LEASED = "leased"
    ANALYSING = "analysing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CampaignState(str, enum.Enum):
    """Where a campaign is; `coordinator.campaigns` holds the only transition table."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


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

    @property
    def has_numbers(self) -> bool:
        """Whether a device here produced numbers for it, be they of today's stack or not."""
        return self in (CellState.MEASURED, CellState.STALE)


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
    ENERGY = "energy"
    THROUGHPUT = "throughput"


class Health(str, enum.Enum):
    """Whether a device may be trusted with work; apart from whether it is reachable or busy."""

    GOOD = "good"
    SUSPECT = "suspect"
    BAD = "bad"
    MAINTENANCE = "maintenance"


class Role(str, enum.Enum):
    """What the bearer of a token may do."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"
    AGENT = "agent"
