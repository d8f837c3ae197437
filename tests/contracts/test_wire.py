"""Every method and every field of the contract, with what nobody should send.

All of it is made from the descriptors, so a new field or method is tried by itself. Each wrong
request is refused with a code that says whose fault it is, or taken without harm: after it, what
everybody else asks of the coordinator still works.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from bitgauge.coordinator.services.fields.rules import OF_AGENTS, Form
from bitgauge.coordinator.services.fields.walk import count_rule, text_rule
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.coordinator.services.requests import Rpc, fill_required
from tests.labs.rooms.everybody import CODE, RPCS, Everybody, honest

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
