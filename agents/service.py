"""The agent's life: settle the past, register, then work until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import signal
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bitgauge.benchmarks.common.crash import arm
from bitgauge.benchmarks.vocabulary.enums import FailureGroup
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from . import registry
from .config import AgentConfig, PhaseLimits
from .connection.certificates import Keeper
from .connection.connection import Connection, Introduction, patiently
from .connection.lease import LeaseKeeper
from .connection.outbox import Outbox
from .connection.transfer import Transfer
from .execution.executor import Executor
from .execution.probing import with_kernel_modes
from .execution.run import Bench, Launch
from .host.machine import THIS_MACHINE, Machine
from .host.patience import end_task, first, within
from .host.temperature import Rest
from .launcher.spawn import run_child
from .registry import describe
from .sandbox.confinement import find_confinement
from .storage.cache import Cache
from .storage.identity import FolderLock, device_id
from .storage.room import Room
from .storage.spool import Spool

Say = Callable[[str], None]

_STOP_S = 1.5
_LEFTOVERS_S = 5.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0
_DISPLACED_NS = 600 * 1_000_000_000
_NO_ROOM_S = 5.0


async def serve(config: AgentConfig, say: Say) -> None:
    """Runs an agent until SIGINT or SIGTERM, or after one job when so configured.

    Raises:
        BitgaugeError: the agent cannot work here, or the coordinator does not take it.
    """
    arm(config.folder)
    lock = FolderLock(config.folder)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    agent = asyncio.create_task(_run(config, say))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((agent, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not agent.done():
            say("Stopping: what was measured is kept and will be reported at the next start.")
        else:
            agent.result()
    finally:
        stopping.cancel()
        with contextlib.suppress(TimeoutError):
            await within(end_task(agent), _STOP_S)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        lock.release()


async def _run(config: AgentConfig, say: Say) -> None:
    """One agent of this machine, put together and run."""
    device = describe(
        config.device,
        name=config.name,
        identity=device_id(config.folder),
        folders=config.plugins,
        say=say,
    )
    confinement = await find_confinement(config, device, say)
    runtimes = registry.find("runtimes", config.plugins)
    device = await with_kernel_modes(
        device, runtimes, confinement, folder=config.folder, plugins=config.plugins, say=say
    )
    enrolment = config.enrolment
    security = enrolment.security if enrolment else None
    connection = Connection(config.coordinator, config.token, say, security)
    cache = Cache(config.folder / "cache", config.cache_bytes)
    parts = Parts(
        device=device,
        runtimes=runtimes,
        plugins=config.plugins,
        spool=Spool(config.folder / "spool"),
        folder=config.folder / "work",
        connection=connection,
        transfer=Transfer(connection, cache),
        is_full=Room(config.folder, cache, config.disk_reserve_bytes, say).low,
        limits=config.limits,
        once=config.once,
        say=say,
        sandbox=confinement.level.NAME,
        launch=partial(run_child, confinement=confinement),
    )
    agent = Agent(parts)
    try:
        if enrolment is None:
            await agent.run()
        else:
            keeper = Keeper(enrolment, config.folder, connection, say)
            await first(agent.run(), keeper.keep())
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Parts:
    """What one agent process is put together from.

    Attributes:
        device: this device as it is registered.
        runtimes: the plug-ins that can be loaded.
        plugins: folders that a child looks for plug-ins in, too.
        spool: keeps what was measured.
        folder: where children have their folders.
        connection: to the coordinator; whoever made it closes it.
        transfer: gets artifacts and sends raw files.
        is_full: whether the disk has too little room for another job; may block on it.
        limits: how long a child may be silent.
        once: end after one job.
        say: prints one line.
        launch: runs one child to its end, confined.
        sandbox: the level that it confines to.
        machine: whose disk, processes and clocks these are.
    """

    device: DeviceDescription
    runtimes: registry.Found
    plugins: tuple[Path, ...]
    spool: Spool
    folder: Path
    connection: Connection
    transfer: Transfer
    is_full: Callable[[], bool]
    limits: PhaseLimits
    once: bool
    say: Say
    launch: Launch
    sandbox: str
    machine: Machine = THIS_MACHINE


class Agent:
    """One agent process, from its start to its end.

    Args:
        parts: what it works with.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._say = parts.say
        self._spool = parts.spool
        self._device = parts.device
        self._incarnation = str(uuid.uuid4())
        self._outages = 0
        self._pause_s = _FIRST_PAUSE_S
        self._displaced_ns: int | None = None

    async def run(self) -> None:
        """Settles what an older agent left, registers, and works.

        Raises:
            BitgaugeError: the coordinator does not take this agent.
        """
        parts, machine = self._parts, self._parts.machine
        connection = parts.connection
        intents, dead = await asyncio.to_thread(self._spool.end_leftovers)
        await asyncio.to_thread(machine.drop_folder, parts.folder)
        outbox = Outbox(self._spool, connection, parts.transfer, self._say)
        who = Introduction(
            agent_version=importlib.metadata.version("bitgauge"),
            boot_id=machine.boot_id(),
            incarnation=self._incarnation,
            open_intents=tuple(intent.run_id for intent in intents),
            leftovers_dead=dead,
        )
        # Results of an older epoch are accepted only until Register ends its lease.
        await outbox.drain()
        await self._register(connection, who)
        if not dead:
            who = await self._outlive(who)
            await self._register(connection, who)
        for intent in intents:
            await asyncio.to_thread(self._spool.abandon, intent.run_id)
        await asyncio.to_thread(self._spool.collect)
        await self._serve(outbox, who)

    async def _outlive(self, who: Introduction) -> Introduction:
        """Waits until every process of earlier agents is dead; the device is not free before."""
        self._say("A process of an earlier agent does not end; no new job until it does.")
        dead = False
        while not dead:
            await asyncio.sleep(_LEFTOVERS_S)
            _, dead = await asyncio.to_thread(self._spool.end_leftovers)
        return replace(who, leftovers_dead=True)

    async def _register(self, connection: Connection, who: Introduction) -> None:
        version = await patiently(lambda: connection.register(self._device, who))
        self._outages = connection.outage.count
        runtimes = ", ".join(f"{one.name} {one.version}" for one in self._device.runtimes)
        self._say(
            f"Registered {self._device.name} ({self._device.processor_model or 'unknown CPU'};"
            f" {runtimes or 'no runtime'}) at {connection.outage.address}, version {version}."
        )

    async def _serve(self, outbox: Outbox, who: Introduction) -> None:
        parts = self._parts
        connection = parts.connection
        bench = Bench(
            device=self._device,
            runtimes=parts.runtimes,
            plugins=parts.plugins,
            transfer=parts.transfer,
            spool=self._spool,
            folder=parts.folder,
            limits=parts.limits,
            deliver=outbox.deliver,
            say=self._say,
            launch=parts.launch,
            sandbox=parts.sandbox,
            machine=parts.machine,
            rest=Rest().wait,
        )
        while True:
            assignment = await self._acquire(connection, who)
            if assignment is None:
                continue
            job = _Job(bench, connection, outbox, self._say)
            await job.run(assignment)
            await asyncio.to_thread(self._spool.collect)
            if parts.once:
                return

    async def _acquire(self, connection: Connection, who: Introduction) -> Assignment | None:
        """One long poll; after an outage, or when it is not known there, the device registers."""
        if connection.outage.count != self._outages:
            await self._register(connection, who)
        try:
            if await asyncio.to_thread(self._parts.is_full):
                # Registering again says that the device lives, and asks for nothing.
                await connection.register(self._device, who)
                await asyncio.sleep(_NO_ROOM_S)
                return None
            assignment = await connection.acquire(self._device.device_id, self._incarnation)
        except Unavailable:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            return None
        except BitgaugeError as error:
            if not self._may_register_again(error):
                raise
        else:
            self._pause_s = _FIRST_PAUSE_S
            return assignment
        await self._register(connection, who)
        return None

    def _may_register_again(self, error: BitgaugeError) -> bool:
        """Whether the coordinator's not knowing this agent can be put right.

        A registration that a dead predecessor sent may arrive after ours. A second agent for
        one device sends its own again: of two that displace each other, one ends.
        """
        if error.code is Code.UNKNOWN_DEVICE:
            return True
        now_ns = self._parts.machine.boottime_ns()
        before_ns, self._displaced_ns = self._displaced_ns, now_ns
        lately = before_ns is not None and now_ns - before_ns < _DISPLACED_NS
        return error.code is Code.LEASE_LOST and not lately


