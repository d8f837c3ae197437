"""A clock and calls on a simulated machine whose disturbances are known, one kind at a time.

Noise multiplies the latency of whatever runs at that time and never tells why. The kinds are what
was seen on shared machines: `drift` over the whole run, `bursts` of a neighbour's load, single
`spikes`, and `steps` of the level; `all` is everything together, `calm` nothing but jitter. Seeds
are fixed by the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MS = 1_000_000
KINDS = ("drift", "bursts", "spikes", "steps", "all")
CALM = "calm"

_SLOTS = 65_536


class NoisyClock:
    """One machine.

    Args:
        seed: makes it repeatable.
        kind: what disturbs it, one of `KINDS`, or `CALM`.
        horizon_s: how long its noise is drawn for; it stays as it is afterwards.
        jitter: standard deviation of the logarithm of each call, independent.
    """

    def __init__(
        self, seed: int, kind: str, *, horizon_s: float = 40.0, jitter: float = 0.02
    ) -> None:
        rng = np.random.default_rng([seed, (*KINDS, CALM).index(kind)])
        slots = int(horizon_s * 1000)
        level = np.ones(slots)
        if kind in ("drift", "all"):
            level *= 1 + rng.uniform(-0.3, 0.3) * np.linspace(0, 1, slots)
        if kind in ("steps", "all"):
            for start in rng.integers(slots, size=4):
                level[start:] *= 1 + rng.uniform(-0.1, 0.2)
        if kind in ("bursts", "all"):
            for start in rng.integers(slots, size=slots // 400):
                level[start : start + int(rng.exponential(80))] *= rng.uniform(1.1, 1.6)
        spikes = rng.random(_SLOTS) < (0.01 if kind in ("spikes", "all") else 0.0)
        self._level = level.tolist()
        self._each = (
            np.exp(rng.normal(0, jitter, _SLOTS)) * np.where(spikes, rng.uniform(2, 10), 1.0)
        ).tolist()
        self._at = 0
        self.now_ns = 0.0

    def clock(self) -> int:
        """Monotonic nanoseconds of this machine."""
        return int(self.now_ns)

    def call(self, latency_ns: float) -> Callable[[], None]:
        def run() -> None:
            slot = min(int(self.now_ns / MS), len(self._level) - 1)
            self._at = (self._at + 1) % _SLOTS
            self.now_ns += latency_ns * self._level[slot] * self._each[self._at]

        return run
