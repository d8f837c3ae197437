"""A small lab for tests of a store: one clock, devices, agents and jobs in few words."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    FailureGroup,
    ModelClass,
    PassName,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RawRef, RunReport
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms, Registration

from . import values
from .values import device, digest

SECOND_NS = 1_000_000_000
TERMS = LeaseTerms()


BASELINE, INT8, INT4 = digest("fp32"), digest("int8"), digest("int4")
ENTRIES = (Entry("fp32"), Entry("int8-dynamic", INT8), Entry("int4-wo-b32", INT4))


def spec(**changes: Any) -> JobSpec:
    return values.job(
        **{"model_name": "digits_cnn", "baseline": BASELINE, "entries": ENTRIES} | changes
    )


def failure(group: FailureGroup = FailureGroup.ARTIFACT, message: str = "it crashed") -> Failure:
    return Failure(group, "child_crashed", message, "Look at the log.")


METRICS = (
    MetricValue("latency_ratio", 0.5, 0.48, 0.52, n=60, verdict="FASTER", difference="detected"),
    MetricValue("energy_mj", reason="no_sensor", flags=("shared",)),
)


@dataclass
class Lab:
    """A store, its clock, and what every test does with it."""

    store: Store
    now_ns: int = 1_000 * SECOND_NS
    tokens: dict[tuple[str, int], bytes] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)

    def register(
        self, what: DeviceDescription | None = None, incarnation: str = "i1", dead: bool = True
    ) -> tuple[str, ...]:
        registration = Registration(what or device(), "0.1.0", "boot", incarnation, dead)
        return self.store.register(registration, self.now_ns)

    def submit(self, what: JobSpec | None = None, submitted_by: str = "") -> str:
        job_id = str(uuid.UUID(int=next(self.numbers)))
        self.wait(1)
        found, _ = self.store.submit(
            job_id, what or spec(), ModelClass.CNN, now_ns=self.now_ns, submitted_by=submitted_by
        )
        return found

    def claim(
        self, job_id: str, name: str = "rpi5", terms: LeaseTerms = TERMS
    ) -> Assignment | None:
        token = uuid.uuid4().bytes
        who = device(name).device_id
        assignment = self.store.claim(job_id, who, token, now_ns=self.now_ns, terms=terms)
        if assignment:
            self.tokens[job_id, assignment.epoch] = token
        return assignment

    def claimed(self, job_id: str, name: str = "rpi5", terms: LeaseTerms = TERMS) -> Assignment:
        assignment = self.claim(job_id, name, terms)
        assert assignment is not None
        return assignment

    def renew(self, lease: Assignment, hold_s: float = 0) -> str:
        return self.store.renew(
            lease.job_id,
            lease.epoch,
            lease.lease_token,
            progress=None,
            hold_ns=round(hold_s * SECOND_NS),
            now_ns=self.now_ns,
            terms=TERMS,
        )

    def told(self, lease: Assignment, index: int, **changes: Any) -> RunReport:
        plain = {
            "started_unix_ns": self.now_ns,
            "ended_unix_ns": self.now_ns + SECOND_NS,
            "fingerprint": "stack-1",
            "raw": (
                RawRef(PassName.PAIR, 0, RawRole.BOTH, digest(f"{lease.epoch}/{index}/0")),
                RawRef(PassName.MEMORY, 1, RawRole.CANDIDATE, digest(f"{lease.epoch}/{index}/1")),
            ),
        }
        return values.report(lease, index, **(plain | changes))

    def report(
        self, lease: Assignment, index: int, terms: LeaseTerms = TERMS, **changes: Any
    ) -> Disposition:
        return self.store.report(self.told(lease, index, **changes), self.now_ns, terms)

    def report_failure(
        self, lease: Assignment, index: int, group: FailureGroup, terms: LeaseTerms = TERMS
    ) -> Disposition:
        return self.report(
            lease, index, terms, status=RunStatus.FAILED, raw=(), failure=failure(group)
        )

    def analyse(self, version: int = 1) -> None:
        for run in self.store.unanalysed():
            self.store.analysed(run, version, METRICS, self.now_ns)

    def job(self, job_id: str) -> JobView:
        return self.store.job(job_id)

    def measured(self, what: JobSpec | None = None, name: str = "rpi5") -> str:
        job_id = self.submit(what)
        lease = self.claimed(job_id, name)
        for entry in lease.entries:
            self.wait(1)
            self.report(lease, entry.index, device_id=device(name).device_id)
        self.analyse()
        return job_id
