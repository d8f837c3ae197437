"""Messages of other versions of the contract."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.decisions.quotas import Quotas
from bitgauge.protos.v1 import agent_pb2, blobs_pb2, lab_pb2
from google.protobuf import unknown_fields
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.labs.host import AGENT_TOKEN, DEVICE, USER_TOKEN, Host, job_of, report_of, running

EXAMPLES = int(os.environ.get("BITGAUGE_SOAK_EXAMPLES", "40"))
INTERNAL = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


# -- messages of other versions -----------------------------------------------------------
def methods() -> list[tuple[str, type[Message], str, bool]]:
    """Every unary-request method that needs a token: path, request, token, answers as stream."""
    found = []
    for module, name, token in (
        (agent_pb2, "Agents", AGENT_TOKEN),
        (blobs_pb2, "Blobs", USER_TOKEN),
        *((lab_pb2, name, USER_TOKEN) for name in lab_pb2.DESCRIPTOR.services_by_name),
    ):
        service = module.DESCRIPTOR.services_by_name[name]
        for method in service.methods:
            if method.name in ("Write", "CreateToken", "ListTokens", "RevokeToken", "RevokeAgent"):
                continue  # Write is driven by the transfer tests; the rest needs a CA
            if method.name == "CreateJoinLine":
                continue
            path = f"/{service.full_name}/{method.name}"
            streams = method.name in ("Watch", "Read")
            found.append((path, GetMessageClass(method.input_type), token, streams))
    return found


METHODS = methods()
LEASE: dict[str, Any] = {
    "job_id": "00000000-0000-0000-0000-000000000001",
    "epoch": 1,
    "lease_token": b"t" * 16,
    "ttl_ms": 60_000,
    "renew_every_ms": 5_000,
    "workload": Workload(),
    "profile": Profile.QUICK,
    "entries": (),
    "deadline_s": 600,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, grpc.Channel]]:
    home = tmp_path_factory.mktemp("host")
    many = Quotas(
        campaigns=10_000, schedules=10_000
    )  # what the drawn requests begin is not counted
    with (
        running(home, loops=False, quotas=many) as host,
        grpc.insecure_channel(host.address) as channel,
    ):
        yield host, channel


def status_of(
    channel: grpc.Channel, path: str, data: bytes, token: str, *, streams: bool
) -> tuple[grpc.StatusCode, str]:
    """What the coordinator says to these bytes."""
    metadata = (("authorization", f"Bearer {token}"),)
    try:
        if streams:
            stream: Any = channel.unary_stream(path)
            list(stream(data, timeout=10, metadata=metadata))
        else:
            unary: Any = channel.unary_unary(path)
            unary(data, timeout=15, metadata=metadata)
    except grpc.RpcError as error:
        call: object = error
        assert isinstance(call, grpc.Call)
        return call.code(), call.details() or ""
    return grpc.StatusCode.OK, ""


def values_of(field: Any, depth: int) -> st.SearchStrategy[Any]:
    """Values that the wire can carry in a field, enumeration values of the future included."""
    kinds = {
        field.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        field.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        field.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
        field.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
        field.CPPTYPE_DOUBLE: st.floats(),
        field.CPPTYPE_FLOAT: st.floats(width=32),
        field.CPPTYPE_BOOL: st.booleans(),
        field.CPPTYPE_ENUM: st.one_of(st.integers(0, 8), st.sampled_from([99, -1, 2**31 - 1])),
    }
    if field.cpp_type == field.CPPTYPE_MESSAGE:
        return messages(GetMessageClass(field.message_type), depth - 1)
    if field.cpp_type == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return st.binary(max_size=20)
        return st.one_of(st.text(max_size=12), st.sampled_from(["fp32", "a" * 64, "..", "\0"]))
    return kinds[field.cpp_type]


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 4) -> Message:
    """A message with some of its fields set to anything."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        nested = field.cpp_type == field.CPPTYPE_MESSAGE
        if (nested and depth <= 0) or not draw(st.booleans()):
            continue
        values = values_of(field, depth)
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(values, max_size=2)))
        elif nested:
            getattr(message, field.name).CopyFrom(draw(values))
        else:
            setattr(message, field.name, draw(values))
    return message


def future_fields(draw: st.DrawFn) -> bytes:
    """Fields that no version of the contract has, of every wire type."""
    data = b""
    for number in draw(st.lists(st.integers(15_000, 18_000), max_size=3)):
        wire_type = draw(st.sampled_from([0, 1, 2, 5]))
        body = {0: b"\x07", 1: b"8 bytes!", 2: b"\x04text", 5: b"four"}[wire_type]
        data += _varint(number << 3 | wire_type) + body
    return data


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@pytest.mark.parametrize(("path", "kind", "token", "streams"), METHODS, ids=lambda v: str(v)[-24:])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_of_any_kind_is_an_unexpected_error(
    shared: tuple[Host, grpc.Channel],
    path: str,
    kind: type[Message],
    token: str,
    streams: bool,
    data: st.DataObject,
) -> None:
    _, channel = shared
    message = data.draw(messages(kind))
    if hasattr(message, "wait_ms"):
        message.wait_ms = min(message.wait_ms, 1)
    request = message.SerializeToString() + data.draw(st.composite(future_fields)())
    status, details = status_of(channel, path, request, token, streams=streams)
    assert status not in INTERNAL, f"{details} for {message}"
    assert status is not grpc.StatusCode.DEADLINE_EXCEEDED, message


