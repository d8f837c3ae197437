"""Rows to choose from, in few words."""

from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import (
    Profile,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs import values


def wider(one: TableRow, *metrics: MetricValue) -> TableRow:
    """The row with further metrics, which take the place of those of the same key."""
    keys = {metric.key for metric in metrics}
    return replace(one, metrics=(*(old for old in one.metrics if old.key not in keys), *metrics))


BASELINE = Digest("b" * 64, 400_000)


def row(
    recipe: str,
    *,
    latency: tuple[float, float, float] | None = (0.5, 0.48, 0.52),
    verdict: str = "FASTER",
    size: float = 0.26,
    accuracy: tuple[float, float, float] | None = (-0.1, -0.6, 0.4),
    p50_ns: float = 100_000,
    memory: float | None = 0.8,
    nonfinite: float = 0,
    **fields: Any,
) -> TableRow:
    baseline = recipe == "fp32"
    metrics = [
        MetricValue("latency_ratio", reason="baseline" if baseline else "failed")
        if latency is None or baseline
        else MetricValue("latency_ratio", *latency, verdict=verdict),
        MetricValue("accuracy_delta_pp", reason="baseline" if baseline else "failed")
        if accuracy is None or baseline
        else MetricValue("accuracy_delta_pp", *accuracy, n=890),
        MetricValue("size_bytes", size * BASELINE.size_bytes),
        MetricValue("size_ratio", size),
        MetricValue("latency_p50_ns", p50_ns, 0.95 * p50_ns, 1.05 * p50_ns),
        MetricValue("nonfinite_count", nonfinite),
        MetricValue("peak_memory_ratio", reason="below_resolution")
        if memory is None
        else MetricValue("peak_memory_ratio", memory, memory - 0.05, memory + 0.05),
    ]
    plain = {
        "model_name": "digits",
        "profile": Profile.STANDARD,
        "run_id": f"run-{recipe}",
        "baseline": BASELINE,
        "measured_unix_ns": 1,
        "metrics": tuple(metrics),
    }
    return values.row(recipe, **(plain | fields))
