"""Every call of the contract by everybody, over real sockets: deny by default."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.agents.config import Security
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.access.access import ALLOWED, NOBODY, Access, Caller, Transport
from bitgauge.coordinator.access.tokens import Party, hashed
from bitgauge.coordinator.services.server import Servicers
from bitgauge.coordinator.store.values import AccessState, TokenRecord
from bitgauge.protos.v1 import agent_pb2, blobs_pb2, lab_pb2

from tests.coordinator.services.requests import every_rpc, least
from tests.labs.access import Gate, gate

DENIED = grpc.StatusCode.PERMISSION_DENIED
UNKNOWN = grpc.StatusCode.UNAUTHENTICATED
ID, OTHER_ID = (str(uuid.UUID(int=number, version=4)) for number in (1, 2))

# What each may do, stated here once more and not taken from what is tested.
LOOKING = {
    "Watch",
    "GetJob",
    "ListJobs",
    "ListDevices",
    "Rows",
    "Cells",
    "Compare",
    "Histories",
    "Regressions",
    "Select",
    "GetRun",
    "ListRuns",
    "PlanRefresh",
    "GetCampaign",
    "ListCampaigns",
    "ListSchedules",
    "ListCalibrationSets",
    "Judge",
    "ListVerdicts",
    "SearchArtifacts",
    "GetLineage",
    "ListAliases",
}
SUBMITTING = {
    "Submit",
    "Offer",
    "Cancel",
    "Reanalyse",
    "Annotate",
    "Certify",
    "StartCampaign",
    "PauseCampaign",
    "ResumeCampaign",
    "CancelCampaign",
    "SetSchedule",
    "RemoveSchedule",
    "AddCalibrationSet",
    "KeepVerdict",
    "DecideVerdict",
    "MoveAlias",
    "NoteUngated",
}
READING_BLOBS = {"FindMissing", "Read"}
PEOPLES = {"Jobs", "Table", "History", "Campaigns", "Calibration", "Gates", "Registry"}


def every_method() -> list[tuple[str, str, bool]]:
    """Service, method and whether its client streams, of the whole contract."""
    return [
        (service.full_name, method.name, method.client_streaming)
        for module in (agent_pb2, blobs_pb2, lab_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


def may(party: Party, service: str, method: str) -> bool:
    name = service.removeprefix("bitgauge.v1.")
    if (name, method) == ("Enrolment", "Join"):
        return True
    if party is Party.READ:
        return (name in PEOPLES and method in LOOKING) or (
            name == "Blobs" and method in READING_BLOBS
        )
    if party is Party.SUBMIT:
        return (name in PEOPLES and method in LOOKING | SUBMITTING) or name == "Blobs"
    if party is Party.ADMIN:
        return name in PEOPLES | {"Admin", "Blobs"}
    if party is Party.AGENT:
        return name in ("Agents", "Blobs") or (name, method) == ("Enrolment", "RenewCertificate")
    return name == "Blobs"


@dataclasses.dataclass(frozen=True)
class Identity:
    """How somebody calls; `party` is None when nothing may work.

    A live token that comes by a wrong way may be refused for its role before its way is seen.
    """

    party: Party | None
    token: str
    port: str
    security: Security | None = None
    live: bool = False


async def identities(door: Gate) -> dict[str, Identity]:
    """Everybody who may come, and everybody who may not."""
    admin = door.administration
    made: dict[str, Identity] = {
        "none": Identity(None, "", "plain"),
        "none over TLS": Identity(None, "", "tls"),
        "wrong": Identity(None, "wrong", "plain"),
        "wrong over TLS": Identity(None, "0" * 64, "tls"),
        "local agent": Identity(Party.AGENT, "local-agent", "plain"),
        "local user": Identity(Party.ADMIN, "local-user", "plain"),
        "task": Identity(Party.TASK, "task", "plain"),
        "local agent from elsewhere": Identity(None, "local-agent", "tls", live=True),
        "task from elsewhere": Identity(None, "task", "tls", live=True),
    }
    for role in (Role.READ, Role.SUBMIT, Role.ADMIN):
        for kind in ("live", "expired", "revoked"):
            name = f"{kind} {role.value}"
            token, _ = await admin.create_token(name, role, 60 if kind == "expired" else 0)
            secret = token.partition("@")[0]
            party = Party(role.value) if kind == "live" else None
            for port in ("plain", "tls"):
                made[f"{name} {port}"] = Identity(party, secret, port)
        await admin.revoke_token(f"revoked {role.value}")
    own, security = await door.joined(ID, "board")
    other, other_security = await door.joined(OTHER_ID, "other")
    revoked, revoked_security = await door.joined(str(uuid.UUID(int=3, version=4)), "gone")
    await admin.revoke_agent("gone")
    live, _ = await admin.create_token("person", Role.ADMIN, 0)
    made |= {
        "device": Identity(Party.AGENT, own, "agent", security),
        "device without its certificate": Identity(None, own, "tls", live=True),
        "device on the plain port": Identity(None, own, "plain", live=True),
        "device with another's certificate": Identity(
            None, own, "agent", other_security, live=True
        ),
        "device with another's token": Identity(None, other, "agent", security, live=True),
        "certificate alone": Identity(None, "", "agent", security),
        "revoked device": Identity(None, revoked, "agent", revoked_security),
        "revoked certificate": Identity(None, own, "agent", revoked_security, live=True),
        "revoked device's token": Identity(None, revoked, "tls"),
        "person on the agents' port": Identity(
            None, live.partition("@")[0], "agent", security, live=True
        ),
        "local agent with a certificate": Identity(
            None, "local-agent", "agent", security, live=True
        ),
    }
    door.clock.forward(61)  # ends what is expired, and nothing else
    return made


LEAST = {rpc.path: least(rpc.request).SerializeToString() for rpc in every_rpc()}


class Reached:
    """Servicers that do nothing but note which of their methods was called."""

    def __init__(self) -> None:
        self.methods: set[str] = set()

    def services(self, *_: object) -> Servicers:
        return Servicers(
            **{
                name.lower(): self._servicer(module, name)
                for module in (agent_pb2, blobs_pb2, lab_pb2)
                for name in module.DESCRIPTOR.services_by_name
            }
        )

    def _servicer(self, module: Any, name: str) -> Any:
        service = module.DESCRIPTOR.services_by_name[name]
        methods = {
            method.name: self._stream(method, module)
            if method.server_streaming
            else self._call(method, module)
            for method in service.methods
        }
        return type(name, (), methods)()

    def _call(self, method: Any, module: Any) -> Any:
        async def call(_: object, request: Any, context: Any) -> Any:
            if hasattr(request, "__aiter__"):
                async for _message in request:
                    pass
            self.methods.add(method.name)
            return getattr(module, method.output_type.name)()

        return call

    def _stream(self, method: Any, module: Any) -> Any:
        async def stream(_: object, request: Any, context: Any) -> Any:
            self.methods.add(method.name)
            yield getattr(module, method.output_type.name)()

        return stream


@pytest.fixture
def reached() -> Reached:
    return Reached()


@pytest.fixture
async def door(tmp_path: Path, reached: Reached) -> AsyncIterator[Gate]:
    async with gate(tmp_path, reached.services) as made:
        yield made


async def status_of(channel: grpc.aio.Channel, path: str, streams: bool, token: str) -> Any:
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    call: Any = channel.stream_unary(path) if streams else channel.unary_unary(path)
    least = LEAST[path]
    try:
        await call(iter([least]) if streams else least, metadata=metadata, timeout=5)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_everybody_calls_everything(door: Gate, reached: Reached) -> None:
    ports = {"plain": door.plain_port, "tls": door.tls_port, "agent": door.agent_port}
    wrong = []
    for label, who in (await identities(door)).items():
        channel = door.channel(ports[who.port], who.security)
        for service, method, streams in every_method():
            reached.methods.clear()
            status = await status_of(channel, f"/{service}/{method}", streams, who.token)
            if method == "Join" or (who.party and may(who.party, service, method)):
                right = status is grpc.StatusCode.OK and reached.methods == {method}
            else:
                expected = {DENIED} if who.party else {UNKNOWN, DENIED} if who.live else {UNKNOWN}
                right = status in expected and not reached.methods
            if not right:
                wrong.append((label, service, method, status))
    assert wrong == []


def test_the_table_of_rights_is_the_contract_and_nothing_else() -> None:
    ours = {path for path in ALLOWED if path.startswith("/bitgauge.")}
    contract = {f"/{service}/{method}" for service, method, _ in every_method()}
    assert ours == contract - {"/bitgauge.v1.Enrolment/Join"}
    assert all(ALLOWED.values())


async def test_nobody_reaches_the_agents_port_without_a_certificate(door: Gate) -> None:
    status = await status_of(
        door.channel(door.agent_port), "/bitgauge.v1.Jobs/ListJobs", False, "local-user"
    )
    assert status is grpc.StatusCode.UNAVAILABLE


async def test_an_agents_certificate_makes_no_server(door: Gate) -> None:
    _, security = await door.joined(ID, "board")
    assert security.key_pem is not None
    assert security.certificate_pem is not None
    server = grpc.aio.server()
    pair = (security.key_pem, security.certificate_pem + door.authority.pem)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    status = await status_of(door.channel(port), "/bitgauge.v1.Jobs/ListJobs", False, "local-user")
    assert status is grpc.StatusCode.UNAVAILABLE
    await server.stop(None)


async def test_the_certificate_of_another_ca_is_refused(door: Gate, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    async with gate(tmp_path / "elsewhere", Reached().services) as other:
        token, theirs = await other.joined(ID, "board")
    status = await status_of(
        door.channel(door.agent_port, theirs), "/bitgauge.v1.Agents/Acquire", False, token
    )
    assert status is grpc.StatusCode.UNAVAILABLE


def refused(call: Callable[..., object], *arguments: object) -> Code:
    with pytest.raises(BitgaugeError) as caught:
        call(*arguments)
    return caught.value.code


def test_a_certificate_that_ends_during_a_connection_is_refused() -> None:
    now = [100]
    access = Access({}, lambda: now[0])
    board = Caller(Party.AGENT, "board", ID)
    transport = Transport(True, ID, "a1", 200)
    # Signed by our CA is not enough: a restore may have forgotten it.
    assert refused(access.check_transport, board, transport) is Code.UNAUTHENTICATED
    access.load(AccessState(live_serials=frozenset({"a1"})))
    access.check_transport(board, transport)
    now[0] = 200
    assert refused(access.check_transport, board, transport) is Code.CERTIFICATE_EXPIRED
    now[0] = 100
    access.load(AccessState(revoked_serials=frozenset({"a1"})))
    assert refused(access.check_transport, board, transport) is Code.UNAUTHENTICATED


def test_a_certificate_of_no_device_is_nobodys() -> None:
    access = Access({"t": Party.ADMIN})
    transport = Transport(True, "", "a1", 2**62)
    for who in (Caller(Party.ADMIN, "x"), Caller(Party.AGENT, "y", ID)):
        assert refused(access.check_transport, who, transport) is Code.UNAUTHENTICATED


def test_a_token_is_judged_by_the_newest_state_and_known_by_its_hash_only() -> None:
    now = [100]
    access = Access({}, lambda: now[0])
    path = "/bitgauge.v1.Jobs/GetJob"
    assert refused(access.admit, path, "secret") is Code.UNAUTHENTICATED
    record = TokenRecord("ci", Role.READ, hashed("secret"), expires_unix_ns=200)
    access.load(AccessState((record,)))
    assert access.admit(path, "secret") == Caller(Party.READ, "ci")
    assert refused(access.admit, path, hashed("secret").hex()) is Code.UNAUTHENTICATED
    assert refused(access.admit, "/bitgauge.v1.Jobs/Submit", "secret") is Code.FORBIDDEN
    assert refused(access.admit, "/bitgauge.v1.Jobs/Nonsense", "secret") is Code.FORBIDDEN
    now[0] = 200
    assert refused(access.admit, path, "secret") is Code.UNAUTHENTICATED
    now[0] = 100
    access.load(AccessState((dataclasses.replace(record, revoked=True),)))
    assert refused(access.admit, path, "secret") is Code.UNAUTHENTICATED


def test_one_device_acts_for_no_other() -> None:
    board = Caller(Party.AGENT, "board", ID)
    board.require_agent(ID, "it")
    board.require_agent(None, "an unknown lease")
    assert refused(board.require_agent, OTHER_ID, "it") is Code.FORBIDDEN
    NOBODY.require_agent(OTHER_ID, "it")
