"""Certifications, in few words."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.analysis.certificate import COMPARISONS
from bitgauge.benchmarks.vocabulary.enums import (
    ModelClass,
    PassName,
)
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.store import BASELINE, Lab, spec
from tests.labs.values import device

ID = device().device_id
OTHER = device("nano")


# -- certificates -------------------------------------------------------------------------
def asked(count: int = COMPARISONS, **changes: object) -> JobSpec:
    itself = Entry("fp32", BASELINE)
    plain = spec(
        model_name="aa-certificate",
        entries=(itself,) * (count + 1),
        selector=Selector(device=ID),
        passes=(PassName.PAIR, PassName.SENTINEL),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def begin(lab: Lab, count: int = COMPARISONS, device_id: str = ID) -> tuple[str, bool]:
    job_id = f"00000000-0000-0000-0002-{next(lab.numbers):012d}"
    return lab.store.begin_certification(
        job_id, device_id, asked(count), ModelClass.MLP, now_ns=lab.now_ns, submitted_by="ci"
    )


def certify(
    lab: Lab, count: int = COMPARISONS, *, detected: int = 0, fingerprints: tuple[str, ...] = ()
) -> str:
    """A certification that goes through; the stack may change between its runs."""
    job_id, created = begin(lab, count)
    assert created
    lease = lab.claimed(job_id)
    assert lease.passes == (PassName.PAIR, PassName.SENTINEL)
    for entry in lease.entries:
        stack = fingerprints[entry.index % len(fingerprints)] if fingerprints else "stack-1"
        lab.report(lease, entry.index, fingerprint=stack)
    for at, run in enumerate(lab.store.unanalysed()):
        ratio = MetricValue(
            "latency_ratio",
            1 + 0.004 * (-1) ** at if at else None,
            difference="detected" if 0 < at <= detected else "none",
            reason=None if at else "baseline",
        )
        lab.store.analysed(run, 2, (ratio,), lab.now_ns)
    return job_id
