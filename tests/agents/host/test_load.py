"""What the kernel counts of everybody."""

from __future__ import annotations

import math

import pytest
from bitgauge.agents.host.load import busy_ticks, load_average, pressure_avg10, processor_ticks

STAT = b"cpu  1 2 3 4 5 6 7 50 0 0\ncpu0 1 0 0 9 9 0 0 0 0 0\ncpu1 0 2 0 9 9 0 0 0 0 0\nintr 1\n"


def test_stolen_and_busy_time() -> None:
    assert processor_ticks(STAT) == (50, 1 + 2 + 3 + 6 + 7)
    assert processor_ticks(STAT, 0.5) == (25, 9.5)
    stolen, busy = processor_ticks(b"cpu 1 2 3 4 5 6 7\n")  # a kernel without steal
    assert (math.isnan(stolen), busy) == (True, 19)
    assert math.isnan(processor_ticks(b"cpu 1 2 3 4\n")[1])
    assert busy_ticks(STAT, None) == [1, 2]
    assert busy_ticks(STAT, {1}) == [2]


def test_load_and_pressure() -> None:
    assert load_average(b"0.75 0.5 0.2 1/100 1234\n") == 0.75
    assert pressure_avg10(b"some avg10=1.50 avg60=0 total=1\nfull avg10=9\n") == 1.5
    assert math.isnan(pressure_avg10(b"full\n"))
    with pytest.raises(IndexError):
        load_average(b"")
