"""The care of devices at the facade: checks, cordons, brake and quota; the clock stands still."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import uuid
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import Disposition, Health, JobState, ModelClass, PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.care import CareTerms
from bitgauge.coordinator.lab.health_check import HealthCheck, zoo_check
from bitgauge.coordinator.models.recognise import inspect_model, kind_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.values import Registration

from tests.labs.coordinator import (
    BASELINE,
    DEVICE,
    EVALUATION,
    SECOND_NS,
    SPEC,
    Lab,
    open_lab,
    report_of,
)

HOUR_NS = 3600 * SECOND_NS
CHECK = HealthCheck(BASELINE, EVALUATION, ModelClass.MLP, known_accuracy_pct=99.0)
TERMS = CareTerms(check_every_ns=24 * HOUR_NS, check_every_jobs=2, max_queued_per_user=2)
RIGHT = (MetricValue("accuracy_pct", 99.0, n=898),)
WRONG = (MetricValue("accuracy_pct", 71.5, n=898),)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch, TERMS, CHECK) as opened:
        await opened.register()
        yield opened


async def submit(lab: Lab, key: str, user: str = "") -> str:
    return (await lab.jobs.submit(dataclasses.replace(SPEC, idempotency_key=key), user))[0]


async def settled(lab: Lab, assignment: Assignment) -> None:
    """Report every entry and wait for the end of the job."""
    for entry in assignment.entries:
        answer = await lab.leases.report(report_of(assignment, entry.index))
        assert answer is Disposition.ACCEPTED
    await lab.until(assignment.job_id, lambda view: view.state is JobState.FINISHED)


async def health(lab: Lab, wanted: Health) -> None:
    """Wait until the device has this health."""
    while True:
        version = lab.writer.changes.version
        if (await lab.ask(lab.care.devices))[0].health is wanted:
            return
        assert await lab.writer.changes.wait_past(version, 5)


async def checked(lab: Lab, metrics: tuple[MetricValue, ...] = RIGHT) -> str:
    """Take the health check that is due, and answer it."""
    lab.runner.metrics = metrics
    assignment = await lab.claimed()
    assert assignment.passes == (PassName.QUALITY,)
    await settled(lab, assignment)
    return assignment.job_id


async def test_a_new_device_is_checked_before_its_first_job(lab: Lab) -> None:
    job_id = await submit(lab, "a")
    await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    [device] = await lab.ask(lab.care.devices)
    assert device.health is Health.SUSPECT
    assert device.note == "its health check comes before its next job"
    check = await checked(lab)
    assert check != job_id
    assignment = await lab.claimed()
    assert (assignment.job_id, assignment.passes) == (job_id, ())
    [device] = await lab.ask(lab.care.devices)
    assert (device.health, device.check_job_id, device.note) == (Health.GOOD, check, None)
    assert device.checked_unix_ns == lab.clock.now_ns
    assert await lab.table() == ()
    assert [job.job_id for job in await lab.listed(50, active_only=False)] == [job_id]


async def test_nothing_runs_between_a_check_and_its_judgement(lab: Lab) -> None:
    await submit(lab, "a")
    assignment = await lab.claimed()
    holding = asyncio.Event()
    analyse = lab.runner.analyse

    async def slow(*arguments: object) -> object:
        await holding.wait()
        return await analyse(*arguments)  # type: ignore[arg-type]

    lab.runner.analyse = slow  # type: ignore[method-assign,assignment]
    lab.runner.metrics = RIGHT
    await lab.leases.report(report_of(assignment, 0))
    assert await lab.acquire(wait_s=0.1) is None
    waiting = asyncio.create_task(lab.acquire(wait_s=5))
    holding.set()
    given = await asyncio.wait_for(waiting, 5)
    assert given is not None
    assert given.job_id != assignment.job_id


async def test_a_wrong_answer_cordons_with_its_reason(lab: Lab) -> None:
    job_id = await submit(lab, "a")
    await checked(lab, WRONG)
    await health(lab, Health.BAD)
    [device] = await lab.ask(lab.care.devices)
    assert device.cordoned is not None
    assert "71.50 % where it is 99.00 %" in device.cordoned
    assert await lab.acquire(wait_s=0.05) is None
    waiting_for = (await lab.jobs.view(job_id)).waiting_for
    assert waiting_for is not None
    assert waiting_for.startswith("a device: bench is cordoned (the health check found")
    view = await lab.care.uncordon("bench")
    assert (view.health, view.cordoned) == (Health.SUSPECT, None)
    await checked(lab)
    assert (await lab.claimed()).job_id == job_id


async def test_checks_come_again_by_jobs_and_by_age(lab: Lab) -> None:
    await checked(lab)
    for key in ("a", "b"):
        await submit(lab, key)
        assignment = await lab.claimed()
        assert assignment.passes == ()
        await settled(lab, assignment)
    await submit(lab, "c")
    await checked(lab)
    await settled(lab, await lab.claimed())
    lab.clock.now_ns += 24 * HOUR_NS
    await checked(lab)


async def test_a_check_that_was_cancelled_is_made_again(lab: Lab) -> None:
    first = await lab.claimed()
    await lab.jobs.cancel(first.job_id)
    renewed = await lab.leases.renew(first.job_id, first.epoch, first.lease_token, None, 0)
    assert renewed == "cancel"
    second = await lab.claimed()
    assert second.job_id != first.job_id
    assert second.passes == (PassName.QUALITY,)


async def test_a_device_that_cannot_be_checked_works_and_says_so(lab: Lab) -> None:
    simulated = RuntimeDescription("onnxruntime", "1", simulated=True)
    await lab.register(dataclasses.replace(DEVICE, runtimes=(simulated,)))
    job_id = await submit(lab, "a")
    assert (await lab.claimed()).job_id == job_id
    [device] = await lab.ask(lab.care.devices)
    assert device.note == "its health cannot be checked: its onnxruntime is simulated"


async def test_without_the_files_of_the_check_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(wanted: Collection[Digest]) -> None:
        raise Unavailable(Code.DISK_FULL, "full")

    check = dataclasses.replace(CHECK, baseline=Digest("7" * 64, 7), provide=fail)
    async with open_lab(monkeypatch, TERMS, check) as lab:
        await lab.register()
        job_id = await submit(lab, "a")
        with caplog.at_level(logging.WARNING):
            assert (await lab.claimed()).job_id == job_id
        assert "files of the health check are missing" in caplog.text


async def test_cordon_lets_a_job_end_and_gives_no_other(lab: Lab) -> None:
    await checked(lab)
    await submit(lab, "a")
    assignment = await lab.claimed()
    view = await lab.care.cordon(DEVICE.device_id, "  ")
    assert (view.cordoned, view.state, view.job_id) == (
        "no reason given",
        "busy",
        assignment.job_id,
    )
    await settled(lab, assignment)
    await submit(lab, "b")
    assert await lab.acquire(wait_s=0.05) is None
    with pytest.raises(BitgaugeError, match="No device is named 'rpi9'"):
        await lab.care.cordon("rpi9", "")


async def test_uncordon_wakes_an_agent_that_waits(lab: Lab) -> None:
    await lab.care.cordon("bench", "fan")
    waiting = asyncio.create_task(lab.acquire(wait_s=5))
    await asyncio.sleep(0.05)
    await lab.care.uncordon("bench")
    assignment = await asyncio.wait_for(waiting, 5)
    assert assignment is not None
    assert assignment.passes == (PassName.QUALITY,)


async def test_retired_devices_run_nothing_and_promise_nothing(lab: Lab) -> None:
    view = await lab.care.retire("bench", "smoke")
    assert (view.retired, view.cordoned) == (True, "retired: smoke")
    with pytest.raises(BitgaugeError) as caught:
        await lab.acquire()
    assert caught.value.code is Code.DEVICE_RETIRED
    with pytest.raises(BitgaugeError) as caught:
        await submit(lab, "a")
    assert caught.value.code is Code.NO_MATCHING_DEVICE


async def test_the_quota_counts_what_waits_of_one_user(lab: Lab) -> None:
    for key in ("a", "b"):
        await submit(lab, key, "ci")
    with pytest.raises(BitgaugeError, match="2 jobs of the token 'ci' wait already") as caught:
        await submit(lab, "c", "ci")
    assert caught.value.code is Code.QUEUE_QUOTA
    assert await submit(lab, "d", "ada")
    first = (await lab.listed(10, active_only=True))[-1].job_id
    assert await submit(lab, "a", "ci") == first


async def test_a_known_key_is_answered_when_no_device_is_left(lab: Lab) -> None:
    job_id = await submit(lab, "a")
    await lab.care.retire("bench", "smoke")
    assert await submit(lab, "a") == job_id


def id_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


async def fleet(lab: Lab, count: int) -> list[str]:
    held = []
    for number in range(count):
        name = f"board{number}"
        device_id = id_of(name)
        device = dataclasses.replace(DEVICE, device_id=device_id, name=name)
        await lab.leases.register(Registration(device, "1", "boot", name, True))
        spec = dataclasses.replace(
            SPEC, idempotency_key=name, selector=Selector(device=name), priority=number
        )
        job_id, _ = await lab.jobs.submit(spec)
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
        assignment = await lab.leases.acquire(device_id, name, 5)
        assert assignment is not None
        assert assignment.job_id == job_id
        held.append(job_id)
    return held


@contextlib.asynccontextmanager
async def unchecked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as lab:
        yield lab


async def test_when_most_agents_are_gone_nothing_is_queued_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with unchecked(monkeypatch) as lab:
        held = await fleet(lab, 4)
        lab.clock.now_ns += 61 * SECOND_NS  # every lease has run out
        await asyncio.sleep(0.1)
        views = [await lab.jobs.view(job_id) for job_id in held]
        assert {view.state for view in views} == {JobState.LEASED}
        assert all("4 of 4 agents went silent" in (view.waiting_for or "") for view in views)
        assert all("no job is" in (view.note or "") for view in await lab.ask(lab.care.devices))
        assert "mass loss: 4 of 4 agents" in caplog.text
        # One that comes back is given its job again.
        again = await lab.leases.acquire(id_of("board0"), "board0", 0)
        assert again is not None
        assert again.job_id == held[0]
        # What stays away for good is cordoned: its jobs are queued again.
        for name in ("board2", "board3"):
            await lab.care.cordon(name, "power cut")
        for job_id in held[1:]:
            await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
        assert "the mass loss is over" in caplog.text


async def test_when_few_agents_are_gone_their_jobs_are_queued_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with unchecked(monkeypatch) as lab:
        held = await fleet(lab, 4)
        lab.clock.now_ns += 59 * SECOND_NS
        for name in ("board0", "board1"):
            await lab.leases.acquire(id_of(name), name, 0)
        lab.clock.now_ns += 2 * SECOND_NS
        for job_id in held[2:]:
            await lab.until(job_id, lambda view: view.state is JobState.QUEUED)


async def test_an_agent_that_is_gone_in_its_long_poll_is_heard_last_when_it_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with unchecked(monkeypatch) as lab:
        await lab.register()
        asked_ns = lab.clock.now_ns
        poll = asyncio.create_task(lab.acquire(wait_s=0.3))
        await asyncio.sleep(0.05)
        lab.clock.now_ns += 15 * SECOND_NS
        await lab.care.cordon("bench", "wakes every poll")
        await poll
        assert (await lab.ask(lab.care.devices))[0].last_seen_unix_ns == asked_ns
        lab.clock.now_ns += 6 * SECOND_NS
        assert (await lab.ask(lab.care.devices))[0].state == "unreachable"


async def test_a_lost_job_runs_on_another_device_with_both_claims_visible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with unchecked(monkeypatch) as lab:
        job_id = await lab.submitted()
        await lab.claimed()
        other = dataclasses.replace(DEVICE, device_id=id_of("other"), name="other")
        lab.clock.now_ns += 61 * SECOND_NS
        await lab.leases.register(Registration(other, "1", "boot", "o", True))
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
        given = await lab.leases.acquire(id_of("other"), "o", 5)
        assert given is not None
        assert given.job_id == job_id
        claims = (await lab.jobs.view(job_id)).claims
        assert [(one.device_name, one.ended_by) for one in claims] == [
            ("bench", "expired"),
            ("other", None),
        ]


async def test_the_zoo_check_brings_its_files(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    recorded: list[Digest] = []

    async def record(digest: Digest) -> None:
        recorded.append(digest)

    check = zoo_check(blobs, record)
    for _ in range(2):
        await check.provide(check.digests)
    assert recorded == [*check.digests] * 2
    for one in check.others:  # what certifies a runtime that does not take the model
        await check.provide(one.digests)
        assert inspect_model(blobs.path(one.baseline)).recipe == parse("fp32")
        assert kind_of(blobs.path(one.baseline)) == one.kind
    assert [one.kind for one in check.others] == ["tflite", "pt2", "gguf"]
    assert [one.workload.is_llm for one in check.others] == [False, False, True]
    for one in check.others:
        assert all(blobs.contains(digest) for digest in one.digests)
    assert all(blobs.contains(digest) for digest in check.digests)
    assert check.known_accuracy_pct == pytest.approx(99.0)
    assert check.baseline.size_bytes == zoo.models()[0].path.stat().st_size
    assert check.hindrance(DEVICE) is None
    bare = dataclasses.replace(DEVICE, runtimes=())
    assert check.hindrance(bare) == "it has no runtime onnxruntime (it has none)"
