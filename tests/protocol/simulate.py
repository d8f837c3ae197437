"""One seed from its weather to its verdict."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.coordinator.lab import loops as dispatch
from bitgauge.coordinator.store.jobs.runs import unanalysed

from .agent_side import AgentParts, AgentSide, record
from .coordinator_side import CoordinatorSide, WatchedStore, digest
from .loop import PROCESS, Process
from .network import Network
from .world import Violation, Weather, World, drawn_from

MOST_CALLBACKS = 400_000
LONGEST_CALM_S = 900.0
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Made:
    """Which classes live in the world; a mutant replaces some.

    Attributes:
        store: of the coordinator.
        agent: of each device.
        schema: statements that take something out of the schema.
        watches_epochs: whether an accepted run of an old epoch is a violation by itself.
    """

    store: type[WatchedStore] = WatchedStore
    agent: AgentParts = field(default_factory=AgentParts)
    schema: tuple[str, ...] = ()
    watches_epochs: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    violations: tuple[str, ...]
    story: str
    steps: int
    runs: int
    virtual_s: float


def simulate(
    seed: int, made: Made | None = None, weather: Weather | None = None, crash_at: int | None = None
) -> Outcome:
    """Plays one seed to its end.

    Args:
        seed: everything follows from it.
        made: who lives in the world; production's classes when not given.
        weather: the faults; drawn from the seed when not given.
        crash_at: the one step at which its process dies, see `World`.
    """
    world = World(seed, weather or Weather.drawn(random.Random(f"weather {seed}")), crash_at)
    made = made or Made()
    with (
        drawn_from(seed),
        mock.patch.object(importlib.metadata, "version", return_value="0"),
        mock.patch.object(dispatch, "LONGEST_TICK_S", 5.0),
        _log_in(world),
    ):
        lab = Lab(world, made)
        try:
            world.loop.run(lab.live(), MOST_CALLBACKS)
        except Violation:
            pass
        except RuntimeError as error:
            world.violated(str(error))
        runs = lab.coordinator.connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        lab.coordinator.connection.close()
    world.violations += world.loop.errors
    return Outcome(
        seed, tuple(world.violations), world.told(), world.steps, runs, world.loop.time()
    )


class Lab:
    def __init__(self, world: World, made: Made) -> None:
        self._world = world
        self._network = Network(world)
        world.watches_epochs = made.watches_epochs
        self.coordinator = CoordinatorSide(world, self._network, made.store)
        for statement in made.schema:
            self.coordinator.connection.execute(statement)
        count = world.rng.choice((1, 1, 2, 3))
        self._agents = [AgentSide(world, self._network, n, made.agent) for n in range(count)]

    async def live(self) -> None:
        """The bad days, then calm ones, then the questions."""
        world = self._world
        hosts = [asyncio.create_task(one.keep_running()) for one in self._agents]
        hosts.append(asyncio.create_task(self.coordinator.keep_running()))
        users = [asyncio.create_task(self._user(number)) for number in range(self._jobs())]
        background = asyncio.create_task(self._days())
        await self._until_calm()
        await self._calm_down(background)
        until = world.loop.time() + LONGEST_CALM_S
        while not world.violations and not self._quiet(users):
            if world.loop.time() > until:
                world.violated(f"not done after {LONGEST_CALM_S:g} calm seconds: {self._left()}")
            for one in (*hosts, *users):
                if one.done():
                    one.result()
            await asyncio.sleep(1.0)
        if not world.violations:
            self._judge()

    async def _until_calm(self) -> None:
        world = self._world
        for _ in range(int(world.weather.ends_s)):
            if world.violations:
                break
            await asyncio.sleep(1.0)

    def _jobs(self) -> int:
        return self._world.rng.choice((1, 1, 2, 3))

    async def _days(self) -> None:
        """Kills, freezes and clock jumps that come from outside."""
        world, weather = self._world, self._world.weather
        while True:
            await asyncio.sleep(1.0)
            for process in self._processes():
                if world.chance(weather.freeze):
                    until = world.loop.time() + world.rng.expovariate(1 / 10)
                    world.tell(process.name, f"FROZEN until {until:.1f}")
                    process.frozen_until = until
                if world.chance(weather.kill):
                    world.kill(process, "killed")
            for one in self._agents:
                if world.chance(weather.kill * weather.graceful):
                    await one.stop()
                if world.chance(weather.jump):
                    one.machine.jump()
            if world.chance(weather.jump):
                self.coordinator.jump()

    async def _calm_down(self, background: asyncio.Task[None]) -> None:
        self._world.tell("world", "calm from now on")
        self._world.calm = True
        background.cancel()
        for process in self._processes():
            process.frozen_until = 0.0

    def _processes(self) -> list[Process]:
        life = self.coordinator.life
        return [one.process for one in self._agents] + ([life.process] if life else [])

    # -- users ----------------------------------------------------------------------------
    async def _user(self, number: int) -> None:
        """Submits one job until it is taken, and may cancel it later."""
        world, rng = self._world, self._world.rng
        await asyncio.sleep(rng.uniform(0, 10))
        process = Process(f"user-{number}", mortal=False)
        spec = _spec(rng, number)
        task = process.context.copy().run(
            world.loop.create_task, self._submitted(process.name, spec)
        )
        job_id = await task
        world.tell(process.name, f"submitted {job_id}")
        world.submitted.append(job_id)
        if rng.random() < 0.15:
            await asyncio.sleep(rng.expovariate(1 / 20))
            world.tell(process.name, f"cancels {job_id}")
            await self._ask(process.name, "Cancel", lambda life: life.lab.jobs.cancel(job_id))

    async def _submitted(self, who: str, spec: JobSpec) -> str:
        core = "Submit"
        for one in (spec.baseline, spec.evaluation, *(e.artifact for e in spec.entries)):
            if one is not None:
                await self._ask(who, "Write", partial(record, one))
        while True:
            try:
                answer = await self._ask(who, core, lambda life: life.lab.jobs.submit(spec))
            except BitgaugeError as error:
                if error.code is not Code.NO_MATCHING_DEVICE:
                    raise
                await asyncio.sleep(1.0)
            else:
                return str(answer[0])

    async def _ask(self, who: str, method: str, handler: Any) -> Any:
        while True:
            try:
                return await self._network.call(who, method, handler, 10.0)
            except Unavailable:
                await asyncio.sleep(1.0)
            except BitgaugeError as error:
                if error.code is Code.JOB_ENDED:
                    return None
                raise

    # -- the questions --------------------------------------------------------------------
    def _ids(self, sql: str) -> list[Any]:
        return self.coordinator.connection.execute(sql).fetchall()

    def _left(self) -> str:
        states = [
            f"{job[:8]} {state}" for job, state in self._ids("SELECT job_id, state FROM jobs")
        ]
        waits = [name for one in self._agents for name in one.waits()]
        return ", ".join(states + waits)

    def _quiet(self, users: list[asyncio.Task[None]]) -> bool:
        if not all(one.done() for one in users) or self.coordinator.connection.in_transaction:
            return False
        if any(state not in ENDED for (state,) in self._ids("SELECT state FROM jobs")):
            return False
        if unanalysed(self.coordinator.connection):
            return False
        return not any(
            "intents/" in name or "reports/" in name for one in self._agents for name in one.waits()
        )

    def _judge(self) -> None:
        """Every promise, once everything has come to rest."""
        world = self._world
        for name in [name for one in self._agents for name in one.waits()]:
            world.violated(f"left in the spool of {name}")
        jobs = {job for (job,) in self._ids("SELECT job_id FROM jobs")}
        for job in world.submitted:
            if job not in jobs:
                world.violated(f"job {job} was acknowledged and is lost")
        stored = self._ids("SELECT run_id, disposition FROM runs")
        runs: dict[str, str] = dict(stored)
        for run, disposition in world.acknowledged.items():
            if runs.get(run) != disposition:
                world.violated(
                    f"run {run} was acknowledged as {disposition} and is {runs.get(run)}"
                )
        for run, name in world.spooled.items():
            if run not in runs:
                world.violated(f"run {run} was in the spool of {name} and is lost")
        self._judge_entries()

    def _judge_entries(self) -> None:
        rows = self._ids(
            """SELECT e.job_id, e.entry_index, e.state, j.state,
                 (SELECT count(*) FROM runs r WHERE r.job_id = e.job_id
                    AND r.entry_index = e.entry_index AND r.disposition = 'accepted'),
                 (SELECT count(*) FROM runs r WHERE r.job_id = e.job_id
                    AND r.entry_index = e.entry_index AND r.disposition = 'accepted'
                    AND r.analysis_version IS NOT NULL)
               FROM entries e JOIN jobs j ON j.job_id = e.job_id"""
        )
        for job, index, state, _ended, accepted, analysed in rows:
            where = f"entry {index} of job {job}, {state},"
            if state in ("ready", "building"):
                self._world.violated(f"{where} is not settled")
            if accepted > 1:
                self._world.violated(f"{where} has {accepted} accepted runs")
            if state == "accepted" and (accepted, analysed) != (1, 1):
                self._world.violated(f"{where} has {accepted} accepted, {analysed} analysed runs")
        active = self._ids("SELECT job_id FROM leases WHERE active = 1")
        if active:
            self._world.violated(f"a lease outlives its job: {active}")


@contextlib.contextmanager
def _log_in(world: World) -> Iterator[None]:
    """What production logs becomes part of the story."""

    class Teller(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            process = PROCESS.get()
            world.tell(process.name if process else "log", record.getMessage())

    logger, teller = logging.getLogger("bitgauge"), Teller()
    before = logger.propagate
    logger.addHandler(teller)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(teller)


def _spec(rng: random.Random, number: int) -> JobSpec:
    baseline = digest(f"baseline {number}")
    others = [
        Entry("int8-dynamic", digest(f"int8 {number}")),
        Entry("int4-wo-b32"),
        Entry("fp16"),
        Entry("fp32", baseline),
    ]
    return JobSpec(
        model_name=f"model-{number}",
        baseline=baseline,
        entries=(Entry("fp32"), *rng.sample(others, rng.randrange(3))),
        evaluation=digest("evaluation"),
        deadline_s=rng.choice((3600, 3600, 3600, 30)),
        idempotency_key=f"job-{number}",
    )
