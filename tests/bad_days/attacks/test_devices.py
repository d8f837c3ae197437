"""Attacks on who a device is: copies of an agent, others' names, blobs and results."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.agents.config import Enrolment
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.agents.connection.join import join
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.storage.cache import Cache
from bitgauge.benchmarks.common.join_line import parse_join_line
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Selector
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.decisions.reports import MAX_CLOCK_SKEW_NS
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc

from tests.labs import values
from tests.labs.host import DEVICE, digest_of, job_of
from tests.labs.refused import refused

from .lab import Attacked, bearer

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
HOW = ("--device", "fake", "--sandbox", "rlimits", "--allow-unsandboxed")


@contextlib.contextmanager
def agent(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [AGENT, *arguments, "--home", str(home), *HOW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"it ended: {seen}")


def view(lab: Attacked, name: str) -> DeviceView:
    with lab.client() as client:
        return next(one for one in client.devices() if one.description.name == name)


def test_a_copied_folder_does_not_end_the_rightful_agent(lab: Attacked, tmp_path: Path) -> None:
    with lab.client() as client:
        line, _ = client.create_join_line()
    first, copied = tmp_path / "first", tmp_path / "copied"
    with agent(first, "join", line, "--name", "board") as rightful:
        until(rightful, "Registered board")
        shutil.copytree(first, copied)
        with agent(copied, "run") as copy:
            said, _ = copy.communicate(timeout=30)
        assert copy.returncode == 3, said
        assert re.search(
            r"board is served by the agent of \S+ at 127.0.0.1 since .* with the same id", said
        )
        assert rightful.poll() is None
        shown = view(lab, "board")
        assert shown.agent is not None
        assert shown.rival is not None
        assert not shown.confirmed
        rightful.send_signal(signal.SIGKILL)
        rightful.wait(30)
    with agent(first, "run") as again:  # at once: it is the same folder on the same boot
        until(again, "Registered board")


# -- names ---------------------------------------------------------------------------------
async def test_nobody_is_called_by_another_s_id_or_name(lab: Attacked, tmp_path: Path) -> None:
    one = await asyncio.to_thread(lab.device, "rightful")
    for at, name in enumerate((one.device_id, "rightful", "RIGHTFUL", "a b")):
        with lab.client() as client:
            line = parse_join_line(client.create_join_line()[0])
        with pytest.raises(BitgaugeError) as caught:
            await join(line, tmp_path / str(at), name, lambda _: None)
        assert caught.value.code in (Code.NAME_TAKEN, Code.BAD_ARGUMENT)
    with lab.client() as client:
        client.revoke_agent("rightful")
        with refused(Code.UNKNOWN_DEVICE):
            client.revoke_agent(str(uuid.uuid4()))


# -- blobs, and what is said of a lease -----------------------------------------------------
class Board:
    """A device that joined, driven by hand."""

    def __init__(self, lab: Attacked, enrolment: Enrolment, name: str) -> None:
        self.enrolment = enrolment
        self.id = self.enrolment.device_id
        self.described = replace(DEVICE, device_id=self.id, name=name)
        self.channel = lab.channel(device=self.enrolment)
        self.blobs: Any = blobs_pb2_grpc.BlobsStub(self.channel)
        self.metadata = bearer(self.enrolment.token)

    def connection(self) -> Connection:
        one = self.enrolment
        return Connection(one.coordinator, one.token, lambda _: None, one.security)

    def read(self, digest: Digest) -> bytes:
        request = blobs_pb2.ReadRequest(digest=to_wire(digest))
        answers = self.blobs.Read(request, metadata=self.metadata, timeout=10)
        return b"".join(one.data for one in answers)

    def missing(self, *digests: Digest) -> int:
        request = blobs_pb2.FindMissingRequest(digests=map(to_wire, digests))
        return len(self.blobs.FindMissing(request, metadata=self.metadata, timeout=10).missing)

    def send(self, data: bytes) -> Digest:
        digest = digest_of(data)
        request = blobs_pb2.WriteRequest(digest=to_wire(digest), data=data, finish=True)
        self.blobs.Write(iter([request]), metadata=self.metadata, timeout=10)
        return digest


def forbidden(call: Any, *arguments: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_an_agent_transfers_what_its_lease_names_and_yields(
    lab: Attacked, tmp_path: Path
) -> None:
    board = Board(lab, await asyncio.to_thread(lab.device, "reader"), "reader")
    connection = board.connection()
    files = [b"its baseline", b"its evaluation", b"another's secret model"]
    with lab.client() as client:
        for data in files:
            client.write(digest_of(data), 0, iter([data]))
    baseline, evaluation, secret = map(digest_of, files)
    await connection.register(board.described, Introduction("1", "boot", "one"))
    for digest in (baseline, evaluation, secret):
        forbidden(board.read, digest)
    assert board.missing(baseline, evaluation, secret) == 3  # also of those that are here
    forbidden(board.send, b"no result of any lease")
    with lab.client() as client:
        spec = job_of(baseline, evaluation)
        client.submit(
            replace(spec, selector=Selector(device=board.id), idempotency_key="reader", priority=9)
        )
    lease = await connection.acquire(board.id, "one", 10_000)
    assert lease is not None
    assert board.read(baseline) == files[0]
    assert await Transfer(connection, Cache(tmp_path, 1 << 20)).fetch(evaluation)
    forbidden(board.read, secret)
    assert board.missing(baseline, evaluation, secret) == 1
    raw = board.send(b"what it measured")
    refs = (RawRef(PassName.PAIR, 0, RawRole.BOTH, raw),)
    report = values.report(lease, 0, device_id=board.id, raw=refs)
    # By a clock of decades ago, of the future, or one that runs backwards.
    now_ns = view(lab, "reader").last_seen_unix_ns
    skewed = now_ns + 2 * MAX_CLOCK_SKEW_NS
    for started_ns, ended_ns in ((1, now_ns), (now_ns, skewed), (now_ns, now_ns - 1)):
        with refused(Code.BAD_EVIDENCE):
            await connection.report(
                replace(report, started_unix_ns=started_ns, ended_unix_ns=ended_ns)
            )
    await connection.report(replace(report, started_unix_ns=now_ns, ended_unix_ns=now_ns))
    assert board.read(raw) == b"what it measured"
    await connection.close()
    board.channel.close()
