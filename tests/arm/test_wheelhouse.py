"""A board without internet: what the wheelhouse puts on it, and how soon it is registered."""

from __future__ import annotations

import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.processes.conftest import Up

from .boards import ARGUMENTS, arm_board, served
from .userland import EXTRAS, PYTHON, WHEELS, Userland, wheelhouse

pytestmark = [pytest.mark.timeout(1200)]

CPU = "cortex-a76"
PLACE = "/opt/bitgauge"
"""Where the lines put the agent."""
ALONE = ("env", "-u", "PYTHONPATH", "-u", "PYTHONDONTWRITEBYTECODE")
SITE = f"{PLACE}/lib/python{PYTHON}/site-packages"
MOST_INSTALLED_BYTES = 130_000_000
MOST_RESIDENT_BYTES = 80_000_000
MOST_S = 60.0
"""Of processor time, from the first line on a new device until it has registered."""
IDLE_S = 2.0


@pytest.fixture(scope="module")
def installed(arm: Userland) -> Iterator[float]:
    """The lines typed on the board, without a network; the seconds that they took."""
    shutil.rmtree(arm.file(PLACE), ignore_errors=True)
    lines = wheelhouse(arm.file(WHEELS), "aarch64", PYTHON, EXTRAS)
    assert len(lines) == 2
    before_s = time.monotonic()
    for line in lines:
        arm.run(CPU, *ALONE, "sh", "-c", f"cd /opt && {line}", timeout_s=600, offline=True)
    yield time.monotonic() - before_s
    shutil.rmtree(arm.file(PLACE))


def _base_of(site: Path) -> int:
    """Bytes of what the package without extras brings, and of what Python compiled of it."""
    there = {
        canonicalize_name(one.metadata["Name"]): one
        for one in metadata.distributions(path=[str(site)])
    }
    names, wanted = set(), {canonicalize_name("bitgauge")}
    while wanted:
        names |= wanted
        needs = [Requirement(line) for one in wanted for line in there[one].requires or []]
        wanted = {
            canonicalize_name(one.name)
            for one in needs
            if one.marker is None
            or one.marker.evaluate({"platform_machine": "aarch64", "extra": ""})
        } - names
    listed = {Path(str(file.locate())) for name in names for file in there[name].files or []}
    compiled = {
        cached
        for file in listed
        if file.suffix == ".py"
        for cached in file.parent.glob(f"__pycache__/{file.stem}.*.pyc")
    }
    return sum(file.stat().st_size for file in listed | compiled)


def test_the_agent_fits_a_board(
    arm: Userland, installed: float, capsys: pytest.CaptureFixture[str]
) -> None:
    total = _base_of(arm.file(SITE))
    with capsys.disabled():
        print(f"\nbase agent on aarch64: {total / 1e6:.0f} MB installed")
    assert total < MOST_INSTALLED_BYTES


def test_it_registers_with_its_runtimes_and_fits_still(
    arm: Userland, up: Up, installed: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before_s = time.monotonic()
    program = (*ALONE, f"{PLACE}/bin/bitgauge-agent")
    with arm_board(arm, up, CPU, tmp_path, name="offline", program=program) as board:
        took_s = installed + time.monotonic() - before_s
        with up.client() as client:
            (device,) = (one for one in client.devices() if one.description.name == board.name)
    assert {one.name for one in device.description.runtimes} >= {*EXTRAS}
    total = _base_of(arm.file(SITE))
    with capsys.disabled():
        print(
            f"\nfrom pip install to registered: {took_s:.0f} s, emulated; then, with what Python"
            f" compiled of it on the way, the base agent takes {total / 1e6:.0f} MB"
        )
    assert total < MOST_INSTALLED_BYTES


def test_native_time_and_memory_are_small(
    up: Up, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An estimate for a board: emulated time and memory are not the device's."""
    wheels, place, home = (tmp_path / name for name in ("wheels", "place", "home"))
    lines = wheelhouse(wheels, platform.machine(), f"3.{sys.version_info.minor}", ())
    before_s = _children_s()
    for line in lines:
        here = line.replace(PLACE, str(place))
        subprocess.run(here, shell=True, check=True, capture_output=True, cwd=tmp_path)
    took_s = _children_s() - before_s
    told = (*ARGUMENTS, "--coordinator", up.address, "--home", str(home), "--name", "native")
    command = [str(place / "bin/bitgauge-agent"), *told]
    with served(command, up, "native", tmp_path, home / "tokens") as board:
        assert board.process is not None
        agent = psutil.Process(board.process.pid)
        times = agent.cpu_times()
        took_s += sum(times[:4])
        time.sleep(IDLE_S)
        resident = agent.memory_info().rss
    with capsys.disabled():
        print(
            f"\nbase agent, native estimate ({platform.machine()}): {took_s:.0f} s of processor"
            f" time from pip install to registered, {resident / 1e6:.0f} MB resident when idle"
        )
    assert took_s < MOST_S
    assert resident < MOST_RESIDENT_BYTES


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
