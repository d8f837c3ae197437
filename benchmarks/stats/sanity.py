"""Numbers that cannot be, and how samples scatter (measurement.md A-9 and A-14). Pure."""

from __future__ import annotations

import math

import numpy as np

from ..samples import Ints

MILD_IQR, SEVERE_IQR = 1.5, 3.0
"""Tukey's fences in interquartile ranges beyond the quartiles."""

ANCHOR_SLACK = 1.05
"""How far a result may exceed the most that was observed before it is impossible."""

MAX_IN_FLIGHT_ERROR = 0.05
"""How far Little's law may be missed before the harness itself is suspect."""


MAX_ENQUEUE_SHARE = 0.8
"""Of a device's time, what the host may need to hand the work over (A-3; as trtexec warns)."""


def is_enqueue_bound(enqueue_ns: float, device_ns: float) -> bool:
    """Whether a device waits for its host more than it computes: its time is then the host's."""
    return enqueue_ns > MAX_ENQUEUE_SHARE * device_ns


def beyond_latency(device_ns: float, latency_ns: float) -> bool:
    """Whether a device claims more time than passed around it and its transfers (A-14)."""
    return device_ns > ANCHOR_SLACK * latency_ns


def outliers(latency_ns: Ints) -> tuple[int, int]:
    """How many latencies lie beyond Tukey's inner and outer fences: mild ones, severe ones.

    They are counted and stay where they are.
    """
    first, third = np.quantile(latency_ns, [0.25, 0.75])
    reach = third - first

    def beyond(iqrs: float) -> int:
        below, above = first - iqrs * reach, third + iqrs * reach
        return int(np.count_nonzero((latency_ns < below) | (latency_ns > above)))

    severe = beyond(SEVERE_IQR)
    return beyond(MILD_IQR) - severe, severe


def impossible_median(median_ns: float, resolution_ns: float = math.nan) -> bool:
    """Whether a median is 0, or shorter than what its clock can tell apart (NaN: unknown)."""
    return median_ns <= 0 or median_ns < resolution_ns


def beyond_anchor(achieved_per_s: float, anchor_per_s: float) -> bool:
    """Whether a result needs more operations, or bytes, per second than were ever observed.

    Args:
        achieved_per_s: what the result claims; NaN is beyond everything.
        anchor_per_s: the most that was measured.
    """
    return not achieved_per_s <= ANCHOR_SLACK * anchor_per_s


def in_flight(mean_latency_ns: float, count: int, window_ns: float) -> float:
    """Calls under way on average, by Little's law: throughput times mean latency.

    A loop that issues a call when the one before has completed has one under way all the time.

    Args:
        mean_latency_ns: of one call.
        count: calls that completed.
        window_ns: from the first issue to the last completion.
    """
    return mean_latency_ns * count / window_ns if window_ns > 0 else math.nan


def harness_suspect(calls_in_flight: float) -> bool:
    """Whether latencies and throughput of a closed loop contradict each other."""
    return not abs(calls_in_flight - 1) <= MAX_IN_FLIGHT_ERROR
