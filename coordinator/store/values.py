"""Plain values that the store takes and gives besides those that cross the wire."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.enums import (
    HardwareClass,
    JobState,
    ModelClass,
    Role,
)
from bitgauge.benchmarks.vocabulary.errors import Unavailable
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    RefreshOrder,
    RefreshPlan,
)
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotation,
    HistoryPoint,
    Regression,
)
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import (
    MetricValue,
)


class StoreFailed(Unavailable):
    """The store itself failed: it must be opened anew before anything more is written."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Up to which positions everything is known to be readable, or has failed for not being so."""

    jobs: int = -1
    campaigns: int = -1


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent says of itself when it connects.

    Attributes:
        boot_id: changes when the device restarts.
        incarnation: UUID of this agent process.
        leftovers_dead: every process of older incarnations has ended.
        open_intents: ids of runs that older incarnations began and never reported.
        agent_id: whom its certificate names; None for the agent of the coordinator's machine.
        machine: hash of what names its machine for ever; empty where nothing does.
        place: names the device's state folder on that machine.
        host: what its machine calls itself.
        address: where the call came from.
    """

    device: DeviceDescription
    agent_version: str
    boot_id: str
    incarnation: str
    leftovers_dead: bool
    open_intents: tuple[str, ...] = ()
    agent_id: str | None = None
    machine: str = ""
    place: str = ""
    host: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lives and how often it is renewed."""

    ttl_ns: int = 60_000_000_000
    renew_every_ns: int = 5_000_000_000
    unreachable_after_ns: int = 20_000_000_000
    max_attempts: int = 5
    max_hold_ns: int = 600_000_000_000


@dataclass(frozen=True, slots=True)
class BuildKey:
    """What a built artifact depends on; equal keys give the same artifact.

    `runtime` and `artifact_kind` say for what it is built; empty where it is no artifact. `batch`
    is that of the job; an outcome that does not depend on it is kept for whatever batch.
    `source_kind` is what `model` is, which says who builds it, where that is known.
    """

    model: Digest
    recipe: str
    calibration: Digest | None
    toolchain: str
    runtime: str = ""
    artifact_kind: str = ""
    batch: int = 0
    source_kind: str = ""


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """An artifact, or the reason why the recipe cannot be made of this model.

    Attributes:
        artifact: what was made.
        unsupported: why it cannot be.
        notes: how it was made: what was done, and what was left out with the reason.
        batch: the job's batch that it holds for; 0 for every one.
    """

    artifact: Digest | None
    unsupported: str | None = None
    notes: tuple[str, ...] = ()
    batch: int = 0


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """One entry that waits for its artifact.

    `sources` are the FP32 forms of the model by artifact kind, the baseline first.
    """

    job_id: str
    entry_index: int
    key: BuildKey
    submitted_by: str
    deadline_s: int
    sources: tuple[tuple[str, Digest], ...] = ()


@dataclass(frozen=True, slots=True)
class SpareBlob:
    """A blob that nothing needs.

    Attributes:
        used_unix_ns: when it was last recorded, named or asked for.
        rebuildable: a build made it and can make it again.
    """

    digest: Digest
    used_unix_ns: int
    rebuildable: bool


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token that may be presented.

    Attributes:
        name: label, unique among the live tokens of people.
        role: what its bearer may do.
        sha256: hash of the secret.
        expires_unix_ns: end of its life, UTC nanoseconds; 0: none.
        device_id: the only device it speaks for; None: it is a person's.
    """

    name: str
    role: Role
    sha256: bytes
    expires_unix_ns: int = 0
    device_id: str | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate that the CA signed for a device.

    Attributes:
        serial: its number in hexadecimal.
        key_sha256: hash of the device's public key.
        expires_unix_ns: end of its life, UTC nanoseconds.
    """

    serial: str
    device_id: str
    name: str
    key_sha256: bytes
    expires_unix_ns: int


@dataclass(frozen=True, slots=True)
class AccessState:
    """Everything that decides who may call.

    Attributes:
        tokens: all of them, also those that have ended.
        live_serials: certificates that are accepted until they expire; any other is refused.
        revoked_serials: certificates that were revoked.
        restored_unix_ns: when a backup was put back last, UTC nanoseconds; 0: never.
    """

    tokens: tuple[TokenRecord, ...] = ()
    live_serials: frozenset[str] = frozenset()
    revoked_serials: frozenset[str] = frozenset()
    restored_unix_ns: int = 0


AskKey = tuple[ModelClass | None, HardwareClass | None, Workload | None]


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to be recorded, with the table as it is."""

    campaign_id: str
    idempotency_key: str
    name: str
    order: RefreshOrder
    plan: RefreshPlan
    rows_before: tuple[TableRow, ...]
    submitted_by: str = ""
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose time has come."""

    name: str
    cron: str
    order: RefreshOrder
    due_unix_ns: int
    submitted_by: str


@dataclass(frozen=True, slots=True)
class EndedCheck:
    """A health check that has ended and was not judged yet."""

    job_id: str
    device_id: str
    state: JobState
    reason: str | None
    metrics: tuple[MetricValue, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Which settled entries to look at; an empty field matches everything.

    `recipe` and `artifact` are read as in `sql.named`.
    """

    model_name: str | None = None
    recipe: str | None = None
    device: str | None = None
    batch: int | None = None
    run_id: str | None = None
    fingerprint: str | None = None
    until_unix_ns: int | None = None
    artifact: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The accepted runs of one row key in the order of time, and its accepted changes."""

    row: TableRow
    row_key: str
    metric: str
    points: tuple[HistoryPoint, ...] = ()
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that nobody has taken yet."""

    regression: Regression
    attempts: int
