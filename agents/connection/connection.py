"""The agent's line to the coordinator: calls with deadlines, one sentence per outage.

Only this module and `transfer` know gRPC. A call that could not be made because the coordinator
is away ends in `Unavailable`; who calls decides whether to wait. What the coordinator refuses
ends in an error with the coordinator's own code and sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc
import grpc.aio
from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION, require_agreement
from bitgauge.benchmarks.common.join_line import SERVER_NAME
from bitgauge.benchmarks.common.wire import code_in, from_wire, to_wire
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RunReport
from bitgauge.protos.v1 import agent_pb2, agent_pb2_grpc, blobs_pb2_grpc, common_pb2

from ..config import Security

T = TypeVar("T")

CALL_S = 10.0
RENEW_S = 2.0
REPORT_S = 30.0
_LONG_POLL_SLACK_S = 10.0
_FIRST_WAIT_S = 0.25
_RETIRE_S = 60.0
_LONGEST_WAIT_S = 8.0

# Statuses after which the same call may succeed later.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DATA_LOSS,
)
_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Introduction:
    """What `Register` says besides the device."""

    agent_version: str
    boot_id: str
    incarnation: str
    open_intents: tuple[str, ...] = ()
    leftovers_dead: bool = True
    machine: str = ""
    place: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """The answer to a heartbeat: `ok`, `cancel` or `lost`, and the time to live in ms."""

    verdict: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a device gets when it joins; `agent_port` takes agents from then on."""

    certificate_pem: bytes
    agent_token: str
    expires_unix_ns: int
    agent_port: int

    def __repr__(self) -> str:  # the token must not reach a log by accident
        return "Admission(...)"


class Outage:
    """Says once that the coordinator is away, and once that it is back.

    Attributes:
        away: the last call did not get through.
        count: outages so far.
    """

    def __init__(self, address: str, say: Callable[[str], None]) -> None:
        self.address = address
        self._say = say
        self.away = False
        self.count = 0

    def began(self, why: str) -> None:
        """A call did not get through."""
        if not self.away:
            self.away = True
            self.count += 1
            self._say(f"The coordinator at {self.address} is away ({why}); trying again.")

    def ended(self) -> None:
        """A call got through."""
        if self.away:
            self.away = False
            self._say(f"The coordinator at {self.address} is back.")


