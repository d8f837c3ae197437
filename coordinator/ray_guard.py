"""Refuses a Ray cluster that lets strangers in.

A cluster without token mode runs whatever any process that reaches it sends. Whether it asks
for a token is not written anywhere a client could trust, so we knock without one.
"""

from __future__ import annotations

import grpc
from bitgauge.benchmarks.errors import Code, Refused, Unavailable

PROBE = "/ray.rpc.NodeInfoGcsService/GetClusterId"
TIMEOUT_S = 10.0


def require_token_mode(gcs_address: str) -> None:
    """Refuse the cluster whose control service is at `gcs_address` unless it asks for a token.

    Raises:
        Refused: `RAY_INSECURE`: it answered a caller without token.
        Unavailable: `UNREACHABLE`: it did not answer at all.
    """
    with grpc.insecure_channel(gcs_address) as channel:
        knock = channel.unary_unary(PROBE, lambda request: request, lambda response: response)
        try:
            knock(b"", timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Unavailable(
                    Code.UNREACHABLE, f"The Ray cluster at {gcs_address} does not answer."
                ) from error
    raise Refused(Code.RAY_INSECURE, f"The Ray cluster at {gcs_address} asks for no token.")
