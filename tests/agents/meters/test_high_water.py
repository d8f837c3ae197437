"""Peak memory by the kernel's own mark."""

from __future__ import annotations

import time
from pathlib import Path

from bitgauge.agents.meters import high_water

from tests.labs.trees import put


def test_the_high_water_meter_sees_what_was_given_back() -> None:
    meter = high_water.MemoryMeter()
    meter.open_phase()
    before = meter.checkpoint("m0")
    meter.open_phase()
    block = bytearray(64 << 20)
    del block
    after = meter.checkpoint("m1")
    assert after.hwm_bytes - before.hwm_bytes > 50 << 20
    assert after.rss_bytes - before.rss_bytes < 20 << 20
    assert after.uss_bytes <= after.pss_bytes <= after.rss_bytes
    assert meter.method == "vmhwm"


def test_without_resets_the_peak_is_polled_and_says_so(tmp_path: Path) -> None:
    status = "VmHWM:\t 9999 kB\nVmRSS:\t {} kB\nRssAnon:\t 1 kB\nRssFile:\t 2 kB\n"
    put(tmp_path, "status", status.format(100))
    meter = high_water.MemoryMeter(tmp_path)
    meter.open_phase()
    put(tmp_path, "status", status.format(300))
    time.sleep(0.1)
    put(tmp_path, "status", status.format(200))
    point = meter.checkpoint("m1")
    assert point.hwm_bytes == 300 * 1024
    assert (point.rss_bytes, point.pss_bytes) == (200 * 1024, 0)
    assert meter.method == "sampled"
