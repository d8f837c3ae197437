"""The state of a machine before a launch, from files; what cannot be read is None."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.agents.devices import cpu
from bitgauge.agents.devices.cpu._preflight import nominal_mhz, read_preflight
from bitgauge.agents.host.rest import Rest

CPU = "sys/devices/system/cpu"


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_machine_that_tells_everything(tmp_path: Path) -> None:
    # Formats as the kernel documents them: admin-guide/pm/cpufreq, ABI/testing/sysfs-class-power.
    put(
        tmp_path,
        **{
            f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n",
            f"{CPU}/cpu1/cpufreq/scaling_governor": "performance\n",
            f"{CPU}/cpu0/cpufreq/scaling_driver": "intel_pstate\n",
            f"{CPU}/cpu0/cpufreq/base_frequency": "2600000\n",
            f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "4700000\n",
            f"{CPU}/intel_pstate/no_turbo": "0\n",
            f"{CPU}/smt/active": "1\n",
            f"{CPU}/online": "0-7\n",
            f"{CPU}/isolated": "\n",
            "proc/self/status": "Name:\tx\nCpus_allowed_list:\t2-3\n",
            "proc/pressure/cpu": "some avg10=1.25 avg60=0.00 avg300=0.00 total=1\n",
            "proc/loadavg": "0.50 0.4 0.3 1/2 3\n",
            "proc/stat": "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1\n",
            "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "sys/class/thermal/thermal_zone0/temp": "61500\n",
            "sys/class/power_supply/AC/online": "1\n",
            "sys/class/power_supply/BAT0/status": "Discharging\n",
            "sys/class/power_supply/BAT0/capacity": "80\n",
            "sys/firmware/acpi/platform_profile": "balanced\n",
            "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
        },
    )
    found = read_preflight(tmp_path)
    assert found["governor"] == "performance powersave"
    assert (found["boost"], found["smt"], found["nominal_mhz"]) == ("on", "on", 2600.0)
    assert found["max_mhz"] == pytest.approx(4700.0)
    assert (found["cpuset"], found["cpus_online"], found["cpus_isolated"]) == ("2-3", "0-7", None)
    assert (found["psi_cpu_avg10"], found["load_1m"], found["steal_ticks"]) == (1.25, 0.5, 8.0)
    assert found["temperatures_c"] == "x86_pkg_temp=61.5"
    assert found["power_supply"] == "AC=online BAT0=Discharging,80%"
    assert (found["power_mode"], found["huge_pages"]) == ("balanced", "madvise")
    assert found["clock_source"] == "tsc"


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = read_preflight(tmp_path)
    assert set(found.values()) == {None}
    assert found.keys() == read_preflight().keys()


def test_an_unreadable_governor_is_a_fact_and_no_error(tmp_path: Path) -> None:
    # A folder in its place refuses to be read even to root.
    (tmp_path / CPU / "cpu0/cpufreq/scaling_governor").mkdir(parents=True)
    put(tmp_path, **{"proc/loadavg": "garbage\n", "proc/pressure/cpu": "some avg10=x total=1\n"})
    found = read_preflight(tmp_path)
    assert (found["governor"], found["load_1m"], found["psi_cpu_avg10"]) == (None, None, None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu0/acpi_cppc/nominal_freq": "3200\n"}, 3200.0),
        ({"cpu0/acpi_cppc/nominal_freq": "0\n"}, None),
        ({"cpu0/cpufreq/cpuinfo_max_freq": "2400000\n"}, None),  # boost or not: unknown
        ({"cpu0/cpufreq/cpuinfo_max_freq": "2400000\n", "cpufreq/boost": "0\n"}, 2400.0),
        ({"cpu0/cpufreq/cpuinfo_max_freq": "5000000\n", "cpufreq/boost": "1\n"}, None),
        ({"cpu0/cpufreq/base_frequency": "1800000\n", "intel_pstate/no_turbo": "1\n"}, 1800.0),
    ],
)
def test_the_nominal_clock(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    put(tmp_path, **{f"{CPU}/{name}": text for name, text in files.items()})
    assert nominal_mhz(tmp_path) == expected


async def test_a_warm_device_rests_until_it_is_cool_or_five_minutes_have_passed(
    tmp_path: Path,
) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    put(tmp_path, **{f"{zone}/type": "x86_pkg_temp\n", f"{zone}/temp": "45000\n"})
    now, falls = 0.0, True

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if falls:
            warm = int((tmp_path / zone / "temp").read_text())
            put(tmp_path, **{f"{zone}/temp": f"{max(warm - 4000, 45000)}\n"})

    rest = Rest(cpu.rest(root=tmp_path), clock=lambda: now, sleep=sleep)
    assert await rest.wait() == 0
    put(tmp_path, **{f"{zone}/temp": "61000\n"})
    assert await rest.wait() == 8  # 61, 57, 53, 49, 45: at 48 it would do
    falls = False
    put(tmp_path, **{f"{zone}/temp": "60000\n"})
    assert await rest.wait() == 300
    put(tmp_path, **{f"{zone}/temp": "garbage\n"})
    assert await rest.wait() == 0
    assert (
        await Rest(cpu.rest(root=tmp_path / "elsewhere"), clock=lambda: now, sleep=sleep).wait()
        == 0
    )


def test_this_machine_can_be_stored() -> None:
    found = read_preflight()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["cpuset"]
