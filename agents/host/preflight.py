"""The state of a machine before a timed launch, stored with it (measurement.md A-4).

Facts, not judgements: what could not be read is None and stays so. Everything is read below a
root folder, so that tests run on directory trees. Only the child imports this module.
"""

from __future__ import annotations

import os
from pathlib import Path

Fact = str | float | None

_CPU = "sys/devices/system/cpu"
_MHZ_PER_KHZ = 1e-3


def read_preflight(root: Path = Path("/")) -> dict[str, Fact]:
    """What surrounds a launch that is about to begin.

    Frequencies are in MHz, temperatures in degrees Celsius, pressure in per cent of the last
    10 s, steal in ticks since boot.
    """
    cpufreq = root / _CPU / "cpu0/cpufreq"
    return {
        "governor": _governors(root),
        "scaling_driver": _text(cpufreq / "scaling_driver"),
        "energy_preference": _text(cpufreq / "energy_performance_preference"),
        "boost": _boost(root),
        "smt": _switch(root / _CPU / "smt/active"),
        "nominal_mhz": nominal_mhz(root),
        "max_mhz": _number(cpufreq / "cpuinfo_max_freq", _MHZ_PER_KHZ),
        "cpuset": _status(root, "Cpus_allowed_list"),
        "cpus_online": _text(root / _CPU / "online"),
        "cpus_isolated": _text(root / _CPU / "isolated"),
        "cpu_quota": _text(root / "sys/fs/cgroup/cpu.max"),
        "psi_cpu_avg10": _pressure(root / "proc/pressure/cpu"),
        "psi_memory_avg10": _pressure(root / "proc/pressure/memory"),
        "load_1m": _first_number(root / "proc/loadavg"),
        "steal_ticks": _steal(root / "proc/stat"),
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
    told = _number(cpu / "cpufreq/base_frequency", _MHZ_PER_KHZ) or _number(
        cpu / "acpi_cppc/nominal_freq"
    )
    if told:
        return told
    return (
        _number(cpu / "cpufreq/cpuinfo_max_freq", _MHZ_PER_KHZ) if _boost(root) == "off" else None
    )


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


def _pressure(path: Path) -> Fact:
    for word in (_text(path) or "").split():
        if word.startswith("avg10="):
            return _float(word[6:])
    return None


def _steal(path: Path) -> Fact:
    fields = (_text(path) or "").split("\n", 1)[0].split()
    return _float(fields[8]) if len(fields) > 8 else None


def _first_number(path: Path) -> Fact:
    words = (_text(path) or "").split()
    return _float(words[0]) if words else None


def _temperatures(root: Path) -> Fact:
    """Every thermal zone, `x86_pkg_temp=61.5 acpitz=40.0`."""
    found = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        value = _number(zone / "temp", 1e-3)
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


def _number(path: Path, scale: float = 1.0) -> float | None:
    value = _float(_text(path) or "")
    return None if value is None else value * scale


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _text(path: Path) -> str | None:
    """The text of a file; None when it is empty or cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, 4096).decode("utf-8", errors="replace").strip("\0 \n\t") or None
    except OSError:
        return None
    finally:
        os.close(descriptor)
