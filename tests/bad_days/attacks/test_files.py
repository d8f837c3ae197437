"""Files that expand or lie, sent to a real server and opened by real steps."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.storage.cache import Cache
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    FailureGroup,
    JobState,
    PassName,
    RawRole,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.decisions.steps import ANALYSING, INSPECTING, Ending, StepLimit, error_of
from bitgauge.coordinator.decisions.submission import Answers, Inspection, Takes
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Site
from bitgauge.coordinator.tasks.replicas import REPLICA_VARIABLE
from bitgauge.coordinator.tasks.work import BlobAccess, Node

from tests.labs.coordinator import FakeRunner
from tests.labs.host import (
    AGENT_TOKEN,
    DEVICE,
    METRIC,
    USER_TOKEN,
    Host,
    job_of,
    report_of,
    running,
)
from tests.labs.hostile.archives import HOSTILE, inflating, npy, npz

MIB = 1 << 20
PADDING_BYTES = 1800 * MIB
LIMIT = StepLimit(20.0, 384 * MIB)
"""Of one step: hardly more than what the libraries take; who unpacks what it is told ends at it."""
PATIENCE_S = 20.0
WHO = Introduction("0.1.0", "boot", "one", open_intents=(), leftovers_dead=True)
META = {"pass_name": "pair", "launch": 0, "role": "both"}


class Stepping(FakeRunner):
    """Has raw files analysed, and jobs looked into, by real steps; builds are invented."""

    def __init__(self, node: Node, access: BlobAccess) -> None:
        super().__init__(METRIC)
        self.node, self.access = node, access
        self.lock = asyncio.Lock()
        self.steps = 0

    async def inspect(self, spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        if spec.idempotency_key != "looked into":
            return await super().inspect(spec, takes, answers)
        found = await self._step(INSPECTING, self.node.inspect, spec, takes, answers)
        assert isinstance(found, Inspection)
        return found

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        found = await self._step(ANALYSING, self.node.analyse, refs, facts, None)
        assert isinstance(found, Analysis)
        return found

    async def _step(self, doing: str, work: Any, *arguments: Any) -> object:
        async with self.lock:  # a nursery is not for several threads
            self.steps += 1
            answer = await asyncio.to_thread(work, self.access, LIMIT, *arguments)
        if isinstance(answer, Ending):
            raise error_of(answer, doing)
        if isinstance(answer, BitgaugeError):
            raise answer
        return answer


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    place = tmp_path_factory.mktemp("files")
    with (
        pytest.MonkeyPatch.context() as patch,
        running(place / "home") as host,
        Nursery(Site(place / "steps")) as nursery,
    ):
        (place / "steps").mkdir(exist_ok=True)
        patch.setenv(REPLICA_VARIABLE, str(place / "replica"))
        node = Node.__new__(Node)  # whose making would have this process give way for ever
        node.nursery = nursery
        runner = Stepping(node, BlobAccess(host.address, USER_TOKEN, 1 << 30))
        host.lab.jobs.runner = host.lab.analyses.runner = runner
        yield host


@pytest.fixture
async def line(host: Host) -> AsyncIterator[Connection]:
    agent = Connection(host.address, AGENT_TOKEN, lambda _: None)
    yield agent
    await agent.close()


def runner_of(host: Host) -> Stepping:
    assert isinstance(host.lab.analyses.runner, Stepping)
    return host.lab.analyses.runner


async def leased(host: Host, line: Connection, key: str) -> Assignment:
    """A job of two entries that the agent holds."""
    await line.register(DEVICE, WHO)
    baseline, evaluation = host.put(b"baseline"), host.put(b"evaluation")
    with host.client() as client:
        client.submit(job_of(baseline, evaluation, key, host.put(b"artifact")))
    found = await line.acquire(DEVICE.device_id, "one", 10_000)
    assert found is not None
    return found


def padded(number: int) -> bytes:
    """A raw file of 2 MB that unpacks to 1.8 GiB, like no other by its number."""
    meta = json.dumps(META | {"number": number}).encode()
    told = {
        "schema.npy": npy((), "<U14", np.array("bitgauge.raw/1").tobytes()),
        "meta.npy": npy((len(meta),), "|u1", meta),
    }
    return inflating(told, "padding.npy", PADDING_BYTES)


async def test_raw_files_that_expand_are_the_devices_failure_at_once(
    host: Host, line: Connection
) -> None:
    lease = await leased(host, line, "padded")
    data = padded(0)
    assert len(data) < 3 * MIB
    raw = [host.put(padded(number)) for number in range(4)]
    many = report_of(lease, 0, *[raw[0]] * 40)
    with pytest.raises(BitgaugeError, match="twice") as error:
        await line.report(many)
    assert error.value.code is Code.BAD_EVIDENCE
    before, began = runner_of(host).steps, time.monotonic()
    assert await line.report(report_of(lease, 0, *raw[:2])) is Disposition.ACCEPTED
    assert await line.report(report_of(lease, 1, *raw[2:])) is Disposition.ACCEPTED
    await ended(host, lease.job_id)
    assert time.monotonic() - began < PATIENCE_S
    assert runner_of(host).steps - before == 2, "one step for each run, none of them again"
    rows = host.call(host.writer.call(lambda store: store.rows(TableQuery())))
    runs = host.call(host.writer.call(lambda store: store.runs(lease.job_id)))
    mine = [row for row in rows if row.run_id in {run.run_id for run in runs}]
    assert len(mine) == 2
    assert {row.failure_group for row in mine} == {FailureGroup.DEVICE}
    assert all("unpacks to more than 268435456 bytes" in (row.reason or "") for row in mine)


async def ended(host: Host, job_id: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        job = host.call(host.writer.call(lambda store: store.job(job_id)))
        if job.state in (JobState.FAILED, JobState.FINISHED):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job is {job.state.value} for {PATIENCE_S:g} s")


async def test_a_run_brings_its_own_evidence(host: Host, line: Connection) -> None:
    first = await leased(host, line, "own")
    raw = host.put(b"what the first lease saw")
    with pytest.raises(BitgaugeError, match="names no raw file") as error:
        await line.report(report_of(first, 0))
    assert error.value.code is Code.BAD_EVIDENCE
    for index in range(2):  # a launch of the baseline is evidence of both entries
        assert await line.report(report_of(first, index, raw)) is Disposition.ACCEPTED
    assert await line.report(report_of(first, 0, raw)) is Disposition.ACCEPTED
    await ended(host, first.job_id)
    second = await leased(host, line, "borrowed")
    with pytest.raises(BitgaugeError, match="which is of run") as error:
        await line.report(report_of(second, 0, raw))
    assert error.value.code is Code.BAD_EVIDENCE
    other = host.put(b"what the second lease saw")
    other_pass = RawRef(PassName.QUALITY, 0, RawRole.BOTH, raw)
    mixed = report_of(second, 0, other)
    with pytest.raises(BitgaugeError, match="which is of run"):
        await line.report(dataclasses.replace(mixed, raw=(*mixed.raw, other_pass)))
    for index in range(2):
        answer = await line.report(report_of(second, index, other))
        assert answer is Disposition.ACCEPTED
    await ended(host, second.job_id)


async def test_a_device_whose_evidence_is_refused_says_that_its_run_failed(
    host: Host, line: Connection, tmp_path: Path
) -> None:
    lease = await leased(host, line, "refused")
    spool = Spool(tmp_path / "spool")
    outbox = Outbox(spool, line, Transfer(line, Cache(tmp_path / "cache", 1 << 30)), print)
    for index in range(2):
        spool.put_report(report_of(lease, index))
    assert await outbox.deliver()
    assert spool.reports() == []
    await ended(host, lease.job_id)
    runs = host.call(host.writer.call(lambda store: store.runs(lease.job_id)))
    assert {run.failure.group for run in runs if run.failure} == {FailureGroup.DEVICE}
    assert [run.disposition for run in runs] == [Disposition.ACCEPTED] * 2, "none is a retry"


SETS = {name: HOSTILE[name] for name in ("samples of nothing", "bomb", "doubled", "crowded")} | {
    "labels that grow": (
        npz(**{"inputs/x": np.zeros(9000, np.int8), "labels": np.zeros((9000, 2000), np.int8)}),
        "18000000 labels",
    )
}


def test_sets_that_expand_are_one_sentence_to_who_sent_them(host: Host) -> None:
    model = host.put(zoo.models()[0].path.read_bytes())
    for name, (data, said) in SETS.items():
        spec = job_of(model, host.put(data), "looked into")
        with host.client() as client, pytest.raises(BadInput, match=said) as error:
            client.submit(spec)
        assert error.value.code is Code.BAD_EVALUATION_SET, name
        assert "The evaluation set: the set is not" in error.value.sentence or "labels" in name
