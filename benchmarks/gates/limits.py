"""The limits that a use case may set: their keys, and the metric that each looks at. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..vocabulary.metric import Direction, Metric
from ..vocabulary.metrics import METRICS

LOSS_PP = "max_accuracy_loss_pp"
LOSS_PCT = "max_accuracy_loss_relative_pct"
PERPLEXITY_PCT = "max_perplexity_increase_pct"
MARGINS = frozenset({LOSS_PP, LOSS_PCT, PERPLEXITY_PCT})
"""Decided by non-inferiority, at their own margin; the others by an interval and a limit."""


@dataclass(frozen=True, slots=True)
class GateLimit:
    """One key of a use case, and the metric that it limits."""

    key: str
    metric: str

    @property
    def of(self) -> Metric:
        """What the registry says of the metric."""
        return METRICS[self.metric]

    @property
    def at_least(self) -> bool:
        """Whether values below the limit break it; else those above."""
        return self.of.direction is Direction.HIGHER and self.key not in MARGINS

    def looser(self, now: float, before: float) -> bool:
        """Whether a limit lets more pass than another of the same key."""
        return now < before if self.at_least else now > before


LIMITS: dict[str, GateLimit] = {
    one.key: one
    for one in (
        GateLimit(LOSS_PP, "accuracy_delta_pp"),
        GateLimit(LOSS_PCT, "accuracy_delta_pp"),
        GateLimit(PERPLEXITY_PCT, "perplexity_ratio"),
        GateLimit("max_nonfinite", "nonfinite_count"),
        GateLimit("max_latency_p50", "latency_p50_ns"),
        GateLimit("max_latency_p90", "latency_p90_ns"),
        GateLimit("max_latency_p95", "latency_p95_ns"),
        GateLimit("max_latency_p99", "latency_p99_ns"),
        GateLimit("max_latency_p999", "latency_p999_ns"),
        GateLimit("max_latency_ratio", "latency_ratio"),
        GateLimit("min_throughput_per_s", "throughput_per_s"),
        GateLimit("max_ttft", "ttft_ns"),
        GateLimit("min_tokens_per_s", "decode_tokens_per_s"),
        GateLimit("max_peak_memory", "peak_memory_bytes"),
        GateLimit("max_peak_memory_ratio", "peak_memory_ratio"),
        GateLimit("max_energy", "energy_mj"),
        GateLimit("max_energy_ratio", "energy_ratio"),
        GateLimit("max_size", "size_bytes"),
        GateLimit("max_size_ratio", "size_ratio"),
        GateLimit("max_saturated_pct", "saturated_pct"),
        GateLimit("max_kernel_error_pct", "kernel_error_pct"),
        GateLimit("max_clip_pct", "clip_pct"),
        GateLimit("max_clip_mass_pct", "clip_mass_pct"),
        GateLimit("min_int_coverage", "int_coverage"),
        GateLimit("min_sqnr_db", "sqnr_db"),
    )
}
"""Every limit by its key, in the order in which a gate prints them."""

USUAL_NONFINITE = 0.0
"""NaN or infinity in an output is let through by nobody who does not say so."""
