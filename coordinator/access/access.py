"""Who may call what. Deny by default: a method that is not listed here is nobody's.

The store is the memory of record; `Access` holds a copy of what decides, so that every call is
judged by the newest state without touching the disk. Whoever changes the store calls `load`
before the change is answered: a revocation holds from then on, also for streams under way.
"""

from __future__ import annotations

import functools
import hmac
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NoReturn

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from cryptography import x509

from ..decisions.asker import ITSELF, LOCAL, Asker, agent_named
from ..store.last_backup import utc
from ..store.values import AccessState, TokenRecord
from .tokens import Party, hashed

AGENT_URI = "bitgauge://agent/"
"""What a device's certificate says before its id."""

PEOPLE = frozenset({Party.READ, Party.SUBMIT, Party.ADMIN})
_WRITERS = frozenset({Party.SUBMIT, Party.ADMIN})
_ADMIN = frozenset({Party.ADMIN})
_AGENT = frozenset({Party.AGENT})
_READERS_OF_BLOBS = PEOPLE | {Party.AGENT, Party.TASK}
_WRITERS_OF_BLOBS = _WRITERS | {Party.AGENT, Party.TASK}
OPEN_METHODS = frozenset({"/bitgauge.v1.Enrolment/Join"})
"""No bearer token: the one-time token is in the request."""
OPEN_SERVICES = frozenset({"grpc.health.v1.Health"})
"""A probe has no token and learns nothing but up or down."""