class Connection:
    """One channel to the coordinator.

    Args:
        address: host and port.
        token: bearer token of role agent.
        say: prints one line.
        security: how to connect over TLS; None: plain, on this machine only.
    """

    def __init__(
        self,
        address: str,
        token: str,
        say: Callable[[str], None],
        security: Security | None = None,
    ) -> None:
        self.metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}"))
        self.outage = Outage(address, say)
        self._address = address
        self._retired: set[asyncio.Task[None]] = set()
        self._open(security)

    def _open(self, security: Security | None) -> None:
        self._channel = _channel_to(self._address, security)
        self._agents: agent_pb2_grpc.AgentsAsyncStub = agent_pb2_grpc.AgentsStub(self._channel)
        self._enrolment: agent_pb2_grpc.EnrolmentAsyncStub = agent_pb2_grpc.EnrolmentStub(
            self._channel
        )
        self.blobs: blobs_pb2_grpc.BlobsAsyncStub = blobs_pb2_grpc.BlobsStub(self._channel)

    def secure(self, security: Security) -> None:
        """Connects anew with another certificate; calls under way end on the old connection."""
        closing = asyncio.create_task(self._channel.close(_RETIRE_S))
        self._retired.add(closing)
        closing.add_done_callback(self._retired.discard)
        self._open(security)

    async def close(self) -> None:
        """Closes the channels; calls that run are cancelled."""
        for closing in tuple(self._retired):
            closing.cancel()
        await self._channel.close()

    async def join(self, token: str, request_pem: bytes, device_id: str, name: str) -> Admission:
        """Trades a one-time token and a signing request for a certificate."""
        request = agent_pb2.JoinRequest(
            join_token=token, csr_pem=request_pem, device_id=device_id, name=name
        )
        answer = await self.call(self._enrolment.Join, request)
        return Admission(
            answer.certificate_pem, answer.agent_token, answer.expires_unix_ns, answer.agent_port
        )

    async def renew_certificate(self, request_pem: bytes) -> tuple[bytes, int]:
        """The next certificate as PEM, and its end in UTC nanoseconds."""
        request = agent_pb2.RenewCertificateRequest(csr_pem=request_pem)
        answer = await self.call(self._enrolment.RenewCertificate, request)
        return answer.certificate_pem, answer.expires_unix_ns

    async def register(self, device: DeviceDescription, who: Introduction) -> str:
        """Introduces the device; the coordinator's version.

        Raises:
            BitgaugeError: no version of the contract is spoken by both, or it is refused.
        """
        request = agent_pb2.RegisterRequest(
            device=to_wire(device),
            agent_version=who.agent_version,
            protocol_version=PROTOCOL_VERSION,
            boot_id=who.boot_id,
            incarnation=who.incarnation,
            open_intents=who.open_intents,
            leftovers_dead=who.leftovers_dead,
            machine=who.machine,
            place=who.place,
            host=who.host,
        )
        answer = await self.call(self._agents.Register, request)
        require_agreement(answer.protocol_version, "coordinator", "agent")
        return answer.coordinator_version

    async def acquire(self, device_id: str, incarnation: str, wait_ms: int) -> Assignment | None:
        """Waits for work; None when there was none for `wait_ms`."""
        request = agent_pb2.AcquireRequest(
            device_id=device_id, incarnation=incarnation, wait_ms=wait_ms
        )
        timeout = wait_ms / 1000 + _LONG_POLL_SLACK_S
        answer = await self.call(self._agents.Acquire, request, timeout)
        if not answer.HasField("assignment"):
            return None
        return from_wire(Assignment, answer.assignment, None)

    async def renew(
        self, assignment: Assignment, progress: Progress | None, hold_for_ms: int
    ) -> Renewal:
        """The heartbeat of a lease; never takes longer than `RENEW_S`."""
        request = agent_pb2.RenewRequest(
            job_id=assignment.job_id,
            epoch=assignment.epoch,
            lease_token=assignment.lease_token,
            progress=None if progress is None else to_wire(progress),
            hold_for_ms=hold_for_ms,
        )
        answer = await self.call(self._agents.Renew, request, RENEW_S)
        verdict = agent_pb2.LeaseVerdict.Name(answer.verdict)
        return Renewal(verdict.removeprefix("LEASE_VERDICT_").lower(), answer.ttl_ms)

    async def report(self, report: RunReport) -> Disposition:
        """Delivers one run whose raw files have been uploaded."""
        request = agent_pb2.ReportRequest(report=to_wire(report))
        answer = await self.call(self._agents.Report, request, REPORT_S)
        name = common_pb2.Disposition.Name(answer.disposition)
        return Disposition(name.removeprefix("DISPOSITION_").lower())

    async def call(
        self, method: Callable[..., Awaitable[T]], request: object, timeout_s: float = CALL_S
    ) -> T:
        """Makes a call and turns its status into one of our errors.

        Raises:
            Unavailable: the coordinator is away or cannot now.
            BitgaugeError: the coordinator refuses.
        """
        try:
            answer = await method(request, timeout=timeout_s, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            raise self.translate(error) from error
        self.outage.ended()
        return answer

    def translate(self, error: grpc.aio.AioRpcError) -> BitgaugeError:
        """The error that a status stands for.

        What concerns the coordinator and not the call, such as its full disk, passes.
        """
        status, code = error.code(), _code_of(error)
        too_large = status is grpc.StatusCode.RESOURCE_EXHAUSTED and (
            code is Code.BLOB_TOO_LARGE or "larger than max" in (error.details() or "")
        )
        if status not in _PASSING or too_large:
            self.outage.ended()
            return Refused(code, _sentence_of(error))
        if code_in(error.trailing_metadata()) is not None:  # the coordinator itself answered
            sentence = _sentence_of(error)
            self.outage.began(sentence.removesuffix("."))
            return Unavailable(code, sentence)
        why = status.name.lower().replace("_", " ")
        self.outage.began(why)
        return Unavailable(
            Code.UNREACHABLE, f"The coordinator at {self._address} did not answer ({why})."
        )


def _channel_to(address: str, security: Security | None) -> grpc.aio.Channel:
    if security is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(
        security.ca_pem, security.key_pem, security.certificate_pem
    )
    name = ("grpc.ssl_target_name_override", SERVER_NAME)
    return grpc.aio.secure_channel(address, credentials, options=(*_OPTIONS, name))


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeats a call for as long as the coordinator is away."""
    return await Again(_FIRST_WAIT_S, _LONGEST_WAIT_S).call(attempt)


def _code_of(error: grpc.aio.AioRpcError) -> Code:
    """The coordinator's own code, else the one that its status is closest to."""
    told = code_in(error.trailing_metadata())
    if told is not None:
        return Code(told) if told in {code.value for code in Code} else Code.INTERNAL
    return {
        grpc.StatusCode.UNAUTHENTICATED: Code.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED: Code.FORBIDDEN,
        grpc.StatusCode.NOT_FOUND: Code.BLOB_MISSING,
        grpc.StatusCode.RESOURCE_EXHAUSTED: Code.BAD_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED: Code.PROTOCOL_VERSION,
    }.get(error.code(), Code.INTERNAL)


def _sentence_of(error: grpc.aio.AioRpcError) -> str:
    """What the coordinator said, without the advice that we print ourselves."""
    said = (error.details() or error.code().name.lower()).strip()
    for meaning in CATALOGUE.values():
        said = said.removesuffix(meaning.advice).strip()
    return said if said.endswith(".") else f"{said}."
