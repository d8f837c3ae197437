"""A device kind is one file: one from a temporary folder is served and measured by its readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RunStatus
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from tests.labs.agent import Lab, fake_artifact

DEVICE = '''
"""A device of somebody's own, which tells one clock and nothing else."""
from bitgauge.agents.devices.base import DeviceFacts, Unit
from bitgauge.agents.host.rest import Heat
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness

NAME = "abacus"
RANK = 5
HINT = "needs an abacus"


def probe():
    return (Unit("serial-1"),)


def describe(unit):
    return DeviceFacts(
        HardwareClass.CPU_ONLY, Realness.PHYSICAL, "beads", f"Abacus {unit}", (), 1, 1 << 30, "0"
    )


class Reader:
    columns = ("clock_mhz",)

    def __init__(self, unit):
        self.clock_mhz = {"serial-1": 1234.0}[unit]

    def read(self):
        from bitgauge.benchmarks.samples import Conditions

        return Conditions(clock_mhz=self.clock_mhz)

    def foreign_ns(self):
        return 0.0

    def close(self):
        pass


def conditions(unit):
    return Reader(unit)


def preflight(unit):
    return {"governor": f"fingers of {unit}"}


def rest(unit):
    return Heat(lambda: 20.0)


def nodes(unit):
    return ()
'''
RUNTIME = '''
"""The fake runtime, of which time means something."""
from dataclasses import replace

from bitgauge.agents.runtimes.fake import *
from bitgauge.agents.runtimes.fake import probe as simulated

NAME = "steady"


def probe():
    return replace(simulated(), name=NAME, simulated=False)
'''


@pytest.mark.timeout(180)
async def test_a_device_from_a_folder_runs_a_job(tmp_path: Path) -> None:
    for kind, text in (("devices", DEVICE), ("runtimes", RUNTIME)):
        (tmp_path / "plug" / kind).mkdir(parents=True)
        (tmp_path / "plug" / kind / "mine.py").write_text(text)
    lab = Lab(tmp_path, plugins=(tmp_path / "plug",), devices=("abacus",))
    await lab.coordinator.start()
    try:
        lab.assignment(
            [fake_artifact(latency_ns=2_000_000)],
            runtime="steady",
            overrides=Overrides(warmup_ms=20, launches=1, budget_ms=100),
            passes=(PassName.QUALITY, PassName.ABSOLUTE),
        )
        async with lab.agent():
            (report,) = await lab.reports(1, timeout_s=120)
    finally:
        await lab.coordinator.stop()
    assert report.status is RunStatus.MEASURED, report.failure
    assert lab.coordinator.devices[0].processor_model == "Abacus serial-1"
    ref = next(one for one in report.raw if one.pass_name is PassName.ABSOLUTE)
    raw = read_raw(lab.coordinator.blobs[ref.digest.sha256])
    assert raw.meta["preflight"] == {"governor": "fingers of serial-1"}
    told = {name: array for name, array in raw.arrays.items() if "clock_mhz" in name}
    assert told
    assert all((array == 1234.0).all() for array in told.values())
