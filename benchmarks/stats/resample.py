"""Absolute latency over fresh processes: effective sample size and hierarchical bootstrap.

Consecutive latencies are not independent (6,000 of them were worth 6 to 19 in a busy spell), and
processes differ more than iterations do. So what is resampled is the launch, then stretches of
consecutive blocks within it (measurement.md A-6 and A-7), never single latencies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..samples import AbsoluteSamples, Floats, Ints
from .paired import LEVEL, Interval
from .student import student_quantile

DRAWS = 10_000
MAX_STRETCHES = 64
"""Stretches of blocks per launch; long enough for their medians to be nearly independent."""

_MIN_STRETCHES = 8
_SIZE_PER_STRETCH = 3
"""Independent latencies in a stretch, so that its neighbours tell something else."""

_CHUNK = 1_000
_AUTOCORRELATION_FLOOR = 0.02


def effective_size(latency_ns: Ints) -> float:
    """How many independent latencies these are worth: n / tau (A-7), between 0 and n.

    tau = 1 + 2 * sum of the autocorrelations of the logarithms, winsorised at 1 and 99 %, up to
    the first one below 0.02.

    Args:
        latency_ns: latencies of one launch in time order.
    """
    n = latency_ns.size
    logs = np.log(np.maximum(latency_ns, 1).astype(np.float64))
    low, high = np.quantile(logs, [0.01, 0.99])
    centred = np.clip(logs, low, high)
    centred -= centred.mean()
    size = 1 << (2 * n - 1).bit_length()
    covariance = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2, size)[:n]
    if covariance[0] <= n * 1e-18:
        return float(n)
    correlation = covariance[1:] / covariance[0]
    below = np.flatnonzero(correlation < _AUTOCORRELATION_FLOOR)
    end = int(below[0]) if below.size else correlation.size
    return n / (1 + 2 * float(correlation[:end].sum()))


def stretch_medians(samples: AbsoluteSamples, stretches: int) -> Floats:
    """Median latency of each of `stretches` runs of consecutive blocks, in nanoseconds."""
    blocks = samples.block_start_ns.size
    first_block = np.linspace(0, blocks, stretches + 1).astype(np.int64)[:-1]
    starts = np.searchsorted(samples.block, first_block)
    parts = [part for part in np.split(samples.latency_ns, starts[1:]) if part.size]
    return np.array([np.median(part) for part in parts])


def bootstrap_median(
    launches: Sequence[AbsoluteSamples], seed: int, sizes: Sequence[float] | None = None
) -> Interval:
    """Median latency with a percentile interval of the hierarchical bootstrap, in nanoseconds.

    The estimate is the median of the medians of equally many stretches per launch, so that each
    process counts alike however fast it was. Of few launches a bootstrap knows too little (three
    that differ by 6 % were covered 78 times in 100), so that the interval is never shorter than
    Student's over the medians of launches.

    Args:
        launches: at least one.
        seed: makes the interval repeatable.
        sizes: how many independent latencies each is worth; computed when not given.
    """
    worth = sizes or [effective_size(launch.latency_ns) for launch in launches]
    stretches = min(
        MAX_STRETCHES,
        max(_MIN_STRETCHES, int(min(worth) / _SIZE_PER_STRETCH)),
        *(launch.block_start_ns.size for launch in launches),
    )
    rows = [stretch_medians(launch, stretches) for launch in launches]
    width = min(row.size for row in rows)
    table = np.stack([row[:width] for row in rows])
    rng = np.random.default_rng(seed)
    draws = np.concatenate([_draw(table, _CHUNK, rng) for _ in range(DRAWS // _CHUNK)])
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    interval = Interval(float(np.median(table)), float(low), float(high))
    return _widened(interval, np.median(table, axis=1)) if len(launches) > 1 else interval


def _widened(interval: Interval, medians: Floats) -> Interval:
    """The interval, reaching at least as far as Student's over the launches.

    On the logarithm, as processes differ by a factor: of few launches Student's reaches far, and
    in nanoseconds it would reach to 0.
    """
    logs = np.log(np.maximum(medians, 1.0))
    deviation = float(np.std(logs, ddof=1)) / math.sqrt(logs.size)
    reach = math.exp(student_quantile(0.5 + LEVEL / 2, logs.size - 1) * deviation)
    return Interval(
        interval.point,
        min(interval.low, interval.point / reach),
        max(interval.high, interval.point * reach),
    )


def _draw(table: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Medians of `draws` resamples of a (launches, stretches) table."""
    launches, stretches = table.shape
    launch = rng.integers(launches, size=(draws, launches, 1))
    stretch = rng.integers(stretches, size=(draws, launches, stretches))
    resample = table[launch, stretch].reshape(draws, -1)
    medians: Floats = np.median(resample, axis=1)
    return medians
