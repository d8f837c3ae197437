"""A lease is kept alive in the gaps."""

from __future__ import annotations

import asyncio

import pytest
from bitgauge.agents.connection.lease import LeaseClock, LeaseKeeper
from bitgauge.agents.host.patience import end_task, within
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.runs import Progress

BASE, CAND = Digest("b" * 64, 1), Digest("c" * 64, 1)


def assignment(renew_every_ms: int = 100, ttl_ms: int = 1000) -> Assignment:
    return Assignment(
        job_id="j",
        epoch=1,
        lease_token=b"t",
        ttl_ms=ttl_ms,
        renew_every_ms=renew_every_ms,
        workload=Workload(),
        profile=Profile.QUICK,
        baseline=BASE,
        evaluation=CAND,
        entries=(),
        deadline_s=10,
    )


def test_a_lease_clock_backs_off_and_runs_out() -> None:
    clock = LeaseClock.granted(assignment(renew_every_ms=5000, ttl_ms=60_000), 0)
    second = 1_000_000_000
    assert clock.due_ns == 5 * second
    pauses = []
    now = clock.due_ns
    for _ in range(5):
        clock.failed(now, 1.0)
        pauses.append((clock.due_ns - now) // second)
        now = clock.due_ns
    assert pauses == [5, 8, 8, 8, 8]
    assert not clock.expired(60 * second)
    assert clock.expired(61 * second)
    clock.renewed(now, 60_000)
    assert not clock.expired(now + 60 * second)
    assert clock.due_ns == now + 5 * second


class Renewals:
    """Answers heartbeats as told."""

    def __init__(self, *answers: str | BitgaugeError) -> None:
        self.answers = list(answers)
        self.holds: list[int] = []

    async def __call__(self, _: Assignment, progress: Progress | None, hold_ms: int) -> object:
        from bitgauge.agents.connection.connection import Renewal

        self.holds.append(hold_ms)
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, BitgaugeError):
            raise answer
        return Renewal(answer, 1000)


async def test_a_build_says_how_far_it_is_in_the_step_that_waits_for_it() -> None:
    keeper = LeaseKeeper(assignment(), Renewals(), print)  # type: ignore[arg-type]
    await keeper.gap(1, 0.5)
    assert keeper.progress is None
    keeper.progress = Progress(0, "fp32", "pair", 0.25)
    told = []
    for share in (0.0, 0.426, 7.0, None):
        await keeper.gap(1, share)
        told.append(keeper.progress.step)
    assert told == ["pair, building 0%", "pair, building 43%", *["pair, building 100%"] * 2]
    assert keeper.progress.fraction == 0.25


async def test_no_heartbeat_while_a_clock_runs_but_in_its_gaps() -> None:
    renew = Renewals()
    keeper = LeaseKeeper(assignment(renew_every_ms=30), renew, print)  # type: ignore[arg-type]
    task = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.2)
    assert len(renew.holds) >= 3
    keeper.measuring(True)
    await asyncio.sleep(0.02)
    before = len(renew.holds)
    await asyncio.sleep(0.2)
    assert len(renew.holds) == before
    await keeper.gap(hold_ms=500)
    assert renew.holds[before:] == [500]
    await keeper.gap(hold_ms=500)
    assert len(renew.holds) == before + 1
    keeper.measuring(False)
    await asyncio.sleep(0.2)
    assert len(renew.holds) > before + 1
    await end_task(task)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("cancel", "cancel"), ("lost", "lost"), (Refused(Code.LEASE_LOST, "Gone."), "lost")],
)
async def test_the_end_of_a_lease_is_told(answer: str | BitgaugeError, verdict: str) -> None:
    keeper = LeaseKeeper(
        assignment(renew_every_ms=10),
        Renewals("ok", answer),  # type: ignore[arg-type]
        print,
    )
    assert await within(keeper.keep(), 5) == verdict


async def test_cut_off_it_says_once_that_the_lease_ran_out() -> None:
    said: list[str] = []
    away = [Unavailable(Code.UNREACHABLE, "away") for _ in range(8)]
    keeper = LeaseKeeper(
        assignment(renew_every_ms=10, ttl_ms=30),
        Renewals(*away),  # type: ignore[arg-type]
        said.append,
    )
    task = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.5)
    await end_task(task)
    assert len(said) == 1
    assert keeper.verdict == "ok"
