"""The coordinator: production's `Coordinator`, `Dispatcher` and `Store`, again and again.

The database is in memory and outlives its process, as a file does: a crash inside a
transaction rolls back, a crash after COMMIT keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence

from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef
from bitgauge.coordinator.decisions.submission import Answers, Inspection, Takes
from bitgauge.coordinator.lab.assemble import Lab, assemble
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.models.chains import Chain, Link
from bitgauge.coordinator.store.sql.steps import migrate
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, LeaseTerms
from bitgauge.coordinator.store.writer import Writer
from sqlite_utils import Database

from .loop import Process
from .network import Network
from .world import WALL_EPOCH_S, World

SECOND_NS = 1_000_000_000
TERMS = LeaseTerms(
    ttl_ns=20 * SECOND_NS, renew_every_ns=5 * SECOND_NS, unreachable_after_ns=10 * SECOND_NS
)
METRICS = (MetricValue("latency_ratio", 0.5, 0.48, 0.52, n=60),)


class WatchedStore(Store):
    """A store whose process may die around each COMMIT, and whose every commit is checked."""

    def __init__(self, connection: sqlite3.Connection, world: World) -> None:
        super().__init__(
            connection,
            "the store",
            Database(connection, recursive_triggers=False, execute_plugins=False),
        )
        self._world = world

    @contextlib.contextmanager
    def writing(self, doing: str) -> Iterator[Database]:
        with super().writing(doing) as db:
            yield db
            self._world.step(f"{doing}, before the commit")
        if doing in ("leasing a job", "renewing a lease"):
            self._one_lease_per_device()
        elif doing == "recording a run":
            self._accepted_under_the_newest_epoch()
        self._world.step(f"{doing}, committed")

    def _one_lease_per_device(self) -> None:
        several = self._connection.execute(
            "SELECT device_id FROM leases WHERE active = 1 GROUP BY device_id HAVING count(*) > 1"
        ).fetchall()
        if several:
            raise self._world.violated(f"two active leases of device {several[0][0]}")

    def _accepted_under_the_newest_epoch(self) -> None:
        position, run_id, disposition, epoch, newest, accepted = self._connection.execute(
            """SELECT r.position, r.run_id, r.disposition, r.epoch, j.epoch,
                 (SELECT count(*) FROM runs o WHERE o.job_id = r.job_id
                    AND o.entry_index = r.entry_index AND o.disposition = 'accepted')
               FROM runs r JOIN jobs j ON j.job_id = r.job_id
               ORDER BY r.position DESC LIMIT 1"""
        ).fetchone()
        if position == self._world.newest_run:
            return
        self._world.newest_run = position
        if disposition == "accepted" and epoch != newest and self._world.watches_epochs:
            raise self._world.violated(f"run {run_id} accepted at epoch {epoch}, not {newest}")
        if accepted > 1:
            raise self._world.violated(f"run {run_id}: its entry was accepted {accepted} times")


class Tasks:
    """What Ray does elsewhere, in a moment, and not always."""

    def __init__(self, world: World) -> None:
        self._world = world

    def toolchain(self, key: BuildKey) -> str:
        return "tools"

    def chain(self, recipe: str, artifact_kind: str, there: Sequence[str]) -> Chain:
        return Chain(there[0], (Link(there[0], artifact_kind),))

    def environment(self, key: BuildKey) -> str:
        return ""

    async def make_ready(self, environment: str) -> None:
        raise AssertionError("nothing is built in an environment here")

    async def inspect(self, spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        kinds = ("onnx",) * len(spec.entries)
        recipes = tuple(entry.recipe for entry in spec.entries)
        return Inspection(ModelClass.CNN, recipes, kinds, (None,) * len(recipes))

    async def build(self, key: BuildKey) -> BuildOutcome:
        await self._work(3.0)
        if key.recipe == "fp16":
            return BuildOutcome(None, "it has no FP16 kernels")
        return BuildOutcome(digest(f"{key.model.sha256}/{key.recipe}"))

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        await self._work(1.0)
        if self._world.chance(self._world.weather.bad_task / 4):
            raise BadInput(Code.BAD_ARGUMENT, "The raw file is damaged.")
        return Analysis(1, METRICS)

    async def _work(self, longest_s: float) -> None:
        await asyncio.sleep(self._world.rng.uniform(0.01, longest_s))
        if self._world.chance(self._world.weather.bad_task):
            raise Unavailable(Code.UNREACHABLE, "The task's node is gone.")


def digest(text: str) -> Digest:
    """A digest of its own for every text."""
    return Digest(hashlib.sha256(text.encode()).hexdigest(), len(text))


class Life:
    """One life of the coordinator's process; `lab` is there once it serves."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lab: Lab


class CoordinatorSide:
    """Starts coordinators one after the other on one database."""

    def __init__(self, world: World, network: Network, store: type[WatchedStore]) -> None:
        self._world = world
        self._network = network
        self._store = store
        self._jumped_ns = 0
        self.connection = _database()
        self.life: Life | None = None

    def now_ns(self) -> int:
        """The wall clock of its machine."""
        return round((WALL_EPOCH_S + self._world.loop.time()) * SECOND_NS) + self._jumped_ns

    def jump(self) -> None:
        """Somebody sets the clock."""
        rng = self._world.rng
        most_s = 3000 if rng.random() < 0.1 else 60
        self._jumped_ns += (jump_ns := round(rng.uniform(-most_s, most_s) * SECOND_NS))
        self._world.tell("coordinator", f"clock jumps by {jump_ns / SECOND_NS:+.1f} s")

    async def keep_running(self) -> None:
        """Starts it, again after each crash, for ever."""
        rng, loop = self._world.rng, self._world.loop
        while True:
            self.life = life = Life(Process("coordinator"))
            self._world.tell("coordinator", "starts")
            task = life.process.context.copy().run(loop.create_task, self._live(life))
            await life.process.until_end(task)
            if life.process.alive:
                raise self._world.violated(f"the coordinator ended: {task.exception()!r}")
            if self.connection.in_transaction:
                self.connection.rollback()
            self._network.cut_off()
            await asyncio.sleep(0.5 if self._world.calm else rng.expovariate(1 / 3))

    async def _live(self, life: Life) -> None:
        """What `CoordinatorActor._start` does, without Ray and gRPC."""
        writer = Writer(self.now_ns)
        await writer.open(lambda: self._store(self.connection, self._world))
        life.lab = assemble(writer, Tasks(self._world), TERMS)
        dispatcher = life.lab.dispatcher
        await dispatcher.refresh_leases()
        self._network.server = life
        dispatcher.start()
        await dispatcher.task


def _template() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection, "the store")
    return connection


_TEMPLATE: list[sqlite3.Connection] = []


def _database() -> sqlite3.Connection:
    """A new database with the newest schema; a copy is faster than the script."""
    if not _TEMPLATE:
        _TEMPLATE.append(_template())
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _TEMPLATE[0].backup(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
