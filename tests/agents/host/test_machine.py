"""What the simulator found about disks, each with its own test."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path
from typing import cast

import pytest
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.connection.connection import Connection
from bitgauge.agents.connection.lease import LeaseKeeper
from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.execution.bench import Bench
from bitgauge.agents.execution.executor import Executor
from bitgauge.agents.host.machine import Machine
from bitgauge.agents.host.patience import to_the_end
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.runs import RunReport

from tests.labs.values import device, told

JOB = "11111111-1111-4111-8111-111111111111"
DEVICE = device("d", device_id="d")
ASSIGNMENT = Assignment(
    JOB, 1, b"t", 1000, 100, Workload(), Profile.QUICK, Digest("a", 1), Digest("b", 1), (), 60
)


class Recorder(Machine):
    def __init__(self) -> None:
        self.synced: list[str] = []
        self.full = False

    def sync(self, folder: Path) -> None:
        super().sync(folder)
        self.synced.append(folder.name)

    def write(self, path: Path, data: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(path, data)


def report() -> RunReport:
    return told(JOB)


def test_what_a_dead_agent_renamed_is_durable_before_it_is_reported(tmp_path: Path) -> None:
    machine = Recorder()
    Spool(tmp_path, machine).end_leftovers()
    assert {"intents", "reports", "raw", "aside"} <= set(machine.synced)


async def test_a_job_that_stops_while_the_disk_is_full_leaves_no_intent(tmp_path: Path) -> None:
    machine = Recorder()
    spool = Spool(tmp_path, machine)
    told = report()
    spool.begin(told.run_id, JOB, 1, 0)
    lines: list[str] = []
    waits = asyncio.Event()

    def say(line: str) -> None:
        lines.append(line)
        waits.set()

    async def no_launch(*_: object) -> ChildExit:
        raise AssertionError("nothing is measured here")

    bench = Bench(
        device=DEVICE,
        kind="fake",
        unit="",
        runtimes=Found("runtimes"),
        plugins=(),
        connection=cast(Connection, None),
        transfer=cast(Transfer, None),
        spool=spool,
        outbox=cast(Outbox, None),
        folder=tmp_path,
        limits=PhaseLimits(),
        say=say,
        launch=no_launch,
        sandbox="rlimits",
        machine=machine,
    )
    executor = Executor(bench, ASSIGNMENT, cast(LeaseKeeper, None))
    machine.full = True
    waiting = asyncio.create_task(executor._spool(told))
    await waits.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "waits for room" in lines[0]
    assert spool.intents() == []
    assert spool.reports() == []


async def test_a_cancellation_waits_for_the_thread(tmp_path: Path) -> None:
    begun, go = threading.Event(), threading.Event()
    ended: list[str] = []

    def work() -> None:
        begun.set()
        go.wait(10)
        ended.append("written")

    task = asyncio.create_task(to_the_end(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.sleep(0.05)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["written"]
