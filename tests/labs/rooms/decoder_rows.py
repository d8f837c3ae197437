"""Rows of a language model: its baseline, a format that passes its gate, and one that does not."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.vocabulary.enums import ModelClass, Profile
from bitgauge.benchmarks.vocabulary.values.jobs import usual_request
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs import values

REQUEST = usual_request()


def metric(key: str, value: float, spread: float = 0.01, **more: Any) -> MetricValue:
    return MetricValue(key, value, value * (1 - spread), value * (1 + spread), **more)


def decoder(recipe: str, *, ratio: float = 1.0, lost: float = 0.0, **changes: Any) -> TableRow:
    """A row of a language model: its request takes `ratio`, its perplexity is `lost` higher."""
    speed = "FASTER" if ratio < 0.98 else "SAME"
    judged = "PASS" if lost < 0.01 else "FAIL"
    own = (
        MetricValue("size_ratio", ratio),
        metric("latency_ratio", ratio, verdict=speed),
        metric("tpot_ratio", ratio, verdict=speed),
        metric("perplexity_ratio", 1 + lost, 0.001, verdict=judged),
    )
    always = (
        metric("ttft_ns", 2e7 * ratio),
        metric("decode_tokens_per_s", 100 / ratio),
        MetricValue("nonfinite_count", 0.0),
    )
    plain: dict[str, Any] = {
        "model_name": "tiny",
        "model_class": ModelClass.TRANSFORMER,
        "workload": REQUEST,
        "profile": Profile.STANDARD,
        "metrics": always if recipe == "fp32" else (*own, *always),
        "run_id": recipe,
    }
    return values.row(recipe, **(plain | changes))


FP32 = decoder("fp32")
Q8, Q4 = decoder("int8-q8_0", ratio=0.6, lost=0.002), decoder("int4-q4_0", ratio=0.4, lost=0.05)
