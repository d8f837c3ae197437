"""One tree of errors, and the catalogue that says what each means to a caller.

    BitgaugeError
    ├── BadInput        the caller sent something wrong: what, where, what to do
    ├── Refused         understood, and not allowed in the present state
    ├── NotFound        nothing by that name
    ├── Unavailable     try again later; nothing was changed
    └── Internal        a defect of Bitgauge

An error is a `Code` and one sentence. The catalogue gives each code its gRPC status (by name,
so that this module needs no grpc) and the advice printed under the sentence. A test proves that
the catalogue holds every code exactly once.
"""

from __future__ import annotations

import enum


class Code(str, enum.Enum):
    """Stable names of everything that can go wrong at an edge of Bitgauge."""

    BAD_RECIPE = "bad_recipe"
    BAD_MODEL = "bad_model"
    DOUBLE_PRECISION = "double_precision"
    WRONG_ARTIFACT_KIND = "wrong_artifact_kind"
    BAD_EVALUATION_SET = "bad_evaluation_set"
    BAD_SOURCE = "bad_source"
    BAD_CALIBRATION_SET = "bad_calibration_set"
    BAD_ARGUMENT = "bad_argument"
    BUILD_FAILED = "build_failed"
    BUILD_TOOLS_MISSING = "build_tools_missing"
    BAD_ENVIRONMENT = "bad_environment"
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    NO_ENVIRONMENT = "no_environment"
    LIBRARY_MISSING = "library_missing"
    BAD_RAW = "bad_raw"
    BAD_EVIDENCE = "bad_evidence"
    FILE_UNREADABLE = "file_unreadable"
    REFUSED_FORMAT = "refused_format"
    DIGEST_MISMATCH = "digest_mismatch"
    BLOB_MISSING = "blob_missing"
    BLOB_OFFSET = "blob_offset"
    BLOB_TOO_LARGE = "blob_too_large"
    BLOB_LIMIT = "blob_limit"
    BLOB_SHARE = "blob_share"
    CACHE_LIMIT = "cache_limit"
    UPLOAD_IDLE = "upload_idle"
    NO_MATCHING_DEVICE = "no_matching_device"
    NOT_CERTIFIABLE = "not_certifiable"
    UNKNOWN_JOB = "unknown_job"
    UNKNOWN_RUN = "unknown_run"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_SCHEDULE = "unknown_schedule"
    UNKNOWN_CALIBRATION_SET = "unknown_calibration_set"
    CAMPAIGN_STATE = "campaign_state"
    BAD_SUITE = "bad_suite"
    BAD_GATES = "bad_gates"
    BAD_POLICY = "bad_policy"
    BAD_NOTICES = "bad_notices"
    NOT_GATEABLE = "not_gateable"
    NOT_APPROVABLE = "not_approvable"
    ALIAS_REFUSED = "alias_refused"
    WITHHELD = "withheld"
    UNKNOWN_ALIAS = "unknown_alias"
    UNKNOWN_VERDICT = "unknown_verdict"
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_REGRESSION = "unknown_regression"
    RUNTIME_MISSING = "runtime_missing"
    WRONG_ARCHITECTURE = "wrong_architecture"
    UNKNOWN_PLUGIN = "unknown_plugin"
    DEVICE_MISSING = "device_missing"
    DEVICE_LOST = "device_lost"
    DEVICE_FAULT = "device_fault"
    MEMORY_FAULT = "memory_fault"
    DRIVER_MISSING = "driver_missing"
    DRIVER_CHANGED = "driver_changed"
    DRIVER_TOO_OLD = "driver_too_old"
    DEVICE_HIDDEN = "device_hidden"
    DEVICE_DIVIDED = "device_divided"
    DEVICE_TAKEN = "device_taken"
    CLOCKS_NOT_PINNED = "clocks_not_pinned"
    DEVICE_SLOWED = "device_slowed"
    OUT_OF_DEVICE_MEMORY = "out_of_device_memory"
    DEVICE_MEMORY_TAKEN = "device_memory_taken"
    RUNTIME_UNSUPPORTED = "runtime_unsupported"
    FOREIGN_ENGINE = "foreign_engine"
    ADB_SERVER = "adb_server"
    PHONE_OFFLINE = "phone_offline"
    PHONE_UNAUTHORIZED = "phone_unauthorized"
    PHONE_REBOOTED = "phone_rebooted"
    HOST_REBOOTED = "host_rebooted"
    PHONE_BATTERY = "phone_battery"
    PHONE_CHARGING = "phone_charging"
    PHONE_HOT = "phone_hot"
    PHONE_FULL = "phone_full"
    PHONE_PYTHON = "phone_python"
    PLUGIN_CONFLICT = "plugin_conflict"
    UNSUPPORTED_ARTIFACT = "unsupported_artifact"
    RUN_FAILED = "run_failed"
    OPSET_TOO_NEW = "opset_too_new"
    FELL_BACK = "fell_back"
    ACCELERATOR_MISSING = "accelerator_missing"
    UNKNOWN_SOC = "unknown_soc"
    PROVIDER_FAILED = "provider_failed"
    PROVIDER_CRASHED = "provider_crashed"
    CONTEXT_OVERFLOW = "context_overflow"
    EMPTY_PROMPT = "empty_prompt"
    OUTSIDE_VOCABULARY = "outside_vocabulary"
    OUT_OF_MEMORY = "out_of_memory"
    AGENT_RUNNING = "agent_running"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    SANDBOX_REQUIRED = "sandbox_required"
    SANDBOX_DENIED = "sandbox_denied"
    EXTERNAL_DATA = "external_data"
    FILE_LIMIT = "file_limit"
    PROCESS_LIMIT = "process_limit"
    BAD_RESULT = "bad_result"
    JOB_ENDED = "job_ended"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    LEASE_LOST = "lease_lost"
    ILLEGAL_TRANSITION = "illegal_transition"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    BAD_JOIN_LINE = "bad_join_line"
    JOIN_REFUSED = "join_refused"
    PIN_MISMATCH = "pin_mismatch"
    CERTIFICATE_EXPIRED = "certificate_expired"
    NAME_TAKEN = "name_taken"
    DEVICE_RETIRED = "device_retired"
    QUEUE_QUOTA = "queue_quota"
    TOO_MANY_CALLS = "too_many_calls"
    REQUEST_IDLE = "request_idle"
    QUOTA = "quota"
    ASKED_TOO_MUCH = "asked_too_much"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 (the name of an error)
    NO_TLS = "no_tls"
    INSECURE_ADDRESS = "insecure_address"
    SURPRISE_SOCKET = "surprise_socket"
    PROTOCOL_VERSION = "protocol_version"
    UNREACHABLE = "unreachable"
    PORT_IN_USE = "port_in_use"
    COORDINATOR_RUNNING = "coordinator_running"
    INSECURE_LISTEN = "insecure_listen"
    RAY_INSECURE = "ray_insecure"
    STORE_DAMAGED = "store_damaged"
    STORE_NEWER = "store_newer"
    STORE_OLDER = "store_older"
    STORE_UNRELEASED = "store_unreleased"
    STORE_MISSING = "store_missing"
    STORE_BUSY = "store_busy"
    STORE_IO = "store_io"
    BAD_TABLE_FILE = "bad_table_file"
    TABLE_FILE_NEWER = "table_file_newer"
    NOT_IN_TABLE_FILE = "not_in_table_file"
    BACKUP_DAMAGED = "backup_damaged"
    BACKUP_INCOMPLETE = "backup_incomplete"
    HOME_NOT_EMPTY = "home_not_empty"
    NOT_OWNER = "not_owner"
    PLANTED = "planted"
    DISK_FULL = "disk_full"
    START_FAILED = "start_failed"
    TASK_LOST = "task_lost"
    STEP_LIMIT = "step_limit"
    STEP_CRASHED = "step_crashed"
    INTERNAL = "internal"


