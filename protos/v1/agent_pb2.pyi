from bitgauge.protos.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LeaseVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEASE_VERDICT_UNSPECIFIED: _ClassVar[LeaseVerdict]
    LEASE_VERDICT_OK: _ClassVar[LeaseVerdict]
    LEASE_VERDICT_CANCEL: _ClassVar[LeaseVerdict]
    LEASE_VERDICT_LOST: _ClassVar[LeaseVerdict]
LEASE_VERDICT_UNSPECIFIED: LeaseVerdict
LEASE_VERDICT_OK: LeaseVerdict
LEASE_VERDICT_CANCEL: LeaseVerdict
LEASE_VERDICT_LOST: LeaseVerdict

class JoinRequest(_message.Message):
    __slots__ = ("join_token", "csr_pem", "device_id", "name")
    JOIN_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSR_PEM_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    join_token: str
    csr_pem: bytes
    device_id: str
    name: str
    def __init__(self, join_token: _Optional[str] = ..., csr_pem: _Optional[bytes] = ..., device_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ("certificate_pem", "ca_pem", "agent_token", "expires_unix_ns", "agent_port")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    CA_PEM_FIELD_NUMBER: _ClassVar[int]
    AGENT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    AGENT_PORT_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: bytes
    ca_pem: bytes
    agent_token: str
    expires_unix_ns: int
    agent_port: int
    def __init__(self, certificate_pem: _Optional[bytes] = ..., ca_pem: _Optional[bytes] = ..., agent_token: _Optional[str] = ..., expires_unix_ns: _Optional[int] = ..., agent_port: _Optional[int] = ...) -> None: ...

class RenewCertificateRequest(_message.Message):
    __slots__ = ("csr_pem",)
    CSR_PEM_FIELD_NUMBER: _ClassVar[int]
    csr_pem: bytes
    def __init__(self, csr_pem: _Optional[bytes] = ...) -> None: ...

class RenewCertificateResponse(_message.Message):
    __slots__ = ("certificate_pem", "expires_unix_ns")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: bytes
    expires_unix_ns: int
    def __init__(self, certificate_pem: _Optional[bytes] = ..., expires_unix_ns: _Optional[int] = ...) -> None: ...

class RegisterRequest(_message.Message):
    __slots__ = ("device", "agent_version", "protocol_version", "boot_id", "incarnation", "open_intents", "leftovers_dead", "machine", "place", "host")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    OPEN_INTENTS_FIELD_NUMBER: _ClassVar[int]
    LEFTOVERS_DEAD_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    device: _common_pb2.DeviceDescription
    agent_version: str
    protocol_version: int
    boot_id: str
    incarnation: str
    open_intents: _containers.RepeatedScalarFieldContainer[str]
    leftovers_dead: bool
    machine: str
    place: str
    host: str
    def __init__(self, device: _Optional[_Union[_common_pb2.DeviceDescription, _Mapping]] = ..., agent_version: _Optional[str] = ..., protocol_version: _Optional[int] = ..., boot_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., open_intents: _Optional[_Iterable[str]] = ..., leftovers_dead: bool = ..., machine: _Optional[str] = ..., place: _Optional[str] = ..., host: _Optional[str] = ...) -> None: ...

class RegisterResponse(_message.Message):
    __slots__ = ("coordinator_version", "protocol_version", "unreachable_after_ms")
    COORDINATOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    UNREACHABLE_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    coordinator_version: str
    protocol_version: int
    unreachable_after_ms: int
    def __init__(self, coordinator_version: _Optional[str] = ..., protocol_version: _Optional[int] = ..., unreachable_after_ms: _Optional[int] = ...) -> None: ...

class AcquireRequest(_message.Message):
    __slots__ = ("device_id", "incarnation", "wait_ms")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    incarnation: str
    wait_ms: int
    def __init__(self, device_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class AcquireResponse(_message.Message):
    __slots__ = ("assignment",)
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ...) -> None: ...

class AssignedEntry(_message.Message):
    __slots__ = ("index", "recipe", "artifact", "accepted", "raw", "runtime", "artifact_kind")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_KIND_FIELD_NUMBER: _ClassVar[int]
    index: int
    recipe: str
    artifact: _common_pb2.Digest
    accepted: bool
    raw: _containers.RepeatedCompositeFieldContainer[_common_pb2.RawRef]
    runtime: str
    artifact_kind: str
    def __init__(self, index: _Optional[int] = ..., recipe: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., accepted: bool = ..., raw: _Optional[_Iterable[_Union[_common_pb2.RawRef, _Mapping]]] = ..., runtime: _Optional[str] = ..., artifact_kind: _Optional[str] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("job_id", "epoch", "lease_token", "ttl_ms", "renew_every_ms", "workload", "profile", "baseline", "evaluation", "entries", "deadline_s", "passes", "overrides", "output")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    RENEW_EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_S_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    epoch: int
    lease_token: bytes
    ttl_ms: int
    renew_every_ms: int
    workload: _common_pb2.Workload
    profile: _common_pb2.Profile
    baseline: _common_pb2.Digest
    evaluation: _common_pb2.Digest
    entries: _containers.RepeatedCompositeFieldContainer[AssignedEntry]
    deadline_s: int
    passes: _containers.RepeatedScalarFieldContainer[_common_pb2.PassName]
    overrides: _common_pb2.Overrides
    output: str
    def __init__(self, job_id: _Optional[str] = ..., epoch: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., ttl_ms: _Optional[int] = ..., renew_every_ms: _Optional[int] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., baseline: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., evaluation: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[AssignedEntry, _Mapping]]] = ..., deadline_s: _Optional[int] = ..., passes: _Optional[_Iterable[_Union[_common_pb2.PassName, str]]] = ..., overrides: _Optional[_Union[_common_pb2.Overrides, _Mapping]] = ..., output: _Optional[str] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("job_id", "epoch", "lease_token", "progress", "hold_for_ms")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    HOLD_FOR_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    epoch: int
    lease_token: bytes
    progress: _common_pb2.Progress
    hold_for_ms: int
    def __init__(self, job_id: _Optional[str] = ..., epoch: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., hold_for_ms: _Optional[int] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("verdict", "ttl_ms")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    verdict: LeaseVerdict
    ttl_ms: int
    def __init__(self, verdict: _Optional[_Union[LeaseVerdict, str]] = ..., ttl_ms: _Optional[int] = ...) -> None: ...

class RunReport(_message.Message):
    __slots__ = ("run_id", "job_id", "epoch", "lease_token", "entry_index", "status", "started_unix_ns", "ended_unix_ns", "device_id", "sandbox", "stack", "fingerprint", "raw", "failure", "attempts", "measuring_version")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ENTRY_INDEX_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ENDED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MEASURING_VERSION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    job_id: str
    epoch: int
    lease_token: bytes
    entry_index: int
    status: _common_pb2.RunStatus
    started_unix_ns: int
    ended_unix_ns: int
    device_id: str
    sandbox: str
    stack: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackItem]
    fingerprint: str
    raw: _containers.RepeatedCompositeFieldContainer[_common_pb2.RawRef]
    failure: _common_pb2.Failure
    attempts: int
    measuring_version: int
    def __init__(self, run_id: _Optional[str] = ..., job_id: _Optional[str] = ..., epoch: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., entry_index: _Optional[int] = ..., status: _Optional[_Union[_common_pb2.RunStatus, str]] = ..., started_unix_ns: _Optional[int] = ..., ended_unix_ns: _Optional[int] = ..., device_id: _Optional[str] = ..., sandbox: _Optional[str] = ..., stack: _Optional[_Iterable[_Union[_common_pb2.StackItem, _Mapping]]] = ..., fingerprint: _Optional[str] = ..., raw: _Optional[_Iterable[_Union[_common_pb2.RawRef, _Mapping]]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., attempts: _Optional[int] = ..., measuring_version: _Optional[int] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: RunReport
    def __init__(self, report: _Optional[_Union[RunReport, _Mapping]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: _common_pb2.Disposition
    def __init__(self, disposition: _Optional[_Union[_common_pb2.Disposition, str]] = ...) -> None: ...
