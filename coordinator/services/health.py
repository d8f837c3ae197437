"""Health as probes ask for it: up or down, of services that exist; a name is kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ..access.access import transport_of

Status = health_pb2.HealthCheckResponse


class Probe(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it ships without types
    """Every service is up, or none: they live in one process."""

    def __init__(self, services: Collection[str]) -> None:
        """Know these services, and the empty name for all together."""
        self._known = frozenset(services) | {""}
        self._serving = False
        self._changed = asyncio.Event()

    def tell(self, *, serving: bool) -> None:
        """Answer so from now on."""
        self._serving = serving
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(self, request: Any, context: Any) -> Any:
        self._require_known(request.service)
        return self._answer()

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self._require_known(request.service)
        if transport_of(context.auth_context()).secure:
            raise BadInput(
                Code.FORBIDDEN, "Health is watched on the coordinator's machine only; ask Check."
            )
        while True:
            changed = self._changed
            yield self._answer()
            await changed.wait()

    def _answer(self) -> Any:
        return Status(status=Status.SERVING if self._serving else Status.NOT_SERVING)

    def _require_known(self, service: str) -> None:
        if service not in self._known:
            raise NotFound(Code.UNKNOWN_SERVICE, "There is no service of that name here.")
