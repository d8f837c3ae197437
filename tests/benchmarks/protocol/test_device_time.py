"""The device's clock and the host's, on a simulated pair of both."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.protocol.device_time import time_on_device
from bitgauge.benchmarks.protocol.latency import measure_absolute
from bitgauge.benchmarks.samples import Conditions
from bitgauge.benchmarks.stats.sanity import is_enqueue_bound
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS

from tests.labs.noisy_clock import SimulatedDevice
from tests.labs.values import warmed

MS = 1_000_000


@pytest.mark.parametrize(
    ("enqueue_ns", "device_ns", "seen_ns", "bound"),
    [
        (100_000, 2 * MS, 2 * MS + 10_000, False),  # the first part waits for its being handed over
        (2 * MS, 100_000, 2 * MS + 10_000, True),  # the device waits for each of its parts
        (700_000, MS, MS + 70_000, False),
        (950_000, MS, MS + 95_000, True),
    ],
)
def test_a_device_that_waits_for_its_host_is_told_from_one_that_computes(
    enqueue_ns: int, device_ns: int, seen_ns: int, bound: bool
) -> None:
    device = SimulatedDevice(enqueue_ns, device_ns)
    took, handing = time_on_device(device.timed(), device.clock, 7)
    assert list(took) == [seen_ns] * 7
    assert list(handing) == [enqueue_ns] * 7
    assert is_enqueue_bound(handing[0], took[0]) is bound


def test_what_empties_the_cache_is_in_no_clock() -> None:
    device = SimulatedDevice(100_000, 2 * MS)
    warm, _ = time_on_device(device.timed(), device.clock, 5)
    cold, handing = time_on_device(device.timed(device.flush), device.clock, 5)
    assert device.flushed == 5
    assert list(cold) == list(warm)
    assert set(handing) == {100_000}


def test_latency_holds_transfers_and_the_devices_time_does_not() -> None:
    device = SimulatedDevice(100_000, 2 * MS, transfer_ns=5 * MS)
    samples = measure_absolute(
        device.call,
        warm=warmed(12 * MS),
        clock=device.clock,
        plan=PLANS[Profile.QUICK],
        rng=np.random.default_rng(0),
        gap=lambda: None,
        conditions=Conditions,
        device=device.timed(),
    )
    assert samples.device is not None
    assert set(samples.latency_ns) == {12 * MS + 10_000}
    assert set(samples.device.device_ns) == {2 * MS + 10_000}
    assert samples.device.device_block.max() == samples.block.max()
    assert samples.device.device_ns.size == samples.latency_ns.size
    # What the device timed lies between blocks, for which no completed call stands.
    spent = samples.block_end_ns - samples.block_start_ns
    assert spent.sum() == samples.latency_ns.sum()


def test_without_a_clock_of_the_device_nothing_is_said_of_it() -> None:
    device = SimulatedDevice(100_000, 2 * MS)
    samples = measure_absolute(
        device.call,
        warm=warmed(2 * MS),
        clock=device.clock,
        plan=PLANS[Profile.QUICK],
        rng=np.random.default_rng(0),
        gap=lambda: None,
        conditions=Conditions,
    )
    assert samples.device is None
