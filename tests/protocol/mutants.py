"""Production with one protection taken out, each time together with its twin guard.

Every mutant breaks production from outside, by another class or a patched function; production
knows no switch for it. The simulator has to notice each within a few seeds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.execution.turns import Turns
from bitgauge.agents.storage.spool import Intent, Spool
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, JobState
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.coordinator.decisions import jobs
from bitgauge.coordinator.decisions.job_now import TRANSITIONS, JobEvent
from bitgauge.coordinator.lab.leases import Leases
from bitgauge.coordinator.store.jobs import leases
from bitgauge.coordinator.store.sql import database

from .agent_side import AgentParts, SimConnection
from .simulate import Made
from .world import Weather

Patch = Callable[[], "contextlib.AbstractContextManager[object]"]
HARSH = Weather(
    ends_s=80.0, crash=0.01, lost=0.1, doubled=0.2, late=0.1, orphan=0.5, freeze=0.01, kill=0.01
)
PLAIN = Made()
NO_INDEX = "DROP INDEX one_accepted_run_per_entry"


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken, and which sentence of the simulator says so.

    Attributes:
        name: the protection that is missing, and its twin.
        caught_by: part of the violation that it leads to.
        patch: breaks production while it lasts.
        made: who lives in the world.
        weather: in which it shows soon.
        since: the seed that showed it last; the search begins there, and goes on when the program
            has changed what a seed does.
    """

    name: str
    caught_by: str
    patch: Patch = contextlib.nullcontext
    made: Made = PLAIN
    weather: Weather = HARSH
    since: int = 0


# -- the coordinator's side ---------------------------------------------------------------
_judge = jobs.judge


def _judge_any(**facts: Any) -> tuple[Disposition, EntryState]:
    """Neither the fence nor the state of the entry counts."""
    return _judge(**(facts | {"live": True, "entry": EntryState.READY}))


def _judge_any_epoch(**facts: Any) -> tuple[Disposition, EntryState]:
    """The fence does not count."""
    return _judge(**(facts | {"live": True}))


def _judge_any_entry(**facts: Any) -> tuple[Disposition, EntryState]:
    """What is settled may be settled again."""
    return _judge(**(facts | {"entry": EntryState.READY}))


_settled_again = dict(TRANSITIONS.table) | {
    (state, JobEvent.SETTLE): JobState.ANALYSING
    for state in (JobState.ANALYSING, JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)
}


@contextlib.contextmanager
def _without_fence() -> Iterator[None]:
    with (
        mock.patch.object(jobs, "judge", _judge_any),
        mock.patch.object(TRANSITIONS, "table", _settled_again),
    ):
        yield


_assignment = leases._assignment


def _nothing_accepted(*args: Any, **named: Any) -> Assignment:
    """An assignment that says of no entry that it is settled, so that all are measured again."""
    plain = _assignment(*args, **named)
    return replace(plain, entries=tuple(replace(one, accepted=False) for one in plain.entries))


@contextlib.contextmanager
def _measured_again() -> Iterator[None]:
    with (
        mock.patch.object(jobs, "judge", _judge_any_entry),
        mock.patch.object(leases, "_assignment", _nothing_accepted),
    ):
        yield


async def _acknowledge_first(self: Leases, report: RunReport) -> Disposition:
    """Answers, and stores a little later."""
    now_ns = self.writer.now_ns()

    async def store() -> None:
        await asyncio.sleep(0.5)
        with contextlib.suppress(Exception):
            await self.writer.change(lambda store: store.report(report, now_ns, self.terms))

    asyncio.create_task(store())  # noqa: RUF006
    return Disposition.ACCEPTED


_fetch = database.fetch


def _never_busy(connection: Any, sql: str, values: Any = ()) -> Any:
    """A device that holds a lease counts as free."""
    return [] if sql.startswith("SELECT 1 FROM leases") else _fetch(connection, sql, values)


# -- the agent's side ---------------------------------------------------------------------
class MemorySpool(Spool):
    """No outbox: reports are remembered, and nothing is written."""

    def put_report(self, report: RunReport) -> None:
        self._memory = {**self._remembered(), report.run_id: report}

    def reports(self) -> list[RunReport]:
        return list(self._remembered().values())

    def acknowledge(self, run_id: str) -> None:
        self._memory = {k: v for k, v in self._remembered().items() if k != run_id}
        self.abandon(run_id)

    def _remembered(self) -> dict[str, RunReport]:
        return getattr(self, "_memory", {})


