"""The registry of metrics: key, unit, direction and how a person reads it.

Ratios are candidate / baseline, below 1 is better; speed-up and compression are reciprocals
and exist at display only. `accuracy_delta_pp` is candidate - baseline in percentage points.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Direction(str, enum.Enum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Metric:
    """One published quantity: its key, unit, better direction and meaning."""

    key: str
    unit: str
    direction: Direction
    meaning: str


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("size_bytes", "B", Direction.LOWER, "artifact size on disk"),
        Metric("size_ratio", "1", Direction.LOWER, "artifact size / baseline size"),
        Metric(
            "latency_ratio", "1", Direction.LOWER, "paired Hodges-Lehmann ratio of block medians"
        ),
        Metric("latency_p50_ns", "ns", Direction.LOWER, "median latency over fresh processes"),
        Metric("load_ns", "ns", Direction.LOWER, "time to make a session, median of launches"),
        Metric(
            "first_inference_ns",
            "ns",
            Direction.LOWER,
            "first call of a session, median of launches",
        ),
        Metric(
            "peak_memory_bytes",
            "B",
            Direction.LOWER,
            "host_need: peak resident set over load and run, less the imported runtime",
        ),
        Metric("peak_memory_ratio", "1", Direction.LOWER, "peak memory / baseline peak memory"),
        Metric("host_steady_bytes", "B", Direction.LOWER, "unique set size after warm-up, less m0"),
        Metric("energy_mj", "mJ", Direction.LOWER, "energy of one inference"),
        Metric("energy_ratio", "1", Direction.LOWER, "energy / baseline energy"),
        Metric("accuracy_pct", "%", Direction.HIGHER, "top-1 accuracy on the evaluation set"),
        Metric("accuracy_delta_pp", "pp", Direction.HIGHER, "accuracy - baseline accuracy, paired"),
        Metric("flips_pct", "%", Direction.LOWER, "samples whose prediction changed"),
        Metric("kl_mean", "nat", Direction.LOWER, "mean KL divergence from the baseline's output"),
        Metric("nonfinite_count", "1", Direction.LOWER, "outputs that are NaN or infinite"),
    )
}
