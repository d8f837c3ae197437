"""Every method and every field of the contract, with what nobody should send.

All of it is made from the descriptors, so a new field or method is tried by itself. Each wrong
request is refused with a code that says whose fault it is, or taken without harm: after it, what
everybody else asks of the coordinator still works.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Role
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, Selector
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RawRef
from bitgauge.coordinator.access.access import ALLOWED, OPEN_METHODS
from bitgauge.coordinator.access.administration import Administration
from bitgauge.coordinator.lab.assemble import Lab, assemble
from bitgauge.coordinator.services.fields.rules import OF_AGENTS, Form
from bitgauge.coordinator.services.fields.walk import count_rule, text_rule
from bitgauge.coordinator.services.server import Servicers, servicers_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.values import LeaseTerms, Registration
from bitgauge.coordinator.store.writer import Writer
from bitgauge.protos.v1 import agent_pb2, lab_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.coordinator.services.requests import Rpc, every_rpc, fill_required
from tests.labs import values
from tests.labs.access import Clock, Gate, gate
from tests.labs.coordinator import DEVICE, FakeRunner

CODE = grpc.StatusCode
CLEAR = {
    CODE.OK,
    CODE.INVALID_ARGUMENT,
    CODE.NOT_FOUND,
    CODE.ALREADY_EXISTS,
    CODE.FAILED_PRECONDITION,
    CODE.PERMISSION_DENIED,
    CODE.UNAUTHENTICATED,
    CODE.RESOURCE_EXHAUSTED,
    CODE.ABORTED,
    CODE.OUT_OF_RANGE,
}
"""What a caller may be told; never that the coordinator itself broke, is away or is slow."""

HIDDEN = ("a\x1b[31mb", "a\x07", "a\u202eb", "a\nb", "a\u200bb", "\x00")
LONG = "x" * 70_000
NOT_FINITE = (math.nan, math.inf, -math.inf)


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


def every_field(descriptor: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to each field of a message, also within others."""
    for one in descriptor.fields:
        yield (*path, one.name)
        if one.message_type is not None:
            yield from every_field(one.message_type, (*path, one.name))


def holder(message: Message, path: tuple[str, ...]) -> tuple[Message, Any]:
    """The message in which the last field of a path lies, made where it is not there, and it."""
    for name in path[:-1]:
        one = message.DESCRIPTOR.fields_by_name[name]
        if one.is_repeated:
            items = getattr(message, name)
            message = items[0] if items else items.add()
        else:
            message = getattr(message, name)
        message.SetInParent()
        fill_required(message)
    return message, message.DESCRIPTOR.fields_by_name[path[-1]]


def wrongs(one: Any) -> Iterator[Any]:
    """What a field should not hold, by its type."""
    match one.cpp_type:
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            yield from (*NOT_FINITE, -1.0, 0.0, 1e300, -1e300)
        case FieldDescriptor.CPPTYPE_INT32:
            yield from (-5, 0, 2**31 - 1, -(2**31))
        case FieldDescriptor.CPPTYPE_INT64:
            yield from (-5, 0, 2**63 - 1, -(2**63))
        case FieldDescriptor.CPPTYPE_ENUM:
            yield from (0, 99, -1)
        case FieldDescriptor.CPPTYPE_BOOL:
            yield from (False, True)
        case FieldDescriptor.CPPTYPE_STRING if one.type == FieldDescriptor.TYPE_BYTES:
            yield from (b"", b"\x00\xff", b"x" * 70_000)
        case FieldDescriptor.CPPTYPE_STRING:
            yield from ("", *HIDDEN, LONG)


def must_be_refused(of_agent: bool, one: Any, wrong: Any) -> bool:
    """Whether nobody may take it, whatever else the request says."""
    if isinstance(wrong, float) and not math.isfinite(wrong):
        return True
    if one.type == FieldDescriptor.TYPE_ENUM:
        return wrong not in one.enum_type.values_by_number
    if not isinstance(wrong, str) or not wrong:
        return False
    return text_rule(one, of_agent).form not in (Form.FACT, Form.LINES)


def wrong_requests(
    rpc: Rpc, known_messages: dict[str, Message]
) -> Iterator[tuple[str, Any, Message, bool]]:
    """Requests with one wrong field each: its path, what it holds, and if none may take it."""
    of_agent = rpc.request.name in OF_AGENTS

    def fresh(path: tuple[str, ...]) -> tuple[Message, Message, Any]:
        request = honest(rpc.request, known_messages)
        return (request, *holder(request, path))

    for path in every_field(rpc.request):
        named = ".".join(path)
        request, message, one = fresh(path)
        message.ClearField(one.name)
        yield named, "nothing", request, False
        for wrong in wrongs(one):
            request, message, one = fresh(path)
            if one.is_repeated:
                getattr(message, one.name).append(wrong)
            else:
                setattr(message, one.name, wrong)
            yield named, wrong, request, must_be_refused(of_agent, one, wrong)
        if one.is_repeated:
            request, message, one = fresh(path)
            whole = one.message_type and honest(one.message_type, known_messages)
            item = whole or next(iter(wrongs(one)))
            getattr(message, one.name).extend([item] * (count_rule(one) + 1))
            yield named, "too many", request, True


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


