"""One agent serves several devices: each with its own id, lease and outbox."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bitgauge.agents.config import AgentConfig
from bitgauge.agents.connection.join import join
from bitgauge.agents.service import serve
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.enums import Disposition, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.coordinator.access.administration import Administration
from bitgauge.coordinator.lab.assemble import assemble
from bitgauge.coordinator.services.server import Servicers, servicers_of
from bitgauge.coordinator.store.values import LeaseTerms
from bitgauge.coordinator.store.writer import Writer

from tests.labs.access import Clock, gate
from tests.labs.agent import evaluation_bytes, fake_artifact, known_kernels, until
from tests.labs.coordinator import FakeRunner
from tests.labs.host import AGENT_TOKEN, Host, running

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
TWINS = '''
"""Two devices of one kind, and one that is broken; on one host, or each a host of its own."""
from bitgauge.agents.devices import fake
from bitgauge.agents.devices.base import Unit
from bitgauge.agents.devices.fake import *

NAME = "{name}"


def probe():
    return tuple(Unit(key, key, {host}) for key in ("left", "broken", "right"))


def describe(unit):
    if unit == "broken":
        raise OSError("nobody answers")
    return fake.describe()
'''
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)


@dataclass
class Bench:
    """A coordinator, and a state folder for agents that serve `left` and `right`."""

    folder: Path
    host: Host
    said: list[str] = field(default_factory=list)

    @property
    def plug(self) -> Path:
        return self.folder / "plug"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def config(self, *devices: str, **changes: Any) -> AgentConfig:
        values: dict[str, Any] = {
            "coordinator": self.host.address,
            "token": AGENT_TOKEN,
            "home": self.home,
            "name": "bench",
            "devices": devices,
            "plugins": (self.plug,),
            "sandbox": "rlimits",
        }
        return AgentConfig(**(values | changes))

    @contextlib.asynccontextmanager
    async def agent(self, *devices: str, **changes: Any) -> AsyncIterator[asyncio.Task[None]]:
        units = [f"{one}%3A{side}" for one in devices for side in ("left", "right")]
        with known_kernels(self.home / "agent", *units):
            task = asyncio.create_task(serve(self.config(*devices, **changes), self.said.append))
            try:
                yield task
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BitgaugeError):
                    await task

    def ids(self) -> dict[str, str]:
        with self.host.client() as client:
            return {one.description.name: one.description.device_id for one in client.devices()}

    def submit(self, device: str, **fields: Any) -> str:
        """A job of two artifacts for one device; its id."""
        made = [self.host.put(fake_artifact(**fields, offset=at / 2)) for at in range(2)]
        evaluation = self.host.put(evaluation_bytes(self.folder))
        entries = tuple(
            Entry(recipe, one, artifact_kind="fake")
            for recipe, one in zip(("fp32", "int8-dynamic"), made, strict=True)
        )
        spec = JobSpec(
            "m",
            made[0],
            entries,
            evaluation,
            runtime="fake",
            selector=Selector(device=device),
            wait_for_device=True,
        )
        with self.host.client() as client:
            return client.submit(spec).job_id

    def states(self, *jobs: str) -> list[JobState]:
        with self.host.client() as client:
            return [client.job(one).state for one in jobs]

    async def ended(self, *jobs: str, timeout_s: float = 90.0) -> None:
        end = time.monotonic() + timeout_s
        while not all(state in ENDED for state in await asyncio.to_thread(self.states, *jobs)):
            assert time.monotonic() < end, self.said
            await asyncio.sleep(0.1)
        assert await asyncio.to_thread(self.states, *jobs) == [JobState.FINISHED] * len(jobs)

    def accepted(self, job: str) -> list[tuple[int, str]]:
        """Entry and device of each accepted run."""
        with self.host.client() as client:
            return sorted(
                (one.entry_index, one.device_id)
                for one in client.runs(job)
                if one.disposition is Disposition.ACCEPTED
            )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    place = tmp_path / "plug/devices"
    place.mkdir(parents=True)
    for name, where in (("twins", '""'), ("phones", "key")):
        (place / f"{name}.py").write_text(TWINS.format(name=name, host=where))
    with running(tmp_path / "lab") as host:
        yield Bench(tmp_path, host)


def real_services(writer: Writer, administration: Administration, clock: Clock) -> Servicers:
    blobs: Any = None  # nothing is transferred here
    return servicers_of(assemble(writer, FakeRunner(), LeaseTerms()), administration, blobs)


@pytest.mark.timeout(180)
async def test_one_certificate_serves_every_device_of_an_agent(bench: Bench) -> None:
    async with gate(bench.folder, real_services) as door:
        line, _ = await door.administration.create_join_line(0)
        enrolment = await join(line, bench.home / "agent", "bench", bench.said.append)
        joined = {
            "coordinator": enrolment.coordinator,
            "token": enrolment.token,
            "enrolment": enrolment,
        }
        async with bench.agent("fake", "twins", **joined):
            await until(lambda: sum("Registered" in one for one in bench.said) == 3, 60)
            views = await door.writer.call(lambda store: store.devices(1, LeaseTerms()))
    found = {one.description.name: one.description.device_id for one in views}
    assert set(found) == {"bench", "bench-left", "bench-right"}
    assert found["bench"] == enrolment.device_id
    assert {one.certificate_expires_unix_ns for one in views} == {enrolment.expires_unix_ns}


def marks(said: list[str]) -> list[tuple[str, str]]:
    """Which device began or ended a job, in order."""
    return [
        (line.split(":")[0], "begin" if "entries to measure" in line else "end")
        for line in said
        if "entries to measure" in line or line.endswith(": done.")
    ]


@pytest.mark.timeout(180)
async def test_two_devices_of_one_host_are_measured_in_turn(bench: Bench) -> None:
    jobs = [bench.submit(f"bench-{side}") for side in ("left", "right") * 2]
    async with bench.agent("twins"):
        await bench.ended(*jobs)
        ids = await asyncio.to_thread(bench.ids)
    assert set(ids) == {"bench-left", "bench-right"}
    for job, side in zip(jobs, ("left", "right") * 2, strict=True):
        device_id = ids[f"bench-{side}"]
        assert bench.accepted(job) == [(0, device_id), (1, device_id)]
    assert "bench-broken is not served: nobody answers" in bench.said
    story = marks(bench.said)
    assert [what for _, what in story] == ["begin", "end"] * 4
    assert all(one[0] == other[0] for one, other in zip(story[::2], story[1::2], strict=True))
    kept = bench.home / "agent/devices"
    assert sorted(one.name for one in kept.iterdir()) == [
        *("twins%3Abroken", "twins%3Aleft", "twins%3Aright")
    ]
    assert all(not Spool(kept / f"twins%3A{side}/spool").reports() for side in ("left", "right"))


@pytest.mark.timeout(180)
async def test_hosts_of_their_own_are_measured_side_by_side(bench: Bench) -> None:
    jobs = [bench.submit(f"bench-{side}", latency_ns=20_000_000) for side in ("left", "right")]
    async with bench.agent("phones"):
        await bench.ended(*jobs)
    assert [what for _, what in marks(bench.said)] == ["begin", "begin", "end", "end"]


@pytest.mark.timeout(180)
async def test_a_device_that_is_refused_leaves_the_other_at_work(bench: Bench) -> None:
    first = bench.submit("bench-right")
    async with bench.agent("phones") as agent:
        await bench.ended(first)
        with bench.host.client() as client:
            client.retire("bench-left", "sold")
        await until(lambda: any("bench-left is not served any more" in one for one in bench.said))
        second = bench.submit("bench-right")
        await bench.ended(second)
        assert not agent.done()


@pytest.mark.timeout(180)
async def test_once_is_one_job_on_each_device(bench: Bench) -> None:
    jobs = [bench.submit(f"bench-{side}") for side in ("left", "right")]
    async with bench.agent("twins", once=True) as agent:
        await asyncio.wait_for(agent, 120)
    assert bench.states(*jobs) == [JobState.FINISHED] * 2


@pytest.mark.kill
@pytest.mark.timeout(240)
async def test_a_killed_agent_goes_on_with_both_devices(bench: Bench) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(AGENT, "run", "--coordinator", bench.host.address, "--name", "bench"),
                *("--home", bench.home, "--token-file", bench.folder / "token"),
                *("--device", "phones", "--sandbox", "rlimits"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "BITGAUGE_PLUGIN_PATH": str(bench.plug)},
        )

    (bench.folder / "token").write_text(AGENT_TOKEN)
    jobs = [bench.submit(f"bench-{side}", latency_ns=20_000_000) for side in ("left", "right")]
    spools = [
        bench.home / f"agent/devices/phones%3A{side}/spool/intents" for side in ("left", "right")
    ]
    with known_kernels(bench.home / "agent", "phones%3Aleft", "phones%3Aright"):
        agent = start()
        try:
            await until(lambda: all(any(one.glob("*.json")) for one in spools), 60)
            agent.send_signal(signal.SIGKILL)
            agent.communicate()
            before = bench.ids()
            agent = start()
            await bench.ended(*jobs, timeout_s=150)
        finally:
            agent.terminate()
            said, _ = agent.communicate(timeout=20)
    assert "Traceback" not in said
    assert bench.ids() == before
    for job, side in zip(jobs, ("left", "right"), strict=True):
        device_id = before[f"bench-{side}"]
        assert bench.accepted(job) == [(0, device_id), (1, device_id)]
    assert not any(any(one.glob("*.json")) for one in spools)
