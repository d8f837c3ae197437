"""The agent's life: settle the past, register, then work until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import signal
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.crash import arm
from bitgauge.benchmarks.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.model import Assignment, Failure
from bitgauge.benchmarks.vocabulary import FailureGroup

from . import process, registry
from .cache import Cache
from .certificates import Keeper
from .config import AgentConfig
from .confinement import Confinement, find_confinement
from .connection import Connection, Introduction, patiently
from .entry_run import Bench
from .executor import Executor
from .identity import FolderLock, describe, device_id
from .lease import LeaseKeeper
from .outbox import Outbox
from .patience import end_task, first, within
from .room import Room
from .spool import Intent, Spool
from .tidy import remove_tree
from .transfer import Transfer

Say = Callable[[str], None]

_STOP_S = 1.5
_LEFTOVERS_S = 5.0
_NO_ROOM_S = 5.0
_AWAY_S = 0.5


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
    agent = asyncio.create_task(_Agent(config, say).run())
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


class _Agent:
    """One agent process."""

    def __init__(self, config: AgentConfig, say: Say) -> None:
        self._config = config
        self._say = say
        self._spool = Spool(config.folder / "spool")
        self._work = config.folder / "work"
        self._cache = Cache(config.folder / "cache", config.cache_bytes)
        self._room = Room(config.folder, self._cache, config.disk_reserve_bytes, say)
        self._device = describe(
            config.device,
            name=config.name,
            identity=device_id(config.folder),
            folders=config.plugins,
            say=say,
        )
        self._incarnation = str(uuid.uuid4())
        self._outages = 0

    async def run(self) -> None:
        intents, dead = await asyncio.to_thread(self._spool.end_leftovers)
        await asyncio.to_thread(remove_tree, self._work)
        confinement = await find_confinement(self._config, self._device, self._say)
        enrolment = self._config.enrolment
        security = enrolment.security if enrolment else None
        connection = Connection(self._config.coordinator, self._config.token, self._say, security)
        transfer = Transfer(connection, self._cache)
        outbox = Outbox(self._spool, connection, transfer, self._say)
        who = Introduction(
            agent_version=importlib.metadata.version("bitgauge"),
            boot_id=process.boot_id(),
            incarnation=self._incarnation,
            open_intents=tuple(intent.run_id for intent in intents),
            leftovers_dead=dead,
        )
        working = self._live(
            connection, transfer, outbox, who, intents=intents, confinement=confinement
        )
        try:
            if enrolment is None:
                await working
            else:
                keeper = Keeper(enrolment, self._config.folder, connection, self._say)
                await first(working, keeper.keep())
        finally:
            await connection.close()

    async def _live(
        self,
        connection: Connection,
        transfer: Transfer,
        outbox: Outbox,
        who: Introduction,
        *,
        intents: Sequence[Intent],
        confinement: Confinement,
    ) -> None:
        # Results of an older epoch are accepted only until Register ends its lease.
        await outbox.drain()
        await self._register(connection, who)
        if not who.leftovers_dead:
            who = await self._outlive(who)
            await self._register(connection, who)
        for intent in intents:
            await asyncio.to_thread(self._spool.abandon, intent.run_id)
        await asyncio.to_thread(self._spool.collect)
        await self._serve(connection, transfer, outbox, who, confinement)

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
            f" {runtimes or 'no runtime'}) at {self._config.coordinator}, version {version}."
        )

    async def _serve(
        self,
        connection: Connection,
        transfer: Transfer,
        outbox: Outbox,
        who: Introduction,
        confinement: Confinement,
    ) -> None:
        bench = Bench(
            device=self._device,
            runtimes=registry.find("runtimes", self._config.plugins),
            plugins=self._config.plugins,
            transfer=transfer,
            spool=self._spool,
            folder=self._work,
            limits=self._config.limits,
            deliver=outbox.deliver,
            say=self._say,
            confinement=confinement,
        )
        while True:
            assignment = await self._acquire(connection, who)
            if assignment is None:
                continue
            job = _Job(bench, connection, outbox, self._say)
            await job.run(assignment)
            await asyncio.to_thread(self._spool.collect)
            if self._config.once:
                return

    async def _acquire(self, connection: Connection, who: Introduction) -> Assignment | None:
        """One long poll; after an outage, or when it is not known there, the device registers."""
        if connection.outage.count != self._outages:
            await self._register(connection, who)
        try:
            if await asyncio.to_thread(self._room.low):
                # Registering again says that the device lives, and asks for nothing.
                await connection.register(self._device, who)
                await asyncio.sleep(_NO_ROOM_S)
                return None
            return await connection.acquire(self._device.device_id, self._incarnation)
        except Unavailable:
            await asyncio.sleep(_AWAY_S)
            return None
        except BitgaugeError as error:
            if error.code is not Code.UNKNOWN_DEVICE:
                raise
        await self._register(connection, who)
        return None


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
        keeper = LeaseKeeper(assignment, self.connection.renew, self.say)
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
