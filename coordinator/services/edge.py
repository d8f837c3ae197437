"""The one place where a call is admitted and where an error becomes a gRPC status.

A call is judged twice: by its token before a message is read, and by its connection (is the
certificate the token's?) once there is one. Streams are judged again at each message.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from bitgauge.benchmarks.common.wire import CODE_KEY
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Internal
from bitgauge.benchmarks.vocabulary.printable import printable_lines

from ..access.access import Access, Caller, enter, transport_of
from .fields.walk import require_fields

# Details travel percent-encoded in a header, and a call whose headers exceed 8 KiB is lost.
MAX_SENTENCE_BYTES = 6000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Admission:
    """One call that was let in by its token."""

    access: Access
    method: str
    token: str

    def begin(self, context: Any) -> None:
        """Judge the call and its connection, and say who is served."""
        enter(self.judge(context))

    def judge(self, context: Any) -> Caller:
        """Who calls, by the state of this moment."""
        who = self.access.admit(self.method, self.token)
        self.access.check_transport(who, transport_of(context.auth_context()))
        return who


class Edge(grpc.aio.ServerInterceptor):
    """Admits calls and translates what they raise."""

    def __init__(self, access: Access) -> None:
        self._access = access

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
        if handler is None or not method.startswith("/bitgauge."):
            return handler
        return guarded(handler, _Admission(self._access, method, token))


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
    """`handler` behind its admission, with its errors translated."""
    if handler.response_streaming:
        make = grpc.unary_stream_rpc_method_handler
        behaviour = _guarded_stream(handler.unary_stream, admission)
    elif handler.request_streaming:
        make = grpc.stream_unary_rpc_method_handler
        behaviour = _guarded_upload(handler.stream_unary, admission)
    else:
        make = grpc.unary_unary_rpc_method_handler
        behaviour = _guarded_call(_looked_at(handler.unary_unary), admission)
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


def _looked_at(behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    async def call(request: Any, context: Any) -> Any:
        require_fields(request)
        return await behaviour(request, context)

    return call


def _guarded_call(behaviour: Callable[[Any, Any], Awaitable[Any]], admission: _Admission) -> Any:
    async def call(request: Any, context: Any) -> Any:
        try:
            admission.begin(context)
            return await behaviour(request, context)
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, admission.method))

    return call


def _guarded_upload(behaviour: Callable[[Any, Any], Awaitable[Any]], admission: _Admission) -> Any:
    async def judged(requests: AsyncIterable[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            admission.judge(context)
            require_fields(request)
            yield request

    async def upload(requests: AsyncIterable[Any], context: Any) -> Any:
        return await behaviour(judged(requests, context), context)

    return _guarded_call(upload, admission)


def _guarded_stream(
    behaviour: Callable[[Any, Any], AsyncIterator[Any]], admission: _Admission
) -> Any:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            admission.begin(context)
            require_fields(request)
            async for response in behaviour(request, context):
                admission.judge(context)
                yield response
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, admission.method))

    return stream


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
