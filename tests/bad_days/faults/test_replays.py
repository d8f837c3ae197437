"""Requests that come twice, whose answer is lost, or that a newer or broken peer wrote."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.coordinator.services import blobs

from tests.labs.host import DEVICE, Host, digest_of, job_of, report_of

WHO = Introduction("1", "boot", "one")


@pytest.fixture
async def line(host: Host) -> AsyncIterator[Connection]:
    connection = host.agent()
    yield connection
    await connection.close()


def the_job(host: Host) -> JobSpec:
    return job_of(host.put(b"baseline"), host.put(b"evaluation"), "one key")


def accepted_rows(host: Host) -> int:
    def count(store: Any) -> int:
        sql = "SELECT count(*) FROM runs WHERE disposition = 'accepted'"
        return int(store._connection.execute(sql).fetchone()[0])

    return host.call(host.writer.call(count))


async def thrice(call: Callable[[], Awaitable[Any]]) -> list[Any]:
    """At once twice, and once more when both have been answered."""
    both = await asyncio.gather(call(), call())
    return [*both, await call()]


# -- replays ------------------------------------------------------------------------------
async def test_every_message_of_a_job_may_come_three_times(host: Host, line: Connection) -> None:
    raw = host.put(b"raw")
    spec = the_job(host)
    await thrice(lambda: line.register(DEVICE, WHO))
    with host.client() as client:
        submitted = await thrice(lambda: asyncio.to_thread(client.submit, spec))
        assert len({one.job_id for one in submitted}) == 1
        assert sum(one.created for one in submitted) == 1
        assignment = await line.acquire(DEVICE.device_id, "one", 10_000)
        assert assignment is not None
        renewals = await thrice(lambda: line.renew(assignment, None, 0))
        assert {one.verdict for one in renewals} == {"ok"}
        report = report_of(assignment, 0, raw)
        assert await thrice(lambda: line.report(report)) == [Disposition.ACCEPTED] * 3
        assert accepted_rows(host) == 1
        job_id = submitted[0].job_id
        cancelled = await asyncio.to_thread(finish_or_cancel, client, job_id)
        assert cancelled
        assert len(client.runs(job_id)) == len(client.devices()) == len(client.jobs()) == 1


def finish_or_cancel(client: Any, job_id: str) -> bool:
    """A cancelled job that is cancelled again has ended; that is said, and nothing else happens."""
    for _ in range(3):
        try:
            client.cancel(job_id)
        except BitgaugeError as error:
            if error.code is not Code.JOB_ENDED and error.code is not Code.ILLEGAL_TRANSITION:
                return False
    return True


async def test_a_lost_answer_to_any_call_is_given_again(
    host: Host, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = host.put(b"raw")
    spec = the_job(host)
    lost: list[str] = []

    def lose(owner: Any, name: str) -> None:
        """The first call of `name` takes effect, and nobody hears of it."""
        work = getattr(owner, name)

        def unheard() -> None:
            if name not in lost:
                lost.append(name)
                raise BitgaugeError(Code.TASK_LOST, "The line went dead.")

        async def committed_and_lost(*arguments: Any, **named: Any) -> Any:
            answer = await work(*arguments, **named)
            unheard()
            return answer

        def done_and_lost(*arguments: Any, **named: Any) -> Any:
            answer = work(*arguments, **named)
            unheard()
            return answer

        waits = inspect.iscoroutinefunction(work)
        monkeypatch.setattr(owner, name, committed_and_lost if waits else done_and_lost)

    async def again(call: Callable[[], Awaitable[Any]]) -> Any:
        with contextlib.suppress(BitgaugeError):
            await call()
        return await call()

    for name in ("register", "renew", "report"):
        lose(host.leases, name)
    lose(host.jobs, "submit")
    for name in ("recorded", "wanted"):  # each is the last thing of its call
        lose(blobs, name)
    await again(lambda: line.register(DEVICE, WHO))
    with host.client() as client:
        missing = await again(lambda: asyncio.to_thread(client.find_missing, [digest_of(b"new")]))
        assert missing == (digest_of(b"new"),)
        await again(lambda: asyncio.to_thread(host.put, b"new"))
        assert client.find_missing([digest_of(b"new")]) == ()
        submitted = await again(lambda: asyncio.to_thread(client.submit, spec))
        assert len(client.jobs()) == 1
        assert client.jobs()[0].job_id == submitted.job_id
        assignment = await line.acquire(DEVICE.device_id, "one", 10_000)
        assert assignment is not None
        assert (await again(lambda: line.renew(assignment, None, 0))).verdict == "ok"
        report = report_of(assignment, 0, raw)
        assert await again(lambda: line.report(report)) is Disposition.ACCEPTED
    assert accepted_rows(host) == 1
    assert sorted(lost) == [
        "recorded", "register", "renew", "report", "submit", "wanted",
    ]  # fmt: skip


async def test_a_lease_whose_answer_was_lost_is_granted_anew_and_the_first_is_void(
    host: Host, line: Connection
) -> None:
    raw, other = host.put(b"raw"), host.put(b"other")
    await line.register(DEVICE, WHO)
    with host.client() as client:
        client.submit(the_job(host))
    first = await line.acquire(DEVICE.device_id, "one", 10_000)  # say that this never arrived
    second = await line.acquire(DEVICE.device_id, "one", 10_000)
    assert first is not None
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert await line.report(report_of(first, 0, raw)) is Disposition.STALE
    assert await line.report(report_of(second, 0, other)) is Disposition.ACCEPTED
    assert accepted_rows(host) == 1


async def test_a_recorded_report_replayed_under_another_lease_is_not_taken(
    host: Host, line: Connection
) -> None:
    raw = host.put(b"raw")
    await line.register(DEVICE, WHO)
    with host.client() as client:
        client.submit(the_job(host))
    assignment = await line.acquire(DEVICE.device_id, "one", 10_000)
    assert assignment is not None
    report = report_of(assignment, 0, raw)
    for changed in (
        {"lease_token": b"x" * 16},
        {"epoch": assignment.epoch + 1},
        {"job_id": "00000000-0000-0000-0000-000000000000"},
        {"entry_index": 5},
    ):
        with pytest.raises(BitgaugeError) as caught:
            await line.report(dataclasses.replace(report, **changed))
        assert caught.value.code is not Code.INTERNAL, changed
    assert accepted_rows(host) == 0
    assert await line.report(report) is Disposition.ACCEPTED
