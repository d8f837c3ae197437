"""Every device module keeps the same contract."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from bitgauge.agents import registry
from bitgauge.agents.devices.base import DeviceModule
from bitgauge.benchmarks.samples import Conditions
from bitgauge.benchmarks.vocabulary.fingerprint import UNSTABLE_NAMES

FOUND = registry.find("devices", ())
COLUMNS = {field.name for field in dataclasses.fields(Conditions)}


@pytest.fixture(params=sorted(FOUND.modules))
def device(request: pytest.FixtureRequest) -> DeviceModule:
    module = registry.device(request.param, ())
    if not module.probe():
        pytest.skip(f"NOT RUN: missing hardware, this is no {request.param}: {module.HINT}")
    return module


@pytest.fixture
def unit(device: DeviceModule) -> str:
    return device.probe()[0].key


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert {"cpu", "fake"} <= set(FOUND.modules)


def test_units_can_be_told_apart_and_stay(device: DeviceModule) -> None:
    units = device.probe()
    assert len({one.key for one in units}) == len(units)
    assert len({one.label for one in units}) == len(units)
    assert device.probe() == units


def test_facts_are_complete_and_stable(device: DeviceModule, unit: str) -> None:
    facts = device.describe(unit)
    assert facts.architecture
    assert facts.kernel_release
    assert facts.core_count >= 1
    assert facts.memory_bytes > 0
    assert list(facts.isa_flags) == sorted(set(facts.isa_flags))
    assert dataclasses.asdict(facts) == dataclasses.asdict(device.describe(unit))


def test_the_stack_names_inputs_once_and_no_readings(device: DeviceModule, unit: str) -> None:
    names = [item.name for item in device.describe(unit).stack]
    assert len(names) == len(set(names))
    assert "architecture" in names
    assert not set(names) & UNSTABLE_NAMES


def test_conditions_fill_the_columns_that_they_name_and_no_others(
    device: DeviceModule, unit: str
) -> None:
    reader = device.conditions(unit)
    assert len(set(reader.columns)) == len(reader.columns)
    assert set(reader.columns) <= COLUMNS
    told = dataclasses.asdict(reader.read())
    assert {name for name, value in told.items() if not math.isnan(value)} <= set(reader.columns)
    assert isinstance(reader.foreign_ns(), float)
    reader.close()
    reader.close()


def test_a_preflight_can_be_stored_and_has_the_same_facts_each_time(
    device: DeviceModule, unit: str
) -> None:
    found = device.preflight(unit)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found.keys() == device.preflight(unit).keys()


def test_a_device_at_rest_is_cool(device: DeviceModule, unit: str) -> None:
    heat = device.rest(unit)
    now_c = heat.read_c()
    assert math.isnan(now_c) or -60 < now_c < 150
    assert heat.is_cool(now_c, now_c)
    assert not heat.is_cool(41.0 + heat.most_warmer_c, 40.0)
    assert heat.patience_s > 0


def test_nodes_are_paths_that_are_there(device: DeviceModule, unit: str) -> None:
    nodes = device.nodes(unit)
    assert all(isinstance(path, Path) and path.exists() for path in nodes)


def test_the_agent_holds_every_module_without_the_libraries_of_its_children() -> None:
    program = (
        "import sys; from bitgauge.agents import registry\n"
        "for one in registry.find('devices', ()).modules.values():\n"
        "    [(one.describe(u.key), one.rest(u.key).read_c(), one.nodes(u.key))"
        " for u in one.probe()]\n"
        "heavy = {'numpy', 'torch', 'onnxruntime', 'pynvml'}\n"
        "heavy -= {'pynvml'} if registry.device('nvidia', ()).probe() else set()  # that asks it\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