CORDONS = frozenset(
    one.value
    for one in (
        *(Code.DEVICE_LOST, Code.DEVICE_FAULT, Code.MEMORY_FAULT),
        *(Code.DRIVER_CHANGED, Code.DEVICE_DIVIDED),
    )
)
"""What befalls a device and not what it runs: it gets no job until somebody has looked at it."""


class BitgaugeError(Exception):
    """An error with a code and one sentence that says what and where.

    Attributes:
        code: entry of the catalogue.
        sentence: what is wrong and where; safe to show to the caller.
    """

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence

    @property
    def advice(self) -> str:
        """What to do about it, from the catalogue."""
        from .catalogue import CATALOGUE  # which is written in the codes above

        return CATALOGUE[self.code].advice

    @property
    def status(self) -> str:
        """Name of the gRPC status that carries this error."""
        from .catalogue import CATALOGUE

        return CATALOGUE[self.code].status

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}"

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.code, self.sentence))


class BadInput(BitgaugeError):
    """The caller sent something wrong."""


class Refused(BitgaugeError):
    """Understood, and not allowed in the present state."""


class NotFound(BitgaugeError):
    """Nothing by that name."""


class Unavailable(BitgaugeError):
    """Try again later; nothing was changed."""


class Internal(BitgaugeError):
    """A defect of Bitgauge."""
