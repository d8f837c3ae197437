"""What surrounds a block, read from the files of a machine."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from bitgauge.agents.devices.cpu._conditions import CpuConditions, wall_lead_ns

from tests.labs.trees import put


def test_conditions_are_read_from_files(tmp_path: Path) -> None:
    put(tmp_path, "proc/stat", "cpu  1 2 3 4 5 6 7 50 0 0\ncpu0 0\ncpu1 0\nintr 1\n")
    put(tmp_path, "proc/pressure/cpu", "some avg10=1.50 avg60=0 avg300=0 total=1\nfull avg10=9\n")
    put(tmp_path, "proc/loadavg", "0.75 0.5 0.2 1/100 1234\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "battery\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "30000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "61500\n")
    reader = CpuConditions(tmp_path, ticks_per_second=250)
    found = reader.read()
    assert (found.clock_mhz, found.temperature_c) == (2400.0, 61.5)
    assert found.steal_ticks == 20  # 50 ticks of 1/250 s
    assert (found.psi_some_avg10, found.load_1m) == (1.5, 0.75)
    busy = (1 + 2 + 3 + 6 + 7) / 250 * 100
    assert 0 < busy - found.foreign_ticks < 60_000  # this process has used some of it
    assert math.isnan(found.throttle_count)
    assert math.isnan(found.thermal_status)
    reader.close()
    assert math.isnan(reader.read().load_1m)


def test_throttling_is_read_wherever_a_machine_tells_it(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu/cpu0/thermal_throttle"
    put(tmp_path, f"{cpu}/core_throttle_count", "3\n")
    put(tmp_path, f"{cpu}/package_throttle_count", "4\n")
    put(tmp_path, f"{cpu}/core_throttle_total_time_ms", "900\n")
    put(tmp_path, "sys/class/thermal/cooling_device0/type", "Fan\n")
    put(tmp_path, "sys/class/thermal/cooling_device0/cur_state", "5\n")
    reader = CpuConditions(tmp_path)
    assert reader.read().throttle_count == 7
    assert math.isnan(reader.read().thermal_status)
    put(tmp_path, "sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n")
    put(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "0\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    assert CpuConditions(tmp_path).read().thermal_status == 0  # both only in the past
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50004\n")
    assert CpuConditions(tmp_path).read().thermal_status == 4


def test_a_clock_that_is_set_changes_the_lead_of_the_wall_clock() -> None:
    monotonic = itertools.count(1_000, 10).__next__
    at = wall_lead_ns(lambda: 5_000_000, monotonic)
    assert at == 5_000_000 - 1_000 - 5
    # Put aside between two readings twice; the third is tight.
    widths = iter([0, 90_000, 0, 60_000, 0, 30])
    assert wall_lead_ns(lambda: 7_000, lambda: next(widths)) == 7_000 - 15
    late = itertools.count(0, 10_000_000).__next__
    assert math.isnan(wall_lead_ns(lambda: 7_000, late))
    before, after = CpuConditions().read(), CpuConditions().read()
    assert abs(after.clock_step_ns - before.clock_step_ns) < 1_000_000


def test_what_a_device_does_not_tell_is_nan(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "battery\n")
    put(tmp_path, "proc/loadavg", "nonsense\n")
    found = CpuConditions(tmp_path).read()
    assert math.isnan(found.temperature_c)
    assert math.isnan(found.load_1m)
    assert math.isnan(found.steal_ticks)
