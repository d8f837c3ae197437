"""An agent that follows another, or that is followed."""

from __future__ import annotations

import asyncio
import os
import sys

import grpc
import pytest
from bitgauge.agents.host import process
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from tests.labs.agent import Lab, until
from tests.labs.rooms.spooled import BASELINE, is_empty, spool_of
from tests.labs.values import told


async def test_results_of_an_older_epoch_are_replayed_before_register(lab: Lab) -> None:
    job = lab.assignment([BASELINE])
    lab.coordinator.waiting.clear()
    spool = spool_of(lab)
    raw = lab.folder / "raw.npz"
    raw.write_bytes(b"raw data")
    from bitgauge.benchmarks.vocabulary.values.runs import RawRef

    ref = RawRef(PassName.QUALITY, 0, RawRole.BOTH, spool.put_raw(raw))
    spool.put_report(told(job.job_id, device_id="d", raw=(ref,)))
    async with lab.agent():
        await until(lambda: lab.coordinator.registers)
    events = lab.coordinator.events
    assert events.index("Write") < events.index("Report") < events.index("Register")
    assert lab.coordinator.blobs[ref.digest.sha256] == b"raw data"
    assert is_empty(lab)


async def test_leftovers_of_an_older_agent_are_ended_and_reported(lab: Lab) -> None:
    intent = spool_of(lab).begin("11111111-1111-1111-1111-111111111111", "job", 1, 0)
    left = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import os, time; os.setsid(); time.sleep(600)",
        env={**os.environ, process.MARK_VARIABLE: intent.mark},
    )
    async with lab.agent():
        await until(lambda: lab.coordinator.registers)
        await until(lambda: left.returncode is not None)
        await until(lambda: is_empty(lab))
    register = lab.coordinator.registers[0]
    assert list(register.open_intents) == [intent.run_id]
    assert register.leftovers_dead


async def test_a_refused_report_is_kept_aside(lab: Lab) -> None:
    lab.coordinator.refuse["Report"] = (grpc.StatusCode.NOT_FOUND, "unknown_job", "No such job.")
    lab.assignment([BASELINE])
    async with lab.agent():
        await until(lambda: any("refused" in line for line in lab.said))
        await until(lambda: is_empty(lab))
    (kept,) = (lab.folder / "home" / "agent" / "spool" / "aside").iterdir()
    assert b"No such job." in kept.read_bytes()


@pytest.mark.parametrize(
    ("changes", "code"), [({"token": "wrong"}, Code.UNAUTHENTICATED), ({}, Code.PROTOCOL_VERSION)]
)
async def test_a_coordinator_that_refuses_ends_the_agent(
    lab: Lab, changes: dict[str, str], code: Code
) -> None:
    if code is Code.PROTOCOL_VERSION:
        lab.coordinator.refuse["Register"] = (
            grpc.StatusCode.FAILED_PRECONDITION,
            "protocol_version",
            "The agent speaks version 1, the coordinator 7.",
        )
    async with lab.agent(**changes) as task:
        with pytest.raises(BitgaugeError) as caught:
            await asyncio.wait_for(asyncio.shield(task), 10)
        assert caught.value.code is code


class Once(dict[str, tuple[grpc.StatusCode, str, str]]):
    def __getitem__(self, method: str) -> tuple[grpc.StatusCode, str, str]:
        return self.pop(method)


async def test_a_late_registration_of_its_predecessor_does_not_end_the_agent(lab: Lab) -> None:
    displaced = (
        grpc.StatusCode.FAILED_PRECONDITION,
        "lease_lost",
        "Another agent has registered as device d since.",
    )
    lab.coordinator.refuse = Once(Acquire=displaced)
    lab.assignment([BASELINE])
    async with lab.agent():
        await lab.reports(1)
    assert len(lab.coordinator.registers) == 2


async def test_of_two_agents_that_displace_each_other_one_ends(lab: Lab) -> None:
    lab.coordinator.refuse["Acquire"] = (
        grpc.StatusCode.FAILED_PRECONDITION,
        "lease_lost",
        "Another agent has registered as device d since.",
    )
    async with lab.agent() as task:
        with pytest.raises(BitgaugeError) as caught:
            await asyncio.wait_for(asyncio.shield(task), 10)
    assert caught.value.code is Code.LEASE_LOST
    assert len(lab.coordinator.registers) == 2


async def test_one_agent_per_folder(lab: Lab) -> None:
    async with lab.agent():
        await until(lambda: lab.coordinator.registers)
        async with lab.agent() as second:
            with pytest.raises(BitgaugeError, match=f"process {os.getpid()}"):
                await asyncio.wait_for(asyncio.shield(second), 10)
