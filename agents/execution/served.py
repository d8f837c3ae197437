"""One served device: settle the past, register, then work, job after job."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace

from bitgauge.benchmarks.vocabulary.enums import FailureGroup
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ..connection.connection import Introduction, patiently
from ..connection.lease import LeaseKeeper
from ..host.patience import end_task
from .bench import Bench
from .executor import Executor

_LEFTOVERS_S = 5.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0
_DISPLACED_NS = 600 * 1_000_000_000
_NO_ROOM_S = 5.0
_SIGN_OF_LIFE_S = 5.0
_RESTART_PAUSE_S = 1.0
_FRESH_BOOT_S = 600
LONGEST_RESTART_S = 60
"""How long an agent on a machine that has just started waits to be taken for the one before."""


class Served:
    """One device under one agent process, from its start to its end.

    Args:
        bench: what it works with.
        is_full: whether the disk has too little room for another job; may block on it.
        hindered: why the device can do no job now, in one sentence; may block, too.
        once: end after one job.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        is_full: Callable[[], bool] = lambda: False,
        hindered: Callable[[], str | None] = lambda: None,
        once: bool = False,
    ) -> None:
        self._bench = bench
        self._is_full = is_full
        self._hindered = hindered
        self._hindrance: str | None = None
        self._once = once
        self._say = bench.say
        self._incarnation = str(uuid.uuid4())
        self._outages = 0
        self._pause_s = _FIRST_PAUSE_S
        self._displaced_ns: int | None = None
        self._settled = False

    async def run(self) -> None:
        """Settles what an older agent left, registers, and works.

        Raises:
            BitgaugeError: the coordinator does not take this device.
        """
        try:
            await self._live()
        finally:
            self._settle()

    def _settle(self) -> None:
        """Tells the other devices of the host, once, that nothing of this one's past is left."""
        if not self._settled:
            self._settled = True
            self._bench.turns.settle()

    async def _live(self) -> None:
        bench, spool = self._bench, self._bench.spool
        intents, dead = await asyncio.to_thread(spool.end_leftovers)
        if dead:
            self._settle()
        await asyncio.to_thread(bench.machine.drop_folder, bench.folder)
        who = Introduction(
            agent_version=importlib.metadata.version("bitgauge"),
            boot_id=bench.machine.boot_id(),
            incarnation=self._incarnation,
            open_intents=tuple(intent.run_id for intent in intents),
            leftovers_dead=dead,
            machine=bench.machine.machine_id(),
            place=bench.machine.place_of(bench.folder.parent),
            host=bench.machine.host_name(),
        )
        # Results of an older epoch are accepted only until Register ends its lease.
        await bench.outbox.drain()
        await self._register(who)
        if not dead:
            who = await self._outlive(who)
            await self._register(who)
        for intent in intents:
            await asyncio.to_thread(spool.abandon, intent.run_id)
        await asyncio.to_thread(spool.collect)
        await self._work(who)

    async def _outlive(self, who: Introduction) -> Introduction:
        """Waits until every process of earlier agents is dead; the device is not free before."""
        self._say("A process of an earlier agent does not end; no new job until it does.")
        dead = False
        while not dead:
            await asyncio.sleep(_LEFTOVERS_S)
            _, dead = await asyncio.to_thread(self._bench.spool.end_leftovers)
        self._settle()
        return replace(who, leftovers_dead=True)

    async def _register(self, who: Introduction) -> None:
        connection, device = self._bench.connection, self._bench.device
        version = await self._let_in(who)
        self._outages = connection.outage.count
        runtimes = ", ".join(f"{one.name} {one.version}" for one in device.runtimes)
        self._say(
            f"Registered {device.name} ({device.processor_model or 'unknown CPU'};"
            f" {runtimes or 'no runtime'}) at {connection.outage.address}, version {version}."
        )

    async def _let_in(self, who: Introduction) -> str:
        """Registers; after a restart of the machine, once the last agent has been missed.

        Another agent with the same id is refused as long as the first is heard of, and the first
        is heard of for a while after a power cut.
        """
        connection, device, machine = (
            self._bench.connection,
            self._bench.device,
            self._bench.machine,
        )
        until_ns = machine.boottime_ns() + LONGEST_RESTART_S * 10**9
        while True:
            try:
                return await patiently(lambda: connection.register(device, who))
            except Refused as refused:
                fresh = machine.boottime_ns() < min(until_ns, _FRESH_BOOT_S * 10**9)
                if refused.code is not Code.AGENT_RUNNING or not fresh:
                    raise
            await asyncio.sleep(_RESTART_PAUSE_S)

    async def _work(self, who: Introduction) -> None:
        turns = self._bench.turns
        while True:
            if not await turns.take(_SIGN_OF_LIFE_S):
                await self._live_on(who)
                continue
            try:
                assignment = await self._acquire(who)
                if assignment is None:
                    continue
                await run_job(self._bench, assignment)
            finally:
                turns.give_back()
            await asyncio.to_thread(self._bench.spool.collect)
            if self._once:
                return

    async def _live_on(self, who: Introduction) -> None:
        """Says that the device lives, by registering again, and asks for nothing."""
        with contextlib.suppress(Unavailable):
            await self._bench.connection.register(self._bench.device, who)

    async def _acquire(self, who: Introduction) -> Assignment | None:
        """One long poll; after an outage, or when it is not known there, the device registers."""
        connection, device = self._bench.connection, self._bench.device
        if connection.outage.count != self._outages:
            await self._register(who)
        try:
            if await asyncio.to_thread(self._is_full):
                await self._live_on(who)
                await asyncio.sleep(_NO_ROOM_S)
                return None
            if await self._is_hindered():
                await asyncio.sleep(_NO_ROOM_S)
                return None
            assignment = await connection.acquire(
                device.device_id, self._incarnation, self._bench.turns.poll_ms
            )
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
        await self._register(who)
        return None

    async def _is_hindered(self) -> bool:
        """Whether the device can do no job now; nothing is said for it, so it is missed."""
        why = await asyncio.to_thread(self._hindered)
        if why != self._hindrance:
            self._say(why or "It can be measured again.")
        self._hindrance = why
        return why is not None

    def _may_register_again(self, error: BitgaugeError) -> bool:
        """Whether the coordinator's not knowing this agent can be put right.

        A registration that a dead predecessor sent may arrive after ours. A second agent for
        one device sends its own again: of two that displace each other, one ends.
        """
        if error.code is Code.UNKNOWN_DEVICE:
            return True
        now_ns = self._bench.machine.boottime_ns()
        before_ns, self._displaced_ns = self._displaced_ns, now_ns
        lately = before_ns is not None and now_ns - before_ns < _DISPLACED_NS
        return error.code is Code.LEASE_LOST and not lately


