"""Every device module keeps the same contract."""

from __future__ import annotations

import dataclasses

import pytest
from bitgauge.agents import registry
from bitgauge.agents.devices.base import DeviceModule
from bitgauge.benchmarks.vocabulary.fingerprint import UNSTABLE_NAMES

FOUND = registry.find("devices", ())


@pytest.fixture(params=sorted(FOUND.modules))
def device(request: pytest.FixtureRequest) -> DeviceModule:
    module = registry.device(request.param, ())
    if not module.probe():
        pytest.skip(f"NOT RUN: missing hardware, this is no {request.param}: {module.HINT}")
    return module


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert {"cpu", "fake"} <= set(FOUND.modules)


def test_facts_are_complete_and_stable(device: DeviceModule) -> None:
    facts = device.describe()
    assert facts.architecture
    assert facts.kernel_release
    assert facts.core_count >= 1
    assert facts.memory_bytes > 0
    assert list(facts.isa_flags) == sorted(set(facts.isa_flags))
    assert dataclasses.asdict(facts) == dataclasses.asdict(device.describe())


def test_the_stack_names_inputs_once_and_no_readings(device: DeviceModule) -> None:
    names = [item.name for item in device.describe().stack]
    assert len(names) == len(set(names))
    assert "architecture" in names
    assert not set(names) & UNSTABLE_NAMES
