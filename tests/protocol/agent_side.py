"""Agents: production's `Served` with all its tools, on a machine and a network that fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.connection.connection import (
    CALL_S,
    RENEW_S,
    REPORT_S,
    Connection,
    Introduction,
    Outage,
    Renewal,
    patiently,
)
from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.execution.bench import Bench
from bitgauge.agents.execution.served import Served, serve_each
from bitgauge.agents.execution.turns import Turns
from bitgauge.agents.host.patience import end_task
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.common.manifest import ArtifactFiles
from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Unavailable
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RunReport
from bitgauge.coordinator.lab.assemble import Lab
from bitgauge.coordinator.store.values import Registration

from tests.labs.values import device

from .loop import Process
from .machine import SimMachine
from .network import Handler, Network
from .world import World

FOLDER = Path("/agent")
FOLDERS = (FOLDER, FOLDER / "devices/other")
"""Of the device that is the machine itself, and of one beside it."""


class SimConnection(Connection):
    """The calls of an agent over the simulated network."""

    def __init__(self, world: World, network: Network, machine: SimMachine, who: str) -> None:
        self._world = world
        self._network = network
        self._machine = machine
        self._who = who
        self.outage = Outage("the lab", lambda line: world.tell(who, line))

    async def close(self) -> None:
        """Nothing is open."""

    async def ask(self, method: str, handler: Handler, timeout_s: float) -> Any:
        """One call, with what production says about outages."""
        try:
            answer = await self._network.call(self._who, method, handler, timeout_s)
        except Unavailable as error:
            self.outage.began(error.sentence)
            raise
        except BitgaugeError as error:
            self._world.tell(self._who, f"{method} refused: {error.sentence}")
            self.outage.ended()
            raise
        self.outage.ended()
        return answer

    async def register(self, device: DeviceDescription, who: Introduction) -> str:
        told = Registration(
            device, who.agent_version, who.boot_id, who.incarnation, who.leftovers_dead
        )
        await self.ask("Register", lambda life: life.lab.leases.register(told), CALL_S)
        return "simulated"

    async def acquire(self, device_id: str, incarnation: str, wait_ms: int) -> Assignment | None:
        wait_s = wait_ms / 1000

        async def work(life: Any) -> Assignment | None:
            lab: Lab = life.lab
            return await lab.leases.acquire(device_id, incarnation, wait_s)

        assignment: Assignment | None = await self.ask("Acquire", work, wait_s + 10)
        return assignment

    async def renew(
        self, assignment: Assignment, progress: Progress | None, hold_for_ms: int
    ) -> Renewal:
        verdict = await self.ask(
            "Renew",
            lambda life: life.lab.leases.renew(
                assignment.job_id,
                assignment.epoch,
                assignment.lease_token,
                progress,
                hold_for_ms * 1_000_000,
            ),
            RENEW_S,
        )
        return Renewal(verdict, 20_000)

    async def report(self, report: RunReport) -> Disposition:
        self.require_spooled(report)
        disposition: Disposition = await self.ask(
            f"Report {report.run_id[:8]}", lambda life: life.lab.leases.report(report), REPORT_S
        )
        self._world.tell(
            self._who,
            f"run {report.run_id[:8]} (entry {report.entry_index}, epoch {report.epoch},"
            f" {report.status.value}) acknowledged: {disposition.value}",
        )
        self._world.acknowledged[report.run_id] = disposition.value
        return disposition

    def require_spooled(self, report: RunReport) -> None:
        """A report that leaves the device is on its disk, until it is acknowledged."""
        if report.run_id in self._world.acknowledged:
            return
        places = (folder / "spool/reports" / f"{report.run_id}.json" for folder in FOLDERS)
        if not any(map(self._machine.is_durable, places)):
            self._world.violated(f"run {report.run_id} is reported before it is spooled")


class SimTransfer(Transfer):
    """Files in one message each; the store learns of a raw file when it has arrived."""

    def __init__(self, line: SimConnection, machine: SimMachine) -> None:
        self._line = line
        self._machine = machine

    def holding(self, digests: Iterable[Digest]) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    async def fetch(self, digest: Digest) -> Path:
        await patiently(lambda: self._line.ask("Read", _nothing, 60.0))
        return Path("/cache") / digest.sha256

    async def artifact(self, digest: Digest) -> ArtifactFiles:
        return ArtifactFiles(digest.sha256, {digest.sha256: await self.fetch(digest)})

    async def upload(self, files: dict[Digest, Path]) -> None:
        wanted = tuple(files)
        missing = await self._line.ask(
            "FindMissing",
            lambda life: life.lab.writer.call(lambda store: store.missing_blobs(wanted)),
            CALL_S,
        )
        for digest in missing:
            if not self._machine.exists(files[digest]):
                raise AssertionError(f"raw file {digest} is neither here nor there")
            await self._line.ask("Write", partial(record, digest), 60.0)


async def record(digest: Digest, life: Any) -> None:
    """What the Blobs service does at the end of a transfer."""
    lab: Lab = life.lab
    await lab.writer.call(lambda store: store.record_blob(digest, lab.writer.now_ns()))


async def _nothing(_life: Any) -> None:
    return


@dataclass(frozen=True, slots=True)
class AgentParts:
    """Classes that a mutant may replace, and how often a machine has a second device."""

    spool: type[Spool] = Spool
    line: type[SimConnection] = SimConnection
    second_device: float = 0.3


class AgentSide:
    """One machine with a device or two: starts agents on it one after the other."""

    def __init__(self, world: World, network: Network, number: int, made_of: AgentParts) -> None:
        self._world = world
        self._network = network
        self._made_of = made_of
        self.name = f"device-{number}"
        self.machine = SimMachine(world, self.name)
        self.process = Process(self.name)
        self._task: asyncio.Task[None] | None = None
        names = [self.name]
        if world.rng.random() < made_of.second_device:
            names.append(f"{self.name}-other")
        self._devices = tuple(
            _described(name, f"00000000-0000-4000-8000-{number:06}{beside:06}")
            for beside, name in enumerate(names)
        )

    async def keep_running(self) -> None:
        """Starts the agent, again after each end, for ever, as an init system does."""
        world = self._world
        while True:
            self.process = process = Process(self.name)
            world.tell(self.name, "agent starts")
            self._task = process.context.copy().run(world.loop.create_task, self._live())
            await process.until_end(self._task)
            if not process.alive:
                self.machine.crash(world.chance(world.weather.power))
            else:
                self._look_at(self._task)
                world.loop.kill(process)
            await asyncio.sleep(0.5 if world.calm else world.rng.expovariate(1 / 3))

    async def stop(self) -> None:
        """Asks the agent to end, as SIGTERM does, and kills it when that takes too long."""
        task, process = self._task, self.process
        if task is None or not process.alive:
            return
        self._world.tell(self.name, "is asked to stop")
        ending = process.context.copy().run(self._world.loop.create_task, end_task(task))
        await asyncio.sleep(1.5)
        if not ending.done():
            self._world.kill(process, "did not stop in time")

    def _look_at(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, BitgaugeError):
            self._world.tell(self.name, f"agent ends: {error.sentence}")
        elif error is not None:
            self._world.violated(f"the agent of {self.name} failed: {error!r}")

    async def _live(self) -> None:
        """What `service.serve` puts together, on this machine."""
        world = self._world
        line = self._made_of.line(world, self._network, self.machine, self.name)
        transfer = SimTransfer(line, self.machine)
        turns = Turns(len(self._devices))
        served: dict[str, Served] = {}

        def say(text: str) -> None:
            world.tell(self.name, text)

        for one, folder in zip(self._devices, FOLDERS, strict=False):
            spool = self._made_of.spool(folder / "spool", self.machine)
            bench = Bench(
                device=one,
                kind="fake",
                unit="",
                runtimes=Found("runtimes"),
                plugins=(),
                connection=line,
                transfer=transfer,
                spool=spool,
                outbox=Outbox(spool, line, transfer, say),
                folder=folder / "work",
                limits=PhaseLimits(),
                say=say,
                launch=self.machine.launch,
                sandbox="simulated",
                machine=self.machine,
                turns=turns,
            )
            served[one.name] = Served(bench)
        await serve_each(served, say)

    def waits(self) -> list[str]:
        """What is still in the spool, other than raw files."""
        return [
            f"{self.name}: {part}/{name}"
            for folder in FOLDERS
            for part in ("intents", "reports", "aside")
            for name in self.machine.names(folder / "spool" / part)
        ]


def _described(name: str, device_id: str) -> DeviceDescription:
    runtime = RuntimeDescription("onnxruntime", "1", fingerprint="s", simulated=True)
    return device(name, device_id=device_id, runtimes=(runtime,))
