"""A coordinator in this process: a real store in memory, and a task runner that is told what to
answer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

import pytest
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.enums import (
    ModelClass,
    PassName,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef, RunReport
from bitgauge.coordinator.decisions.care import CareTerms
from bitgauge.coordinator.decisions.submission import Answers, Inspection, Takes
from bitgauge.coordinator.lab import assemble
from bitgauge.coordinator.lab import builds as builds_module
from bitgauge.coordinator.lab import loops as dispatch
from bitgauge.coordinator.lab.alerts import Alerts
from bitgauge.coordinator.lab.health_check import HealthCheck
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.models.chains import Chain, Link
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, LeaseTerms, Registration
from bitgauge.coordinator.store.writer import Writer

from . import values
from .values import RECIPE

T = TypeVar("T")

PATIENCE_S = 60.0
"""For what comes within milliseconds on a quiet machine; only a failing test waits so long."""

SECOND_NS = 1_000_000_000
BASELINE = Digest("b" * 64, 1000)
EVALUATION = Digest("e" * 64, 500)
BUILT = Digest("c" * 64, 260)
ORDERED = Digest("d" * 64, 990)
REFERENCE = Digest("f" * 64, 90)
LATENCY = MetricValue("latency_ratio", 0.1 + 0.2, 0.2, 0.4, n=60)
DEVICE = values.bench()
SPEC = values.job(baseline=BASELINE, evaluation=EVALUATION, idempotency_key="k")


class FakeRunner:
    """What Ray's tasks would answer, at once; exceptions in `failures` are raised once each.

    Args:
        metrics: of every run.

    A baseline is in order unless `disorder` says what is not.
    """

    def __init__(self, *metrics: MetricValue) -> None:
        self.failures: list[BitgaugeError] = []
        self.built: list[BuildKey] = []
        self.analysed: list[RunFacts] = []
        self.references: set[Digest | None] = set()
        self.metrics = metrics or (LATENCY,)
        self.disorder: tuple[str, ...] = ()
        self.unanswered: tuple[tuple[Digest, str], ...] = ()
        self.answers: dict[Digest, Digest | str] = {}

    def toolchain(self, key: BuildKey) -> str:
        return "tool 1"

    def chain(self, recipe: str, artifact_kind: str, there: Sequence[str]) -> Chain:
        return Chain(there[0], (Link(there[0], artifact_kind),))

    def environment(self, key: BuildKey) -> str:
        return ""

    async def make_ready(self, environment: str) -> None:
        raise AssertionError("nothing is built in an environment here")

    async def inspect(self, spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        self._fail()
        if self.disorder and spec.original is None:
            return Inspection(ModelClass.OTHER, disorder=self.disorder)
        if self.unanswered and not answers:
            return Inspection(ModelClass.OTHER, unanswered=self.unanswered)
        self.answers.update(answers)
        recipes = tuple(entry.recipe or RECIPE for entry in spec.entries)
        kinds = tuple(entry.artifact_kind or "onnx" for entry in spec.entries)
        return Inspection(ModelClass.CNN, recipes, kinds, (None,) * len(recipes))

    async def build(self, key: BuildKey) -> BuildOutcome:
        await asyncio.sleep(0)
        if key.recipe == "reference":
            return BuildOutcome(REFERENCE)
        if key.recipe.split()[0] == "order":
            self.built.append(key)
            return BuildOutcome(ORDERED, notes=self.disorder)
        self._fail()
        self.built.append(key)
        if key.recipe == "answers":
            return BuildOutcome(REFERENCE)
        return BuildOutcome(BUILT)

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        self._fail()
        self.references.add(reference)
        self.analysed.append(facts)
        return Analysis(1, self.metrics)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


class Clock:
    """Time stands still unless it is moved."""

    now_ns = 1_700_000_000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns


class Lab:
    """Everything a test touches: the parts of a lab, what feeds them, and an agent's ways."""

    def __init__(self, parts: assemble.Lab, runner: FakeRunner, clock: Clock) -> None:
        self.parts = parts
        self.runner = runner
        self.clock = clock
        self.writer, self.dispatcher = parts.writer, parts.dispatcher
        self.leases, self.jobs, self.care = parts.leases, parts.jobs, parts.care
        self.incarnation = "one"

    async def ask(self, work: Callable[[Store], T]) -> T:
        return await self.writer.call(work)

    async def table(self) -> tuple[TableRow, ...]:
        return await self.ask(lambda store: store.rows(TableQuery()))

    async def listed(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        return await self.writer.ask(lambda store: self.jobs.listed(store, limit, active_only))

    async def register(self, device: DeviceDescription = DEVICE) -> None:
        registration = Registration(device, "1", "boot", self.incarnation, leftovers_dead=True)
        await self.leases.register(registration)

    async def acquire(self, wait_s: float = 5.0) -> Assignment | None:
        lease = await self.leases.acquire(DEVICE.device_id, self.incarnation, wait_s)
        if lease is not None:
            now_ns = self.clock()
            await self.ask(lambda store: store.record_blob(raw_of(lease), now_ns))
        return lease

    async def submitted(self, spec: JobSpec = SPEC) -> str:
        await self.register()
        return (await self.jobs.submit(spec))[0]

    async def claimed(self) -> Assignment:
        assignment = await self.acquire()
        assert assignment is not None
        return assignment

    async def until(self, job_id: str, wanted: Callable[[JobView], bool]) -> JobView:
        async def look() -> JobView:
            async for view in self.jobs.watch(job_id):
                if wanted(view):
                    return view
            raise AssertionError("the job ended otherwise")

        return await asyncio.wait_for(look(), PATIENCE_S)


@contextlib.asynccontextmanager
async def open_lab(
    monkeypatch: pytest.MonkeyPatch,
    care_terms: CareTerms | None = None,
    check: HealthCheck | None = None,
    webhook: str | None = None,
) -> AsyncIterator[Lab]:
    """A lab whose background loops run fast; an attempt at the webhook takes 0.3 s at most."""
    monkeypatch.setattr(dispatch, "PAUSE_S", 0.01)
    monkeypatch.setattr(builds_module, "PAUSE_S", 0.01)
    monkeypatch.setattr(dispatch, "LONGEST_TICK_S", 0.01)
    clock = Clock()
    writer, runner = Writer(clock), FakeRunner()
    await writer.open(lambda: Store.open(":memory:"))
    parts = assemble.assemble(writer, runner, LeaseTerms(), care=care_terms, check=check)
    for digest in (BASELINE, EVALUATION):
        await writer.call(lambda store, one=digest: store.record_blob(one, clock()))  # type: ignore[misc]
    alerts = [Alerts(writer, webhook, timeout_s=0.3).run] if webhook else []
    await parts.dispatcher.refresh_leases()
    parts.dispatcher.start(*alerts)
    lab = Lab(parts, runner, clock)
    try:
        yield lab
    finally:
        await parts.dispatcher.stop()
        await writer.close()


def raw_of(lease: Assignment) -> Digest:
    """The one raw file that is made under a lease."""
    return Digest(hashlib.sha256(f"{lease.job_id}/{lease.epoch}".encode()).hexdigest(), 10)


def report_of(
    assignment: Assignment, index: int, status: RunStatus = RunStatus.MEASURED
) -> RunReport:
    raw = (RawRef(PassName.PAIR, 0, RawRole.BOTH, raw_of(assignment)),)
    return values.report(assignment, index, status=status, device_id=DEVICE.device_id, raw=raw)
