"""Agents that speak another version of the contract are refused before any job, by both ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.services.agent import AgentsService
from bitgauge.protos.v1 import agent_pb2

from tests.labs.agent import Lab as AgentLab
from tests.labs.coordinator import DEVICE, open_lab

CALL = SimpleNamespace(peer=lambda: "ipv4:127.0.0.1:50000")
"""What is asked of a call that is made without a server."""
OTHERS = (PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1)


@pytest.mark.parametrize("version", OTHERS)
async def test_the_coordinator_names_both_versions(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = agent_pb2.RegisterRequest(device=to_wire(DEVICE), leftovers_dead=True)
    async with open_lab(monkeypatch) as lab:
        agents = AgentsService(lab.leases)
        request.protocol_version = version
        with pytest.raises(BitgaugeError) as caught:
            await agents.Register(request, CALL)
        assert caught.value.code is Code.PROTOCOL_VERSION
        assert f"version {version} " in caught.value.sentence
        assert f"version {PROTOCOL_VERSION}" in caught.value.sentence
        assert await lab.ask(lab.care.devices) == ()
        request.protocol_version = PROTOCOL_VERSION
        await agents.Register(request, CALL)
        assert len(await lab.ask(lab.care.devices)) == 1


@pytest.mark.parametrize("version", OTHERS)
async def test_the_agent_names_both_versions(version: int, tmp_path: Path) -> None:
    lab = AgentLab(tmp_path)
    lab.coordinator.protocol_version = version
    await lab.coordinator.start()
    try:
        async with lab.agent() as agent:
            with pytest.raises(BitgaugeError) as caught:
                await agent
        assert caught.value.code is Code.PROTOCOL_VERSION
        assert f"coordinator speaks version {version} " in caught.value.sentence
        assert f"version {PROTOCOL_VERSION}" in caught.value.sentence
        assert "Acquire" not in lab.coordinator.events
    finally:
        await lab.coordinator.stop()
