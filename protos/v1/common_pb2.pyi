from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_CLASS_UNSPECIFIED: _ClassVar[ModelClass]
    MODEL_CLASS_CNN: _ClassVar[ModelClass]
    MODEL_CLASS_TRANSFORMER: _ClassVar[ModelClass]
    MODEL_CLASS_RECURRENT: _ClassVar[ModelClass]
    MODEL_CLASS_MLP: _ClassVar[ModelClass]
    MODEL_CLASS_OTHER: _ClassVar[ModelClass]

class HardwareClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HARDWARE_CLASS_UNSPECIFIED: _ClassVar[HardwareClass]
    HARDWARE_CLASS_GPU_NVIDIA: _ClassVar[HardwareClass]
    HARDWARE_CLASS_GPU_AMD: _ClassVar[HardwareClass]
    HARDWARE_CLASS_EDGE_ARM: _ClassVar[HardwareClass]
    HARDWARE_CLASS_MOBILE_QUALCOMM: _ClassVar[HardwareClass]
    HARDWARE_CLASS_CPU_ONLY: _ClassVar[HardwareClass]

class FormatFamily(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_FAMILY_UNSPECIFIED: _ClassVar[FormatFamily]
    FORMAT_FAMILY_FP32: _ClassVar[FormatFamily]
    FORMAT_FAMILY_FP16: _ClassVar[FormatFamily]
    FORMAT_FAMILY_BF16: _ClassVar[FormatFamily]
    FORMAT_FAMILY_FP8: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT8: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT4: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT6: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT5: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT3: _ClassVar[FormatFamily]
    FORMAT_FAMILY_INT2: _ClassVar[FormatFamily]
    FORMAT_FAMILY_MIXED: _ClassVar[FormatFamily]

class Capability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAPABILITY_UNSPECIFIED: _ClassVar[Capability]
    CAPABILITY_GRAPH: _ClassVar[Capability]
    CAPABILITY_PROFILE: _ClassVar[Capability]
    CAPABILITY_KERNELS: _ClassVar[Capability]
    CAPABILITY_ANCHORS: _ClassVar[Capability]
    CAPABILITY_SENTINEL: _ClassVar[Capability]
    CAPABILITY_ARENA: _ClassVar[Capability]
    CAPABILITY_ALONE: _ClassVar[Capability]
    CAPABILITY_DECODER: _ClassVar[Capability]
    CAPABILITY_DEQUANTIZES: _ClassVar[Capability]

class Realness(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REALNESS_UNSPECIFIED: _ClassVar[Realness]
    REALNESS_PHYSICAL: _ClassVar[Realness]
    REALNESS_VIRTUAL_MACHINE: _ClassVar[Realness]
    REALNESS_EMULATED: _ClassVar[Realness]
    REALNESS_SIMULATED: _ClassVar[Realness]

class Scenario(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCENARIO_UNSPECIFIED: _ClassVar[Scenario]
    SCENARIO_SINGLE_STREAM: _ClassVar[Scenario]
    SCENARIO_OFFLINE: _ClassVar[Scenario]
    SCENARIO_LLM: _ClassVar[Scenario]

class Profile(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROFILE_UNSPECIFIED: _ClassVar[Profile]
    PROFILE_QUICK: _ClassVar[Profile]
    PROFILE_STANDARD: _ClassVar[Profile]
    PROFILE_CERTIFIED: _ClassVar[Profile]
    PROFILE_SUSTAINED: _ClassVar[Profile]

class PassName(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PASS_NAME_UNSPECIFIED: _ClassVar[PassName]
    PASS_NAME_PAIR: _ClassVar[PassName]
    PASS_NAME_ABSOLUTE: _ClassVar[PassName]
    PASS_NAME_MEMORY: _ClassVar[PassName]
    PASS_NAME_QUALITY: _ClassVar[PassName]
    PASS_NAME_NUMERICS: _ClassVar[PassName]
    PASS_NAME_OPERATORS: _ClassVar[PassName]
    PASS_NAME_ENERGY: _ClassVar[PassName]
    PASS_NAME_THROUGHPUT: _ClassVar[PassName]
    PASS_NAME_SENTINEL: _ClassVar[PassName]
    PASS_NAME_GENERATION: _ClassVar[PassName]
    PASS_NAME_PERPLEXITY: _ClassVar[PassName]

class RawRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RAW_ROLE_UNSPECIFIED: _ClassVar[RawRole]
    RAW_ROLE_CANDIDATE: _ClassVar[RawRole]
    RAW_ROLE_BASELINE: _ClassVar[RawRole]
    RAW_ROLE_BOTH: _ClassVar[RawRole]
    RAW_ROLE_FLOOR: _ClassVar[RawRole]

class FailureGroup(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_GROUP_UNSPECIFIED: _ClassVar[FailureGroup]
    FAILURE_GROUP_ARTIFACT: _ClassVar[FailureGroup]
    FAILURE_GROUP_DEVICE: _ClassVar[FailureGroup]
    FAILURE_GROUP_HARNESS: _ClassVar[FailureGroup]
    FAILURE_GROUP_ENVIRONMENT: _ClassVar[FailureGroup]

class RunStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATUS_UNSPECIFIED: _ClassVar[RunStatus]
    RUN_STATUS_MEASURED: _ClassVar[RunStatus]
    RUN_STATUS_FAILED: _ClassVar[RunStatus]
    RUN_STATUS_UNSUPPORTED: _ClassVar[RunStatus]

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_ACCEPTED: _ClassVar[Disposition]
    DISPOSITION_RETRY: _ClassVar[Disposition]
    DISPOSITION_STALE: _ClassVar[Disposition]

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_BUILDING: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_LEASED: _ClassVar[JobState]
    JOB_STATE_ANALYSING: _ClassVar[JobState]
    JOB_STATE_FINISHED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]

class EntryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_STATE_UNSPECIFIED: _ClassVar[EntryState]
    ENTRY_STATE_BUILDING: _ClassVar[EntryState]
    ENTRY_STATE_READY: _ClassVar[EntryState]
    ENTRY_STATE_UNSUPPORTED: _ClassVar[EntryState]
    ENTRY_STATE_ACCEPTED: _ClassVar[EntryState]
    ENTRY_STATE_FAILED: _ClassVar[EntryState]
    ENTRY_STATE_CANCELLED: _ClassVar[EntryState]

class CellState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CELL_STATE_UNSPECIFIED: _ClassVar[CellState]
    CELL_STATE_MEASURED: _ClassVar[CellState]
    CELL_STATE_STALE: _ClassVar[CellState]
    CELL_STATE_FAILED: _ClassVar[CellState]
    CELL_STATE_UNSUPPORTED: _ClassVar[CellState]
    CELL_STATE_NEVER_RUN: _ClassVar[CellState]
    CELL_STATE_PRIOR: _ClassVar[CellState]
    CELL_STATE_PREDICTED: _ClassVar[CellState]

class Objective(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBJECTIVE_UNSPECIFIED: _ClassVar[Objective]
    OBJECTIVE_LATENCY: _ClassVar[Objective]
    OBJECTIVE_SIZE: _ClassVar[Objective]
    OBJECTIVE_MEMORY: _ClassVar[Objective]
    OBJECTIVE_ENERGY: _ClassVar[Objective]
    OBJECTIVE_THROUGHPUT: _ClassVar[Objective]

class Health(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_UNSPECIFIED: _ClassVar[Health]
    HEALTH_GOOD: _ClassVar[Health]
    HEALTH_SUSPECT: _ClassVar[Health]
    HEALTH_BAD: _ClassVar[Health]
    HEALTH_MAINTENANCE: _ClassVar[Health]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_READ: _ClassVar[Role]
    ROLE_SUBMIT: _ClassVar[Role]
    ROLE_ADMIN: _ClassVar[Role]
    ROLE_AGENT: _ClassVar[Role]
MODEL_CLASS_UNSPECIFIED: ModelClass
MODEL_CLASS_CNN: ModelClass
MODEL_CLASS_TRANSFORMER: ModelClass
MODEL_CLASS_RECURRENT: ModelClass
MODEL_CLASS_MLP: ModelClass
MODEL_CLASS_OTHER: ModelClass
HARDWARE_CLASS_UNSPECIFIED: HardwareClass
HARDWARE_CLASS_GPU_NVIDIA: HardwareClass
HARDWARE_CLASS_GPU_AMD: HardwareClass
HARDWARE_CLASS_EDGE_ARM: HardwareClass
HARDWARE_CLASS_MOBILE_QUALCOMM: HardwareClass
HARDWARE_CLASS_CPU_ONLY: HardwareClass
FORMAT_FAMILY_UNSPECIFIED: FormatFamily
FORMAT_FAMILY_FP32: FormatFamily
FORMAT_FAMILY_FP16: FormatFamily
FORMAT_FAMILY_BF16: FormatFamily
FORMAT_FAMILY_FP8: FormatFamily
FORMAT_FAMILY_INT8: FormatFamily
FORMAT_FAMILY_INT4: FormatFamily
FORMAT_FAMILY_INT6: FormatFamily
FORMAT_FAMILY_INT5: FormatFamily
FORMAT_FAMILY_INT3: FormatFamily
FORMAT_FAMILY_INT2: FormatFamily
FORMAT_FAMILY_MIXED: FormatFamily
CAPABILITY_UNSPECIFIED: Capability
CAPABILITY_GRAPH: Capability
CAPABILITY_PROFILE: Capability
CAPABILITY_KERNELS: Capability
CAPABILITY_ANCHORS: Capability
CAPABILITY_SENTINEL: Capability
CAPABILITY_ARENA: Capability
CAPABILITY_ALONE: Capability
CAPABILITY_DECODER: Capability
CAPABILITY_DEQUANTIZES: Capability
REALNESS_UNSPECIFIED: Realness
REALNESS_PHYSICAL: Realness
REALNESS_VIRTUAL_MACHINE: Realness
REALNESS_EMULATED: Realness
REALNESS_SIMULATED: Realness
SCENARIO_UNSPECIFIED: Scenario
SCENARIO_SINGLE_STREAM: Scenario
SCENARIO_OFFLINE: Scenario
SCENARIO_LLM: Scenario
PROFILE_UNSPECIFIED: Profile
PROFILE_QUICK: Profile
PROFILE_STANDARD: Profile
PROFILE_CERTIFIED: Profile
PROFILE_SUSTAINED: Profile
PASS_NAME_UNSPECIFIED: PassName
PASS_NAME_PAIR: PassName
PASS_NAME_ABSOLUTE: PassName
PASS_NAME_MEMORY: PassName
PASS_NAME_QUALITY: PassName
PASS_NAME_NUMERICS: PassName
PASS_NAME_OPERATORS: PassName
PASS_NAME_ENERGY: PassName
PASS_NAME_THROUGHPUT: PassName
PASS_NAME_SENTINEL: PassName
PASS_NAME_GENERATION: PassName
PASS_NAME_PERPLEXITY: PassName
RAW_ROLE_UNSPECIFIED: RawRole
RAW_ROLE_CANDIDATE: RawRole
RAW_ROLE_BASELINE: RawRole
RAW_ROLE_BOTH: RawRole
RAW_ROLE_FLOOR: RawRole
FAILURE_GROUP_UNSPECIFIED: FailureGroup
FAILURE_GROUP_ARTIFACT: FailureGroup
FAILURE_GROUP_DEVICE: FailureGroup
FAILURE_GROUP_HARNESS: FailureGroup
FAILURE_GROUP_ENVIRONMENT: FailureGroup
RUN_STATUS_UNSPECIFIED: RunStatus
RUN_STATUS_MEASURED: RunStatus
RUN_STATUS_FAILED: RunStatus
RUN_STATUS_UNSUPPORTED: RunStatus
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_ACCEPTED: Disposition
DISPOSITION_RETRY: Disposition
DISPOSITION_STALE: Disposition
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_BUILDING: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_LEASED: JobState
JOB_STATE_ANALYSING: JobState
JOB_STATE_FINISHED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
ENTRY_STATE_UNSPECIFIED: EntryState
ENTRY_STATE_BUILDING: EntryState
ENTRY_STATE_READY: EntryState
ENTRY_STATE_UNSUPPORTED: EntryState
ENTRY_STATE_ACCEPTED: EntryState
ENTRY_STATE_FAILED: EntryState
ENTRY_STATE_CANCELLED: EntryState
CELL_STATE_UNSPECIFIED: CellState
CELL_STATE_MEASURED: CellState
CELL_STATE_STALE: CellState
CELL_STATE_FAILED: CellState
CELL_STATE_UNSUPPORTED: CellState
CELL_STATE_NEVER_RUN: CellState
CELL_STATE_PRIOR: CellState
CELL_STATE_PREDICTED: CellState
OBJECTIVE_UNSPECIFIED: Objective
OBJECTIVE_LATENCY: Objective
OBJECTIVE_SIZE: Objective
OBJECTIVE_MEMORY: Objective
OBJECTIVE_ENERGY: Objective
OBJECTIVE_THROUGHPUT: Objective
HEALTH_UNSPECIFIED: Health
HEALTH_GOOD: Health
HEALTH_SUSPECT: Health
HEALTH_BAD: Health
HEALTH_MAINTENANCE: Health
ROLE_UNSPECIFIED: Role
ROLE_READ: Role
ROLE_SUBMIT: Role
ROLE_ADMIN: Role
ROLE_AGENT: Role

class Digest(_message.Message):
    __slots__ = ("sha256", "size_bytes")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    size_bytes: int
    def __init__(self, sha256: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class StackItem(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class StackChange(_message.Message):
    __slots__ = ("name", "before", "after")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    name: str
    before: str
    after: str
    def __init__(self, name: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class RuntimeOption(_message.Message):
    __slots__ = ("name", "values", "words")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedScalarFieldContainer[str]
    words: str
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ..., words: _Optional[str] = ...) -> None: ...

class RuntimeDescription(_message.Message):
    __slots__ = ("name", "version", "providers", "families", "versions", "fingerprint", "simulated", "kernel_modes", "anchors", "artifact_kinds", "options", "exact_options", "capabilities")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    FAMILIES_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_FIELD_NUMBER: _ClassVar[int]
    KERNEL_MODES_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_KINDS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EXACT_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    providers: _containers.RepeatedScalarFieldContainer[str]
    families: _containers.RepeatedScalarFieldContainer[FormatFamily]
    versions: _containers.RepeatedCompositeFieldContainer[StackItem]
    fingerprint: str
    simulated: bool
    kernel_modes: _containers.RepeatedCompositeFieldContainer[StackItem]
    anchors: _containers.RepeatedCompositeFieldContainer[StackItem]
    artifact_kinds: _containers.RepeatedScalarFieldContainer[str]
    options: _containers.RepeatedCompositeFieldContainer[RuntimeOption]
    exact_options: _containers.RepeatedCompositeFieldContainer[StackItem]
    capabilities: _containers.RepeatedScalarFieldContainer[Capability]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., providers: _Optional[_Iterable[str]] = ..., families: _Optional[_Iterable[_Union[FormatFamily, str]]] = ..., versions: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., fingerprint: _Optional[str] = ..., simulated: bool = ..., kernel_modes: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., anchors: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., artifact_kinds: _Optional[_Iterable[str]] = ..., options: _Optional[_Iterable[_Union[RuntimeOption, _Mapping]]] = ..., exact_options: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., capabilities: _Optional[_Iterable[_Union[Capability, str]]] = ...) -> None: ...

class MeterDescription(_message.Message):
    __slots__ = ("name", "quantity", "kind", "scope", "update_period_ns", "uncertainty_relative", "averaging_window_ns", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_PERIOD_NS_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_RELATIVE_FIELD_NUMBER: _ClassVar[int]
    AVERAGING_WINDOW_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    quantity: str
    kind: str
    scope: str
    update_period_ns: int
    uncertainty_relative: float
    averaging_window_ns: int
    reason: str
    def __init__(self, name: _Optional[str] = ..., quantity: _Optional[str] = ..., kind: _Optional[str] = ..., scope: _Optional[str] = ..., update_period_ns: _Optional[int] = ..., uncertainty_relative: _Optional[float] = ..., averaging_window_ns: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class DeviceDescription(_message.Message):
    __slots__ = ("device_id", "name", "hardware_class", "realness", "architecture", "processor_model", "isa_flags", "core_count", "memory_bytes", "kernel_release", "virtualisation", "governor", "stack", "runtimes", "meters", "tags", "evidence", "aliases")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    REALNESS_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_MODEL_FIELD_NUMBER: _ClassVar[int]
    ISA_FLAGS_FIELD_NUMBER: _ClassVar[int]
    CORE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    KERNEL_RELEASE_FIELD_NUMBER: _ClassVar[int]
    VIRTUALISATION_FIELD_NUMBER: _ClassVar[int]
    GOVERNOR_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    RUNTIMES_FIELD_NUMBER: _ClassVar[int]
    METERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    name: str
    hardware_class: HardwareClass
    realness: Realness
    architecture: str
    processor_model: str
    isa_flags: _containers.RepeatedScalarFieldContainer[str]
    core_count: int
    memory_bytes: int
    kernel_release: str
    virtualisation: str
    governor: str
    stack: _containers.RepeatedCompositeFieldContainer[StackItem]
    runtimes: _containers.RepeatedCompositeFieldContainer[RuntimeDescription]
    meters: _containers.RepeatedCompositeFieldContainer[MeterDescription]
    tags: _containers.RepeatedCompositeFieldContainer[StackItem]
    evidence: _containers.RepeatedCompositeFieldContainer[StackItem]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, device_id: _Optional[str] = ..., name: _Optional[str] = ..., hardware_class: _Optional[_Union[HardwareClass, str]] = ..., realness: _Optional[_Union[Realness, str]] = ..., architecture: _Optional[str] = ..., processor_model: _Optional[str] = ..., isa_flags: _Optional[_Iterable[str]] = ..., core_count: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., kernel_release: _Optional[str] = ..., virtualisation: _Optional[str] = ..., governor: _Optional[str] = ..., stack: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., runtimes: _Optional[_Iterable[_Union[RuntimeDescription, _Mapping]]] = ..., meters: _Optional[_Iterable[_Union[MeterDescription, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., evidence: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class Workload(_message.Message):
    __slots__ = ("scenario", "batch", "threads", "prompt_tokens", "generated_tokens")
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    GENERATED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    scenario: Scenario
    batch: int
    threads: int
    prompt_tokens: int
    generated_tokens: int
    def __init__(self, scenario: _Optional[_Union[Scenario, str]] = ..., batch: _Optional[int] = ..., threads: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., generated_tokens: _Optional[int] = ...) -> None: ...

class Overrides(_message.Message):
    __slots__ = ("warmup_ms", "launches", "budget_ms", "session_options")
    WARMUP_MS_FIELD_NUMBER: _ClassVar[int]
    LAUNCHES_FIELD_NUMBER: _ClassVar[int]
    BUDGET_MS_FIELD_NUMBER: _ClassVar[int]
    SESSION_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    warmup_ms: int
    launches: int
    budget_ms: int
    session_options: _containers.RepeatedCompositeFieldContainer[StackItem]
    def __init__(self, warmup_ms: _Optional[int] = ..., launches: _Optional[int] = ..., budget_ms: _Optional[int] = ..., session_options: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ...) -> None: ...

class Selector(_message.Message):
    __slots__ = ("device", "hardware_class", "runtime", "min_memory_bytes", "tags")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    MIN_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    device: str
    hardware_class: HardwareClass
    runtime: str
    min_memory_bytes: int
    tags: _containers.RepeatedCompositeFieldContainer[StackItem]
    def __init__(self, device: _Optional[str] = ..., hardware_class: _Optional[_Union[HardwareClass, str]] = ..., runtime: _Optional[str] = ..., min_memory_bytes: _Optional[int] = ..., tags: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("recipe", "artifact", "name", "runtime", "artifact_kind", "family")
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_KIND_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    recipe: str
    artifact: Digest
    name: str
    runtime: str
    artifact_kind: str
    family: FormatFamily
    def __init__(self, recipe: _Optional[str] = ..., artifact: _Optional[_Union[Digest, _Mapping]] = ..., name: _Optional[str] = ..., runtime: _Optional[str] = ..., artifact_kind: _Optional[str] = ..., family: _Optional[_Union[FormatFamily, str]] = ...) -> None: ...

class ModelSource(_message.Message):
    __slots__ = ("artifact", "name", "kind", "agreement")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    artifact: Digest
    name: str
    kind: str
    agreement: str
    def __init__(self, artifact: _Optional[_Union[Digest, _Mapping]] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., agreement: _Optional[str] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("model_name", "baseline", "entries", "evaluation", "calibration", "model_class", "runtime", "selector", "workload", "profile", "priority", "deadline_s", "accuracy_margin_pp", "wait_for_device", "idempotency_key", "overrides", "passes", "output", "dims", "original", "order", "float32", "sources", "perplexity_margin_pct")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_S_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_MARGIN_PP_FIELD_NUMBER: _ClassVar[int]
    WAIT_FOR_DEVICE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    FLOAT32_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    PERPLEXITY_MARGIN_PCT_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    baseline: Digest
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    evaluation: Digest
    calibration: Digest
    model_class: ModelClass
    runtime: str
    selector: Selector
    workload: Workload
    profile: Profile
    priority: int
    deadline_s: int
    accuracy_margin_pp: float
    wait_for_device: bool
    idempotency_key: str
    overrides: Overrides
    passes: _containers.RepeatedScalarFieldContainer[PassName]
    output: str
    dims: _containers.RepeatedCompositeFieldContainer[StackItem]
    original: Digest
    order: _containers.RepeatedScalarFieldContainer[str]
    float32: bool
    sources: _containers.RepeatedCompositeFieldContainer[ModelSource]
    perplexity_margin_pct: float
    def __init__(self, model_name: _Optional[str] = ..., baseline: _Optional[_Union[Digest, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., evaluation: _Optional[_Union[Digest, _Mapping]] = ..., calibration: _Optional[_Union[Digest, _Mapping]] = ..., model_class: _Optional[_Union[ModelClass, str]] = ..., runtime: _Optional[str] = ..., selector: _Optional[_Union[Selector, _Mapping]] = ..., workload: _Optional[_Union[Workload, _Mapping]] = ..., profile: _Optional[_Union[Profile, str]] = ..., priority: _Optional[int] = ..., deadline_s: _Optional[int] = ..., accuracy_margin_pp: _Optional[float] = ..., wait_for_device: bool = ..., idempotency_key: _Optional[str] = ..., overrides: _Optional[_Union[Overrides, _Mapping]] = ..., passes: _Optional[_Iterable[_Union[PassName, str]]] = ..., output: _Optional[str] = ..., dims: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., original: _Optional[_Union[Digest, _Mapping]] = ..., order: _Optional[_Iterable[str]] = ..., float32: bool = ..., sources: _Optional[_Iterable[_Union[ModelSource, _Mapping]]] = ..., perplexity_margin_pct: _Optional[float] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("group", "code", "message", "advice", "log_tail")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    LOG_TAIL_FIELD_NUMBER: _ClassVar[int]
    group: FailureGroup
    code: str
    message: str
    advice: str
    log_tail: str
    def __init__(self, group: _Optional[_Union[FailureGroup, str]] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ..., log_tail: _Optional[str] = ...) -> None: ...

class RawRef(_message.Message):
    __slots__ = ("pass_name", "launch", "role", "digest")
    PASS_NAME_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    pass_name: PassName
    launch: int
    role: RawRole
    digest: Digest
    def __init__(self, pass_name: _Optional[_Union[PassName, str]] = ..., launch: _Optional[int] = ..., role: _Optional[_Union[RawRole, str]] = ..., digest: _Optional[_Union[Digest, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("entry_index", "recipe", "step", "fraction")
    ENTRY_INDEX_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    entry_index: int
    recipe: str
    step: str
    fraction: float
    def __init__(self, entry_index: _Optional[int] = ..., recipe: _Optional[str] = ..., step: _Optional[str] = ..., fraction: _Optional[float] = ...) -> None: ...

class MetricValue(_message.Message):
    __slots__ = ("key", "value", "low", "high", "n", "reason", "verdict", "difference", "flags", "detail", "definition")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: float
    low: float
    high: float
    n: int
    reason: str
    verdict: str
    difference: str
    flags: _containers.RepeatedScalarFieldContainer[str]
    detail: _containers.RepeatedCompositeFieldContainer[StackItem]
    definition: int
    def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., n: _Optional[int] = ..., reason: _Optional[str] = ..., verdict: _Optional[str] = ..., difference: _Optional[str] = ..., flags: _Optional[_Iterable[str]] = ..., detail: _Optional[_Iterable[_Union[StackItem, _Mapping]]] = ..., definition: _Optional[int] = ...) -> None: ...
