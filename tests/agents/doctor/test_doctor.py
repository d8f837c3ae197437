"""What the doctor finds on machines made of files, and what it says of this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

import pytest
from bitgauge.agents.devices import cpu
from bitgauge.agents.devices.android import listing
from bitgauge.agents.doctor.base import Observation, Patient, State
from bitgauge.agents.doctor.examination import examined, exit_code, in_words, program
from bitgauge.agents.doctor.examinations import (
    clock,
    container,
    cores,
    energy,
    graphics,
    heat,
    memory,
    others,
    phones,
    realness,
    runtimes,
    sandbox,
)
from bitgauge.benchmarks.sandbox.base import RLIMITS

from tests.labs.trees import put

_CPU0 = "sys/devices/system/cpu/cpu0/cpufreq"
_CLOCK = "sys/devices/system/clocksource/clocksource0"
_ZONE = "sys/class/thermal/thermal_zone0"


def _states(findings: Sequence[Observation] | object) -> list[State]:
    assert isinstance(findings, list)
    return [one.state for one in findings]


def _patient(root: Path, **said: str | None) -> Patient:
    return Patient(root, root, run=lambda command: said.get(command[0]))


@pytest.mark.parametrize(
    ("governor", "state"), [("performance", State.GOOD), ("powersave", State.MEND)]
)
def test_a_governor_that_follows_the_load_is_to_be_mended(
    tmp_path: Path, governor: str, state: State
) -> None:
    put(tmp_path, f"{_CPU0}/scaling_governor", governor)
    (found,) = clock.examine(_patient(tmp_path))
    assert (found.found, found.state) == (governor, state)
    assert bool(found.mend) == (state is State.MEND)


@pytest.mark.parametrize(
    ("vendor", "driver", "node", "state", "mend"),
    [
        ("0x1002", "", "", State.MEND, "modprobe amdgpu"),
        ("0x1002", "vfio-pci", "dev/kfd", State.MEND, "modprobe amdgpu"),
        ("0x1002", "amdgpu", "", State.MEND, "render,video"),
        ("0x1002", "amdgpu", "dev/kfd", State.GOOD, ""),
        ("0x10de", "nouveau", "", State.MEND, "modprobe nvidia"),
        ("0x10de", "nvidia", "", State.GOOD, ""),
    ],
)
def test_a_graphics_processor_wants_its_driver(
    tmp_path: Path, vendor: str, driver: str, node: str, state: State, mend: str
) -> None:
    device = "sys/bus/pci/devices/0000:03:00.0"
    put(tmp_path, f"{device}/class", "0x030000\n")
    put(tmp_path, f"{device}/vendor", f"{vendor}\n")
    put(tmp_path, f"{device}/uevent", f"DRIVER={driver}\n" if driver else "PCI_CLASS=30000\n")
    put(tmp_path, "sys/bus/pci/devices/0000:00:02.0/vendor", "0x1002\n")  # a bridge
    if node:
        put(tmp_path, node, "")
    (found,) = graphics.examine(_patient(tmp_path))
    assert (found.subject.endswith("0000:03:00.0"), found.state) == (True, state)
    assert mend in found.mend


@pytest.mark.parametrize(
    ("source", "others_there", "state"),
    [("tsc", "hpet", State.GOOD), ("hpet", "tsc", State.MEND), ("hpet", "acpi_pm", State.NOTE)],
)
def test_a_slow_clock_source_is_mended_where_a_better_one_is(
    tmp_path: Path, source: str, others_there: str, state: State
) -> None:
    put(tmp_path, f"{_CLOCK}/current_clocksource", source)
    put(tmp_path, f"{_CLOCK}/available_clocksource", f"{source} {others_there}")
    assert list(clock.examine(_patient(tmp_path)))[1].state is state


def test_unlike_cores_are_told_with_the_way_to_choose(tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/cpu_core/cpus", "0-7")
    put(tmp_path, "sys/devices/cpu_atom/cpus", "8-15")
    (found,) = cores.examine(_patient(tmp_path))
    assert "--cores 0-7" in found.mend


@pytest.mark.parametrize(("celsius", "state"), [(40, State.GOOD), (85, State.MEND)])
def test_a_processor_above_its_trip_point_is_to_cool_down(
    tmp_path: Path, celsius: int, state: State
) -> None:
    put(tmp_path, f"{_ZONE}/type", "cpu-thermal")
    put(tmp_path, f"{_ZONE}/temp", f"{celsius}000")
    put(tmp_path, f"{_ZONE}/trip_point_0_type", "passive")
    put(tmp_path, f"{_ZONE}/trip_point_0_temp", "80000")
    assert _states(list(heat.examine(_patient(tmp_path)))) == [state]


def test_a_board_with_a_weak_supply_says_so(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/compatible", "raspberrypi,4-model-b")
    found = list(heat.examine(_patient(tmp_path, vcgencmd="throttled=0x1\n")))[1]
    assert (found.state, found.found) == (State.MEND, "the supply's voltage is too low")


def test_swap_in_use_is_to_be_mended(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", "SwapTotal: 2048 kB\nSwapFree: 2048 kB\n")
    assert next(memory.examine(_patient(tmp_path))).state is State.NOTE
    put(tmp_path, "proc/meminfo", "SwapTotal: 4096 kB\nSwapFree: 1024 kB\n")
    assert next(memory.examine(_patient(tmp_path))).found == "3 MiB in use"


@pytest.mark.parametrize(("load", "state"), [("0.10", State.GOOD), ("3.00", State.MEND)])
def test_other_work_is_told(tmp_path: Path, load: str, state: State) -> None:
    put(tmp_path, "proc/loadavg", f"{load} 0 0 1/2 3")
    assert _states(list(others.examine(_patient(tmp_path)))) == [state]


def test_each_state_of_a_phone_has_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "require_server", lambda _port: None)
    monkeypatch.delenv(listing.PORT_VARIABLE, raising=False)
    listed = (
        "List of devices attached\nA\tdevice\nB\tunauthorized\nC\toffline\n"
        "D\tno permissions (user in plugdev group); see [http://x]\n\n"
    )
    (idle,) = phones.examine(_patient(tmp_path, adb=listed))  # a server would stay: it starts none
    assert "does not run" in idle.found
    put(tmp_path, "proc/net/tcp", "  sl local\n 0: 0100007F:13AD 00000000:0000 0A 0 0\n")
    found = list(phones.examine(_patient(tmp_path, adb=listed)))
    assert _states(found) == [State.GOOD, *[State.MEND] * 3]
    assert len({one.mend for one in found}) == 4
    assert _states(list(phones.examine(_patient(tmp_path)))) == [State.NOTE]
    assert _states(list(phones.examine(_patient(tmp_path, adb="List of devices\n")))) == [
        State.GOOD
    ]


def test_energy_counters_that_may_not_be_read_have_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from bitgauge.agents import registry

    there, failed = registry.describe_meters(registry.find("meters", ()))
    forbidden = tuple(
        replace(one, reason="no_permission") for one in there if one.quantity == "energy"
    )
    monkeypatch.setattr(registry, "describe_meters", lambda _found: (forbidden, failed))
    (found,) = energy.examine(_patient(tmp_path))
    assert found.state is (State.MEND if forbidden else State.NOTE)
    assert "chmod a+r" in found.mend or not forbidden


def test_an_emulated_machine_measures_numerics_alone(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", "model name : QEMU TCG CPU version 2.5+\n")
    (found,) = realness.examine(_patient(tmp_path))
    assert found.state is State.NOTE
    assert "numerics and quality" in found.why


@pytest.mark.parametrize(
    ("mark", "said", "whose"),
    [
        ("proc/self/mountinfo", "5 4 8:1 /c/hosts /etc/hosts rw - ext4 d rw\n", "docker"),
        ("run/.containerenv", 'engine="podman-4.3.1"', "podman"),
        ("run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"),
        ("var/run/secrets/kubernetes.io/serviceaccount/token", "x", "kubernetes"),
    ],
)
def test_a_container_is_told_and_is_part_of_the_stack(
    tmp_path: Path, mark: str, said: str, whose: str
) -> None:
    put(tmp_path, ".dockerenv", "")  # as on a disk that was made of an image
    assert list(container.examine(_patient(tmp_path))) == []
    put(tmp_path, mark, said)
    (found,) = container.examine(_patient(tmp_path))
    assert (found.state, found.found) == (State.NOTE, whose)
    assert ("container", whose) in {
        (one.name, one.value) for one in cpu.describe(root=tmp_path).stack
    }


def test_without_a_runtime_nothing_can_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bitgauge.agents import registry

    gone = ("onnxruntime: it is not installed. pip install 'bitgauge[onnxruntime]'",)
    monkeypatch.setattr(registry, "probe_runtimes", lambda _found: ((), gone))
    found = list(runtimes.examine(_patient(tmp_path)))
    assert _states(found) == [State.STOP, State.NOTE]
    assert exit_code(found) == 3
    assert in_words(found).startswith("Nothing can be measured here yet")


def test_the_weakest_sandbox_is_to_be_mended(tmp_path: Path) -> None:
    weak = Patient(tmp_path, tmp_path, sandbox=RLIMITS, sandbox_refused=(("bwrap", "no."),))
    (found,) = sandbox.examine(weak)
    assert found.state is State.MEND
    assert "bubblewrap" in found.mend


def test_an_examination_that_fails_is_a_finding(tmp_path: Path) -> None:
    put(tmp_path, "examinations/broken.py", "NAME, RANK = 'broken', 1\ndef examine(_): 1 / 0\n")
    found = examined(Patient(tmp_path, tmp_path, plugins=(tmp_path,), sandbox="bwrap"))
    (broken,) = [one for one in found if one.subject == "broken"]
    assert broken.found == "it failed: ZeroDivisionError: division by zero"
    assert exit_code(found) == 1


def test_programs_that_are_not_there_or_fail_say_nothing() -> None:
    assert program(("bitgauge-no-such-program",)) is None
    assert program(("false",)) is None
    assert program(("echo", "x")) == "x\n"


_INSIDE = ("bwrap", "--dev-bind", "/", "/", "--unshare-user")
PLACES = {
    "here": (),
    "as root": (*_INSIDE, "--uid", "0", "--gid", "0"),
    "as nobody": (*_INSIDE, "--uid", "65534", "--gid", "65534"),
    "in a container": (
        *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all"),
        *("--bind", gettempdir(), gettempdir(), "--tmpfs", "/run"),
        *("--ro-bind", "/dev/null", "/run/.containerenv"),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_command_works_wherever_it_is_asked(tmp_path: Path, place: str) -> None:
    prefix = PLACES[place]
    if prefix and subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip(f"NOT RUN: bubblewrap makes no namespaces here, so not {place}")
    command = [sys.executable, "-m", "bitgauge.agents.cli", "doctor", "--home", str(tmp_path)]
    told = subprocess.run(
        [*prefix, *command, "--json"], check=False, capture_output=True, text=True, timeout=60
    )
    findings = {one["subject"]: one for one in json.loads(told.stdout)}
    states = {one["state"] for one in findings.values()}
    assert told.returncode == (3 if "stop" in states else 1 if "mend" in states else 0)
    assert {"device", "runtimes", "sandbox", "disk"} <= findings.keys()
    assert all(one["why"] for one in findings.values() if one["state"] == "mend")
    assert not [one for one in findings.values() if "it failed" in one["found"]]
    assert ("container" in findings) is (place == "in a container")
    assert list(tmp_path.iterdir()) == []  # it looks and changes nothing