Arrivals = AsyncGenerator[tuple[str, Served], None]
"""Further devices by their names, as they come."""


async def serve_each(
    served: Mapping[str, Served], say: Callable[[str], None], arrivals: Arrivals | None = None
) -> None:
    """Serves devices side by side until each has ended; what ends one leaves the others alone.

    Args:
        served: the devices by their names.
        say: prints one line for a device that ended while another goes on.
        arrivals: devices that come meanwhile; they are served like the others.

    Raises:
        Exception: what ended one of them.
    """
    tasks = {asyncio.create_task(one.run()): name for name, one in served.items()}
    running = set(tasks)
    failed: BaseException | None = None
    coming = _next(arrivals)
    try:
        while running:
            wanted = {*running, *({coming} if coming else ())}
            done, _ = await asyncio.wait(wanted, return_when=asyncio.FIRST_COMPLETED)
            if coming is not None and coming in done:
                if (error := coming.exception()) is not None:
                    say(f"No further device is looked for: {error}")
                    coming = None
                else:
                    name, one = coming.result()
                    task = asyncio.create_task(one.run())
                    tasks[task] = name
                    running.add(task)
                    coming = _next(arrivals)
            ended = running & done
            running -= ended
            for task in ended:
                failed = task.exception() or failed
                if task.exception() is not None and running:
                    say(f"{tasks[task]} is not served any more: {task.exception()}")
    finally:
        if coming is not None:
            await end_task(coming)
        for task in tasks:
            await end_task(task)
    if failed is not None:
        raise failed


def _next(arrivals: Arrivals | None) -> asyncio.Task[tuple[str, Served]] | None:
    return None if arrivals is None else asyncio.create_task(arrivals.__anext__())


async def run_job(bench: Bench, assignment: Assignment) -> None:
    """One assignment from its lease to its last acknowledgement.

    Measures under the lease until done, cancelled, lost or out of time.
    """
    job = f"Job {assignment.job_id}"
    count = sum(not entry.accepted for entry in assignment.entries)
    bench.say(f"{job}, epoch {assignment.epoch}: {count} entries to measure.")
    keeper = LeaseKeeper(assignment, bench.connection.renew, bench.say, bench.machine.boottime_ns)
    executor = Executor(bench, assignment, keeper)
    keeping = asyncio.create_task(keeper.keep())
    working = asyncio.create_task(_finish(bench, executor))
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
        bench.say(f"{job}: done.")
        return
    if keeping in done:
        why = {"cancel": "cancelled by its user"}.get(keeper.verdict, "its lease has passed on")
        bench.say(f"{job}: stopped, {why}.")
    else:
        bench.say(f"{job}: stopped after {assignment.deadline_s} s.")
        await executor.give_up(_deadline(assignment))
    await bench.outbox.drain()


async def _finish(bench: Bench, executor: Executor) -> None:
    await executor.run()
    await bench.outbox.drain()


def _deadline(assignment: Assignment) -> Failure:
    return Failure(
        FailureGroup.ARTIFACT,
        "deadline",
        f"The job was not done after the {assignment.deadline_s} s that it was given.",
        "Submit it with a longer deadline, or with fewer entries.",
    )
