"""The registry of metrics: all that is said of each, and the question of those who use them.

Ratios are candidate / baseline, below 1 is better; speed-up and compression are reciprocals
and exist at display only. `accuracy_delta_pp` is candidate - baseline in percentage points.
No other module writes down a set of keys: it asks for those of which something is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from .decoder_metrics import DECODER_METRICS
from .enums import Objective, Scenario
from .metric import MARGIN, Decides, Direction, Group, Metric, Scale

_LOWER, _HIGHER, _NEITHER = Direction.LOWER, Direction.HIGHER, Direction.NEITHER

_size = partial(Metric, of_requests=True, direction=_LOWER, group=Group.IDENTITY, counted=True)
_latency = partial(
    Metric, of_requests=True, unit="ns", direction=_LOWER, group=Group.LATENCY, timed=True
)
_certified = partial(_latency, certified=True)
_memory = partial(Metric, of_requests=True, unit="B", direction=_LOWER, group=Group.MEMORY)
_energy = partial(
    Metric, of_requests=True, unit="mJ", direction=_LOWER, group=Group.ENERGY, timed=True
)
_quality = partial(Metric, group=Group.QUALITY, scale=Scale.LINEAR, margin=0.1, on_data=True)
_numerics = partial(Metric, group=Group.NUMERICS, counted=True, on_data=True)
_share = partial(_numerics, unit="%", direction=_LOWER, scale=Scale.LINEAR, overflow=True)
_sentinel = partial(
    Metric, of_requests=True, unit="ns", direction=_NEITHER, group=Group.ENVIRONMENT
)

_ALL = (
    _size("size_bytes", unit="B", meaning="artifact size on disk", decides=Decides.VALUE),
    _size(
        "size_ratio",
        unit="1",
        meaning="artifact size / baseline size",
        relative=True,
        objective=Objective.SIZE,
        decides=Decides.DETAIL,
        pooled=3,
        compared=4,
        shown=True,
        column="size",
        card="size / baseline",
        card_place=3,
    ),
    _certified(
        "latency_ratio",
        unit="1",
        group=Group.COMPARISON,
        meaning="paired Hodges-Lehmann ratio of block medians",
        relative=True,
        objective=Objective.LATENCY,
        decides=Decides.DETAIL,
        pooled=1,
        compared=5,
        shown=True,
        column="latency ratio",
        card="latency / baseline",
        card_place=1,
    ),
    _certified(
        "latency_p50_ns",
        meaning="median latency over fresh processes",
        quantile=0.5,
        decides=Decides.VALUE,
        shown=True,
        column="p50 latency",
        card="median latency",
        card_place=2,
    ),
    _certified(
        "latency_p90_ns",
        meaning="90th percentile of single latencies",
        quantile=0.9,
        decides=Decides.VALUE,
    ),
    _certified("latency_p95_ns", meaning="95th percentile of single latencies", quantile=0.95),
    _certified(
        "latency_p99_ns",
        meaning="99th percentile of single latencies",
        quantile=0.99,
        decides=Decides.VALUE,
        shown=True,
    ),
    _certified("latency_p999_ns", meaning="99.9th percentile of single latencies", quantile=0.999),
    _certified(
        "throughput_per_s",
        unit="1/s",
        direction=_HIGHER,
        meaning="samples per second at the row's own batch",
        decides=Decides.VALUE,
        shown=True,
    ),
    _certified(
        "best_throughput_per_s",
        unit="1/s",
        direction=_HIGHER,
        meaning="samples per second at the best batch of a sweep",
        of_requests=False,
    ),
    _certified(
        "sustained_ratio", unit="1", meaning="median latency of the last minute / the first"
    ),
    _latency("harness_ns", meaning="the timing loop's own cost per iteration"),
    _latency("floor_p50_ns", meaning="median latency of an empty model"),
    _certified("load_ns", meaning="time to make a session, median of launches"),
    _certified("first_inference_ns", meaning="first call of a session, median of launches"),
    _memory(
        "peak_memory_bytes",
        meaning="host_need: peak resident set over load and run, less the imported runtime",
        decides=Decides.VALUE,
        shown=True,
        column="peak memory",
        card="peak memory",
        card_place=4,
    ),
    _memory(
        "peak_memory_ratio",
        unit="1",
        meaning="peak memory / baseline peak memory",
        relative=True,
        objective=Objective.MEMORY,
        decides=Decides.DETAIL,
        pooled=4,
        compared=6,
    ),
    _memory("host_steady_bytes", meaning="unique set size after warm-up, less m0"),
    _memory("peak_load_bytes", meaning="peak resident set while loading, less m0"),
    _memory("peak_run_bytes", meaning="peak resident set while running, less m0"),
    _memory("peak_no_arena_bytes", meaning="peak_memory_bytes with the runtime's arena off"),
    _memory(
        "mmap_weights_bytes", direction=_NEITHER, meaning="file-backed memory that loading added"
    ),
    _memory("host_floor_bytes", meaning="peak_memory_bytes of an empty model"),
    _memory("cgroup_peak_bytes", meaning="the control group's own peak, page cache included"),
    _energy(
        "energy_mj",
        meaning="energy of one inference, idle power included",
        decides=Decides.DETAIL,
        shown=True,
        card="energy per inference",
        card_place=7,
    ),
    _energy("energy_active_mj", meaning="energy of one inference above loaded idle"),
    _energy(
        "energy_ratio",
        unit="1",
        meaning="energy / baseline energy",
        relative=True,
        objective=Objective.ENERGY,
        decides=Decides.DETAIL,
        pooled=5,
        compared=7,
        shown=True,
    ),
    _quality(
        "accuracy_pct",
        unit="%",
        direction=_HIGHER,
        meaning="top-1 accuracy on the evaluation set",
        decides=Decides.VALUE,
        shown=True,
    ),
    _quality(
        "accuracy_delta_pp",
        unit="pp",
        direction=_HIGHER,
        meaning="accuracy - baseline accuracy, paired",
        decides=Decides.DETAIL,
        relative=True,
        pooled=2,
        compared=1,
        shown=True,
        column="accuracy delta",
        card="accuracy change, points",
        card_place=5,
    ),
    _quality(
        "flips_pct",
        unit="%",
        direction=_LOWER,
        meaning="samples whose prediction changed",
        relative=True,
    ),
    _quality(
        "kl_mean",
        unit="nat",
        direction=_LOWER,
        meaning="mean KL divergence from the baseline's output",
        margin=0.001,
        relative=True,
        of_requests=True,
    ),
    _quality(
        "nonfinite_count",
        unit="1",
        direction=_LOWER,
        meaning="outputs that are NaN or infinite",
        of_requests=True,
        margin=0.0,
        counted=True,
        must_be_zero=True,
        decides=Decides.VALUE,
        compared=3,
        shown=True,
    ),
    _share(
        "saturated_pct",
        meaning="16-bit pair sums that left their range in this device's kernels",
        margin=0.0,
        must_be_zero=True,
        decides=Decides.VALUE,
        pooled=6,
        compared=2,
        shown=True,
        card="saturated sums",
        card_place=6,
    ),
    _share(
        "kernel_error_pct",
        meaning="worst tensor's outputs more than one step off the exact integer result",
        margin=0.0,
    ),
    _share("clip_pct", meaning="worst tensor's values beyond its range", margin=0.1),
    _share("clip_mass_pct", meaning="worst tensor's magnitude lost to clipping", margin=0.1),
    _numerics(
        "int_coverage",
        unit="1",
        direction=_HIGHER,
        meaning="share of multiplications in integer kernels",
        on_data=False,
        scale=Scale.LINEAR,
        margin=0.01,
    ),
    _numerics(
        "sqnr_db",
        unit="dB",
        direction=_HIGHER,
        meaning="worst tensor's signal to quantization noise",
        scale=Scale.LINEAR,
        margin=0.5,
    ),
    _numerics(
        "fp16_headroom_log2",
        unit="1",
        direction=_HIGHER,
        meaning="doublings until the largest activation leaves FP16",
        scale=Scale.LINEAR,
        margin=0.1,
    ),
    _numerics(
        "outlier_ratio",
        unit="1",
        direction=_LOWER,
        meaning="worst tensor's largest magnitude / its 99.9th percentile",
    ),
    _numerics(
        "numerics_nonfinite_count",
        unit="1",
        direction=_LOWER,
        meaning="inner activations that are NaN or infinite",
        scale=Scale.LINEAR,
        margin=0.0,
        must_be_zero=True,
        shown=True,
    ),
    _sentinel("sentinel_before_ns", meaning="the sentinel's median before the job"),
    _sentinel("sentinel_after_ns", meaning="the sentinel's median after the job"),
)

_card = partial(_memory, of_cards=True)

_OF_CARDS = (
    _certified(
        "device_p50_ns",
        meaning="median time of the card itself, by its events, without transfers",
        of_cards=True,
        of_requests=False,
        shown=True,
    ),
    _certified(
        "enqueue_p50_ns",
        meaning="median time of the host to hand a call to the card",
        of_cards=True,
        of_requests=False,
    ),
    _card(
        "device_memory_bytes",
        meaning="device_need: most of a card's memory that the driver counts for the process",
        decides=Decides.VALUE,
        shown=True,
        card="memory of the card",
        card_place=13,
    ),
    _card(
        "device_context_bytes",
        direction=_NEITHER,
        meaning="device_memory_bytes of an empty session; it is in the others, and taken off none",
    ),
    _card(
        "allocator_peak_bytes",
        meaning="most that the runtime's allocator took from the card, as it says itself",
    ),
)
"""What a card tells of itself: its own time beside latency (A-3), and three figures of its memory,
never added to one another or to the host's (B-4)."""

