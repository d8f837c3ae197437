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
        Metric("latency_p90_ns", "ns", Direction.LOWER, "90th percentile of single latencies"),
        Metric("latency_p95_ns", "ns", Direction.LOWER, "95th percentile of single latencies"),
        Metric("latency_p99_ns", "ns", Direction.LOWER, "99th percentile of single latencies"),
        Metric("latency_p999_ns", "ns", Direction.LOWER, "99.9th percentile of single latencies"),
        Metric(
            "throughput_per_s", "1/s", Direction.HIGHER, "samples per second at the row's own batch"
        ),
        Metric(
            "best_throughput_per_s",
            "1/s",
            Direction.HIGHER,
            "samples per second at the best batch of a sweep",
        ),
        Metric(
            "sustained_ratio", "1", Direction.LOWER, "median latency of the last minute / the first"
        ),
        Metric("harness_ns", "ns", Direction.LOWER, "the timing loop's own cost per iteration"),
        Metric("floor_p50_ns", "ns", Direction.LOWER, "median latency of an empty model"),
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
        Metric("peak_load_bytes", "B", Direction.LOWER, "peak resident set while loading, less m0"),
        Metric("peak_run_bytes", "B", Direction.LOWER, "peak resident set while running, less m0"),
        Metric(
            "peak_no_arena_bytes",
            "B",
            Direction.LOWER,
            "peak_memory_bytes with the runtime's arena off",
        ),
        Metric(
            "mmap_weights_bytes", "B", Direction.NEITHER, "file-backed memory that loading added"
        ),
        Metric("host_floor_bytes", "B", Direction.LOWER, "peak_memory_bytes of an empty model"),
        Metric(
            "cgroup_peak_bytes",
            "B",
            Direction.LOWER,
            "the control group's own peak, page cache included",
        ),
        Metric("energy_mj", "mJ", Direction.LOWER, "energy of one inference, idle power included"),
        Metric(
            "energy_active_mj", "mJ", Direction.LOWER, "energy of one inference above loaded idle"
        ),
        Metric("energy_ratio", "1", Direction.LOWER, "energy / baseline energy"),
        Metric("accuracy_pct", "%", Direction.HIGHER, "top-1 accuracy on the evaluation set"),
        Metric("accuracy_delta_pp", "pp", Direction.HIGHER, "accuracy - baseline accuracy, paired"),
        Metric("flips_pct", "%", Direction.LOWER, "samples whose prediction changed"),
        Metric("kl_mean", "nat", Direction.LOWER, "mean KL divergence from the baseline's output"),
        Metric("nonfinite_count", "1", Direction.LOWER, "outputs that are NaN or infinite"),
        Metric(
            "saturated_pct",
            "%",
            Direction.LOWER,
            "16-bit pair sums that left their range in this device's kernels",
        ),
        Metric(
            "kernel_error_pct",
            "%",
            Direction.LOWER,
            "worst tensor's outputs more than one step off the exact integer result",
        ),
        Metric("clip_pct", "%", Direction.LOWER, "worst tensor's values beyond its range"),
        Metric("clip_mass_pct", "%", Direction.LOWER, "worst tensor's magnitude lost to clipping"),
        Metric(
            "int_coverage", "1", Direction.HIGHER, "share of multiplications in integer kernels"
        ),
        Metric("sqnr_db", "dB", Direction.HIGHER, "worst tensor's signal to quantization noise"),
        Metric(
            "fp16_headroom_log2",
            "1",
            Direction.HIGHER,
            "doublings until the largest activation leaves FP16",
        ),
        Metric(
            "outlier_ratio",
            "1",
            Direction.LOWER,
            "worst tensor's largest magnitude / its 99.9th percentile",
        ),
        Metric(
            "numerics_nonfinite_count",
            "1",
            Direction.LOWER,
            "inner activations that are NaN or infinite",
        ),
        Metric(
            "sentinel_before_ns", "ns", Direction.NEITHER, "the sentinel's median before the job"
        ),
        Metric("sentinel_after_ns", "ns", Direction.NEITHER, "the sentinel's median after the job"),
    )
}


MARGIN = 0.02


ABSOLUTE_MARGINS: dict[str, float] = {
    "accuracy_pct": 0.1,
    "accuracy_delta_pp": 0.1,
    "flips_pct": 0.1,
    "kl_mean": 0.001,
    "saturated_pct": 0.0,
    "kernel_error_pct": 0.0,
    "clip_pct": 0.1,
    "clip_mass_pct": 0.1,
    "int_coverage": 0.01,
    "sqnr_db": 0.5,
    "fp16_headroom_log2": 0.1,
    "nonfinite_count": 0.0,
    "numerics_nonfinite_count": 0.0,
}


COUNTED = frozenset(
    {
        "size_bytes",
        "size_ratio",
        "nonfinite_count",
        "numerics_nonfinite_count",
        "saturated_pct",
        "kernel_error_pct",
        "clip_pct",
        "clip_mass_pct",
        "int_coverage",
        "sqnr_db",
        "fp16_headroom_log2",
        "outlier_ratio",
    }
)
