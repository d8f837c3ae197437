"""The one place where a call is admitted and where an error becomes a gRPC status.

Deny by default: a call reaches its service only with the token of a role that the service
allows. Health is open, because a probe has no token and learns nothing but up or down.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
from bitgauge.benchmarks.errors import BadInput, BitgaugeError, Code, Internal

from ..tokens import Keyring, Role

CODE_KEY = "bitgauge-code"
OPEN_SERVICES = frozenset({"grpc.health.v1.Health"})
ALLOWED: dict[str, frozenset[Role]] = {
    "bitgauge.v1.Agents": frozenset({Role.AGENT}),
    "bitgauge.v1.Lab": frozenset({Role.USER}),
    "bitgauge.v1.Blobs": frozenset({Role.AGENT, Role.USER, Role.TASK}),
    "grpc.reflection.v1alpha.ServerReflection": frozenset({Role.AGENT, Role.USER}),
}
# Details travel percent-encoded in a header, and a call whose headers exceed 8 KiB is lost.
MAX_SENTENCE_BYTES = 6000

_log = logging.getLogger(__name__)


class Edge(grpc.aio.ServerInterceptor):
    """Admits calls by token and translates what they raise."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of the call, guarded; or one that refuses."""
        method = handler_call_details.method
        try:
            self._admit(method, handler_call_details.invocation_metadata)
        except BitgaugeError as error:
            return _refusal(error)
        handler = await continuation(handler_call_details)
        if handler is None or not method.startswith("/bitgauge."):
            return handler
        return guarded(handler, method)

    def _admit(self, method: str, metadata: Any) -> None:
        service = method.rsplit("/", 1)[0].lstrip("/")
        if service in OPEN_SERVICES:
            return
        role = self._keyring.role_of(_bearer(metadata))
        if role is None:
            raise BadInput(Code.UNAUTHENTICATED, "The call carries no token that is known here.")
        if role not in ALLOWED.get(service, frozenset()):
            raise BadInput(Code.FORBIDDEN, f"A token of role {role.value} may not call {service}.")


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


def guarded(handler: Any, method: str) -> grpc.RpcMethodHandler[Any, Any]:
    """`handler` with its errors translated."""
    if handler.response_streaming:
        make = grpc.unary_stream_rpc_method_handler
        behaviour = _guarded_stream(handler.unary_stream, method)
    elif handler.request_streaming:
        make = grpc.stream_unary_rpc_method_handler
        behaviour = _guarded_call(handler.stream_unary, method)
    else:
        make = grpc.unary_unary_rpc_method_handler
        behaviour = _guarded_call(handler.unary_unary, method)
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


def _guarded_call(behaviour: Callable[[Any, Any], Awaitable[Any]], method: str) -> Any:
    async def call(request: Any, context: Any) -> Any:
        try:
            return await behaviour(request, context)
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, method))

    return call


def _guarded_stream(behaviour: Callable[[Any, Any], AsyncIterator[Any]], method: str) -> Any:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for response in behaviour(request, context):
                yield response
        except Exception as error:  # the edge: nothing unexpected may pass
            await abort(context, as_bitgauge_error(error, method))

    return stream


def as_bitgauge_error(error: Exception, method: str) -> BitgaugeError:
    """What the caller may see of `error`; the rest goes to the log."""
    if isinstance(error, BitgaugeError):
        return error
    _log.exception("unexpected error in %s", method, exc_info=error)
    return Internal(Code.INTERNAL, "The coordinator met an unexpected error; its log has it.")


async def abort(context: Any, error: BitgaugeError) -> NoReturn:
    """End the call with the status, the sentence with its advice, and the code as trailer."""
    await context.abort(
        grpc.StatusCode[error.status],
        f"{shortened(error.sentence)} {error.advice}",
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
