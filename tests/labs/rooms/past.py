"""Rows with a past, in few words."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery, Regression
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.store import Lab
from tests.labs.values import device

INT8_ROW = HistoryQuery(recipe="int8-dynamic")
SOUND = {
    "latency_ratio": MetricValue("latency_ratio", 0.5, 0.495, 0.505, n=60, verdict="FASTER"),
    "latency_p50_ns": MetricValue("latency_p50_ns", 1000.0, 990.0, 1010.0, n=500),
    "accuracy_delta_pp": MetricValue("accuracy_delta_pp", -0.2, -0.6, 0.2, n=1000, verdict="PASS"),
    "saturated_pct": MetricValue("saturated_pct", 0.0, n=100),
    "nonfinite_count": MetricValue("nonfinite_count", 0.0, n=1000, verdict="PASS"),
}


def measure(
    lab: Lab,
    job_id: str | None = None,
    *,
    on: str = "rpi5",
    fingerprint: str = "stack-1",
    stack: tuple[StackItem, ...] = (StackItem("onnxruntime", "1.31"),),
    wobble: float = 0.0,
    **changes: MetricValue,
) -> str:
    """A job that was measured and analysed; every candidate gets the same metrics.

    `wobble` scatters the latencies, `changes` replaces metrics of the candidates.
    """
    job_id = job_id or lab.submit()
    lab.wait(60)
    lease = lab.claimed(job_id, on)
    for entry in lease.entries:
        if not entry.accepted:
            lab.wait(1)
            lab.report(
                lease,
                entry.index,
                device_id=device(on).device_id,
                fingerprint=fingerprint,
                stack=stack,
            )
    for run in lab.store.unanalysed():
        found = {**SOUND, **(changes if lab.store.run(run).entry_index else {})}
        lab.store.analysed(
            run, 1, tuple(_wobbled(one, wobble) for one in found.values()), lab.now_ns
        )
    return job_id


def _wobbled(metric: MetricValue, wobble: float) -> MetricValue:
    if not metric.key.startswith("latency") or metric.value is None:
        return metric
    return replace(
        metric,
        value=metric.value * (1 + wobble),
        low=metric.low and metric.low * (1 + wobble),
        high=metric.high and metric.high * (1 + wobble),
    )


def usual(lab: Lab, count: int) -> None:
    """A calm past."""
    for number in range(count):
        measure(lab, wobble=0.002 * (number % 5 - 2))
        judge(lab)


def judge(lab: Lab) -> list[Regression]:
    """Judge every run that is yet to be judged, as the coordinator does."""
    return [one for run in lab.store.unjudged() for one in lab.store.judge_run(run, lab.now_ns)]


def ratio(value: float, verdict: str = "FASTER") -> MetricValue:
    return MetricValue("latency_ratio", value, value * 0.99, value * 1.01, n=60, verdict=verdict)


def accuracy(value: float, verdict: str) -> MetricValue:
    return MetricValue("accuracy_delta_pp", value, value - 0.4, value + 0.4, 1000, verdict=verdict)


SATURATED = MetricValue("saturated_pct", 0.3, n=100)
FAILED = accuracy(-3.0, "FAIL")
