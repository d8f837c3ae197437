"""Agents one version of the contract older or newer work, or are refused before any job."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.common.agreement import (
    OLDEST_PROTOCOL_VERSION,
    agreed_version,
    require_agreement,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import PROTOCOL_VERSION
from bitgauge.coordinator.store.values import Registration
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.agent import Lab as AgentLab
from tests.labs.agent import until
from tests.labs.coordinator import DEVICE, open_lab

VERSIONS = st.integers(1, 20)


@given(VERSIONS, VERSIONS, VERSIONS, VERSIONS)
def test_both_ends_come_to_the_same_version(a: int, oldest_a: int, b: int, oldest_b: int) -> None:
    """Or at least one of them refuses; each end knows only the other's own version."""
    oldest_a, oldest_b = min(a, oldest_a), min(b, oldest_b)
    here, there = agreed_version(b, a, oldest_a), agreed_version(a, b, oldest_b)
    if here is not None and there is not None:
        assert here == there
        assert max(oldest_a, oldest_b) <= here <= min(a, b)
    else:
        assert max(oldest_a, oldest_b) > min(a, b)


def test_one_version_apart() -> None:
    assert agreed_version(2, 3, 2) == 2
    assert agreed_version(4, 3, 2) == 3
    assert agreed_version(1, 3, 2) is None
    with pytest.raises(BitgaugeError, match=r"agent speaks version 1 .* version 3 and down to 2"):
        require_agreement(1, "agent", "coordinator", 3, 2)


@pytest.mark.parametrize("version", [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1])
async def test_the_coordinator_names_both_versions_or_works(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = Registration(DEVICE, "0", "boot", "one", leftovers_dead=True)
    async with open_lab(monkeypatch) as lab:
        if version >= OLDEST_PROTOCOL_VERSION:
            await lab.coordinator.register(registration, version)
            assert len(await lab.coordinator.devices()) == 1
            return
        with pytest.raises(BitgaugeError) as caught:
            await lab.coordinator.register(registration, version)
        assert caught.value.code is Code.PROTOCOL_VERSION
        assert f"version {version} " in caught.value.sentence
        assert f"version {PROTOCOL_VERSION}" in caught.value.sentence
        assert await lab.coordinator.devices() == ()


@pytest.mark.parametrize("version", [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1])
async def test_the_agent_names_both_versions_or_works(version: int, tmp_path: Path) -> None:
    lab = AgentLab(tmp_path)
    lab.coordinator.protocol_version = version
    await lab.coordinator.start()
    try:
        async with lab.agent() as agent:
            if version >= OLDEST_PROTOCOL_VERSION:
                await until(lambda: "Acquire" in lab.coordinator.events)
                return
            with pytest.raises(BitgaugeError) as caught:
                await agent
        assert caught.value.code is Code.PROTOCOL_VERSION
        assert f"coordinator speaks version {version} " in caught.value.sentence
        assert f"version {PROTOCOL_VERSION}" in caught.value.sentence
        assert "Acquire" not in lab.coordinator.events
    finally:
        await lab.coordinator.stop()
