"""A small lab for tests of a store: one clock, devices, agents and jobs in few words."""

import itertools
import uuid
from dataclasses import dataclass, field, replace

from bitgauge.agents.runtimes import ort
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    FailureGroup,
    HardwareClass,
    ModelClass,
    PassName,
    RawRole,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RawRef, RunReport
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms, Registration

SECOND_NS = 1_000_000_000
TERMS = LeaseTerms()


def digest(text: str) -> Digest:
    return Digest((text.encode().hex() + "0" * 64)[:64], len(text))


BASELINE, INT8, INT4 = digest("fp32"), digest("int8"), digest("int4")
ENTRIES = (Entry("fp32"), Entry("int8-dynamic", INT8), Entry("int4-wo-b32", INT4))


def runtime(**changes: object) -> RuntimeDescription:
    plain = RuntimeDescription(
        "onnxruntime",
        "1.31.0",
        fingerprint="stack-1",
        artifact_kinds=ort.TRAITS.artifact_kinds,
        options=ort.TRAITS.options,
        exact_options=ort.TRAITS.exact_options,
        capabilities=ort.TRAITS.capabilities,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def device(name: str = "rpi5", **changes: object) -> DeviceDescription:
    plain = DeviceDescription(
        device_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        name=name,
        hardware_class=HardwareClass.CPU_ONLY,
        realness=Realness.PHYSICAL,
        architecture="x86_64",
        processor_model="a processor",
        isa_flags=("avx2",),
        core_count=4,
        memory_bytes=8 << 30,
        kernel_release="6.1",
        runtimes=(runtime(),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def spec(**changes: object) -> JobSpec:
    plain = JobSpec("digits_cnn", BASELINE, ENTRIES, evaluation=digest("evaluation"))
    return replace(plain, **changes)  # type: ignore[arg-type]


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
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)

    def register(
        self, what: DeviceDescription | None = None, incarnation: str = "i1", dead: bool = True
    ) -> tuple[str, ...]:
        registration = Registration(what or device(), "0.1.0", "boot", incarnation, dead)
        return self.store.register(registration, self.now_ns)

    def submit(self, what: JobSpec | None = None) -> str:
        job_id = str(uuid.UUID(int=next(self.numbers)))
        self.wait(1)
        found, _ = self.store.submit(job_id, what or spec(), ModelClass.CNN, now_ns=self.now_ns)
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

    def told(self, lease: Assignment, index: int, **changes: object) -> RunReport:
        plain = RunReport(
            run_id=run_id(lease.job_id, lease.epoch, index),
            job_id=lease.job_id,
            epoch=lease.epoch,
            lease_token=lease.lease_token,
            entry_index=index,
            status=RunStatus.MEASURED,
            started_unix_ns=self.now_ns,
            ended_unix_ns=self.now_ns + SECOND_NS,
            device_id=device().device_id,
            sandbox="bwrap",
            fingerprint="stack-1",
            raw=(
                RawRef(PassName.PAIR, 0, RawRole.BOTH, digest(f"{lease.epoch}/{index}/0")),
                RawRef(PassName.MEMORY, 1, RawRole.CANDIDATE, digest(f"{lease.epoch}/{index}/1")),
            ),
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    def report(
        self, lease: Assignment, index: int, terms: LeaseTerms = TERMS, **changes: object
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
        """A job that was measured and analysed."""
        job_id = self.submit(what)
        lease = self.claimed(job_id, name)
        for entry in lease.entries:
            self.wait(1)
            self.report(lease, entry.index, device_id=device(name).device_id)
        self.analyse()
        return job_id
