"""What the attacks stand on: each caller gets in by its own way, and others are timed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from .lab import MIB, Attacked, attacked, bearer


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("attacked")) as lab:
        yield lab


def test_everybody_gets_in_by_the_own_way_only(lab: Attacked) -> None:
    reader, board = lab.token("reader", Role.READ), lab.device("board")
    with lab.client(reader) as client:
        assert client.jobs() == ()
    ask = lab_pb2.ListJobsRequest()
    with lab.channel(tls=True) as channel:
        lab_pb2_grpc.JobsStub(channel).ListJobs(ask, metadata=bearer(reader), timeout=10)
    with lab.channel(device=board) as channel, pytest.raises(grpc.RpcError, match="role agent"):
        lab_pb2_grpc.JobsStub(channel).ListJobs(ask, metadata=bearer(board.token), timeout=10)


def test_others_are_timed_and_memory_is_watched(lab: Attacked) -> None:
    with lab.bystander() as other, lab.growth() as grown:
        time.sleep(0.3)
    other.require_prompt("nothing")
    assert set(other.seconds) == {"Renew", "ListJobs"}
    assert len(other.seconds["Renew"]) > 3
    assert grown.peak < 64 * MIB
