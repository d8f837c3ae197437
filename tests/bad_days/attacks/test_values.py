"""Numbers that are none, texts that move a cursor, sizes that are absurd: at the door of a real
server, with somebody else's work going on behind it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.coordinator.access.administration import Administration
from bitgauge.coordinator.lab.assemble import Lab, assemble
from bitgauge.coordinator.services.server import Servicers, servicers_of
from bitgauge.coordinator.store.values import LeaseTerms, Registration
from bitgauge.coordinator.store.writer import Writer
from bitgauge.protos.v1 import agent_pb2, agent_pb2_grpc, lab_pb2, lab_pb2_grpc

from tests.labs import values
from tests.labs.access import Clock, Gate, gate
from tests.labs.coordinator import BASELINE, DEVICE, EVALUATION, SPEC, FakeRunner

READY = replace(
    SPEC,
    entries=tuple(replace(one, recipe="fp32", artifact=BASELINE) for one in SPEC.entries),
    idempotency_key="",
)
AGENT = (("authorization", "Bearer local-agent"),)
USER = (("authorization", "Bearer local-user"),)
ORDER = to_wire(
    RefreshOrder(suite=Suite("s", (SuiteModel("m", BASELINE, EVALUATION),), ("int8-dynamic",)))
)


class Door:
    def __init__(self, made: Gate, held: Assignment) -> None:
        channel = made.channel(made.plain_port)
        self.held = held
        self.jobs: Any = lab_pb2_grpc.JobsStub(channel)
        self.campaigns: Any = lab_pb2_grpc.CampaignsStub(channel)
        self.agents: Any = agent_pb2_grpc.AgentsStub(channel)

    def renewal(self) -> Any:
        lease = self.held
        return agent_pb2.RenewRequest(
            job_id=lease.job_id, epoch=lease.epoch, lease_token=lease.lease_token
        )

    async def require_peace(self) -> None:
        """Everybody else's calls, on the very job and device that were attacked."""
        listed = await self.jobs.ListJobs(lab_pb2.ListJobsRequest(), metadata=USER)
        assert [job.job_id for job in listed.jobs] == [self.held.job_id]
        await self.jobs.ListDevices(lab_pb2.ListDevicesRequest(), metadata=USER)
        await self.campaigns.ListSchedules(lab_pb2.ListSchedulesRequest(), metadata=USER)
        renewed = await self.agents.Renew(self.renewal(), metadata=AGENT)
        assert renewed.verdict == agent_pb2.LEASE_VERDICT_OK
        asked = agent_pb2.AcquireRequest(device_id=DEVICE.device_id, incarnation="one")
        await self.agents.Acquire(asked, metadata=AGENT)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    labs: list[Lab] = []

    def services(writer: Writer, administration: Administration, clock: Clock) -> Servicers:
        labs.append(assemble(writer, FakeRunner(), LeaseTerms()))
        return servicers_of(labs[0], administration, blobs=None)  # type: ignore[arg-type]

    async with gate(tmp_path, services) as made:
        for digest in (BASELINE, EVALUATION):
            await made.writer.call(lambda store, one=digest: store.record_blob(one, 1))  # type: ignore[misc]
        [lab] = labs
        await lab.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True))
        await lab.jobs.submit(READY)
        held = await lab.leases.acquire(DEVICE.device_id, "one", 5.0)
        assert held is not None
        lab.dispatcher.start(lab.driver.run)
        yield Door(made, held)
        await lab.dispatcher.stop()


def wrong_job(change: Callable[[Any], None]) -> Any:
    request = lab_pb2.SubmitRequest(spec=to_wire(READY))
    change(request.spec)
    return request


JOBS: dict[str, tuple[Callable[[Any], None], str]] = {
    "infinity": (lambda spec: setattr(spec, "accuracy_margin_pp", math.inf), "accuracy margin"),
    "no number": (lambda spec: setattr(spec, "accuracy_margin_pp", math.nan), "accuracy margin"),
    "cursor": (lambda spec: setattr(spec, "model_name", "m\x1b[2J"), "model name"),
    "bell": (lambda spec: setattr(spec, "model_name", "m\x07"), "model name"),
    "direction": (lambda spec: setattr(spec.entries[0], "name", "fdp\u202excod"), "name"),
    "line": (lambda spec: setattr(spec.entries[0], "name", "a\nfinished"), "name"),
    "a megabyte": (lambda spec: setattr(spec, "model_name", "m" * 2**20), "model name"),
    "for ever": (lambda spec: setattr(spec, "deadline_s", 2**31 - 1), "deadline"),
}


@pytest.mark.parametrize("name", JOBS)
async def test_a_job_that_nobody_could_read_is_not_taken(door: Door, name: str) -> None:
    change, field = JOBS[name]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.jobs.Submit(wrong_job(change), metadata=USER)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(caught.value.details()).startswith(f"The {field} (spec.")
    await door.require_peace()


async def test_a_schedule_with_a_number_that_is_none_is_not_taken(door: Door) -> None:
    request = lab_pb2.SetScheduleRequest(name="s", cron="0 3 * * *", order=ORDER)
    request.order.suite.accuracy_margin_pp = math.inf
    with pytest.raises(grpc.aio.AioRpcError, match="accuracy margin"):
        await door.campaigns.SetSchedule(request, metadata=USER)
    await door.require_peace()


async def test_progress_that_is_no_number_is_refused_and_the_lease_lives(door: Door) -> None:
    request = door.renewal()
    request.progress.fraction = math.nan
    with pytest.raises(grpc.aio.AioRpcError, match="fraction"):
        await door.agents.Renew(request, metadata=AGENT)
    await door.require_peace()


async def test_progress_that_draws_on_the_terminal_is_kept_as_plain_text(door: Door) -> None:
    request = door.renewal()
    request.progress.step = "pair\x1b]0;owned\x07\u202e"
    await door.agents.Renew(request, metadata=AGENT)
    asked = lab_pb2.GetJobRequest(job_id=door.held.job_id)
    job = (await door.jobs.GetJob(asked, metadata=USER)).job
    assert job.progress.step == "pair\\u202e"
    await door.require_peace()


@pytest.mark.parametrize(
    "changes",
    [{"attempts": -5}, {"started_unix_ns": 10, "ended_unix_ns": 9}, {"started_unix_ns": -1}],
    ids=str,
)
async def test_a_report_that_cannot_be_true_is_refused(door: Door, changes: dict[str, int]) -> None:
    report = values.report(door.held, 0, device_id=DEVICE.device_id, **changes)
    request = agent_pb2.ReportRequest(report=to_wire(report))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.agents.Report(request, metadata=AGENT)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    await door.require_peace()