@pytest.fixture
async def everybody(tmp_path: Path) -> AsyncIterator[Everybody]:
    labs: list[Lab] = []
    blobs = BlobStore(tmp_path / "blobs")

    def services(writer: Writer, administration: Administration, clock: Clock) -> Servicers:
        labs.append(assemble(writer, FakeRunner(), LeaseTerms(), blobs=blobs))
        return servicers_of(labs[0], administration, blobs)

    async with gate(tmp_path, services) as door:
        for content in FILES.values():
            digest = _named(content)
            blobs.append(digest, 0, content)
            blobs.finish(digest)
            await door.writer.call(lambda store, one=digest: store.record_blob(one, 1))  # type: ignore[misc]
        made = Everybody(door, labs[0])
        await introduce(made)
        made.lab.dispatcher.start(made.lab.driver.run)
        try:
            yield made
        finally:
            assert not made.lab.dispatcher.task.done()
            await made.lab.dispatcher.stop()


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


async def test_no_field_of_any_method_harms_anybody(everybody: Everybody) -> None:
    assert await everybody.ordinary() == []
    unclear, taken, harmed = [], [], []
    # A device that registers anew loses its lease, so that is tried last.
    for rpc in sorted(RPCS.values(), key=lambda rpc: rpc.name == "Register"):
        token = everybody.token_for(rpc.path)
        for path, wrong, request, refused in wrong_requests(rpc, everybody.honest):
            code, words = await everybody.status(rpc, request, token)
            case = (rpc.name, path, repr(wrong)[:40], code.name, words[:300])
            if code not in CLEAR:
                unclear.append(case)
            if refused and code is not CODE.INVALID_ARGUMENT:
                taken.append(case)
        harmed += [(rpc.name, *failed) for failed in await everybody.ordinary()]
    assert unclear == []
    assert taken == []
    assert harmed == []


OWNED = {
    "Cancel": {"job_id": "job"},
    "PauseCampaign": {"campaign_id": "campaign"},
    "ResumeCampaign": {"campaign_id": "campaign"},
    "CancelCampaign": {"campaign_id": "campaign"},
    "SetSchedule": {"name": "schedule"},
    "RemoveSchedule": {"name": "schedule"},
}
"""What changes something that is somebody's, and the field that names it."""
NOT_OWNED = {
    *("Submit", "Offer", "Certify", "StartCampaign", "Write"),  # make something of one's own
    *("Reanalyse", "Annotate", "QueryWrite"),  # compute, add a remark, ask
}


def test_every_method_that_changes_something_has_an_owner_or_needs_none() -> None:
    """A new method for people is put into one of the two tables above."""
    submitters = {
        path.rpartition("/")[2]
        for path, parties in ALLOWED.items()
        if "submit" in {party.value for party in parties}
        and "read" not in {party.value for party in parties}
    }
    assert submitters == OWNED.keys() | NOT_OWNED


async def test_what_is_another_s_stays_as_it_is(everybody: Everybody) -> None:
    door, lab = everybody.door, everybody.lab
    tokens = []
    for name in ("ann", "mallory"):
        told, _ = await door.administration.create_token(name, Role.SUBMIT, 0)
        tokens.append(told.partition("@")[0])
    ann, mallory = tokens
    calls = {rpc.name: rpc for rpc in RPCS.values()}
    order = HONEST["RefreshOrder"]
    made = {
        "SetSchedule": lab_pb2.SetScheduleRequest(name="s", cron="0 3 * * *", order=order),
        "Submit": lab_pb2.SubmitRequest(spec=HONEST["JobSpec"]),
        "StartCampaign": lab_pb2.StartCampaignRequest(order=order),
    }
    for name, request in made.items():
        assert await everybody.status(calls[name], request, ann) == (CODE.OK, ""), name
    jobs = await lab.writer.ask(lambda store: lab.jobs.listed(store, 10, False))
    things = {
        "job": next(job.job_id for job in jobs if job.state.value == "queued"),
        "campaign": (await door.writer.call(lambda store: store.campaigns()))[0].campaign_id,
        "schedule": "s",
    }
    for name, named in OWNED.items():
        request = honest(calls[name].request, HONEST)
        for field_name, thing in named.items():
            setattr(request, field_name, things[thing])
        code, words = await everybody.status(calls[name], request, mallory)
        assert code in (CODE.PERMISSION_DENIED, CODE.FAILED_PRECONDITION), (name, code, words)
    assert await everybody.ordinary() == []


async def test_an_agent_speaks_for_its_own_devices_alone(everybody: Everybody) -> None:
    door = everybody.door
    other = values.device("other")
    token, security = await door.joined(other.device_id, "other")
    description = to_wire(DEVICE)
    wrong = {
        "Register": agent_pb2.RegisterRequest(
            device=description, protocol_version=PROTOCOL_VERSION, incarnation="evil"
        ),
        "Acquire": agent_pb2.AcquireRequest(device_id=DEVICE.device_id, incarnation="one"),
        "Renew": agent_pb2.RenewRequest(
            job_id=everybody.held.job_id,
            epoch=everybody.held.epoch,
            lease_token=everybody.held.lease_token,
        ),
        "Report": agent_pb2.ReportRequest(
            report=to_wire(
                values.report(everybody.held, 0, device_id=DEVICE.device_id, raw=RAW_FILES)
            )
        ),
    }
    channel = door.channel(door.agent_port, security)
    for rpc in RPCS.values():
        if rpc.service == "bitgauge.v1.Agents":
            code, words = await status_of(channel, rpc, wrong[rpc.name], token)
            assert code is CODE.PERMISSION_DENIED, (rpc.name, code, words)
    assert await everybody.ordinary() == []
