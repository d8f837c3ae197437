"""What the attacks stand on: each caller gets in by its own way, and others are timed."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time

import grpc
import psutil
import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from tests.bad_days import apart

from .lab import MIB, Attacked, bearer


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
    other.require_prompt("nothing", others=1.0)
    assert set(other.seconds) == {"Renew", "ListJobs"}
    assert len(other.seconds["Renew"]) > 3
    assert grown.peak < 64 * MIB


def test_nobody_waits_for_nothing(lab: Attacked) -> None:
    """What the figures of attacks are read against."""
    with lab.harmless("none"):
        time.sleep(1.5)


# -- where attacks run ----------------------------------------------------------------------
def test_nothing_leads_out_of_the_namespace_of_a_file(request: pytest.FixtureRequest) -> None:
    inside = request.config.pluginmanager.get_plugin("apart")
    assert isinstance(inside, apart.Inside)
    assert os.readlink(apart.OWN) != inside.outside
    apart.require_apart(inside.outside)
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as any_socket:
            assert any_socket.connect_ex((address, 9)) in (errno.ENETUNREACH, errno.EADDRNOTAVAIL)
    up = [name for name, facts in psutil.net_if_stats().items() if facts.isup]
    assert up == ["lo"]


def test_two_namespaces_share_no_port() -> None:
    """What listens here is not there for a process that was started as each file's pytest is."""
    ask = "import socket, sys; print(socket.socket().connect_ex(('127.0.0.1', int(sys.argv[1]))))"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        question = [sys.executable, "-c", ask, port]
        assert subprocess.check_output(question, text=True) == "0\n"
        elsewhere = subprocess.check_output([*apart.command(), *question], text=True)
    assert int(elsewhere) in (errno.ENETUNREACH, errno.ECONNREFUSED)


def test_where_no_namespace_can_be_had_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "command", lambda: ["unshare", "--no-such-thing"])
    assert "no-such-thing" in apart.hindrance()
    monkeypatch.setattr(apart, "command", lambda: ["no-such-program"])
    assert "cannot be started" in apart.hindrance()
    with pytest.raises(apart.NotApart, match="started in"):
        apart.require_apart(os.readlink(apart.OWN))
