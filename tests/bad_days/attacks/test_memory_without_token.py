"""Nobody without a token takes the coordinator's memory, or its time from others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from grpc_health.v1 import health_pb2

from .lab import MAX_GROWTH_BYTES, MIB, Attacked, attacked

CALLS = 400
WATCH = "/grpc.health.v1.Health/Watch"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("attacked")) as lab:
        yield lab


@pytest.mark.parametrize("tls", [False, True])
def test_names_of_4_mib_that_health_does_not_know_are_kept_nowhere(
    lab: Attacked, tls: bool
) -> None:
    name = health_pb2.HealthCheckRequest(service="x" * (4 * MIB - 100)).SerializeToString()
    with lab.channel(tls=tls) as channel:
        watch: Any = channel.unary_stream(WATCH)
        with lab.bystander() as other, lab.growth() as grown:
            calls = [watch(name, timeout=60) for _ in range(CALLS)]
            time.sleep(3.0)
            for call in calls:
                call.cancel()
        other.require_prompt("names of 4 MiB")
    assert grown.peak < MAX_GROWTH_BYTES
    assert grown.kept < MAX_GROWTH_BYTES
