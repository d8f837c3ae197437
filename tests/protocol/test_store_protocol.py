"""Leases and results under every order of events that hypothesis can think of.

The rules hold whatever is lost, doubled or late: an accepted run is never taken back, one
(job, entry) is accepted at most once, a report always gets its first answer, and a job that is
left alone with a working agent ends.
"""

import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.coordinator.decisions.job_now import ENDED, SETTLED
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from tests.labs.store import ENTRIES, METRICS, Lab, failure, spec
from tests.labs.values import device

NAMES = ("rpi5", "nano")
FAILURES = st.sampled_from(list(FailureGroup))
TERMS = LeaseTerms(max_attempts=3)


@dataclass(frozen=True)
class Held:
    lease: Assignment
    device: str


class Protocol(RuleBasedStateMachine):
    """Two devices, a few jobs, and messages that arrive in any order, or never, or twice."""

    leases: Bundle[Held] = Bundle("leases")
    reports: Bundle[RunReport] = Bundle("reports")

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab(Store.open(":memory:"))
        self.lives = Counter[str]()
        for name in NAMES:
            self.lab.register(device(name), incarnation="0")
        self.jobs: list[str] = []
        self.answers: dict[str, Disposition] = {}
        self.accepted: dict[tuple[str, int], str] = {}

    def teardown(self) -> None:
        self.drain()
        self.lab.store.close()

    # -- what happens ---------------------------------------------------------------------
    @precondition(lambda self: len(self.jobs) < 3)
    @rule()
    def submit(self) -> None:
        self.jobs.append(self.lab.submit(spec(deadline_s=100_000)))

    @precondition(lambda self: self.lab.store.queued())
    @rule(target=leases, name=st.sampled_from(NAMES), which=st.integers(0, 2))
    def claim(self, name: str, which: int) -> Any:
        queued = self.lab.store.queued()
        before = queued[which % len(queued)][0]
        lease = self.lab.claim(before.job_id, name, TERMS)
        if lease is None:
            return multiple()
        assert lease.epoch == before.epoch + 1
        return Held(lease, name)

    @precondition(lambda self: self.lab.store.queued())
    @rule(target=leases, index=st.integers(0, len(ENTRIES) - 1), group=st.none() | FAILURES)
    def attempt(self, index: int, group: FailureGroup | None) -> Any:
        """An agent that measures one entry of a job, reports it, and vanishes."""
        self.lab.wait(61)
        self.lab.store.expire(self.lab.now_ns)
        lease = self.lab.claimed(self.lab.store.queued()[0][0].job_id, terms=TERMS)
        held = Held(lease, "rpi5")
        self.deliver(self.measure(held, index, group))
        return held

    @rule(seconds=st.sampled_from([1, 30, 59, 61]))
    def wait(self, seconds: int) -> None:
        self.lab.wait(seconds)
        self.lab.store.expire(self.lab.now_ns)

    @rule(held=leases)
    def renew(self, held: Held) -> None:
        answer = self.lab.renew(held.lease)
        job = self.lab.job(held.lease.job_id)
        if answer == "ok":
            assert job.state is JobState.LEASED
            assert job.epoch == held.lease.epoch
        if answer == "cancel":
            assert job.state is JobState.CANCELLED

    @rule(
        target=reports,
        held=leases,
        index=st.integers(0, len(ENTRIES) - 1),
        group=st.none() | FAILURES,
    )
    def report_later(self, held: Held, index: int, group: FailureGroup | None) -> RunReport:
        return self.measure(held, index, group)

    def measure(self, held: Held, index: int, group: FailureGroup | None) -> RunReport:
        told = self.lab.told(held.lease, index, device_id=device(held.device).device_id)
        if group is None:
            return told
        return replace(told, status=RunStatus.FAILED, raw=(), failure=failure(group))

    @rule(told=reports)
    def deliver(self, told: RunReport) -> None:
        """A report arrives; it stays in the outbox, so it may come again at any time."""
        before = self.lab.job(told.job_id)
        fresh = told.run_id not in self.answers
        answer = self.lab.store.report(told, self.lab.now_ns, TERMS)
        assert answer is self.answers.setdefault(told.run_id, answer)
        if not fresh:
            return
        waiting = before.entries[told.entry_index].state is EntryState.READY
        current = before.epoch == told.epoch and before.state not in ENDED
        assert (answer is not Disposition.STALE) == (waiting and current)
        if answer is Disposition.ACCEPTED:
            place = (told.job_id, told.entry_index)
            assert self.accepted.setdefault(place, told.run_id) == told.run_id

    @rule(told=consumes(reports))
    def acknowledge(self, told: RunReport) -> None:
        self.deliver(told)

    @rule(name=st.sampled_from(NAMES), dead=st.booleans())
    def restart(self, name: str, dead: bool) -> None:
        self.lives[name] += 1
        self.lab.register(device(name), incarnation=str(self.lives[name]), dead=dead)

    @rule(name=st.sampled_from(NAMES))
    def ask_for_work(self, name: str) -> None:
        self.lab.store.acquiring(device(name).device_id, str(self.lives[name]), self.lab.now_ns)

    @rule(which=st.integers(0, 2))
    def cancel(self, which: int) -> None:
        if which < len(self.jobs) and self.lab.job(self.jobs[which]).state not in ENDED:
            job = self.lab.store.cancel(self.jobs[which], "not wanted", self.lab.now_ns)
            assert job.state in (JobState.CANCELLED, JobState.LEASED)

    @rule()
    def analyse_one(self) -> None:
        for run in self.lab.store.unanalysed()[:1]:
            self.lab.store.analysed(run, 1, METRICS, self.lab.now_ns)

    # -- what always holds ----------------------------------------------------------------
    @invariant()
    def nothing_accepted_is_lost_or_doubled(self) -> None:
        found: dict[tuple[str, int], str] = {}
        for job_id in self.jobs:
            for run in self.lab.store.runs(job_id):
                assert self.answers[run.run_id] is run.disposition
                if run.disposition is Disposition.ACCEPTED:
                    assert (job_id, run.entry_index) not in found
                    found[job_id, run.entry_index] = run.run_id
        assert found == self.accepted

    @invariant()
    def states_agree(self) -> None:
        holders = Counter(view.job_id for view in self.lab.store.devices(self.lab.now_ns, TERMS))
        for job_id in self.jobs:
            job = self.lab.job(job_id)
            open_entries = [entry for entry in job.entries if entry.state not in SETTLED]
            assert holders[job_id] == (1 if job.state is JobState.LEASED else 0)
            assert bool(open_entries) == (job.state in (JobState.QUEUED, JobState.LEASED))
            for entry in job.entries:
                retries = [
                    run
                    for run in self.lab.store.runs(job_id)
                    if run.entry_index == entry.index and run.disposition is Disposition.RETRY
                ]
                assert len(retries) < TERMS.max_attempts

    def drain(self) -> None:
        """Left alone with one agent that works, every job ends."""
        self.lab.wait(10_000)
        self.lab.store.expire(self.lab.now_ns)
        self.lab.register(device("rpi5"), incarnation=str(uuid.uuid4()))
        for job, _ in self.lab.store.queued():
            lease = self.lab.claimed(job.job_id, terms=TERMS)
            for entry in lease.entries:
                if not entry.accepted:
                    answer = self.lab.report(lease, entry.index, TERMS)
                    assert answer is Disposition.ACCEPTED
        self.lab.analyse()
        for job_id in self.jobs:
            job = self.lab.job(job_id)
            assert job.state in ENDED
            assert EntryState.READY not in {entry.state for entry in job.entries}


Protocol.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestProtocol = Protocol.TestCase
