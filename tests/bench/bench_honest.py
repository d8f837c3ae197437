"""What the honest paths cost: submit, claim, renew and report on a real server in this process.

One job after the other is submitted, claimed, renewed and reported, in turns by calls over gRPC
(edge, admission and limits included) and straight to what the servicers call. Each is printed by
its lower quartile: in milliseconds, in units of a durable SQLite commit on the same disk, and the
call as a multiple of the bare one; so two checkouts can be held against each other:

    python -m tests.bench honest                      # here
    cp tests/bench/bench_honest.py OTHER/tests/bench/ # and there, which needs nothing else of here

A path costs more than before when its commits grew; the edge does when call / bare grew.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.client.client import Client

from tests.labs.host import DEVICE, Host, job_of, report_of, running

ROUNDS = 300
WARM_UP = 20
SETTLE_S = 0.06
WAIT_S = 10.0
WAYS = ("call", "bare")
STEPS = ("submit", "claim", "renew", "report")

T = TypeVar("T")
Took = dict[tuple[str, str], list[float]]


class Commits:
    """The yardstick: one row changed durably, as the store does it, on the disk of the store."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE one (value INTEGER)",
            "INSERT INTO one VALUES (0)",
        ):
            self._connection.execute(statement)

    def seconds(self) -> float:
        began = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("UPDATE one SET value = value + 1")
        self._connection.execute("COMMIT")
        return time.perf_counter() - began


async def timed(took: list[float], work: Awaitable[T]) -> T:
    """What `work` gives; notes what it took, on a coordinator that has digested the step before."""
    await asyncio.sleep(SETTLE_S)
    began = time.perf_counter()
    found = await work
    took.append(time.perf_counter() - began)
    return found


async def by_call(
    host: Host, client: Client, agent: Connection, files: tuple[Digest, Digest], took: Took, n: int
) -> None:
    """One job from its submission to its report, over gRPC."""
    spec = job_of(*files, key=f"call {n}")
    await timed(took["submit", "call"], asyncio.to_thread(client.submit, spec))
    work = agent.acquire(DEVICE.device_id, "bench", round(WAIT_S * 1000))
    lease = await timed(took["claim", "call"], work)
    assert lease is not None
    await timed(took["renew", "call"], agent.renew(lease, None, 0))
    raw = await asyncio.to_thread(host.put, os.urandom(100))
    await timed(took["report", "call"], agent.report(report_of(lease, 0, raw)))


async def bare(host: Host, files: tuple[Digest, Digest], took: Took, n: int) -> None:
    """The same, straight to what the servicers call."""
    spec = job_of(*files, key=f"bare {n}")

    async def asked(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), host._loop))

    await timed(took["submit", "bare"], asked(lambda: host.jobs.submit(spec, "local")))
    acquired = asked(lambda: host.leases.acquire(DEVICE.device_id, "bench", WAIT_S))
    lease = await timed(took["claim", "bare"], acquired)
    assert lease is not None
    renewal = (lease.job_id, lease.epoch, lease.lease_token, None, 0)
    await timed(took["renew", "bare"], asked(lambda: host.leases.renew(*renewal)))
    raw = await asyncio.to_thread(host.put, os.urandom(100))
    report = report_of(lease, 0, raw)
    await timed(took["report", "bare"], asked(lambda: host.leases.report(report)))


async def measured(host: Host, commits: Commits, rounds: int) -> tuple[Took, list[float]]:
    """What each step took by each way, and the commits in between."""
    took: Took = {(step, way): [] for step in STEPS for way in WAYS}
    durable: list[float] = []
    baseline, evaluation = host.put(b"baseline"), host.put(b"evaluation")
    agent = host.agent()
    with host.client() as client:
        await agent.register(DEVICE, Introduction("bench", "boot", "bench"))
        for n in range(WARM_UP + rounds):
            await by_call(host, client, agent, (baseline, evaluation), took, n)
            await bare(host, (baseline, evaluation), took, n)
            durable.append(commits.seconds())
    await agent.close()
    return {which: found[WARM_UP:] for which, found in took.items()}, durable[WARM_UP:]


def quiet(found: list[float]) -> float:
    """The lower quartile: what others take from the machine only adds."""
    return statistics.quantiles(found, n=4)[0]


def shown(took: Took, durable: list[float]) -> None:
    """Prints what each step takes, and its ratio with that of the other half of the rounds."""
    commit_s = quiet(durable)
    print(f"  a durable commit on this disk: {commit_s * 1e3:.2f} ms; quartiles of {len(durable)}")
    for step in STEPS:
        call, alone = took[step, "call"], took[step, "bare"]
        half = len(call) // 2
        ratios = sorted(
            quiet(call[at]) / quiet(alone[at]) for at in (slice(half), slice(half, None))
        )
        print(
            f"  {step:<7} call {quiet(call) * 1e3:6.2f} ms = {quiet(call) / commit_s:5.2f} commits"
            f"   bare {quiet(alone) * 1e3:6.2f} ms = {quiet(alone) / commit_s:5.2f} commits"
            f"   call / bare {quiet(call) / quiet(alone):.3f} [{ratios[0]:.3f}, {ratios[1]:.3f}]",
            flush=True,
        )


def main(arguments: list[str]) -> None:
    """Measures as many rounds as are asked for, and prints."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    with (
        tempfile.TemporaryDirectory(prefix="bitgauge-bench-") as folder,
        running(Path(folder) / "home") as host,
    ):
        commits = Commits(Path(folder) / "commits.db")
        shown(*asyncio.run(measured(host, commits, rounds)))


if __name__ == "__main__":
    main(sys.argv[1:])