METRICS: dict[str, Metric] = {
    metric.key: metric for metric in (*_ALL, *DECODER_METRICS, *_OF_CARDS)
}
"""Those that every analysis publishes, in the order in which it does."""


def published(scenario: Scenario, *, on_card: bool = False) -> tuple[str, ...]:
    """The keys that an analysis publishes, in the order of the registry.

    Those of decoders alone are left out elsewhere; a decoder's run holds all others too, as null.

    Args:
        scenario: of the workload.
        on_card: whether the device is a graphics card, of which more is said.
    """
    return keys(
        lambda metric: (
            (scenario is Scenario.LLM or not metric.decoder) and (on_card or not metric.of_cards)
        )
    )


THROUGHPUT_RATIO = _certified(
    "throughput_ratio",
    unit="1",
    group=Group.COMPARISON,
    meaning="baseline throughput / throughput",
    relative=True,
    objective=Objective.THROUGHPUT,
)
"""Made of two rows by a selection that asks for throughput; no analysis publishes it."""

OBJECTIVES: dict[Objective, Metric] = {
    metric.objective: metric for metric in (*_ALL, THROUGHPUT_RATIO) if metric.objective
}
"""What each objective minimises: a ratio, so that several models can be looked at together."""


def keys(said: Callable[[Metric], object]) -> tuple[str, ...]:
    """The keys of all metrics of which something is said, in the order of the registry.

    Args:
        said: what is asked of a metric, such as ``lambda one: one.timed``.
    """
    return tuple(key for key, metric in METRICS.items() if said(metric))


def is_linear(key: str) -> bool:
    """Whether differences of a metric matter, and not ratios; of an unknown one ratios do."""
    return key in METRICS and METRICS[key].scale is Scale.LINEAR


def margin_of(key: str) -> float:
    """What of a metric is no change, on its scale: of logarithms where ratios matter."""
    return METRICS[key].margin_on_scale if key in METRICS else math.log1p(MARGIN)


def placed(place: Callable[[Metric], int]) -> tuple[str, ...]:
    """The keys of all metrics that have a place, in the order of these places.

    Args:
        place: of a metric, from 1; 0 where it has none.
    """
    return tuple(sorted(keys(place), key=lambda key: place(METRICS[key])))
