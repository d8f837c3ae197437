from bitgauge.protos.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CampaignState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAMPAIGN_STATE_UNSPECIFIED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_PLANNED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_RUNNING: _ClassVar[CampaignState]
    CAMPAIGN_STATE_PAUSED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_FINISHED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_CANCELLED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_FAILED: _ClassVar[CampaignState]
CAMPAIGN_STATE_UNSPECIFIED: CampaignState
CAMPAIGN_STATE_PLANNED: CampaignState
CAMPAIGN_STATE_RUNNING: CampaignState
CAMPAIGN_STATE_PAUSED: CampaignState
CAMPAIGN_STATE_FINISHED: CampaignState
CAMPAIGN_STATE_CANCELLED: CampaignState
CAMPAIGN_STATE_FAILED: CampaignState

class ListAuditRequest(_message.Message):
    __slots__ = ("before", "since_unix_ns", "who", "limit")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    before: int
    since_unix_ns: int
    who: str
    limit: int
    def __init__(self, before: _Optional[int] = ..., since_unix_ns: _Optional[int] = ..., who: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListAuditResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[AuditEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[AuditEntry, _Mapping]]] = ...) -> None: ...

class AuditEntry(_message.Message):
    __slots__ = ("position", "at_unix_ns", "who", "what", "object", "detail", "previous", "digest")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    AT_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    position: int
    at_unix_ns: int
    who: str
    what: str
    object: str
    detail: str
    previous: str
    digest: str
    def __init__(self, position: _Optional[int] = ..., at_unix_ns: _Optional[int] = ..., who: _Optional[str] = ..., what: _Optional[str] = ..., object: _Optional[str] = ..., detail: _Optional[str] = ..., previous: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class CordonRequest(_message.Message):
    __slots__ = ("device", "reason")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    device: str
    reason: str
    def __init__(self, device: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CordonResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class UncordonRequest(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: str
    def __init__(self, device: _Optional[str] = ...) -> None: ...

class UncordonResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class RetireRequest(_message.Message):
    __slots__ = ("device", "reason")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    device: str
    reason: str
    def __init__(self, device: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RetireResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class ConfirmRequest(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: str
    def __init__(self, device: _Optional[str] = ...) -> None: ...

class ConfirmResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class RenameDeviceRequest(_message.Message):
    __slots__ = ("device", "name")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    device: str
    name: str
    def __init__(self, device: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class RenameDeviceResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class SetAliasRequest(_message.Message):
    __slots__ = ("device", "alias", "remove")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    device: str
    alias: str
    remove: bool
    def __init__(self, device: _Optional[str] = ..., alias: _Optional[str] = ..., remove: bool = ...) -> None: ...

class SetAliasResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class CertifyRequest(_message.Message):
    __slots__ = ("device", "runtime", "profile", "comparisons")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    device: str
    runtime: str
    profile: _common_pb2.Profile
    comparisons: int
    def __init__(self, device: _Optional[str] = ..., runtime: _Optional[str] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., comparisons: _Optional[int] = ...) -> None: ...

class CertifyResponse(_message.Message):
    __slots__ = ("job_id", "created")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    created: bool
    def __init__(self, job_id: _Optional[str] = ..., created: bool = ...) -> None: ...

class CreateTokenRequest(_message.Message):
    __slots__ = ("name", "role", "lifetime_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: _common_pb2.Role
    lifetime_s: int
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[_common_pb2.Role, str]] = ..., lifetime_s: _Optional[int] = ...) -> None: ...

class CreateTokenResponse(_message.Message):
    __slots__ = ("token", "expires_unix_ns")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    token: str
    expires_unix_ns: int
    def __init__(self, token: _Optional[str] = ..., expires_unix_ns: _Optional[int] = ...) -> None: ...

class ListTokensRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTokensResponse(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[TokenView]
    def __init__(self, tokens: _Optional[_Iterable[_Union[TokenView, _Mapping]]] = ...) -> None: ...

class RevokeTokenRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RevokeTokenResponse(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: TokenView
    def __init__(self, token: _Optional[_Union[TokenView, _Mapping]] = ...) -> None: ...

class CreateJoinLineRequest(_message.Message):
    __slots__ = ("lifetime_s", "confirms")
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    CONFIRMS_FIELD_NUMBER: _ClassVar[int]
    lifetime_s: int
    confirms: bool
    def __init__(self, lifetime_s: _Optional[int] = ..., confirms: bool = ...) -> None: ...

class CreateJoinLineResponse(_message.Message):
    __slots__ = ("join_line", "expires_unix_ns")
    JOIN_LINE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    join_line: str
    expires_unix_ns: int
    def __init__(self, join_line: _Optional[str] = ..., expires_unix_ns: _Optional[int] = ...) -> None: ...

class RevokeAgentRequest(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: str
    def __init__(self, device: _Optional[str] = ...) -> None: ...

class RevokeAgentResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: DeviceView
    def __init__(self, device: _Optional[_Union[DeviceView, _Mapping]] = ...) -> None: ...

class TokenView(_message.Message):
    __slots__ = ("name", "role", "created_unix_ns", "expires_unix_ns", "revoked")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: _common_pb2.Role
    created_unix_ns: int
    expires_unix_ns: int
    revoked: bool
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[_common_pb2.Role, str]] = ..., created_unix_ns: _Optional[int] = ..., expires_unix_ns: _Optional[int] = ..., revoked: bool = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("spec",)
    SPEC_FIELD_NUMBER: _ClassVar[int]
    spec: _common_pb2.JobSpec
    def __init__(self, spec: _Optional[_Union[_common_pb2.JobSpec, _Mapping]] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("job_id", "created")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    created: bool
    def __init__(self, job_id: _Optional[str] = ..., created: bool = ...) -> None: ...

class OfferRequest(_message.Message):
    __slots__ = ("spec",)
    SPEC_FIELD_NUMBER: _ClassVar[int]
    spec: _common_pb2.JobSpec
    def __init__(self, spec: _Optional[_Union[_common_pb2.JobSpec, _Mapping]] = ...) -> None: ...

class OfferResponse(_message.Message):
    __slots__ = ("waiting_for", "submitted")
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_FIELD_NUMBER: _ClassVar[int]
    waiting_for: str
    submitted: SubmitResponse
    def __init__(self, waiting_for: _Optional[str] = ..., submitted: _Optional[_Union[SubmitResponse, _Mapping]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: JobView
    def __init__(self, job: _Optional[_Union[JobView, _Mapping]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: JobView
    def __init__(self, job: _Optional[_Union[JobView, _Mapping]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: JobView
    def __init__(self, job: _Optional[_Union[JobView, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("limit", "active_only")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    limit: int
    active_only: bool
    def __init__(self, limit: _Optional[int] = ..., active_only: bool = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobView]
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobView, _Mapping]]] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[DeviceView]
    def __init__(self, devices: _Optional[_Iterable[_Union[DeviceView, _Mapping]]] = ...) -> None: ...

class RowsRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: TableQuery
    def __init__(self, query: _Optional[_Union[TableQuery, _Mapping]] = ...) -> None: ...

class RowsResponse(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[TableRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[TableRow, _Mapping]]] = ...) -> None: ...

class CellsRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: TableQuery
    def __init__(self, query: _Optional[_Union[TableQuery, _Mapping]] = ...) -> None: ...

class CellsResponse(_message.Message):
    __slots__ = ("cells",)
    CELLS_FIELD_NUMBER: _ClassVar[int]
    cells: _containers.RepeatedCompositeFieldContainer[Cell]
    def __init__(self, cells: _Optional[_Iterable[_Union[Cell, _Mapping]]] = ...) -> None: ...

class CompareRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: CompareQuery
    def __init__(self, query: _Optional[_Union[CompareQuery, _Mapping]] = ...) -> None: ...

class CompareResponse(_message.Message):
    __slots__ = ("comparison",)
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    comparison: Comparison
    def __init__(self, comparison: _Optional[_Union[Comparison, _Mapping]] = ...) -> None: ...

class HistoriesRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: HistoryQuery
    def __init__(self, query: _Optional[_Union[HistoryQuery, _Mapping]] = ...) -> None: ...

class HistoriesResponse(_message.Message):
    __slots__ = ("histories",)
    HISTORIES_FIELD_NUMBER: _ClassVar[int]
    histories: _containers.RepeatedCompositeFieldContainer[RowHistory]
    def __init__(self, histories: _Optional[_Iterable[_Union[RowHistory, _Mapping]]] = ...) -> None: ...

class RegressionsRequest(_message.Message):
    __slots__ = ("all",)
    ALL_FIELD_NUMBER: _ClassVar[int]
    all: bool
    def __init__(self, all: bool = ...) -> None: ...

class RegressionsResponse(_message.Message):
    __slots__ = ("regressions",)
    REGRESSIONS_FIELD_NUMBER: _ClassVar[int]
    regressions: _containers.RepeatedCompositeFieldContainer[Regression]
    def __init__(self, regressions: _Optional[_Iterable[_Union[Regression, _Mapping]]] = ...) -> None: ...

class AnnotateRequest(_message.Message):
    __slots__ = ("regression_id", "query", "note")
    REGRESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    regression_id: str
    query: HistoryQuery
    note: str
    def __init__(self, regression_id: _Optional[str] = ..., query: _Optional[_Union[HistoryQuery, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...

class AnnotateResponse(_message.Message):
    __slots__ = ("annotated",)
    ANNOTATED_FIELD_NUMBER: _ClassVar[int]
    annotated: Annotated
    def __init__(self, annotated: _Optional[_Union[Annotated, _Mapping]] = ...) -> None: ...

class JudgeRequest(_message.Message):
    __slots__ = ("run_id", "use_case", "paired", "further")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    PAIRED_FIELD_NUMBER: _ClassVar[int]
    FURTHER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    use_case: UseCase
    paired: PairedAnswers
    further: _containers.RepeatedCompositeFieldContainer[RuleVerdict]
    def __init__(self, run_id: _Optional[str] = ..., use_case: _Optional[_Union[UseCase, _Mapping]] = ..., paired: _Optional[_Union[PairedAnswers, _Mapping]] = ..., further: _Optional[_Iterable[_Union[RuleVerdict, _Mapping]]] = ...) -> None: ...

class JudgeResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: GateVerdict
    def __init__(self, verdict: _Optional[_Union[GateVerdict, _Mapping]] = ...) -> None: ...

class KeepVerdictRequest(_message.Message):
    __slots__ = ("run_id", "use_case", "paired", "further")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    PAIRED_FIELD_NUMBER: _ClassVar[int]
    FURTHER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    use_case: UseCase
    paired: PairedAnswers
    further: _containers.RepeatedCompositeFieldContainer[RuleVerdict]
    def __init__(self, run_id: _Optional[str] = ..., use_case: _Optional[_Union[UseCase, _Mapping]] = ..., paired: _Optional[_Union[PairedAnswers, _Mapping]] = ..., further: _Optional[_Iterable[_Union[RuleVerdict, _Mapping]]] = ...) -> None: ...

class KeepVerdictResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: GateVerdict
    def __init__(self, verdict: _Optional[_Union[GateVerdict, _Mapping]] = ...) -> None: ...

class DecideVerdictRequest(_message.Message):
    __slots__ = ("run_id", "use_case", "approved", "by", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    use_case: str
    approved: bool
    by: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., use_case: _Optional[str] = ..., approved: bool = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DecideVerdictResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: GateVerdict
    def __init__(self, verdict: _Optional[_Union[GateVerdict, _Mapping]] = ...) -> None: ...

class ListVerdictsRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: VerdictQuery
    def __init__(self, query: _Optional[_Union[VerdictQuery, _Mapping]] = ...) -> None: ...

class ListVerdictsResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[GateVerdict]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[GateVerdict, _Mapping]]] = ...) -> None: ...

class SearchArtifactsRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: RegistryQuery
    def __init__(self, query: _Optional[_Union[RegistryQuery, _Mapping]] = ...) -> None: ...

class SearchArtifactsResponse(_message.Message):
    __slots__ = ("artifacts",)
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[Registered]
    def __init__(self, artifacts: _Optional[_Iterable[_Union[Registered, _Mapping]]] = ...) -> None: ...

class GetLineageRequest(_message.Message):
    __slots__ = ("word",)
    WORD_FIELD_NUMBER: _ClassVar[int]
    word: str
    def __init__(self, word: _Optional[str] = ...) -> None: ...

class GetLineageResponse(_message.Message):
    __slots__ = ("lineage",)
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    lineage: Lineage
    def __init__(self, lineage: _Optional[_Union[Lineage, _Mapping]] = ...) -> None: ...

class ListAliasesRequest(_message.Message):
    __slots__ = ("model_name", "now")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    now: bool
    def __init__(self, model_name: _Optional[str] = ..., now: bool = ...) -> None: ...

class ListAliasesResponse(_message.Message):
    __slots__ = ("moves",)
    MOVES_FIELD_NUMBER: _ClassVar[int]
    moves: _containers.RepeatedCompositeFieldContainer[AliasMove]
    def __init__(self, moves: _Optional[_Iterable[_Union[AliasMove, _Mapping]]] = ...) -> None: ...

class MoveAliasRequest(_message.Message):
    __slots__ = ("alias", "run_id", "by", "reason")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    alias: str
    run_id: str
    by: str
    reason: str
    def __init__(self, alias: _Optional[str] = ..., run_id: _Optional[str] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class MoveAliasResponse(_message.Message):
    __slots__ = ("move",)
    MOVE_FIELD_NUMBER: _ClassVar[int]
    move: AliasMove
    def __init__(self, move: _Optional[_Union[AliasMove, _Mapping]] = ...) -> None: ...

class NoteUngatedRequest(_message.Message):
    __slots__ = ("run_id", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class NoteUngatedResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SelectRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: SelectQuery
    def __init__(self, query: _Optional[_Union[SelectQuery, _Mapping]] = ...) -> None: ...

class SelectResponse(_message.Message):
    __slots__ = ("choice",)
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    choice: Choice
    def __init__(self, choice: _Optional[_Union[Choice, _Mapping]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: RunView
    def __init__(self, run: _Optional[_Union[RunView, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunView]
    def __init__(self, runs: _Optional[_Iterable[_Union[RunView, _Mapping]]] = ...) -> None: ...

class ReanalyseRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ReanalyseResponse(_message.Message):
    __slots__ = ("published", "recomputed", "identical")
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTED_FIELD_NUMBER: _ClassVar[int]
    IDENTICAL_FIELD_NUMBER: _ClassVar[int]
    published: _containers.RepeatedCompositeFieldContainer[_common_pb2.MetricValue]
    recomputed: _containers.RepeatedCompositeFieldContainer[_common_pb2.MetricValue]
    identical: bool
    def __init__(self, published: _Optional[_Iterable[_Union[_common_pb2.MetricValue, _Mapping]]] = ..., recomputed: _Optional[_Iterable[_Union[_common_pb2.MetricValue, _Mapping]]] = ..., identical: bool = ...) -> None: ...

class EntryView(_message.Message):
    __slots__ = ("index", "name", "recipe", "state", "artifact", "reason", "run_id", "attempts", "calibration", "runtime", "artifact_kind", "family")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_KIND_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    index: int
    name: str
    recipe: str
    state: _common_pb2.EntryState
    artifact: _common_pb2.Digest
    reason: str
    run_id: str
    attempts: int
    calibration: _common_pb2.Digest
    runtime: str
    artifact_kind: str
    family: _common_pb2.FormatFamily
    def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ..., recipe: _Optional[str] = ..., state: _Optional[_Union[_common_pb2.EntryState, str]] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., reason: _Optional[str] = ..., run_id: _Optional[str] = ..., attempts: _Optional[int] = ..., calibration: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., runtime: _Optional[str] = ..., artifact_kind: _Optional[str] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("epoch", "device_id", "device_name", "claimed_unix_ns", "ended_unix_ns", "ended_by")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ENDED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ENDED_BY_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    device_id: str
    device_name: str
    claimed_unix_ns: int
    ended_unix_ns: int
    ended_by: str
    def __init__(self, epoch: _Optional[int] = ..., device_id: _Optional[str] = ..., device_name: _Optional[str] = ..., claimed_unix_ns: _Optional[int] = ..., ended_unix_ns: _Optional[int] = ..., ended_by: _Optional[str] = ...) -> None: ...

class JobView(_message.Message):
    __slots__ = ("job_id", "state", "model_name", "model_class", "workload", "profile", "entries", "submitted_unix_ns", "epoch", "device_name", "progress", "reason", "waiting_for", "claims", "suspect", "repeats", "repeated_by", "exact_of", "exact_by", "exact_options", "original", "order", "sources")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    SUSPECT_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_BY_FIELD_NUMBER: _ClassVar[int]
    EXACT_OF_FIELD_NUMBER: _ClassVar[int]
    EXACT_BY_FIELD_NUMBER: _ClassVar[int]
    EXACT_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    state: _common_pb2.JobState
    model_name: str
    model_class: _common_pb2.ModelClass
    workload: _common_pb2.Workload
    profile: _common_pb2.Profile
    entries: _containers.RepeatedCompositeFieldContainer[EntryView]
    submitted_unix_ns: int
    epoch: int
    device_name: str
    progress: _common_pb2.Progress
    reason: str
    waiting_for: str
    claims: _containers.RepeatedCompositeFieldContainer[Claim]
    suspect: str
    repeats: str
    repeated_by: str
    exact_of: str
    exact_by: str
    exact_options: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackItem]
    original: _common_pb2.Digest
    order: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedCompositeFieldContainer[_common_pb2.ModelSource]
    def __init__(self, job_id: _Optional[str] = ..., state: _Optional[_Union[_common_pb2.JobState, str]] = ..., model_name: _Optional[str] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., entries: _Optional[_Iterable[_Union[EntryView, _Mapping]]] = ..., submitted_unix_ns: _Optional[int] = ..., epoch: _Optional[int] = ..., device_name: _Optional[str] = ..., progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., reason: _Optional[str] = ..., waiting_for: _Optional[str] = ..., claims: _Optional[_Iterable[_Union[Claim, _Mapping]]] = ..., suspect: _Optional[str] = ..., repeats: _Optional[str] = ..., repeated_by: _Optional[str] = ..., exact_of: _Optional[str] = ..., exact_by: _Optional[str] = ..., exact_options: _Optional[_Iterable[_Union[_common_pb2.StackItem, _Mapping]]] = ..., original: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., order: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[_Union[_common_pb2.ModelSource, _Mapping]]] = ...) -> None: ...

class AaCertificate(_message.Message):
    __slots__ = ("job_id", "device_id", "runtime", "fingerprint", "profile", "issued_unix_ns", "expires_unix_ns", "comparisons", "false_positives", "worst_effect", "mde", "passed", "reason", "asked")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ISSUED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    FALSE_POSITIVES_FIELD_NUMBER: _ClassVar[int]
    WORST_EFFECT_FIELD_NUMBER: _ClassVar[int]
    MDE_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    device_id: str
    runtime: str
    fingerprint: str
    profile: _common_pb2.Profile
    issued_unix_ns: int
    expires_unix_ns: int
    comparisons: int
    false_positives: int
    worst_effect: float
    mde: float
    passed: bool
    reason: str
    asked: int
    def __init__(self, job_id: _Optional[str] = ..., device_id: _Optional[str] = ..., runtime: _Optional[str] = ..., fingerprint: _Optional[str] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., issued_unix_ns: _Optional[int] = ..., expires_unix_ns: _Optional[int] = ..., comparisons: _Optional[int] = ..., false_positives: _Optional[int] = ..., worst_effect: _Optional[float] = ..., mde: _Optional[float] = ..., passed: bool = ..., reason: _Optional[str] = ..., asked: _Optional[int] = ...) -> None: ...

class DeviceView(_message.Message):
    __slots__ = ("description", "state", "last_seen_unix_ns", "agent_version", "job_id", "health", "cordoned", "retired", "certificate_expires_unix_ns", "checked_unix_ns", "check_job_id", "note", "aa_certificates", "confirmed", "agent", "rival")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    CORDONED_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    CHECKED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    CHECK_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    AA_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    RIVAL_FIELD_NUMBER: _ClassVar[int]
    description: _common_pb2.DeviceDescription
    state: str
    last_seen_unix_ns: int
    agent_version: str
    job_id: str
    health: _common_pb2.Health
    cordoned: str
    retired: bool
    certificate_expires_unix_ns: int
    checked_unix_ns: int
    check_job_id: str
    note: str
    aa_certificates: _containers.RepeatedCompositeFieldContainer[AaCertificate]
    confirmed: bool
    agent: Instance
    rival: Instance
    def __init__(self, description: _Optional[_Union[_common_pb2.DeviceDescription, _Mapping]] = ..., state: _Optional[str] = ..., last_seen_unix_ns: _Optional[int] = ..., agent_version: _Optional[str] = ..., job_id: _Optional[str] = ..., health: _Optional[_Union[_common_pb2.Health, str]] = ..., cordoned: _Optional[str] = ..., retired: bool = ..., certificate_expires_unix_ns: _Optional[int] = ..., checked_unix_ns: _Optional[int] = ..., check_job_id: _Optional[str] = ..., note: _Optional[str] = ..., aa_certificates: _Optional[_Iterable[_Union[AaCertificate, _Mapping]]] = ..., confirmed: bool = ..., agent: _Optional[_Union[Instance, _Mapping]] = ..., rival: _Optional[_Union[Instance, _Mapping]] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("host", "address", "since_unix_ns")
    HOST_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    host: str
    address: str
    since_unix_ns: int
    def __init__(self, host: _Optional[str] = ..., address: _Optional[str] = ..., since_unix_ns: _Optional[int] = ...) -> None: ...

class RunView(_message.Message):
    __slots__ = ("run_id", "job_id", "epoch", "entry_index", "disposition", "status", "device_id", "device_name", "recipe", "sandbox", "started_unix_ns", "ended_unix_ns", "analysis_version", "fingerprint", "stack", "raw", "metrics", "failure", "label", "artifact", "built")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ENTRY_INDEX_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    STARTED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ENDED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    BUILT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    job_id: str
    epoch: int
    entry_index: int
    disposition: _common_pb2.Disposition
    status: _common_pb2.RunStatus
    device_id: str
    device_name: str
    recipe: str
    sandbox: str
    started_unix_ns: int
    ended_unix_ns: int
    analysis_version: int
    fingerprint: str
    stack: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackItem]
    raw: _containers.RepeatedCompositeFieldContainer[_common_pb2.RawRef]
    metrics: _containers.RepeatedCompositeFieldContainer[_common_pb2.MetricValue]
    failure: _common_pb2.Failure
    label: str
    artifact: _common_pb2.Digest
    built: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[str] = ..., job_id: _Optional[str] = ..., epoch: _Optional[int] = ..., entry_index: _Optional[int] = ..., disposition: _Optional[_Union[_common_pb2.Disposition, str]] = ..., status: _Optional[_Union[_common_pb2.RunStatus, str]] = ..., device_id: _Optional[str] = ..., device_name: _Optional[str] = ..., recipe: _Optional[str] = ..., sandbox: _Optional[str] = ..., started_unix_ns: _Optional[int] = ..., ended_unix_ns: _Optional[int] = ..., analysis_version: _Optional[int] = ..., fingerprint: _Optional[str] = ..., stack: _Optional[_Iterable[_Union[_common_pb2.StackItem, _Mapping]]] = ..., raw: _Optional[_Iterable[_Union[_common_pb2.RawRef, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[_common_pb2.MetricValue, _Mapping]]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., label: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., built: _Optional[_Iterable[str]] = ...) -> None: ...

class TableRow(_message.Message):
    __slots__ = ("model_name", "model_class", "recipe", "family", "workload", "hardware_class", "device_id", "device_name", "realness", "runtime", "profile", "state", "metrics", "reason", "flags", "run_id", "baseline", "measured_unix_ns", "kernel_mode", "overrides", "fingerprint", "toolchain", "measuring_version", "changes", "failure_group", "run_duration_ns", "output", "label", "artifact", "reference")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    REALNESS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_MODE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    TOOLCHAIN_FIELD_NUMBER: _ClassVar[int]
    MEASURING_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_GROUP_FIELD_NUMBER: _ClassVar[int]
    RUN_DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    model_class: _common_pb2.ModelClass
    recipe: str
    family: _common_pb2.FormatFamily
    workload: _common_pb2.Workload
    hardware_class: _common_pb2.HardwareClass
    device_id: str
    device_name: str
    realness: _common_pb2.Realness
    runtime: str
    profile: _common_pb2.Profile
    state: _common_pb2.CellState
    metrics: _containers.RepeatedCompositeFieldContainer[_common_pb2.MetricValue]
    reason: str
    flags: _containers.RepeatedScalarFieldContainer[str]
    run_id: str
    baseline: _common_pb2.Digest
    measured_unix_ns: int
    kernel_mode: str
    overrides: _common_pb2.Overrides
    fingerprint: str
    toolchain: str
    measuring_version: int
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    failure_group: _common_pb2.FailureGroup
    run_duration_ns: int
    output: str
    label: str
    artifact: _common_pb2.Digest
    reference: str
    def __init__(self, model_name: _Optional[str] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., recipe: _Optional[str] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., device_id: _Optional[str] = ..., device_name: _Optional[str] = ..., realness: _Optional[_Union[_common_pb2.Realness, str]] = ..., runtime: _Optional[str] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., state: _Optional[_Union[_common_pb2.CellState, str]] = ..., metrics: _Optional[_Iterable[_Union[_common_pb2.MetricValue, _Mapping]]] = ..., reason: _Optional[str] = ..., flags: _Optional[_Iterable[str]] = ..., run_id: _Optional[str] = ..., baseline: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., measured_unix_ns: _Optional[int] = ..., kernel_mode: _Optional[str] = ..., overrides: _Optional[_Union[_common_pb2.Overrides, _Mapping]] = ..., fingerprint: _Optional[str] = ..., toolchain: _Optional[str] = ..., measuring_version: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., failure_group: _Optional[_Union[_common_pb2.FailureGroup, str]] = ..., run_duration_ns: _Optional[int] = ..., output: _Optional[str] = ..., label: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., reference: _Optional[str] = ...) -> None: ...

class TableQuery(_message.Message):
    __slots__ = ("model_name", "model_class", "hardware_class", "device", "family", "batch", "job_id", "workload", "artifact")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    model_class: _common_pb2.ModelClass
    hardware_class: _common_pb2.HardwareClass
    device: str
    family: _common_pb2.FormatFamily
    batch: int
    job_id: str
    workload: _common_pb2.Workload
    artifact: str
    def __init__(self, model_name: _Optional[str] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., device: _Optional[str] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., batch: _Optional[int] = ..., job_id: _Optional[str] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., artifact: _Optional[str] = ...) -> None: ...

class SelectQuery(_message.Message):
    __slots__ = ("model_class", "hardware_class", "model_name", "workload", "max_accuracy_loss_pp", "max_latency_ns", "max_size_bytes", "max_size_ratio", "objective", "allow_saturating", "max_latency_p90_ns", "max_latency_p99_ns", "min_throughput_per_s", "max_peak_memory_bytes", "max_energy_mj", "max_age_s", "min_devices", "confidence", "inferences_per_day", "price_per_hour", "energy_price_per_kwh", "switch_cost", "payback_days", "artifact", "runtime", "max_ttft_ns", "min_tokens_per_s", "max_perplexity_ratio")
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    MAX_ACCURACY_LOSS_PP_FIELD_NUMBER: _ClassVar[int]
    MAX_LATENCY_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_RATIO_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_SATURATING_FIELD_NUMBER: _ClassVar[int]
    MAX_LATENCY_P90_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_LATENCY_P99_NS_FIELD_NUMBER: _ClassVar[int]
    MIN_THROUGHPUT_PER_S_FIELD_NUMBER: _ClassVar[int]
    MAX_PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ENERGY_MJ_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_S_FIELD_NUMBER: _ClassVar[int]
    MIN_DEVICES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    INFERENCES_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    PRICE_PER_HOUR_FIELD_NUMBER: _ClassVar[int]
    ENERGY_PRICE_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    SWITCH_COST_FIELD_NUMBER: _ClassVar[int]
    PAYBACK_DAYS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    MAX_TTFT_NS_FIELD_NUMBER: _ClassVar[int]
    MIN_TOKENS_PER_S_FIELD_NUMBER: _ClassVar[int]
    MAX_PERPLEXITY_RATIO_FIELD_NUMBER: _ClassVar[int]
    model_class: _common_pb2.ModelClass
    hardware_class: _common_pb2.HardwareClass
    model_name: str
    workload: _common_pb2.Workload
    max_accuracy_loss_pp: float
    max_latency_ns: float
    max_size_bytes: int
    max_size_ratio: float
    objective: _common_pb2.Objective
    allow_saturating: bool
    max_latency_p90_ns: float
    max_latency_p99_ns: float
    min_throughput_per_s: float
    max_peak_memory_bytes: int
    max_energy_mj: float
    max_age_s: int
    min_devices: int
    confidence: float
    inferences_per_day: float
    price_per_hour: float
    energy_price_per_kwh: float
    switch_cost: float
    payback_days: float
    artifact: str
    runtime: str
    max_ttft_ns: float
    min_tokens_per_s: float
    max_perplexity_ratio: float
    def __init__(self, model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., model_name: _Optional[str] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., max_accuracy_loss_pp: _Optional[float] = ..., max_latency_ns: _Optional[float] = ..., max_size_bytes: _Optional[int] = ..., max_size_ratio: _Optional[float] = ..., objective: _Optional[_Union[_common_pb2.Objective, str]] = ..., allow_saturating: bool = ..., max_latency_p90_ns: _Optional[float] = ..., max_latency_p99_ns: _Optional[float] = ..., min_throughput_per_s: _Optional[float] = ..., max_peak_memory_bytes: _Optional[int] = ..., max_energy_mj: _Optional[float] = ..., max_age_s: _Optional[int] = ..., min_devices: _Optional[int] = ..., confidence: _Optional[float] = ..., inferences_per_day: _Optional[float] = ..., price_per_hour: _Optional[float] = ..., energy_price_per_kwh: _Optional[float] = ..., switch_cost: _Optional[float] = ..., payback_days: _Optional[float] = ..., artifact: _Optional[str] = ..., runtime: _Optional[str] = ..., max_ttft_ns: _Optional[float] = ..., min_tokens_per_s: _Optional[float] = ..., max_perplexity_ratio: _Optional[float] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("recipe", "family", "eligible", "reasons", "latency_ratio", "size_ratio", "accuracy_delta_pp", "run_ids", "p_best", "p_front", "regret", "label", "artifact", "runtime", "perplexity_ratio", "tpot_ratio")
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_RATIO_FIELD_NUMBER: _ClassVar[int]
    SIZE_RATIO_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_DELTA_PP_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    P_BEST_FIELD_NUMBER: _ClassVar[int]
    P_FRONT_FIELD_NUMBER: _ClassVar[int]
    REGRET_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    PERPLEXITY_RATIO_FIELD_NUMBER: _ClassVar[int]
    TPOT_RATIO_FIELD_NUMBER: _ClassVar[int]
    recipe: str
    family: _common_pb2.FormatFamily
    eligible: bool
    reasons: _containers.RepeatedScalarFieldContainer[str]
    latency_ratio: _common_pb2.MetricValue
    size_ratio: _common_pb2.MetricValue
    accuracy_delta_pp: _common_pb2.MetricValue
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    p_best: float
    p_front: float
    regret: float
    label: str
    artifact: _common_pb2.Digest
    runtime: str
    perplexity_ratio: _common_pb2.MetricValue
    tpot_ratio: _common_pb2.MetricValue
    def __init__(self, recipe: _Optional[str] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., eligible: bool = ..., reasons: _Optional[_Iterable[str]] = ..., latency_ratio: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., size_ratio: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., accuracy_delta_pp: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., run_ids: _Optional[_Iterable[str]] = ..., p_best: _Optional[float] = ..., p_front: _Optional[float] = ..., regret: _Optional[float] = ..., label: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., runtime: _Optional[str] = ..., perplexity_ratio: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., tpot_ratio: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("outcome", "recipe", "family", "sentence", "candidates", "alternatives", "next_command", "warnings", "front", "settling", "break_even", "nearest", "path", "label", "artifact", "runtime")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    NEXT_COMMAND_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    FRONT_FIELD_NUMBER: _ClassVar[int]
    SETTLING_FIELD_NUMBER: _ClassVar[int]
    BREAK_EVEN_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    recipe: str
    family: _common_pb2.FormatFamily
    sentence: str
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    alternatives: _containers.RepeatedScalarFieldContainer[str]
    next_command: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    front: _containers.RepeatedScalarFieldContainer[str]
    settling: _containers.RepeatedCompositeFieldContainer[SettlingJob]
    break_even: BreakEven
    nearest: _containers.RepeatedScalarFieldContainer[str]
    path: _containers.RepeatedScalarFieldContainer[str]
    label: str
    artifact: _common_pb2.Digest
    runtime: str
    def __init__(self, outcome: _Optional[str] = ..., recipe: _Optional[str] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., sentence: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., alternatives: _Optional[_Iterable[str]] = ..., next_command: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., front: _Optional[_Iterable[str]] = ..., settling: _Optional[_Iterable[_Union[SettlingJob, _Mapping]]] = ..., break_even: _Optional[_Union[BreakEven, _Mapping]] = ..., nearest: _Optional[_Iterable[str]] = ..., path: _Optional[_Iterable[str]] = ..., label: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., runtime: _Optional[str] = ...) -> None: ...

class CellKey(_message.Message):
    __slots__ = ("model_class", "hardware_class", "family", "workload")
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    model_class: _common_pb2.ModelClass
    hardware_class: _common_pb2.HardwareClass
    family: _common_pb2.FormatFamily
    workload: _common_pb2.Workload
    def __init__(self, model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ...) -> None: ...

class Pooled(_message.Message):
    __slots__ = ("key", "value", "low", "high", "reason", "units", "between_models", "between_devices", "worst", "definition", "without")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_MODELS_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_DEVICES_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: float
    low: float
    high: float
    reason: str
    units: int
    between_models: float
    between_devices: float
    worst: float
    definition: int
    without: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., reason: _Optional[str] = ..., units: _Optional[int] = ..., between_models: _Optional[float] = ..., between_devices: _Optional[float] = ..., worst: _Optional[float] = ..., definition: _Optional[int] = ..., without: _Optional[_Iterable[str]] = ...) -> None: ...

class PassRate(_message.Message):
    __slots__ = ("passed", "judged", "undecided", "low", "high")
    PASSED_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    passed: int
    judged: int
    undecided: int
    low: float
    high: float
    def __init__(self, passed: _Optional[int] = ..., judged: _Optional[int] = ..., undecided: _Optional[int] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("names", "state", "metrics", "pass_rate", "models", "devices", "runtimes", "recipes", "kernel_modes", "flags", "run_ids", "fingerprints", "oldest_unix_ns", "newest_unix_ns", "changes", "reason")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PASS_RATE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    RUNTIMES_FIELD_NUMBER: _ClassVar[int]
    RECIPES_FIELD_NUMBER: _ClassVar[int]
    KERNEL_MODES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    state: _common_pb2.CellState
    metrics: _containers.RepeatedCompositeFieldContainer[Pooled]
    pass_rate: PassRate
    models: _containers.RepeatedScalarFieldContainer[str]
    devices: _containers.RepeatedScalarFieldContainer[str]
    runtimes: _containers.RepeatedScalarFieldContainer[str]
    recipes: _containers.RepeatedScalarFieldContainer[str]
    kernel_modes: _containers.RepeatedScalarFieldContainer[str]
    flags: _containers.RepeatedScalarFieldContainer[str]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    fingerprints: _containers.RepeatedScalarFieldContainer[str]
    oldest_unix_ns: int
    newest_unix_ns: int
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    reason: str
    def __init__(self, names: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[_common_pb2.CellState, str]] = ..., metrics: _Optional[_Iterable[_Union[Pooled, _Mapping]]] = ..., pass_rate: _Optional[_Union[PassRate, _Mapping]] = ..., models: _Optional[_Iterable[str]] = ..., devices: _Optional[_Iterable[str]] = ..., runtimes: _Optional[_Iterable[str]] = ..., recipes: _Optional[_Iterable[str]] = ..., kernel_modes: _Optional[_Iterable[str]] = ..., flags: _Optional[_Iterable[str]] = ..., run_ids: _Optional[_Iterable[str]] = ..., fingerprints: _Optional[_Iterable[str]] = ..., oldest_unix_ns: _Optional[int] = ..., newest_unix_ns: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class Cell(_message.Message):
    __slots__ = ("key", "state", "recipe", "best", "recipes", "source")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    RECIPES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    key: CellKey
    state: _common_pb2.CellState
    recipe: str
    best: Part
    recipes: _containers.RepeatedCompositeFieldContainer[Part]
    source: str
    def __init__(self, key: _Optional[_Union[CellKey, _Mapping]] = ..., state: _Optional[_Union[_common_pb2.CellState, str]] = ..., recipe: _Optional[str] = ..., best: _Optional[_Union[Part, _Mapping]] = ..., recipes: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., source: _Optional[str] = ...) -> None: ...

class MetricChange(_message.Message):
    __slots__ = ("key", "before", "after", "verdict", "scale", "value", "low", "high", "reason")
    KEY_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    key: str
    before: _common_pb2.MetricValue
    after: _common_pb2.MetricValue
    verdict: str
    scale: str
    value: float
    low: float
    high: float
    reason: str
    def __init__(self, key: _Optional[str] = ..., before: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., after: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., verdict: _Optional[str] = ..., scale: _Optional[str] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class SuiteModel(_message.Message):
    __slots__ = ("name", "baseline", "evaluation", "calibration", "model_class", "output", "dims", "float32", "sources")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    FLOAT32_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    name: str
    baseline: _common_pb2.Digest
    evaluation: _common_pb2.Digest
    calibration: _common_pb2.Digest
    model_class: _common_pb2.ModelClass
    output: str
    dims: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackItem]
    float32: bool
    sources: _containers.RepeatedCompositeFieldContainer[_common_pb2.ModelSource]
    def __init__(self, name: _Optional[str] = ..., baseline: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., evaluation: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., calibration: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., output: _Optional[str] = ..., dims: _Optional[_Iterable[_Union[_common_pb2.StackItem, _Mapping]]] = ..., float32: bool = ..., sources: _Optional[_Iterable[_Union[_common_pb2.ModelSource, _Mapping]]] = ...) -> None: ...

class Volume(_message.Message):
    __slots__ = ("per_day", "model_class", "hardware_class", "workload")
    PER_DAY_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    per_day: float
    model_class: _common_pb2.ModelClass
    hardware_class: _common_pb2.HardwareClass
    workload: _common_pb2.Workload
    def __init__(self, per_day: _Optional[float] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ...) -> None: ...

class Suite(_message.Message):
    __slots__ = ("name", "models", "recipes", "selectors", "workloads", "profile", "overrides", "accuracy_margin_pp", "use_case", "budget_s", "max_age_s", "volumes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    RECIPES_FIELD_NUMBER: _ClassVar[int]
    SELECTORS_FIELD_NUMBER: _ClassVar[int]
    WORKLOADS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_MARGIN_PP_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_S_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_S_FIELD_NUMBER: _ClassVar[int]
    VOLUMES_FIELD_NUMBER: _ClassVar[int]
    name: str
    models: _containers.RepeatedCompositeFieldContainer[SuiteModel]
    recipes: _containers.RepeatedScalarFieldContainer[str]
    selectors: _containers.RepeatedCompositeFieldContainer[_common_pb2.Selector]
    workloads: _containers.RepeatedCompositeFieldContainer[_common_pb2.Workload]
    profile: _common_pb2.Profile
    overrides: _common_pb2.Overrides
    accuracy_margin_pp: float
    use_case: str
    budget_s: int
    max_age_s: int
    volumes: _containers.RepeatedCompositeFieldContainer[Volume]
    def __init__(self, name: _Optional[str] = ..., models: _Optional[_Iterable[_Union[SuiteModel, _Mapping]]] = ..., recipes: _Optional[_Iterable[str]] = ..., selectors: _Optional[_Iterable[_Union[_common_pb2.Selector, _Mapping]]] = ..., workloads: _Optional[_Iterable[_Union[_common_pb2.Workload, _Mapping]]] = ..., profile: _Optional[_Union[_common_pb2.Profile, str]] = ..., overrides: _Optional[_Union[_common_pb2.Overrides, _Mapping]] = ..., accuracy_margin_pp: _Optional[float] = ..., use_case: _Optional[str] = ..., budget_s: _Optional[int] = ..., max_age_s: _Optional[int] = ..., volumes: _Optional[_Iterable[_Union[Volume, _Mapping]]] = ...) -> None: ...

class RefreshOrder(_message.Message):
    __slots__ = ("suite", "stale_only", "only", "budget_s", "recalibrate")
    SUITE_FIELD_NUMBER: _ClassVar[int]
    STALE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_S_FIELD_NUMBER: _ClassVar[int]
    RECALIBRATE_FIELD_NUMBER: _ClassVar[int]
    suite: Suite
    stale_only: bool
    only: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackItem]
    budget_s: int
    recalibrate: Recalibration
    def __init__(self, suite: _Optional[_Union[Suite, _Mapping]] = ..., stale_only: bool = ..., only: _Optional[_Iterable[_Union[_common_pb2.StackItem, _Mapping]]] = ..., budget_s: _Optional[int] = ..., recalibrate: _Optional[_Union[Recalibration, _Mapping]] = ...) -> None: ...

class Recalibration(_message.Message):
    __slots__ = ("old", "new")
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    old: _common_pb2.Digest
    new: _common_pb2.Digest
    def __init__(self, old: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., new: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ...) -> None: ...

class StratumCount(_message.Message):
    __slots__ = ("name", "samples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    samples: int
    def __init__(self, name: _Optional[str] = ..., samples: _Optional[int] = ...) -> None: ...

class CalibrationSet(_message.Message):
    __slots__ = ("name", "version", "digest", "samples", "source", "strata", "preprocessing", "owner", "added_by", "added_unix_ns", "rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ADDED_BY_FIELD_NUMBER: _ClassVar[int]
    ADDED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    digest: _common_pb2.Digest
    samples: int
    source: str
    strata: _containers.RepeatedCompositeFieldContainer[StratumCount]
    preprocessing: str
    owner: str
    added_by: str
    added_unix_ns: int
    rows: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., samples: _Optional[int] = ..., source: _Optional[str] = ..., strata: _Optional[_Iterable[_Union[StratumCount, _Mapping]]] = ..., preprocessing: _Optional[str] = ..., owner: _Optional[str] = ..., added_by: _Optional[str] = ..., added_unix_ns: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class AddCalibrationSetRequest(_message.Message):
    __slots__ = ("name", "digest", "samples", "source", "strata", "preprocessing")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: _common_pb2.Digest
    samples: int
    source: str
    strata: _containers.RepeatedCompositeFieldContainer[StratumCount]
    preprocessing: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., samples: _Optional[int] = ..., source: _Optional[str] = ..., strata: _Optional[_Iterable[_Union[StratumCount, _Mapping]]] = ..., preprocessing: _Optional[str] = ...) -> None: ...

class AddCalibrationSetResponse(_message.Message):
    __slots__ = ("added",)
    ADDED_FIELD_NUMBER: _ClassVar[int]
    added: CalibrationSet
    def __init__(self, added: _Optional[_Union[CalibrationSet, _Mapping]] = ...) -> None: ...

class ListCalibrationSetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCalibrationSetsResponse(_message.Message):
    __slots__ = ("sets",)
    SETS_FIELD_NUMBER: _ClassVar[int]
    sets: _containers.RepeatedCompositeFieldContainer[CalibrationSet]
    def __init__(self, sets: _Optional[_Iterable[_Union[CalibrationSet, _Mapping]]] = ...) -> None: ...

class PlannedCell(_message.Message):
    __slots__ = ("model_name", "recipe", "workload", "device_name", "runtime", "why", "changes", "seconds", "score")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    recipe: str
    workload: _common_pb2.Workload
    device_name: str
    runtime: str
    why: str
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    seconds: float
    score: float
    def __init__(self, model_name: _Optional[str] = ..., recipe: _Optional[str] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., device_name: _Optional[str] = ..., runtime: _Optional[str] = ..., why: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., seconds: _Optional[float] = ..., score: _Optional[float] = ...) -> None: ...

class PlannedJob(_message.Message):
    __slots__ = ("spec", "device_id", "device_name", "seconds", "cells")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    spec: _common_pb2.JobSpec
    device_id: str
    device_name: str
    seconds: float
    cells: _containers.RepeatedCompositeFieldContainer[PlannedCell]
    def __init__(self, spec: _Optional[_Union[_common_pb2.JobSpec, _Mapping]] = ..., device_id: _Optional[str] = ..., device_name: _Optional[str] = ..., seconds: _Optional[float] = ..., cells: _Optional[_Iterable[_Union[PlannedCell, _Mapping]]] = ...) -> None: ...

class SkippedDevice(_message.Message):
    __slots__ = ("device_name", "reason")
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    device_name: str
    reason: str
    def __init__(self, device_name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RefreshPlan(_message.Message):
    __slots__ = ("jobs", "cut", "fresh", "skipped", "seconds", "budget_s")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    FRESH_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_S_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[PlannedJob]
    cut: _containers.RepeatedCompositeFieldContainer[PlannedCell]
    fresh: int
    skipped: _containers.RepeatedCompositeFieldContainer[SkippedDevice]
    seconds: float
    budget_s: int
    def __init__(self, jobs: _Optional[_Iterable[_Union[PlannedJob, _Mapping]]] = ..., cut: _Optional[_Iterable[_Union[PlannedCell, _Mapping]]] = ..., fresh: _Optional[int] = ..., skipped: _Optional[_Iterable[_Union[SkippedDevice, _Mapping]]] = ..., seconds: _Optional[float] = ..., budget_s: _Optional[int] = ...) -> None: ...

class CampaignJob(_message.Message):
    __slots__ = ("n", "device_name", "model_name", "workload", "state", "entries", "entries_done", "job_id", "reason")
    N_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_DONE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    n: int
    device_name: str
    model_name: str
    workload: _common_pb2.Workload
    state: str
    entries: int
    entries_done: int
    job_id: str
    reason: str
    def __init__(self, n: _Optional[int] = ..., device_name: _Optional[str] = ..., model_name: _Optional[str] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., state: _Optional[str] = ..., entries: _Optional[int] = ..., entries_done: _Optional[int] = ..., job_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CampaignDevice(_message.Message):
    __slots__ = ("device_name", "jobs", "jobs_done", "cells", "cells_done", "seconds_left", "doing")
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    JOBS_DONE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    CELLS_DONE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    DOING_FIELD_NUMBER: _ClassVar[int]
    device_name: str
    jobs: int
    jobs_done: int
    cells: int
    cells_done: int
    seconds_left: float
    doing: str
    def __init__(self, device_name: _Optional[str] = ..., jobs: _Optional[int] = ..., jobs_done: _Optional[int] = ..., cells: _Optional[int] = ..., cells_done: _Optional[int] = ..., seconds_left: _Optional[float] = ..., doing: _Optional[str] = ...) -> None: ...

class CellChange(_message.Message):
    __slots__ = ("kind", "model_name", "recipe", "workload", "device_name", "runtime", "before", "after", "metrics", "verdicts", "stack", "reason", "run_before", "run_after")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_BEFORE_FIELD_NUMBER: _ClassVar[int]
    RUN_AFTER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    model_name: str
    recipe: str
    workload: _common_pb2.Workload
    device_name: str
    runtime: str
    before: _common_pb2.CellState
    after: _common_pb2.CellState
    metrics: _containers.RepeatedCompositeFieldContainer[MetricChange]
    verdicts: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    stack: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    reason: str
    run_before: str
    run_after: str
    def __init__(self, kind: _Optional[str] = ..., model_name: _Optional[str] = ..., recipe: _Optional[str] = ..., workload: _Optional[_Union[_common_pb2.Workload, _Mapping]] = ..., device_name: _Optional[str] = ..., runtime: _Optional[str] = ..., before: _Optional[_Union[_common_pb2.CellState, str]] = ..., after: _Optional[_Union[_common_pb2.CellState, str]] = ..., metrics: _Optional[_Iterable[_Union[MetricChange, _Mapping]]] = ..., verdicts: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., stack: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., reason: _Optional[str] = ..., run_before: _Optional[str] = ..., run_after: _Optional[str] = ...) -> None: ...

class CampaignView(_message.Message):
    __slots__ = ("campaign_id", "name", "state", "created_unix_ns", "jobs", "devices", "diff", "ended_unix_ns", "reason", "submitted_by", "schedule")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    DIFF_FIELD_NUMBER: _ClassVar[int]
    ENDED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_BY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    name: str
    state: CampaignState
    created_unix_ns: int
    jobs: _containers.RepeatedCompositeFieldContainer[CampaignJob]
    devices: _containers.RepeatedCompositeFieldContainer[CampaignDevice]
    diff: _containers.RepeatedCompositeFieldContainer[CellChange]
    ended_unix_ns: int
    reason: str
    submitted_by: str
    schedule: str
    def __init__(self, campaign_id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[CampaignState, str]] = ..., created_unix_ns: _Optional[int] = ..., jobs: _Optional[_Iterable[_Union[CampaignJob, _Mapping]]] = ..., devices: _Optional[_Iterable[_Union[CampaignDevice, _Mapping]]] = ..., diff: _Optional[_Iterable[_Union[CellChange, _Mapping]]] = ..., ended_unix_ns: _Optional[int] = ..., reason: _Optional[str] = ..., submitted_by: _Optional[str] = ..., schedule: _Optional[str] = ...) -> None: ...

class ScheduleView(_message.Message):
    __slots__ = ("name", "cron", "created_unix_ns", "next_unix_ns", "last_unix_ns", "last_campaign_id", "submitted_by", "problem")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    NEXT_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_BY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    name: str
    cron: str
    created_unix_ns: int
    next_unix_ns: int
    last_unix_ns: int
    last_campaign_id: str
    submitted_by: str
    problem: str
    def __init__(self, name: _Optional[str] = ..., cron: _Optional[str] = ..., created_unix_ns: _Optional[int] = ..., next_unix_ns: _Optional[int] = ..., last_unix_ns: _Optional[int] = ..., last_campaign_id: _Optional[str] = ..., submitted_by: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class PlanRefreshRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: RefreshOrder
    def __init__(self, order: _Optional[_Union[RefreshOrder, _Mapping]] = ...) -> None: ...

class PlanRefreshResponse(_message.Message):
    __slots__ = ("plan",)
    PLAN_FIELD_NUMBER: _ClassVar[int]
    plan: RefreshPlan
    def __init__(self, plan: _Optional[_Union[RefreshPlan, _Mapping]] = ...) -> None: ...

class StartCampaignRequest(_message.Message):
    __slots__ = ("order", "idempotency_key")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    order: RefreshOrder
    idempotency_key: str
    def __init__(self, order: _Optional[_Union[RefreshOrder, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartCampaignResponse(_message.Message):
    __slots__ = ("campaign", "plan", "created")
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    campaign: CampaignView
    plan: RefreshPlan
    created: bool
    def __init__(self, campaign: _Optional[_Union[CampaignView, _Mapping]] = ..., plan: _Optional[_Union[RefreshPlan, _Mapping]] = ..., created: bool = ...) -> None: ...

class GetCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class GetCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: CampaignView
    def __init__(self, campaign: _Optional[_Union[CampaignView, _Mapping]] = ...) -> None: ...

class ListCampaignsRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListCampaignsResponse(_message.Message):
    __slots__ = ("campaigns",)
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    campaigns: _containers.RepeatedCompositeFieldContainer[CampaignView]
    def __init__(self, campaigns: _Optional[_Iterable[_Union[CampaignView, _Mapping]]] = ...) -> None: ...

class PauseCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class PauseCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: CampaignView
    def __init__(self, campaign: _Optional[_Union[CampaignView, _Mapping]] = ...) -> None: ...

class ResumeCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class ResumeCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: CampaignView
    def __init__(self, campaign: _Optional[_Union[CampaignView, _Mapping]] = ...) -> None: ...

class CancelCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class CancelCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: CampaignView
    def __init__(self, campaign: _Optional[_Union[CampaignView, _Mapping]] = ...) -> None: ...

class SetScheduleRequest(_message.Message):
    __slots__ = ("name", "cron", "order")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    cron: str
    order: RefreshOrder
    def __init__(self, name: _Optional[str] = ..., cron: _Optional[str] = ..., order: _Optional[_Union[RefreshOrder, _Mapping]] = ...) -> None: ...

class SetScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: ScheduleView
    def __init__(self, schedule: _Optional[_Union[ScheduleView, _Mapping]] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("schedules",)
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[ScheduleView]
    def __init__(self, schedules: _Optional[_Iterable[_Union[ScheduleView, _Mapping]]] = ...) -> None: ...

class RemoveScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RemoveScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: ScheduleView
    def __init__(self, schedule: _Optional[_Union[ScheduleView, _Mapping]] = ...) -> None: ...

class SettlingJob(_message.Message):
    __slots__ = ("recipe", "why", "command", "minutes")
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    recipe: str
    why: str
    command: str
    minutes: float
    def __init__(self, recipe: _Optional[str] = ..., why: _Optional[str] = ..., command: _Optional[str] = ..., minutes: _Optional[float] = ...) -> None: ...

class BreakEven(_message.Message):
    __slots__ = ("recipe", "saving_per_million", "inferences", "low", "high", "days")
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    SAVING_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    INFERENCES_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    recipe: str
    saving_per_million: float
    inferences: float
    low: float
    high: float
    days: float
    def __init__(self, recipe: _Optional[str] = ..., saving_per_million: _Optional[float] = ..., inferences: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., days: _Optional[float] = ...) -> None: ...

class CompareQuery(_message.Message):
    __slots__ = ("before", "after", "model_name", "recipe", "device", "batch")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    before: str
    after: str
    model_name: str
    recipe: str
    device: str
    batch: int
    def __init__(self, before: _Optional[str] = ..., after: _Optional[str] = ..., model_name: _Optional[str] = ..., recipe: _Optional[str] = ..., device: _Optional[str] = ..., batch: _Optional[int] = ...) -> None: ...

class RowComparison(_message.Message):
    __slots__ = ("before", "after", "changes", "metrics", "paired")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PAIRED_FIELD_NUMBER: _ClassVar[int]
    before: TableRow
    after: TableRow
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricChange]
    paired: _common_pb2.MetricValue
    def __init__(self, before: _Optional[_Union[TableRow, _Mapping]] = ..., after: _Optional[_Union[TableRow, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[MetricChange, _Mapping]]] = ..., paired: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("before", "after", "factor", "rows", "left_out")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    before: str
    after: str
    factor: str
    rows: _containers.RepeatedCompositeFieldContainer[RowComparison]
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, before: _Optional[str] = ..., after: _Optional[str] = ..., factor: _Optional[str] = ..., rows: _Optional[_Iterable[_Union[RowComparison, _Mapping]]] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class HistoryQuery(_message.Message):
    __slots__ = ("model_name", "model_class", "hardware_class", "family", "recipe", "device", "batch", "run_id", "metric")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CLASS_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    model_class: _common_pb2.ModelClass
    hardware_class: _common_pb2.HardwareClass
    family: _common_pb2.FormatFamily
    recipe: str
    device: str
    batch: int
    run_id: str
    metric: str
    def __init__(self, model_name: _Optional[str] = ..., model_class: _Optional[_Union[_common_pb2.ModelClass, str]] = ..., hardware_class: _Optional[_Union[_common_pb2.HardwareClass, str]] = ..., family: _Optional[_Union[_common_pb2.FormatFamily, str]] = ..., recipe: _Optional[str] = ..., device: _Optional[str] = ..., batch: _Optional[int] = ..., run_id: _Optional[str] = ..., metric: _Optional[str] = ...) -> None: ...

class HistoryPoint(_message.Message):
    __slots__ = ("run_id", "job_id", "measured_unix_ns", "settled_unix_ns", "value", "fingerprint", "artifact", "flags", "changes", "counts")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SETTLED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    job_id: str
    measured_unix_ns: int
    settled_unix_ns: int
    value: _common_pb2.MetricValue
    fingerprint: str
    artifact: _common_pb2.Digest
    flags: _containers.RepeatedScalarFieldContainer[str]
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    counts: bool
    def __init__(self, run_id: _Optional[str] = ..., job_id: _Optional[str] = ..., measured_unix_ns: _Optional[int] = ..., settled_unix_ns: _Optional[int] = ..., value: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., fingerprint: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., flags: _Optional[_Iterable[str]] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., counts: bool = ...) -> None: ...

class Annotation(_message.Message):
    __slots__ = ("from_unix_ns", "note", "made_unix_ns", "made_by")
    FROM_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    MADE_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    MADE_BY_FIELD_NUMBER: _ClassVar[int]
    from_unix_ns: int
    note: str
    made_unix_ns: int
    made_by: str
    def __init__(self, from_unix_ns: _Optional[int] = ..., note: _Optional[str] = ..., made_unix_ns: _Optional[int] = ..., made_by: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("index", "run_id", "before", "after", "verdict", "changes")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    index: int
    run_id: str
    before: _common_pb2.MetricValue
    after: _common_pb2.MetricValue
    verdict: str
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    def __init__(self, index: _Optional[int] = ..., run_id: _Optional[str] = ..., before: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., after: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., verdict: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ...) -> None: ...

class RowHistory(_message.Message):
    __slots__ = ("row", "row_key", "metric", "points", "annotations", "steps", "finding")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_KEY_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    row: TableRow
    row_key: str
    metric: str
    points: _containers.RepeatedCompositeFieldContainer[HistoryPoint]
    annotations: _containers.RepeatedCompositeFieldContainer[Annotation]
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    finding: str
    def __init__(self, row: _Optional[_Union[TableRow, _Mapping]] = ..., row_key: _Optional[str] = ..., metric: _Optional[str] = ..., points: _Optional[_Iterable[_Union[HistoryPoint, _Mapping]]] = ..., annotations: _Optional[_Iterable[_Union[Annotation, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., finding: _Optional[str] = ...) -> None: ...

class Regression(_message.Message):
    __slots__ = ("regression_id", "state", "signal", "metric", "row", "subject", "before", "after", "bound", "sentence", "opened_unix_ns", "changed_unix_ns", "run_ids", "changes", "confirm_job_id", "note", "alert")
    REGRESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPENED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    regression_id: str
    state: str
    signal: str
    metric: str
    row: TableRow
    subject: str
    before: _common_pb2.MetricValue
    after: _common_pb2.MetricValue
    bound: float
    sentence: str
    opened_unix_ns: int
    changed_unix_ns: int
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    changes: _containers.RepeatedCompositeFieldContainer[_common_pb2.StackChange]
    confirm_job_id: str
    note: str
    alert: str
    def __init__(self, regression_id: _Optional[str] = ..., state: _Optional[str] = ..., signal: _Optional[str] = ..., metric: _Optional[str] = ..., row: _Optional[_Union[TableRow, _Mapping]] = ..., subject: _Optional[str] = ..., before: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., after: _Optional[_Union[_common_pb2.MetricValue, _Mapping]] = ..., bound: _Optional[float] = ..., sentence: _Optional[str] = ..., opened_unix_ns: _Optional[int] = ..., changed_unix_ns: _Optional[int] = ..., run_ids: _Optional[_Iterable[str]] = ..., changes: _Optional[_Iterable[_Union[_common_pb2.StackChange, _Mapping]]] = ..., confirm_job_id: _Optional[str] = ..., note: _Optional[str] = ..., alert: _Optional[str] = ...) -> None: ...

class Annotated(_message.Message):
    __slots__ = ("rows", "regressions")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    REGRESSIONS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    regressions: _containers.RepeatedCompositeFieldContainer[Regression]
    def __init__(self, rows: _Optional[int] = ..., regressions: _Optional[_Iterable[_Union[Regression, _Mapping]]] = ...) -> None: ...

class GateRule(_message.Message):
    __slots__ = ("key", "limit")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    key: str
    limit: float
    def __init__(self, key: _Optional[str] = ..., limit: _Optional[float] = ...) -> None: ...

class UseCase(_message.Message):
    __slots__ = ("name", "rules", "saturating", "unknown", "first", "review", "owner", "file", "classes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SATURATING_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    name: str
    rules: _containers.RepeatedCompositeFieldContainer[GateRule]
    saturating: str
    unknown: str
    first: str
    review: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    file: str
    classes: _containers.RepeatedCompositeFieldContainer[GateRule]
    def __init__(self, name: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[GateRule, _Mapping]]] = ..., saturating: _Optional[str] = ..., unknown: _Optional[str] = ..., first: _Optional[str] = ..., review: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., file: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[GateRule, _Mapping]]] = ...) -> None: ...

class PairedAnswers(_message.Message):
    __slots__ = ("n", "b", "c")
    N_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    C_FIELD_NUMBER: _ClassVar[int]
    n: int
    b: int
    c: int
    def __init__(self, n: _Optional[int] = ..., b: _Optional[int] = ..., c: _Optional[int] = ...) -> None: ...

class RuleVerdict(_message.Message):
    __slots__ = ("rule", "metric", "verdict", "limit", "value", "low", "high", "samples_needed", "why", "playbook")
    RULE_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_NEEDED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    PLAYBOOK_FIELD_NUMBER: _ClassVar[int]
    rule: str
    metric: str
    verdict: str
    limit: float
    value: float
    low: float
    high: float
    samples_needed: int
    why: str
    playbook: str
    def __init__(self, rule: _Optional[str] = ..., metric: _Optional[str] = ..., verdict: _Optional[str] = ..., limit: _Optional[float] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., samples_needed: _Optional[int] = ..., why: _Optional[str] = ..., playbook: _Optional[str] = ...) -> None: ...

class GateVerdict(_message.Message):
    __slots__ = ("run_id", "model_name", "artifact", "device_id", "device_name", "use_case", "outcome", "kind", "rules", "partial", "loosened", "accepted_run_id", "position", "at_unix_ns", "who", "by", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    LOOSENED_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    AT_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    model_name: str
    artifact: str
    device_id: str
    device_name: str
    use_case: UseCase
    outcome: str
    kind: str
    rules: _containers.RepeatedCompositeFieldContainer[RuleVerdict]
    partial: bool
    loosened: _containers.RepeatedScalarFieldContainer[str]
    accepted_run_id: str
    position: int
    at_unix_ns: int
    who: str
    by: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., model_name: _Optional[str] = ..., artifact: _Optional[str] = ..., device_id: _Optional[str] = ..., device_name: _Optional[str] = ..., use_case: _Optional[_Union[UseCase, _Mapping]] = ..., outcome: _Optional[str] = ..., kind: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RuleVerdict, _Mapping]]] = ..., partial: bool = ..., loosened: _Optional[_Iterable[str]] = ..., accepted_run_id: _Optional[str] = ..., position: _Optional[int] = ..., at_unix_ns: _Optional[int] = ..., who: _Optional[str] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class VerdictQuery(_message.Message):
    __slots__ = ("run_id", "model_name", "use_case", "limit")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    model_name: str
    use_case: str
    limit: int
    def __init__(self, run_id: _Optional[str] = ..., model_name: _Optional[str] = ..., use_case: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class AliasMove(_message.Message):
    __slots__ = ("model_name", "alias", "run_id", "artifact", "device_name", "use_case", "at_unix_ns", "who", "by", "reason", "position")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    AT_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    alias: str
    run_id: str
    artifact: str
    device_name: str
    use_case: str
    at_unix_ns: int
    who: str
    by: str
    reason: str
    position: int
    def __init__(self, model_name: _Optional[str] = ..., alias: _Optional[str] = ..., run_id: _Optional[str] = ..., artifact: _Optional[str] = ..., device_name: _Optional[str] = ..., use_case: _Optional[str] = ..., at_unix_ns: _Optional[int] = ..., who: _Optional[str] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class RegistryQuery(_message.Message):
    __slots__ = ("text", "model_name", "recipe", "limit")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    text: str
    model_name: str
    recipe: str
    limit: int
    def __init__(self, text: _Optional[str] = ..., model_name: _Optional[str] = ..., recipe: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class Registered(_message.Message):
    __slots__ = ("model_name", "recipe", "name", "kind", "runtime", "artifact", "baseline", "run_id", "device_name", "measured_unix_ns", "outcome", "use_case", "aliases")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    MEASURED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    USE_CASE_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    recipe: str
    name: str
    kind: str
    runtime: str
    artifact: _common_pb2.Digest
    baseline: _common_pb2.Digest
    run_id: str
    device_name: str
    measured_unix_ns: int
    outcome: str
    use_case: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model_name: _Optional[str] = ..., recipe: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., runtime: _Optional[str] = ..., artifact: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., baseline: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., run_id: _Optional[str] = ..., device_name: _Optional[str] = ..., measured_unix_ns: _Optional[int] = ..., outcome: _Optional[str] = ..., use_case: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class Lineage(_message.Message):
    __slots__ = ("registered", "original", "order", "toolchain", "source", "calibration", "notes", "job_id", "submitted_by", "verdicts", "moves")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    TOOLCHAIN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_BY_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    registered: Registered
    original: _common_pb2.Digest
    order: _containers.RepeatedScalarFieldContainer[str]
    toolchain: str
    source: _common_pb2.Digest
    calibration: _common_pb2.Digest
    notes: _containers.RepeatedScalarFieldContainer[str]
    job_id: str
    submitted_by: str
    verdicts: _containers.RepeatedCompositeFieldContainer[GateVerdict]
    moves: _containers.RepeatedCompositeFieldContainer[AliasMove]
    def __init__(self, registered: _Optional[_Union[Registered, _Mapping]] = ..., original: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., order: _Optional[_Iterable[str]] = ..., toolchain: _Optional[str] = ..., source: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., calibration: _Optional[_Union[_common_pb2.Digest, _Mapping]] = ..., notes: _Optional[_Iterable[str]] = ..., job_id: _Optional[str] = ..., submitted_by: _Optional[str] = ..., verdicts: _Optional[_Iterable[_Union[GateVerdict, _Mapping]]] = ..., moves: _Optional[_Iterable[_Union[AliasMove, _Mapping]]] = ...) -> None: ...