class ForgettingConnection(SimConnection):
    """Does not look whether a report is in the spool when it leaves: the twin guard is off."""

    def require_spooled(self, report: RunReport) -> None:
        pass


_send = Outbox._send


async def _acknowledged_before_sent(self: Outbox, report: RunReport) -> None:
    """Removes the report, then sends it."""
    await asyncio.to_thread(self._spool.acknowledge, report.run_id)
    await _send(self, report)


class LateIntent(Spool):
    """Writes the intent when the child is there already."""

    def begin(self, run_id: str, job_id: str, epoch: int, entry_index: int) -> Intent:
        with mock.patch.object(self, "_write"):
            return super().begin(run_id, job_id, epoch, entry_index)


class Careless(Spool):
    """Leaves the processes of older agents alone."""

    def end_leftovers(self) -> tuple[list[Intent], bool]:
        with mock.patch.object(self._machine, "end", return_value=True):
            return super().end_leftovers()


class Unsynced(Spool):
    """Trusts the page cache with what an older agent wrote last."""

    def end_leftovers(self) -> tuple[list[Intent], bool]:
        with mock.patch.object(self._machine, "sync"):
            return super().end_leftovers()


def _agent(spool: type[Spool] = Spool, line: type[SimConnection] = SimConnection) -> Made:
    return Made(agent=AgentParts(spool=spool, line=line))


TWO_DEVICES = Made(agent=AgentParts(second_device=1.0))


async def _at_any_time(self: Turns, patience_s: float) -> bool:
    """It is everybody's turn."""
    return True


@contextlib.contextmanager
def _without_turns() -> Iterator[None]:
    with mock.patch.object(Turns, "take", _at_any_time), mock.patch.object(Turns, "give_back"):
        yield


async def _take_unsettled(self: Turns) -> bool:
    """The past of the other devices does not count."""
    return await self._lock.acquire()


MUTANTS = (
    Mutant(
        "fence, with the state of the entry and the unique index",
        "accepted 2 times",
        _without_fence,
        Made(schema=(NO_INDEX,), watches_epochs=False),
        since=130,
    ),
    Mutant(
        "fence alone",
        "accepted at epoch",
        lambda: mock.patch.object(jobs, "judge", _judge_any_epoch),
        since=73,
    ),
    Mutant(
        "unique index, with the state of the entry and the list of what is accepted",
        "accepted 2 times",
        _measured_again,
        Made(schema=(NO_INDEX,)),
        since=41,
    ),
    Mutant(
        "acknowledgement after the commit",
        "was acknowledged as accepted and is None",
        lambda: mock.patch.object(Leases, "report", _acknowledge_first),
        since=10,
    ),
    Mutant(
        "one lease per device, in the claim and in the index",
        "two active leases",
        lambda: mock.patch.object(leases, "fetch", _never_busy),
        Made(schema=("DROP INDEX one_active_lease_per_device",)),
    ),
    Mutant("outbox", "is reported before it is spooled", made=_agent(MemorySpool)),
    Mutant(
        "outbox, unseen when the report leaves",
        "was measured and is lost",
        made=_agent(MemorySpool, ForgettingConnection),
        since=41,
    ),
    Mutant(
        "report kept until it is acknowledged, unseen when the report leaves",
        "was in the spool",
        lambda: mock.patch.object(Outbox, "_send", _acknowledged_before_sent),
        _agent(line=ForgettingConnection),
    ),
    Mutant("intent before the child", "without an intent", made=_agent(LateIntent)),
    Mutant(
        "end of leftovers",
        "two children measure",
        made=_agent(Careless),
        weather=replace(HARSH, crash=0.03, orphan=1.0, lost=0.0, late=0.0),
    ),
    Mutant(
        "one job at a time on a host", "two children measure", _without_turns, TWO_DEVICES, since=10
    ),
    Mutant(
        "end of the leftovers of every device of a host",
        "two children measure",
        lambda: mock.patch.object(Turns, "_take", _take_unsettled),
        TWO_DEVICES,
        replace(HARSH, crash=0.03, orphan=1.0, lost=0.0, late=0.0),
        since=10,
    ),
    Mutant(
        "sync of what a dead agent wrote",
        "before it is spooled",
        made=_agent(Unsynced),
        weather=replace(HARSH, crash=0.05, power=0.0, lost=0.0, late=0.0, freeze=0.0, kill=0.0),
        since=22,
    ),
)
