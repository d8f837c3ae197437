"""One connection to a coordinator: channel, token, deadlines, and errors as they were raised.

Every call has a deadline and raises `BitgaugeError` only. Calls of one answer that only met a
coordinator in restart are repeated by gRPC itself; that is safe because every one of them may be
repeated (`submit`, a stream that its caller repeats, carries an idempotency key).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import grpc
from bitgauge.benchmarks.common.token_file import token_in
from bitgauge.benchmarks.common.wire import from_wire
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc, lab_pb2, lab_pb2_grpc
from google.protobuf.message import Message

from .endpoint import Endpoint
from .errors import to_error
from .tls import Credential, open_channel, parse_credential

T = TypeVar("T")

CALL_TIMEOUT_S = 20.0

_RETRY = {
    "methodConfig": [
        {
            "name": [
                {"service": service.full_name, "method": method.name}
                for service in lab_pb2.DESCRIPTOR.services_by_name.values()
                for method in service.methods
                # Whoever reads a stream takes it up again. Repeated by gRPC in the moment in which
                # its server dies, one may never be heard of again (grpcio 1.85, seen once in 30).
                if not method.server_streaming
            ],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                # A server that has more calls than it can look at cancels some, unseen.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ]
}

_OPTIONS = (
    # A proxy of the environment is for the web, not for a coordinator.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.service_config", json.dumps(_RETRY)),
)


class Connection:
    """What the parts of a client share."""

    def __init__(self, endpoint: Endpoint, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Prepare a connection; nothing is told to the coordinator before the first call.

        Args:
            endpoint: where the coordinator is and the file with the token for it. A token file
                that is absent is no error here: the coordinator says so when it is reached.
            call_timeout_s: deadline of a call that has no longer one of its own, in seconds.

        Raises:
            BitgaugeError: the address or the token is none, or TLS cannot be set up.
        """
        self.address = endpoint.address
        self._call_timeout_s = call_timeout_s
        self._token_path = endpoint.token_path
        credential = self._credential()
        self._channel = open_channel(endpoint.address, credential.pin, _OPTIONS)
        self._metadata: tuple[tuple[str, str], ...] = ()
        if credential.secret:
            self._metadata = (("authorization", f"Bearer {credential.secret}"),)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    @cached_property
    def _methods(self) -> dict[str, Callable[..., Any]]:
        """What people may call, by the full name of what is asked: each request has one method."""
        stubs = {
            service: getattr(stubs, f"{service.name}Stub")(self._channel)
            for messages, stubs in ((lab_pb2, lab_pb2_grpc), (blobs_pb2, blobs_pb2_grpc))
            for service in messages.DESCRIPTOR.services_by_name.values()
        }
        return {
            method.input_type.full_name: getattr(stub, method.name)
            for service, stub in stubs.items()
            for method in service.methods
        }

    def _call(
        self, request: Any, timeout_s: float | None = None, kind: type[Message] | None = None
    ) -> Any:
        """What is answered; a stream of requests says by `kind` what they are."""
        timeout_s = self._call_timeout_s if timeout_s is None else timeout_s
        method = self._methods[(kind or request).DESCRIPTOR.full_name]
        try:
            return method(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def _value(self, kind: type[T], request: Message, timeout_s: float | None = None) -> T:
        """The one value that is answered."""
        answer = self._call(request, timeout_s)
        (field,) = answer.DESCRIPTOR.fields
        return from_wire(kind, getattr(answer, field.name), None)

    def _values(self, kind: type[T], request: Message) -> tuple[T, ...]:
        """The one list of values that is answered."""
        answer = self._call(request)
        (field,) = answer.DESCRIPTOR.fields
        return tuple(from_wire(kind, one, None) for one in getattr(answer, field.name))

    def _stream(self, request: Message, timeout_s: float) -> Iterator[Any]:
        """The answers of a streaming call, ended with whoever reads them; raises `RpcError`."""
        method = self._methods[request.DESCRIPTOR.full_name]
        call = method(request, timeout=timeout_s, metadata=self._metadata)
        try:
            yield from call
        finally:
            call.cancel()

    def _translated(self, error: grpc.RpcError) -> BitgaugeError:
        translated = to_error(error, self.address)
        if translated.code is Code.UNAUTHENTICATED and not self._metadata:
            return BadInput(Code.UNAUTHENTICATED, f"There is no token in {self._token_path}.")
        return translated

    def _credential(self) -> Credential:
        try:
            text = token_in(self._token_path)
        except (OSError, UnicodeDecodeError):
            return Credential()
        return parse_credential(text)
