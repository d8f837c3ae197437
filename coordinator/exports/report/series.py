"""From raw samples to what a plot shows. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bitgauge.benchmarks.samples import (
    AbsoluteSamples,
    ApartSamples,
    BlockConditions,
    Bools,
    Floats,
    Ints,
    MemorySamples,
    PairSamples,
    WarmUp,
)
from bitgauge.benchmarks.stats.paired import quad_log_ratios, stretches
from bitgauge.benchmarks.vocabulary.shown import duration
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

MAX_POINTS = 500
"""Of one line; more become the median, lowest and highest of as many stretches of time."""

_BINS = 90
_LOG_FROM = 3.0
_UNITS = ((1e3, "ns", 1.0), (1e6, "µs", 1e3), (1e9, "ms", 1e6), (np.inf, "s", 1e9))
_CONDITIONS = (
    ("clock_mhz", "clock, MHz"),
    ("temperature_c", "temperature, °C"),
    ("throttle_count", "throttling events in the block"),
    ("thermal_status", "thermal limit, level"),
    ("steal_ticks", "stolen time in the block, ticks of 10 ms"),
    ("foreign_ticks", "others' processor time in the block, ticks of 10 ms"),
    ("psi_some_avg10", "pressure (PSI some, 10 s), %"),
    ("load_1m", "load, 1 min"),
)
_OF_A_CARD = (
    ("memory_clock_mhz", "clock of the card's memory, MHz", 1.0),
    ("power_mw", "power of the card, W", 1e-3),
    ("performance_state", "performance state of the card, 0 the fastest", 1.0),
    ("foreign_processes", "other processes on the card", 1.0),
    ("thermal_slowdown_ns", "slowed down by heat in the block, ms", 1e-6),
    ("power_slowdown_ns", "slowed down by its power limit in the block, ms", 1e-6),
    ("sync_slowdown_ns", "slowed down by cards of one clock in the block, ms", 1e-6),
)
"""Drawn where one was read; other devices do not lack them."""


@dataclass(frozen=True, slots=True, eq=False)
class LatencyHistogram:
    """Counts per launch over common bins, in `unit`; `marks` are name, place and words."""

    edges: Floats
    counts: tuple[Ints, ...]
    marks: tuple[tuple[str, float, str], ...]
    unit: str
    log_x: bool


@dataclass(frozen=True, slots=True, eq=False)
class QuadPanel:
    """The quads of one launch."""

    time_s: Floats
    ratio: Floats
    is_abba: Bools
    stretch_edges_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class QuadPlot:
    """All launches, and the published ratio with its interval."""

    panels: tuple[QuadPanel, ...]
    point: float | None
    low: float | None
    high: float | None
    limits: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class WarmLine:
    """Medians of the warm-up blocks of one call of one launch."""

    label: str
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ConditionRow:
    """One condition; `parts` holds x and y of each launch."""

    label: str
    parts: tuple[tuple[Floats, Floats], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ConditionPlot:
    """Rows over a common time; launch `i`, called `names[i]`, begins at `edges[i]` seconds."""

    rows: tuple[ConditionRow, ...]
    edges: tuple[float, ...]
    names: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointBars:
    """Peak per phase and role, in MiB."""

    phases: tuple[str, ...]
    roles: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class TimedLaunch:
    """One launch on a common time: when each block began, and its median latency."""

    name: str
    start_ns: Ints
    latency_ns: Floats
    conditions: BlockConditions


def unit_of(value_ns: float) -> tuple[str, float]:
    """The unit in which a time reads best, and its nanoseconds."""
    return next((unit, scale) for limit, unit, scale in _UNITS if value_ns < limit)


def latency_histogram(
    launches: Sequence[AbsoluteSamples], percentiles: Sequence[tuple[str, MetricValue]]
) -> LatencyHistogram | None:
    """Every latency of every launch: none is left out."""
    if not launches:
        return None
    values = [one.latency_ns.astype(np.float64) for one in launches]
    together = np.concatenate(values)
    unit, scale = unit_of(float(np.median(together)))
    low, high = float(together.min()) / scale, float(together.max()) / scale
    low = max(low, high * 1e-9, 1e-9)
    log_x = high / low > _LOG_FROM
    if high <= low:
        low, high = 0.99 * low, 1.01 * max(high, low)
    edges: Floats = (
        np.geomspace(low, high, _BINS + 1) if log_x else np.linspace(low, high, _BINS + 1)
    )
    edges[0], edges[-1] = min(edges[0], low) * (1 - 1e-9), max(edges[-1], high) * (1 + 1e-9)
    marks = tuple(
        (name, metric.value / scale, duration(metric.value))
        for name, metric in percentiles
        if metric.value is not None
    )
    counts = tuple(np.histogram(one / scale, edges)[0].astype(np.int64) for one in values)
    return LatencyHistogram(edges, counts, marks, unit, log_x)


def quad_plot(launches: Sequence[PairSamples], ratio: MetricValue) -> QuadPlot | None:
    """The ratio of every quad over time; `ratio` is what was published of them."""
    panels = tuple(_panel(one) for one in launches if one.letter.size)
    if not panels:
        return None
    seen = [value for panel in panels for value in (panel.ratio.min(), panel.ratio.max())]
    seen += [value for value in (ratio.low, ratio.high) if value is not None and value > 0]
    limits = (float(min(seen)) / 1.03, float(max(seen)) * 1.03)
    return QuadPlot(panels, ratio.value, ratio.low, ratio.high, limits)


def _panel(samples: PairSamples) -> QuadPanel:
    logs = quad_log_ratios(samples)
    starts = samples.start_ns.reshape(-1, 4)[:, 0]
    time_s = (starts - starts[0]) / 1e9
    sizes = [part.size for part in stretches(logs)]
    at = np.cumsum(sizes)[:-1]
    return QuadPanel(
        time_s=time_s,
        ratio=np.exp(logs),
        is_abba=samples.letter.reshape(-1, 4)[:, 0] == 0,
        stretch_edges_s=tuple(float((time_s[i - 1] + time_s[i]) / 2) for i in at),
    )


def warm_lines(warms: Sequence[tuple[str, WarmUp]], letters: Sequence[str]) -> list[WarmLine]:
    """A line per call and launch, in nanoseconds; `letters` names the calls."""
    lines = []
    for name, warm in warms:
        for letter in sorted({int(one) for one in warm.letter}):
            called = f", {letters[letter]}" if len(letters) > letter and letters[letter] else ""
            values = warm.block_median_ns[warm.letter == letter]
            lines.append(WarmLine(f"{name}{called}", values))
    return lines


def timed_pair(name: str, samples: PairSamples) -> TimedLaunch:
    """A launch of pass `pair`, each call's blocks as multiples of that call's own median."""
    relative = samples.value_ns.copy()
    for letter in (0, 1):
        chosen = samples.letter == letter
        if np.any(chosen):
            relative[chosen] /= np.median(relative[chosen])
    return TimedLaunch(name, samples.start_ns, relative, samples.conditions)


def timed_apart(name: str, samples: ApartSamples) -> TimedLaunch:
    """A launch of pass `pair` with one artifact, each block as a multiple of their median."""
    relative = samples.value_ns / np.median(samples.value_ns)
    return TimedLaunch(name, samples.start_ns, relative, samples.conditions)


def timed_absolute(name: str, samples: AbsoluteSamples) -> TimedLaunch:
    """A launch of pass `absolute`, each block's median as a multiple of the launch's."""
    medians = np.full(samples.block_start_ns.size, np.nan)
    edges = np.searchsorted(samples.block, np.arange(samples.block_start_ns.size + 1))
    for at in range(samples.block_start_ns.size):
        if edges[at + 1] > edges[at]:
            medians[at] = np.median(samples.latency_ns[edges[at] : edges[at + 1]])
    relative = medians / np.median(samples.latency_ns)
    return TimedLaunch(name, samples.block_start_ns, relative, samples.conditions)


def condition_rows(launches: Sequence[TimedLaunch]) -> ConditionPlot | None:
    """Conditions and block medians of launches, laid end to end."""
    launches = [one for one in launches if one.start_ns.size]
    if not launches:
        return None
    edges, times, at = [], [], 0.0
    for one in launches:
        own = (one.start_ns - one.start_ns[0]) / 1e9
        edges.append(at)
        times.append(own + at)
        at += float(own[-1]) + max(float(np.median(np.diff(own))) if own.size > 1 else 0, 1e-3)
    rows = [
        ConditionRow(
            "median latency of the block / of its launch",
            tuple(_thinned(x, one.latency_ns) for x, one in zip(times, launches, strict=True)),
        )
    ]
    unread = []
    for name, label in _CONDITIONS:
        columns = [getattr(one.conditions, name) for one in launches]
        if not any(np.any(np.isfinite(column)) for column in columns):
            unread.append(label.split(",")[0].removesuffix(" in the block"))
            continue
        parts = (_thinned(x, y) for x, y in zip(times, columns, strict=True))
        rows.append(ConditionRow(label, tuple(parts)))
    for name, label, scale in _OF_A_CARD:
        columns = [scale * getattr(one.conditions, name) for one in launches]
        if any(np.any(np.isfinite(column)) for column in columns):
            parts = (_thinned(x, y) for x, y in zip(times, columns, strict=True))
            rows.append(ConditionRow(label, tuple(parts)))
    names = tuple(one.name for one in launches)
    return ConditionPlot(tuple(rows), tuple(edges), names, tuple(unread))


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most about `MAX_POINTS` points that keep every extreme of the line."""
    if x.size <= MAX_POINTS:
        return x, y
    xs, ys = [], []
    parts = MAX_POINTS // 2
    for at, values in zip(np.array_split(x, parts), np.array_split(y, parts), strict=True):
        known = values[np.isfinite(values)]
        ends = (known.min(), known.max()) if known.size else (np.nan, np.nan)
        xs += [at[0], at[-1]]
        ys += list(ends)
    return np.array(xs), np.array(ys)