@st.composite
def nearly(draw: st.DrawFn, valid: Message) -> Message:
    """A valid message with one field, at any depth, set to anything: this gets far inside."""
    message = type(valid)()
    message.CopyFrom(valid)
    place: Any = message
    while True:
        field = draw(st.sampled_from(list(place.DESCRIPTOR.fields)))
        nested = field.cpp_type == field.CPPTYPE_MESSAGE
        if nested and draw(st.integers(0, 4)):
            if field.is_repeated:
                if not (inner := getattr(place, field.name)):
                    continue
                place = draw(st.sampled_from(list(inner)))
            else:
                place = getattr(place, field.name)
            continue
        place.ClearField(field.name)
        values = values_of(field, 2)
        if field.is_repeated:
            getattr(place, field.name).extend(draw(st.lists(values, max_size=3)))
        elif nested:
            getattr(place, field.name).CopyFrom(draw(values))
        else:
            setattr(place, field.name, draw(values))
        return message


@settings(max_examples=3 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), which=st.sampled_from(["Register", "Submit", "Report"]))
def test_a_request_that_is_valid_but_for_one_field_is_no_unexpected_error(
    shared: tuple[Host, grpc.Channel], data: st.DataObject, which: str
) -> None:
    host, channel = shared
    raw, baseline = host.put(b"raw"), host.put(b"baseline")
    spec = job_of(baseline, host.put(b"evaluation"), "", baseline)
    lease = Assignment(**LEASE, baseline=baseline, evaluation=baseline)
    path, valid, token = {
        "Register": (
            "/bitgauge.v1.Agents/Register",
            agent_pb2.RegisterRequest(
                device=to_wire(DEVICE),
                agent_version="1",
                protocol_version=PROTOCOL_VERSION,
                boot_id="boot",
                incarnation="one",
                leftovers_dead=True,
            ),
            AGENT_TOKEN,
        ),
        "Submit": (
            "/bitgauge.v1.Jobs/Submit",
            lab_pb2.SubmitRequest(spec=to_wire(spec)),
            USER_TOKEN,
        ),
        "Report": (
            "/bitgauge.v1.Agents/Report",
            agent_pb2.ReportRequest(report=to_wire(report_of(lease, 0, raw))),
            AGENT_TOKEN,
        ),
    }[which]
    message = data.draw(nearly(valid))
    status, details = status_of(channel, path, message.SerializeToString(), token, streams=False)
    assert status not in INTERNAL, f"{details} for {message}"


@pytest.mark.parametrize(("path", "kind", "token", "streams"), METHODS, ids=lambda v: str(v)[-24:])
def test_fields_of_the_future_change_no_answer(
    shared: tuple[Host, grpc.Channel], path: str, kind: type[Message], token: str, streams: bool
) -> None:
    _, channel = shared
    plain = kind()
    later = plain.SerializeToString() + _varint(16_000 << 3 | 2) + b"\x06future"
    read = kind.FromString(later)
    assert len(unknown_fields.UnknownFieldSet(read)) == 1
    assert status_of(channel, path, later, token, streams=streams) == status_of(
        channel, path, b"", token, streams=streams
    )


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (
            dataclasses.replace(
                DEVICE,
                runtimes=tuple(
                    dataclasses.replace(
                        runtime, versions=(StackItem("driver", "1"), StackItem("driver", "2"))
                    )
                    for runtime in DEVICE.runtimes
                ),
            ),
            "'1' and '2'",
        ),
        (dataclasses.replace(DEVICE, stack=(StackItem("clock_mhz", "2000"),)), "clock_mhz"),
    ],
    ids=["twice", "passing"],
)
def test_a_device_whose_stack_is_not_one_lasting_value_each_is_refused(
    shared: tuple[Host, grpc.Channel], device: DeviceDescription, said: str
) -> None:
    _, channel = shared
    request = agent_pb2.RegisterRequest(
        device=to_wire(device), protocol_version=PROTOCOL_VERSION, incarnation="1"
    )
    status, details = status_of(
        channel,
        "/bitgauge.v1.Agents/Register",
        request.SerializeToString(),
        AGENT_TOKEN,
        streams=False,
    )
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert said in details
    assert DEVICE.runtimes[0].name in details


def test_an_enumeration_value_of_the_future_is_named_in_the_refusal(
    shared: tuple[Host, grpc.Channel],
) -> None:
    host, channel = shared
    spec = to_wire(job_of(host.put(b"baseline"), host.put(b"evaluation")))
    request = lab_pb2.SubmitRequest(spec=spec)
    request.spec.profile = 99  # type: ignore[assignment]
    status, details = status_of(
        channel, "/bitgauge.v1.Jobs/Submit", request.SerializeToString(), USER_TOKEN, streams=False
    )
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert "profile" in details.lower()


def test_bytes_that_are_no_message_are_refused_and_the_next_call_is_served(
    shared: tuple[Host, grpc.Channel],
) -> None:
    host, channel = shared
    for path, _, token, streams in METHODS:
        status, _ = status_of(channel, path, b"\xff" * 50, token, streams=streams)
        assert status is not grpc.StatusCode.OK
    with host.client() as client:
        assert client.table(TableQuery()) == ()
