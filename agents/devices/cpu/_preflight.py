"""The state of a machine before a timed launch, stored with it (measurement.md A-4).

Facts, not judgements: what could not be read is None and stays so. Everything is read below a
root folder, so that tests run on directory trees. Only the child imports this module.
"""

from __future__ import annotations

from pathlib import Path

from ...host.files import number, parsed, text
from ...host.load import load_average, pressure_avg10, processor_ticks
from ..base import Fact
from .boards import board

_CPU = "sys/devices/system/cpu"
_MHZ_PER_KHZ = 1e-3


def read_preflight(root: Path = Path("/")) -> dict[str, Fact]:
    """What surrounds a launch that is about to begin.

    Frequencies are in MHz, temperatures in degrees Celsius, pressure in per cent of the last
    10 s, steal in ticks since boot.
    """
    cpufreq = root / _CPU / "cpu0/cpufreq"
    here = board(root)
    return {
        **({} if here is None else here.preflight(root)),
        "governor": _governors(root),
        "scaling_driver": _text(cpufreq / "scaling_driver"),
        "energy_preference": _text(cpufreq / "energy_performance_preference"),
        "boost": _boost(root),
        "smt": _switch(root / _CPU / "smt/active"),
        "nominal_mhz": nominal_mhz(root),
        "max_mhz": number(cpufreq / "cpuinfo_max_freq", _MHZ_PER_KHZ),
        "cpuset": _status(root, "Cpus_allowed_list"),
        "cpus_online": _text(root / _CPU / "online"),
        "cpus_isolated": _text(root / _CPU / "isolated"),
        "cpu_quota": _text(root / "sys/fs/cgroup/cpu.max"),
        "psi_cpu_avg10": parsed(root / "proc/pressure/cpu", pressure_avg10),
        "psi_memory_avg10": parsed(root / "proc/pressure/memory", pressure_avg10),
        "load_1m": parsed(root / "proc/loadavg", load_average),
        "steal_ticks": parsed(root / "proc/stat", lambda stat: processor_ticks(stat)[0]),
        "temperatures_c": _temperatures(root),
        "power_mode": _text(root / "sys/firmware/acpi/platform_profile"),
        "power_supply": _supplies(root),
        "huge_pages": _chosen(root / "sys/kernel/mm/transparent_hugepage/enabled"),
        "clock_source": _text(
            root / "sys/devices/system/clocksource/clocksource0/current_clocksource"
        ),
    }


def nominal_mhz(root: Path = Path("/")) -> float | None:
    """The clock that the processor keeps without boost, in MHz; None when it is not told.

    Intel's driver states it as base_frequency (kHz), firmware with CPPC as nominal_freq (MHz).
    With boost switched off it is the largest frequency.
    """
    cpu = root / _CPU / "cpu0"
    told = number(cpu / "cpufreq/base_frequency", _MHZ_PER_KHZ) or number(
        cpu / "acpi_cppc/nominal_freq"
    )
    if told:
        return told
    return number(cpu / "cpufreq/cpuinfo_max_freq", _MHZ_PER_KHZ) if _boost(root) == "off" else None


def _governors(root: Path) -> Fact:
    """The governor, or all there are when processors differ."""
    files = sorted((root / _CPU).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    found = sorted({text for file in files if (text := _text(file))})
    return " ".join(found) or None


def _boost(root: Path) -> Fact:
    """`on` or `off`; Intel's own driver counts the other way round."""
    turbo = _switch(root / _CPU / "intel_pstate/no_turbo")
    if turbo is not None:
        return "off" if turbo == "on" else "on"
    return _switch(root / _CPU / "cpufreq/boost")


def _switch(path: Path) -> str | None:
    return {"0": "off", "1": "on"}.get(_text(path) or "")


def _chosen(path: Path) -> Fact:
    """The word in brackets of a list of choices."""
    words = (_text(path) or "").split()
    return next((word.strip("[]") for word in words if word.startswith("[")), None)


def _status(root: Path, name: str) -> Fact:
    for line in (_text(root / "proc/self/status") or "").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return None


def _temperatures(root: Path) -> Fact:
    """Every thermal zone, `x86_pkg_temp=61.5 acpitz=40.0`."""
    found = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        value = number(zone / "temp", 1e-3)
        if value is not None:
            found.append(f"{_text(zone / 'type') or zone.name}={value:.1f}")
    return " ".join(found) or None


def _supplies(root: Path) -> Fact:
    """Chargers and batteries, `AC=online BAT0=Discharging,80%`."""
    found = []
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        status, charge = _text(supply / "status"), _text(supply / "capacity")
        if status:
            found.append(f"{supply.name}={status}" + (f",{charge}%" if charge else ""))
        elif (online := _switch(supply / "online")) is not None:
            found.append(f"{supply.name}={'online' if online == 'on' else 'offline'}")
    return " ".join(found) or None


def _text(path: Path) -> str | None:
    """The text of a file; None when it is empty or cannot be read."""
    return text(path) or None