_RIGHTS: tuple[tuple[str, frozenset[Party], str], ...] = (
    ("Agents", _AGENT, "Register Acquire Renew Report"),
    ("Enrolment", _AGENT, "RenewCertificate"),
    ("Blobs", _READERS_OF_BLOBS, "FindMissing Read"),
    ("Blobs", _WRITERS_OF_BLOBS, "QueryWrite Write"),
    ("Jobs", PEOPLE, "Watch GetJob ListJobs GetRun ListRuns ListDevices"),
    ("Jobs", _WRITERS, "Submit Offer Certify Cancel Reanalyse"),
    ("Table", PEOPLE, "Rows Cells Select"),
    ("History", PEOPLE, "Compare Histories Regressions"),
    ("History", _WRITERS, "Annotate"),
    ("Gates", PEOPLE, "Judge ListVerdicts"),
    ("Gates", _WRITERS, "KeepVerdict DecideVerdict"),
    ("Registry", PEOPLE, "SearchArtifacts GetLineage ListAliases"),
    ("Registry", _WRITERS, "MoveAlias NoteUngated"),
    ("Campaigns", PEOPLE, "PlanRefresh GetCampaign ListCampaigns ListSchedules"),
    ("Campaigns", _WRITERS, "StartCampaign PauseCampaign ResumeCampaign CancelCampaign"),
    ("Campaigns", _WRITERS, "SetSchedule RemoveSchedule"),
    ("Calibration", PEOPLE, "ListCalibrationSets"),
    ("Calibration", _WRITERS, "AddCalibrationSet"),
    ("Admin", _ADMIN, "CreateToken ListTokens RevokeToken CreateJoinLine RevokeAgent"),
    ("Admin", _ADMIN, "Cordon Uncordon Retire Confirm RenameDevice SetAlias ListAudit"),
)
ALLOWED: dict[str, frozenset[Party]] = {
    **{
        f"/bitgauge.v1.{service}/{method}": parties
        for service, parties, methods in _RIGHTS
        for method in methods.split()
    },
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ADMIN,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `device_id` is set for an agent that joined: the id that its certificate names.

    It is that of the agent's own machine, and covers every device that this agent registered.
    `local` is whose token is no record of the store but a file of this machine.
    """

    party: Party
    name: str = ""
    device_id: str | None = None
    local: bool = False

    def require_agent(self, agent_id: str | None, what: str) -> None:
        """Refuse an agent that acts on a device of another's.

        Args:
            agent_id: whose the device is; None for one that nobody knows.
            what: begins the sentence.

        Raises:
            Refused: `FORBIDDEN`.
        """
        if self.device_id is not None and agent_id not in (None, self.device_id):
            raise Refused(Code.FORBIDDEN, f"{what} belongs to another agent than {self.device_id}.")

    @property
    def asker(self) -> Asker:
        """Whose things this caller may change, and what the audit calls it."""
        if self is NOBODY:
            return ITSELF
        if self.device_id is not None:
            return Asker(agent_named(self.device_id), owns_all=False)
        return Asker(self.name, self.party is Party.ADMIN)


NOBODY = Caller(Party.READ)
_caller: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


def caller() -> Caller:
    """Who made the call that is being served; one without rights outside of calls."""
    return _caller.get()


@dataclass(frozen=True, slots=True)
class Transport:
    """What the connection itself proves.

    Attributes:
        secure: TLS.
        device_id: of the client certificate; None without one.
        serial: of the client certificate.
        expires_unix_ns: end of that certificate.
    """

    secure: bool = False
    device_id: str | None = None
    serial: str = ""
    expires_unix_ns: int = 0


def transport_of(auth_context: Mapping[str, object]) -> Transport:
    """What gRPC knows of a connection, as `auth_context` of a call."""
    kind = _first(auth_context.get("transport_security_type"))
    pem = _first(auth_context.get("x509_pem_cert"))
    if pem:
        return _transport_of_certificate(pem)
    return Transport(secure=kind == b"ssl")


@functools.lru_cache(maxsize=1024)
def _transport_of_certificate(pem: bytes) -> Transport:
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    ids = [uri.removeprefix(AGENT_URI) for uri in uris if uri.startswith(AGENT_URI)]
    expires_s = int(certificate.not_valid_after_utc.timestamp())
    return Transport(
        secure=True,
        device_id=ids[0] if len(ids) == 1 else "",
        serial=f"{certificate.serial_number:x}",
        expires_unix_ns=expires_s * 1_000_000_000,
    )


def _first(value: object) -> bytes:
    return bytes(value[0]) if isinstance(value, (list, tuple)) and value else b""


class Access:
    """Judges calls. `load` may come from any thread; every judgement sees one state."""

    def __init__(self, local: Mapping[str, Party], clock: Callable[[], int] = time.time_ns) -> None:
        """Know the tokens of this machine.

        Args:
            local: tokens that are no records of the store: token files and the tasks' token.
            clock: the present, UTC nanoseconds.
        """
        self._local = tuple(
            (hashed(token), Caller(party, LOCAL, local=True)) for token, party in local.items()
        )
        self._state = AccessState()
        self._now_ns = clock

    def load(self, state: AccessState) -> None:
        """Judge by this state from now on."""
        self._state = state

    def admit(self, method: str, token: str) -> Caller:
        """Who presents `token`, if that caller may call `method`.

        Raises:
            BadInput: `UNAUTHENTICATED` or `FORBIDDEN`.
        """
        if method in OPEN_METHODS or method.rsplit("/", 1)[0].lstrip("/") in OPEN_SERVICES:
            return NOBODY
        found = self._bearer(token)
        if found.party not in ALLOWED.get(method, frozenset()):
            name = method.lstrip("/")
            raise BadInput(
                Code.FORBIDDEN, f"A token of role {found.party.value} may not call {name}."
            )
        return found

    def _bearer(self, token: str) -> Caller:
        """The bearer of a token; every known one is compared, whichever it is."""
        given = hashed(token)
        local: Caller | None = None
        for sha256, known in self._local:
            if hmac.compare_digest(sha256, given):
                local = known
        record: TokenRecord | None = None
        for one in self._state.tokens:
            if hmac.compare_digest(one.sha256, given):
                record = one
        if local is not None:
            return local
        if record is None:
            _unknown(f"The call carries no token that is known here{self._restored()}.")
        if record.revoked:
            _unknown(f"The token {record.name!r} has been revoked.")
        if record.expires_unix_ns and self._now_ns() >= record.expires_unix_ns:
            _unknown(f"The token {record.name!r} has expired.")
        return Caller(Party(record.role.value), record.name, record.device_id)

    def check_transport(self, who: Caller, transport: Transport) -> None:
        """Refuse a caller who comes by a way that is not meant for it.

        A device's token counts only beside its certificate; the tokens of this machine's agent
        and tasks only on this machine; a certificate only beside its own token.

        Raises:
            BadInput: `UNAUTHENTICATED`.
        """
        if who is NOBODY:
            return
        if transport.device_id is not None:
            self._check_certificate(transport)
        if transport.device_id != who.device_id:
            needs = "its device's certificate" if who.device_id else "no certificate"
            _unknown(f"The token {who.name!r} is accepted with {needs} only.")
        if who.party in (Party.AGENT, Party.TASK) and who.device_id is None and transport.secure:
            _unknown("This token is accepted on the coordinator's own machine only.")

    def _check_certificate(self, transport: Transport) -> None:
        if transport.serial in self._state.revoked_serials:
            _unknown("The certificate has been revoked.")
        if transport.serial not in self._state.live_serials:
            _unknown(f"The certificate is not known here{self._restored()}.")
        if self._now_ns() >= transport.expires_unix_ns:
            raise BadInput(Code.CERTIFICATE_EXPIRED, "The certificate has expired.")

    def _restored(self) -> str:
        """Why what was good may be unknown."""
        if not self._state.restored_unix_ns:
            return ""
        when = utc(self._state.restored_unix_ns)
        return f": a backup was put back at {when}, and what was issued after it was made ended"


def enter(who: Caller) -> None:
    """Say who is being served, for the rest of this task."""
    _caller.set(who)


def _unknown(sentence: str) -> NoReturn:
    raise BadInput(Code.UNAUTHENTICATED, sentence)
