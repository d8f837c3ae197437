"""A simulated device whose speed wanders, for protocols to be compared on (committed seeds)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bitgauge.benchmarks.samples import Floats

GRID_S = 0.005


@dataclass(frozen=True, slots=True)
class Weather:
    """What disturbs the device; every part is relative.

    Attributes:
        call: SD of independent noise of single calls.
        spikes: share of calls that take four times as long.
        wander: SD of a slow wander with a time constant of 2 s (an Ornstein-Uhlenbeck process).
        bursts: slow-down while a neighbour is busy, 0.8 s in every 8 s on average.
        drift: change over a minute.
        steps: SD of lasting steps, one a minute on average.
    """

    call: float = 0.03
    spikes: float = 0.0
    wander: float = 0.0
    bursts: float = 0.0
    drift: float = 0.0
    steps: float = 0.0


CLOCKS = {
    "quiet": Weather(),
    "spikes": Weather(spikes=0.02),
    "drift": Weather(drift=0.03),
    "bursts": Weather(bursts=0.15),
    "wander": Weather(wander=0.04),
    "all": Weather(spikes=0.02, wander=0.04, bursts=0.15, drift=0.03, steps=0.05),
}

_BEFORE_S = 20.0  # it has lived before: a run may begin inside a burst
_WANDER_S = 2.0
_BURST_S, _BETWEEN_S = 0.8, 7.2


class Device:
    """One stretch of a device's life.

    Args:
        weather: what disturbs it.
        seconds: how long it lives; a later time is as the last one.
        rng: all randomness.
    """

    def __init__(self, weather: Weather, seconds: float, rng: np.random.Generator) -> None:
        self._weather, self._rng = weather, rng
        before = int(_BEFORE_S / GRID_S)
        count = before + int(seconds / GRID_S) + 1
        times = np.arange(count) * GRID_S
        keep = float(np.exp(-GRID_S / _WANDER_S))
        level = weather.drift * times / 60.0 * rng.choice((-1.0, 1.0))
        if weather.wander:
            level += weather.wander * _autoregressive(keep, count, rng)
        if weather.bursts:
            level += weather.bursts * _telegraph(count, rng)
        if weather.steps:
            jumps = (rng.random(count) < GRID_S / 60.0) * rng.normal(0, weather.steps, count)
            level += np.cumsum(jumps)
        self._level: Floats = level[before:]

    def calls(self, at_s: Floats, base_s: float) -> Floats:
        """Seconds that calls take which begin at these times and would take `base_s` at rest."""
        index = np.minimum((at_s / GRID_S).astype(np.int64), self._level.size - 1)
        noise = self._rng.normal(0, self._weather.call, at_s.size)
        spiked = np.where(self._rng.random(at_s.size) < self._weather.spikes, 4.0, 1.0)
        taken: Floats = base_s * np.exp(self._level[index] + noise) * spiked
        return taken


def _autoregressive(keep: float, count: int, rng: np.random.Generator) -> Floats:
    """A stationary AR(1) series of unit variance, by convolution with its impulse response."""
    length = min(count, int(np.ceil(np.log(1e-4) / np.log(keep))))
    response = keep ** np.arange(length) * np.sqrt(1 - keep**2)
    shocks = rng.normal(size=count + length - 1)
    size = 1 << (shocks.size + length - 2).bit_length()
    product = np.fft.rfft(shocks, size) * np.fft.rfft(response, size)
    series: Floats = np.fft.irfft(product, size)[length - 1 : length - 1 + count]
    return series


def _telegraph(count: int, rng: np.random.Generator) -> Floats:
    """1 in bursts, 0 between them."""
    busy = np.zeros(count)
    at = rng.exponential(_BETWEEN_S)
    while at < count * GRID_S:
        length = rng.exponential(_BURST_S)
        busy[int(at / GRID_S) : int((at + length) / GRID_S) + 1] = 1.0
        at += length + rng.exponential(_BETWEEN_S)
    return busy
