"""The one place where a call is admitted and where an error becomes a gRPC status.

A call is judged before a message of it is read: by its token, by its connection (is the
certificate the token's?), and by how much its caller holds already. Streams are judged again at
each message. Every call is served as one whose requests come in a stream, so that it is this
module that reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import grpc
from bitgauge.benchmarks.common.wire import CODE_KEY
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Internal,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.printable import printable_lines
from google.protobuf.message import DecodeError

from ..access.access import Access, Caller, Transport, enter, transport_of
from ..decisions.calls import CallKind
from .fields.walk import require_fields
from .places import CallPlace, Places, holder_of

# Details travel percent-encoded in a header, and a call whose headers exceed 8 KiB is lost.
MAX_SENTENCE_BYTES = 6000

MAX_MESSAGE_BYTES = (1 << 20) + (64 << 10)
"""A request, whoever sends it: 1 MiB of a blob and what is said of it."""
MAX_SMALL_MESSAGE_BYTES = 64 << 10
"""A request to a method that is not in `LARGE`: those without a token among them."""
LEAST_APART_BYTES = 8 << 10
"""A request from this size on is looked at beside the event loop, one at a time."""
LONGEST_REQUEST_S = 30.0
"""Until a request has arrived that is no stream: the largest one on the slowest line we serve."""
LONGEST_OPEN_REQUEST_S = 5.0
"""The same without a token."""

_LARGE = (
    "Agents/Register Agents/Report Blobs/FindMissing Blobs/Write Jobs/Submit Jobs/Offer"
    " Campaigns/PlanRefresh Campaigns/StartCampaign Campaigns/SetSchedule"
)
LARGE = frozenset(f"/bitgauge.v1.{method}" for method in _LARGE.split())
"""Methods whose requests hold lists, documents or bytes."""
TRANSFERS = frozenset({"/bitgauge.v1.Blobs/Read", "/bitgauge.v1.Blobs/Write"})

_log = logging.getLogger(__name__)

T = TypeVar("T")

Serializer = Callable[[Any], bytes]
Deserializer = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class _Admission:
    """One call that was let in by its token."""

    access: Access
    places: Places
    method: str
    token: str
    apart: asyncio.Lock

    def begin(self, context: Any, *, streams: bool) -> CallPlace:
        """Judge the call and its connection, say who is served, and give it a place.

        The place is kept until the call's task has ended, that is until its answer has left.
        """
        who, transport = self.judge(context)
        kind = (
            CallKind.TRANSFER
            if self.method in TRANSFERS
            else CallKind.STREAM
            if streams
            else CallKind.CALL
        )
        place = self.places.take(holder_of(who, transport, context.peer()), kind)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: place.leave())
        enter(who)
        return place

    def judge(self, context: Any) -> tuple[Caller, Transport]:
        """Who calls, and how, by the state of this moment."""
        who = self.access.admit(self.method, self.token)
        transport = transport_of(context.auth_context())
        self.access.check_transport(who, transport)
        return who, transport

    async def request(self, context: Any, place: CallPlace) -> bytes:
        """The one message of the call.

        Raises:
            BitgaugeError: `REQUEST_IDLE`; `BAD_ARGUMENT` when none comes.
        """
        limit_s = LONGEST_REQUEST_S if place.holder.shares else LONGEST_OPEN_REQUEST_S
        async with place.own.receiving, place.lane.receiving:
            message = await _within(limit_s, context.read())
        if message is grpc.aio.EOF:
            raise BadInput(Code.BAD_ARGUMENT, f"The call of {self.method} carries no request.")
        return bytes(message)

    async def asked(self, deserializer: Deserializer, message: bytes) -> Any:
        """What the one message of the call says; a long one is not looked at on the event loop."""
        if len(message) < LEAST_APART_BYTES:
            return self.decoded(deserializer, message)
        async with self.apart:
            return await asyncio.to_thread(self.decoded, deserializer, message)

    def decoded(self, deserializer: Deserializer, message: bytes) -> Any:
        """What a message says.

        Raises:
            BadInput: `BAD_ARGUMENT`, it is too large or no message of the contract.
        """
        limit = MAX_MESSAGE_BYTES if self.method in LARGE else MAX_SMALL_MESSAGE_BYTES
        if len(message) > limit:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"A request to {self.method} may have {limit} bytes at most, and this one has"
                f" {len(message)}.",
            )
        try:
            request = deserializer(message)
        except DecodeError:
            raise BadInput(
                Code.BAD_ARGUMENT, f"The request to {self.method} cannot be read."
            ) from None
        if self.method.startswith("/bitgauge."):
            require_fields(request)
        return request


async def _within(limit_s: float, message: Awaitable[T]) -> T:
    """What comes in time. As `asyncio.wait_for`, without a task of its own for every call.

    Raises:
        Unavailable: `REQUEST_IDLE`.
    """
    task = asyncio.current_task()
    assert task is not None
    late = False

    def end() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(limit_s, end)
    try:
        return await message
    except asyncio.CancelledError:
        if not late:
            raise
        raise Unavailable(
            Code.REQUEST_IDLE, f"The request did not arrive within {limit_s:g} s."
        ) from None
    finally:
        timer.cancel()


class Edge(grpc.aio.ServerInterceptor):
    """Admits calls and translates what they raise."""

    def __init__(self, access: Access, places: Places) -> None:
        self._access = access
        self._places = places
        self._apart = asyncio.Lock()

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of the call, guarded; or one that refuses."""
        method = handler_call_details.method
        token = _bearer(handler_call_details.invocation_metadata)
        try:
            self._access.admit(method, token)
        except BitgaugeError as error:
            return _refusal(error)
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return guarded(handler, _Admission(self._access, self._places, method, token, self._apart))


