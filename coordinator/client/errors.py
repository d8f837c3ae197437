"""From a failed call back to the error that the coordinator raised."""

from __future__ import annotations

import grpc
from bitgauge.benchmarks.common.wire import code_in
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Internal,
    NotFound,
    Refused,
    Unavailable,
)

_CLASSES: dict[str, type[BitgaugeError]] = {
    "INVALID_ARGUMENT": BadInput,
    "UNAUTHENTICATED": BadInput,
    "PERMISSION_DENIED": BadInput,
    "NOT_FOUND": NotFound,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "INTERNAL": Internal,
    "DATA_LOSS": Internal,
}

_UNREACHABLE = {
    grpc.StatusCode.UNAVAILABLE: "No coordinator answers at {}.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The coordinator at {} did not answer in time.",
    # By its server: what we cancel raises nothing.
    grpc.StatusCode.CANCELLED: "The coordinator at {} has more calls than it can look at.",
}


def to_error(error: grpc.RpcError, address: str) -> BitgaugeError:
    """The error that a failed call to a coordinator at `address` (``HOST:PORT``) means."""
    call = _as_call(error)
    status = status_of(error)
    details = (call.details() if call else None) or ""
    code = _code_of(call)
    if code is not None:
        sentence = details.removesuffix(CATALOGUE[code].advice).strip()
        return _CLASSES.get(CATALOGUE[code].status, Refused)(code, sentence)
    if status in _UNREACHABLE:
        return Unavailable(Code.UNREACHABLE, _UNREACHABLE[status].format(address))
    if status is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(Code.PROTOCOL_VERSION, f"What answers at {address} does not know this call.")
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's own limits on messages and headers; the coordinator never saw the call.
        return BadInput(Code.BAD_ARGUMENT, f"The call to {address} is too large: {details}.")
    name = status.name if status is not None else "no status"
    return Internal(Code.INTERNAL, f"The call to {address} ended with {name}: {details}")


def status_of(error: grpc.RpcError) -> grpc.StatusCode | None:
    """The gRPC status of a failed call."""
    call = _as_call(error)
    return call.code() if call else None


def _as_call(error: object) -> grpc.Call | None:
    """What gRPC raises is also the call that failed; its type does not say so."""
    return error if isinstance(error, grpc.Call) else None


def _code_of(call: grpc.Call | None) -> Code | None:
    """The code in the trailer; None when there is none that this version knows."""
    try:
        return Code(code_in(call.trailing_metadata() if call else None))
    except ValueError:
        return None
