"""Records the files of this machine that meters, conditions and preflight read.

    python tests/agents/devices/recorded/capture.py tests/agents/devices/recorded/NAME

writes `root/` (the files) and `absent.txt` (what the machine does not have). Of /proc/cpuinfo it
keeps the first processor and the fields below; nothing that names a machine or its owner is read.
"""

from __future__ import annotations

import sys
from pathlib import Path

CPU = "sys/devices/system/cpu"
PATTERNS = (
    f"{CPU}/cpu[0-9]*/cpufreq/scaling_governor",
    f"{CPU}/cpu0/cpufreq/scaling_driver",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq",
    f"{CPU}/cpu0/cpufreq/energy_performance_preference",
    f"{CPU}/cpu0/cpufreq/base_frequency",
    f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq",
    f"{CPU}/cpu0/acpi_cppc/nominal_freq",
    f"{CPU}/cpu0/thermal_throttle/*_throttle_count",
    f"{CPU}/cpu[0-9]*/topology/physical_package_id",
    f"{CPU}/intel_pstate/no_turbo",
    f"{CPU}/cpufreq/boost",
    f"{CPU}/smt/active",
    f"{CPU}/online",
    f"{CPU}/isolated",
    "sys/class/thermal/thermal_zone*/type",
    "sys/class/thermal/thermal_zone*/temp",
    "sys/class/thermal/cooling_device*/type",
    "sys/class/thermal/cooling_device*/cur_state",
    "sys/class/hwmon/hwmon*/name",
    "sys/class/hwmon/hwmon*/temp1_input",
    "sys/class/hwmon/hwmon*/update_interval",
    "sys/class/hwmon/hwmon*/in[0-9]_*",
    "sys/class/hwmon/hwmon*/curr[0-9]_*",
    "sys/class/hwmon/hwmon*/power[0-9]_*",
    "sys/class/hwmon/hwmon*/energy[0-9]*_*",
    "sys/class/powercap/intel-rapl:*/name",
    "sys/class/powercap/intel-rapl:*/energy_uj",
    "sys/class/powercap/intel-rapl:*/max_energy_range_uj",
    "sys/class/power_supply/*/status",
    "sys/class/power_supply/*/capacity",
    "sys/class/power_supply/*/online",
    "sys/devices/platform/soc/*firmware/get_throttled",
    "sys/devices/system/clocksource/clocksource0/current_clocksource",
    "sys/devices/system/clocksource/clocksource0/available_clocksource",
    "sys/firmware/acpi/platform_profile",
    "sys/fs/cgroup/cpu.max",
    "sys/kernel/mm/transparent_hugepage/enabled",
    "proc/cpuinfo",
    "proc/loadavg",
    "proc/pressure/cpu",
    "proc/pressure/memory",
    "proc/stat",
)
KEPT_OF_CPUINFO = ("processor", "vendor_id", "cpu family", "model", "model name", "flags")


def main(target: Path) -> None:
    """Records into `target`, which must not hold a recording yet."""
    absent = []
    (target / "root").mkdir(parents=True)
    for pattern in PATTERNS:
        found = [path for path in sorted(Path("/").glob(pattern)) if path.is_file()]
        if not found:
            absent.append(pattern)
        for path in found:
            copy = target / "root" / path.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(shortened(path, path.read_text("utf-8", "replace")))
    (target / "absent.txt").write_text("".join(f"{pattern}\n" for pattern in absent))


def shortened(path: Path, text: str) -> str:
    """What is kept of a file: counters of single interrupts would fill pages."""
    if path.name == "cpuinfo":
        first = text.split("\n\n", 1)[0].splitlines()
        kept = [line for line in first if line.partition(":")[0].strip() in KEPT_OF_CPUINFO]
        return "\n".join(kept) + "\n"
    if path.name == "stat":
        kept = [line for line in text.splitlines() if line.startswith("cpu")]
        return "\n".join(kept) + "\n"
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
