"""What the processors of a package did for others."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from bitgauge.agents.devices.cpu._package_load import PackageLoad, members
from bitgauge.agents.host.load import busy_ticks

from tests.labs.trees import put

STAT = """cpu  10 0 10 0 0 0 0 0 0 0
cpu0 100 5 200 900 7 1 2 50 0 0
cpu1 {one} 0 0 900 7 0 0 50 0 0
cpu2 0 0 {two} 900 7 0 0 50 0 0
cpu3 9000 0 0 0 0 0 0 0 0 0
intr 12 13
"""


def test_the_load_of_others_is_that_of_the_package(tmp_path: Path) -> None:
    at = "sys/devices/system/cpu/cpu{}/topology/physical_package_id"
    files = {at.format(cpu): str(cpu // 2) for cpu in range(4)}
    for path, text in (files | {"proc/stat": STAT.format(one=0, two=0)}).items():
        put(tmp_path, path, text)
    load = PackageLoad(tmp_path, own=(0,), ticks_per_second=100)
    before = load.foreign_ns()
    put(tmp_path, "proc/stat", STAT.format(one=0, two=500))
    assert load.foreign_ns() - before < 1e6  # another package's, and our own time
    put(tmp_path, "proc/stat", STAT.format(one=500, two=500))
    # 5 s on one of its two processors.
    assert load.foreign_ns() - before == pytest.approx(2.5e9, rel=0.1)
    assert members(tmp_path / "none", (0,)) is None
    assert len(busy_ticks(STAT.format(one=1, two=2).encode(), None)) == 4
    assert math.isnan(PackageLoad(tmp_path / "none", own=(0,)).foreign_ns())
