"""A clock and calls on a simulated machine whose disturbances are known, one kind at a time.

Noise multiplies the latency of whatever runs at that time and never tells why. The kinds are what
was seen on shared machines: `drift` over the whole run, `bursts` of a neighbour's load, single
`spikes`, and `steps` of the level; `all` is everything together, `calm` nothing but jitter. Seeds
are fixed by the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bitgauge.benchmarks.protocol.device_time import DeviceCall

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


class SimulatedDevice:
    """One queue of a device, and the host's clock.

    Args:
        enqueue_ns: what the host needs to hand one call over, in `kernels` equal parts.
        device_ns: what the device computes for one call, in as many.
        kernels: parts of a call.
        transfer_ns: of inputs or outputs, each.

    Attributes:
        now_ns: the host's clock.
        free_ns: when the device has done all that it was given.
        flushed: how often its cache was emptied.
    """

    def __init__(
        self, enqueue_ns: int, device_ns: int, *, kernels: int = 10, transfer_ns: int = 0
    ) -> None:
        self._enqueue_ns, self._device_ns, self._kernels = enqueue_ns, device_ns, kernels
        self._transfer_ns = transfer_ns
        self.now_ns = self.free_ns = self.flushed = 0

    def clock(self) -> int:
        """The host's."""
        return self.now_ns

    def enqueue(self) -> None:
        """Hands one call over; the device begins with each part as soon as it has it."""
        for _ in range(self._kernels):
            self.now_ns += self._enqueue_ns // self._kernels
            self.free_ns = max(self.free_ns, self.now_ns) + self._device_ns // self._kernels

    def mark(self) -> int:
        """When the device reaches what comes now."""
        self.free_ns = max(self.free_ns, self.now_ns)
        return self.free_ns

    def between_ns(self, first: int, second: int) -> float:
        """Of the device's own clock."""
        assert self.now_ns >= second, "it has not reached that yet"
        return second - first

    def wait(self) -> None:
        """The host waits."""
        self.now_ns = max(self.now_ns, self.free_ns)

    def flush(self) -> None:
        """Emptying its cache takes a while, too."""
        self.flushed += 1
        self.free_ns = max(self.free_ns, self.now_ns) + 1_000_000

    def call(self) -> None:
        """The whole, as who asks for an inference sees it: transfers and waiting."""
        self.now_ns += self._transfer_ns
        self.enqueue()
        self.wait()
        self.now_ns += self._transfer_ns

    def timed(self, before: Callable[[], None] | None = None) -> DeviceCall:
        """As the device times it."""
        if before is None:
            return DeviceCall(self.enqueue, self)
        return DeviceCall(self.enqueue, self, before, is_cold=True)
