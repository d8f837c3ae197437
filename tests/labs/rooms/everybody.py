"""A coordinator with everybody at its doors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, Selector
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RawRef
from bitgauge.coordinator.access.access import ALLOWED, OPEN_METHODS
from bitgauge.coordinator.lab.assemble import Lab
from bitgauge.coordinator.store.values import Registration
from bitgauge.protos.v1 import agent_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.coordinator.services.requests import Rpc, every_rpc, fill_required
from tests.labs import values
from tests.labs.access import Gate
from tests.labs.coordinator import DEVICE

CODE = grpc.StatusCode


def _named(content: bytes) -> Digest:
    return Digest(hashlib.sha256(content).hexdigest(), len(content))


FILES = {name: name.encode() for name in ("baseline", "evaluation", "raw")}
BASELINE, EVALUATION, RAW = (_named(content) for content in FILES.values())
RAW_FILES = (RawRef(PassName.PAIR, 0, RawRole.BOTH, RAW),)
JOB = values.job(
    baseline=BASELINE,
    evaluation=EVALUATION,
    entries=(Entry("fp32", BASELINE),),
    wait_for_device=True,
)
ELSEWHERE = replace(JOB, selector=Selector(device="elsewhere"))
SUITE = Suite(
    "nightly",
    (SuiteModel("m", BASELINE, EVALUATION),),
    ("fp16",),
)
HONEST: dict[str, Any] = {
    "JobSpec": to_wire(ELSEWHERE),
    "DeviceDescription": to_wire(values.device("stranger")),
    "RefreshOrder": to_wire(RefreshOrder(suite=SUITE)),
    "Digest": to_wire(BASELINE),
    "Workload": to_wire(JOB.workload),
}
"""Messages as somebody would send them; whatever else there is holds the least."""
PLAIN = {
    "cron": "0 3 * * *",
    "name": "stranger",
    "note": "because",
    "reason": "because",
    "protocol_version": PROTOCOL_VERSION,
    "before": "fp32",
    "after": "fp16",
    "model_class": 1,
    "hardware_class": 1,
    "objective": 1,
    "role": 1,
    "samples": 2,
}


# -- requests -----------------------------------------------------------------------------
def honest(descriptor: Any, known_messages: dict[str, Message]) -> Message:
    """A request that nothing is wrong with, as far as one message can tell."""
    known = known_messages.get(descriptor.name)
    message: Message = GetMessageClass(descriptor)()
    if known is not None:
        message.CopyFrom(known)
        return message
    for one in descriptor.fields:
        if one.message_type is not None and not one.is_repeated:
            getattr(message, one.name).CopyFrom(honest(one.message_type, known_messages))
        elif isinstance(PLAIN.get(one.name), str if one.type == one.TYPE_STRING else int):
            setattr(message, one.name, PLAIN[one.name])
    fill_required(message)
    return message


async def status_of(
    channel: grpc.aio.Channel, rpc: Rpc, request: Message, token: str
) -> tuple[Any, str]:
    """How a call ends, and what it says; of a stream, its first answer counts."""
    kinds = {
        (False, False): channel.unary_unary,
        (True, False): channel.stream_unary,
        (False, True): channel.unary_stream,
    }
    answer = GetMessageClass(rpc.response).FromString
    kind: Any = kinds[rpc.client_streams, rpc.server_streams]
    call = kind(rpc.path, type(request).SerializeToString, answer)
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    running = call(
        iter([request]) if rpc.client_streams else request, metadata=metadata, timeout=20
    )
    try:
        if rpc.server_streams:
            await running.read()
            running.cancel()
        else:
            await running
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return CODE.OK, ""


# -- the coordinator ----------------------------------------------------------------------
@dataclass
class Everybody:
    """A coordinator with somebody else who works on it."""

    door: Gate
    lab: Lab
    held: Assignment = field(init=False)
    honest: dict[str, Message] = field(init=False)

    async def status(self, rpc: Rpc, request: Message, token: str) -> tuple[Any, str]:
        """How a call ends on the plain port; of a stream, its first answer counts."""
        channel = self.door.channel(self.door.plain_port)
        return await status_of(channel, rpc, request, token)

    async def ordinary(self) -> list[tuple[str, Any, str]]:
        """What somebody else asks all day, as far as it fails."""
        failed = []
        for path, message in self.bystander.items():
            code, words = await self.status(RPCS[path], message, self.token_for(path))
            if code is not CODE.OK:
                failed.append((path, code, words))
        return failed

    def token_for(self, path: str) -> str:
        """A token that may call it."""
        if path in OPEN_METHODS:
            return ""
        parties = {party.value for party in ALLOWED[path]}
        return "local-user" if "admin" in parties else "local-agent"

    @property
    def bystander(self) -> dict[str, Message]:
        def least(name: str, **fields: Any) -> tuple[str, Message]:
            rpc = next(rpc for rpc in RPCS.values() if rpc.path.endswith(f"/{name}"))
            return rpc.path, GetMessageClass(rpc.request)(**fields)

        return dict(
            (
                least("ListJobs"),
                least("ListDevices"),
                least("GetJob", job_id=self.held.job_id),
                least("ListRuns", job_id=self.held.job_id),
                least("Rows"),
                least("Cells"),
                least("Histories"),
                least("Regressions"),
                least("ListCampaigns"),
                least("ListSchedules"),
                least("ListTokens"),
                least("PlanRefresh", order=HONEST["RefreshOrder"]),
                least("Acquire", device_id=DEVICE.device_id, incarnation="one"),
                least(
                    "Renew",
                    job_id=self.held.job_id,
                    epoch=self.held.epoch,
                    lease_token=self.held.lease_token,
                ),
            )
        )


RPCS = {rpc.path: rpc for rpc in every_rpc()}


async def introduce(made: Everybody) -> None:
    """Two devices at work on jobs of ann's; an agent that goes wrong speaks for the second."""
    leases, offered = [], values.device("stranger", runtimes=DEVICE.runtimes)
    for device in (DEVICE, offered):
        registration = Registration(device, "1", "boot", "one", leftovers_dead=True)
        await made.lab.leases.register(registration)
        await made.lab.jobs.submit(JOB, "ann")
        leases.append(await made.lab.leases.acquire(device.device_id, "one", 5.0))
    held, wrong = leases
    assert held is not None
    assert wrong is not None
    made.held = held
    report = to_wire(values.report(wrong, 0, device_id=offered.device_id, raw=RAW_FILES))
    progress = to_wire(Progress(0, "fp32", "pair", 0.5))
    lease: dict[str, Any] = {
        "job_id": wrong.job_id,
        "epoch": wrong.epoch,
        "lease_token": wrong.lease_token,
    }
    made.honest = HONEST | {
        "DeviceDescription": to_wire(offered),
        "AcquireRequest": agent_pb2.AcquireRequest(device_id=offered.device_id, incarnation="one"),
        "RenewRequest": agent_pb2.RenewRequest(**lease, progress=progress),
        "RunReport": report,
    }