def _bearer(metadata: Any) -> str:
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.startswith("Bearer "):
            return value.removeprefix("Bearer ")
    return ""


def _refusal(error: BitgaugeError) -> grpc.RpcMethodHandler[Any, Any]:
    """A handler that ends the call at once, of whatever kind, before a message is read."""

    async def refuse(_requests: AsyncIterable[Any], context: Any) -> None:
        await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(refuse)


def guarded(handler: Any, admission: _Admission) -> grpc.RpcMethodHandler[Any, Any]:
    """`handler` behind its admission, with its errors translated; it is given and gives bytes."""
    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_guarded_stream(handler, admission))
    return grpc.stream_unary_rpc_method_handler(_guarded_call(handler, admission))


def _guarded_call(handler: Any, admission: _Admission) -> Any:
    uploads = handler.request_streaming
    serializer: Serializer = handler.response_serializer

    async def call(requests: AsyncIterable[bytes], context: Any) -> bytes | None:
        try:
            place = admission.begin(context, streams=uploads)
            if uploads:
                response = await handler.stream_unary(
                    _judged(requests, context, handler, admission), context
                )
            else:
                message = await admission.request(context, place)
                request = await admission.asked(handler.request_deserializer, message)
                response = await handler.unary_unary(request, context)
            answer = serializer(response)
            place.answered(len(answer))
        except grpc.aio.BaseError:  # the connection has ended, or the call has been
            raise
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, admission.method))
        return answer

    return call


def _guarded_stream(handler: Any, admission: _Admission) -> Any:
    serializer: Serializer = handler.response_serializer

    async def stream(requests: AsyncIterable[bytes], context: Any) -> None:
        try:
            place = admission.begin(context, streams=True)
            if handler.request_streaming:
                asked = _judged(requests, context, handler, admission)
                responses = handler.stream_stream(asked, context)
            else:
                message = await admission.request(context, place)
                request = await admission.asked(handler.request_deserializer, message)
                responses = handler.unary_stream(request, context)
            async with contextlib.aclosing(responses):
                async for response in responses:
                    admission.judge(context)
                    answer = serializer(response)
                    place.answered(len(answer))
                    # The next one is asked for only when this one has left.
                    await context.write(answer)
                    place.was_read()
        except grpc.aio.BaseError:  # the connection has ended, or the call has been
            raise
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, admission.method))

    return stream


async def _judged(
    messages: AsyncIterable[bytes], context: Any, handler: Any, admission: _Admission
) -> AsyncIterator[Any]:
    """The requests of a stream, each judged before it is looked at."""
    async for message in messages:
        admission.judge(context)
        yield admission.decoded(handler.request_deserializer, message)


def as_bitgauge_error(error: Exception, method: str) -> BitgaugeError:
    """What the caller may see of `error`; the rest goes to the log."""
    if isinstance(error, BitgaugeError):
        return error
    _log.exception("a defect met %s", method, exc_info=error)
    return Internal(
        Code.INTERNAL,
        "The call failed by a defect of Bitgauge; logs/coordinator.log in the coordinator's"
        " state folder says which.",
    )


async def abort(context: Any, error: BitgaugeError) -> NoReturn:
    """End the call with the status, the sentence with its advice, and the code as trailer."""
    await context.abort(
        grpc.StatusCode[error.status],
        f"{shortened(printable_lines(error.sentence))} {error.advice}",
        trailing_metadata=((CODE_KEY, error.code.value),),
    )
    raise AssertionError("abort returned")


def shortened(sentence: str) -> str:
    """As much of `sentence` as a header holds."""
    size_bytes = 0
    for position, character in enumerate(sentence):
        plain = " " <= character <= "~" and character != "%"
        size_bytes += 1 if plain else 3 * len(character.encode(errors="replace"))
        if size_bytes > MAX_SENTENCE_BYTES:
            return sentence[:position] + " ..."
    return sentence