def checkpoint_bars(roles: Sequence[tuple[str, Sequence[MemorySamples]]]) -> CheckpointBars | None:
    """Highest peak of each phase over the launches of each role, in MiB above m0."""
    phases = (("m1", "loading"), ("m2", "running"))
    found = []
    for role, launches in roles:
        own = [one for one in launches if one.arena != "off"]
        if own:
            found.append(
                (
                    role,
                    tuple(
                        max(one.at(name).hwm_bytes - one.at("m0").hwm_bytes for one in own)
                        / (1 << 20)
                        for name, _ in phases
                    ),
                )
            )
    return CheckpointBars(tuple(label for _, label in phases), tuple(found)) if found else None


@dataclass(frozen=True, slots=True, eq=False)
class PromptCurve:
    """By tokens of a prompt: time to the first token in `unit`, and prompt tokens a second."""

    tokens: Floats
    first: Floats
    rate: Floats
    unit: str


def prompt_curve(prefill: MetricValue) -> PromptCurve | None:
    """What the sweep over lengths of prompts found; None where there was none.

    It stands in the detail of the published rate, where what does not count was taken out.
    """
    told = next((one.value for one in prefill.detail if one.name == "curve"), "")
    points = [part.partition(":") for part in told.split()]
    if len(points) < _FEWEST_LENGTHS:
        return None
    tokens = np.array([float(length) for length, _, _ in points])
    rate = np.array([float(per_second) for _, _, per_second in points])
    first_ns = 1e9 * tokens / rate
    unit, scale = unit_of(float(np.median(first_ns)))
    return PromptCurve(tokens, first_ns / scale, rate, unit)


_FEWEST_LENGTHS = 2