@dataclass(frozen=True, slots=True)
class _Job:
    """One assignment from its lease to its last acknowledgement."""

    bench: Bench
    connection: Connection
    outbox: Outbox
    say: Say

    async def run(self, assignment: Assignment) -> None:
        """Measures under the lease until done, cancelled, lost or out of time."""
        count = sum(not entry.accepted for entry in assignment.entries)
        self.say(f"Job {assignment.job_id}, epoch {assignment.epoch}: {count} entries to measure.")
        keeper = LeaseKeeper(
            assignment, self.connection.renew, self.say, self.bench.machine.boottime_ns
        )
        executor = Executor(self.bench, assignment, keeper)
        keeping = asyncio.create_task(keeper.keep())
        working = asyncio.create_task(self._finish(executor))
        try:
            done, _ = await asyncio.wait(
                (keeping, working),
                timeout=assignment.deadline_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if working not in done:
                await end_task(working)
        finally:
            await end_task(working)
            await end_task(keeping)
        if working in done:
            working.result()
            self.say(f"Job {assignment.job_id}: done.")
        elif keeping in done:
            why = {"cancel": "cancelled by its user"}.get(keeper.verdict, "its lease has passed on")
            self.say(f"Job {assignment.job_id}: stopped, {why}.")
            await self.outbox.drain()
        else:
            self.say(f"Job {assignment.job_id}: stopped after {assignment.deadline_s} s.")
            await executor.give_up(_deadline(assignment))
            await self.outbox.drain()

    async def _finish(self, executor: Executor) -> None:
        await executor.run()
        await self.outbox.drain()


def _deadline(assignment: Assignment) -> Failure:
    return Failure(
        FailureGroup.ARTIFACT,
        "deadline",
        f"The job was not done after the {assignment.deadline_s} s that it was given.",
        "Submit it with a longer deadline, or with fewer entries.",
    )
