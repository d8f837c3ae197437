"""The whole agent on two cards that are not there: what it registers, and what befalls them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import JobState, Realness
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector

from tests.labs.agent import evaluation_bytes, fake_artifact
from tests.labs.host import AGENT_TOKEN, Host, running
from tests.labs.nvml.cards import Cards
from tests.processes.agent.test_several_devices import AGENT


def submitted(host: Host, folder: Path, device: str) -> str:
    made = host.put(fake_artifact())
    spec = JobSpec(
        *("m", made, (Entry("fp32", made, artifact_kind="fake"),)),
        host.put(evaluation_bytes(folder)),
        runtime="fake",
        selector=Selector(device=device),
        wait_for_device=True,
    )
    with host.client() as client:
        return client.submit(spec).job_id


def until(condition: Callable[[], object], said: Path, timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, said.read_text()
        time.sleep(0.2)


@pytest.mark.timeout(300)
def test_two_cards_are_served_and_one_that_fails_is_cordoned_alone(tmp_path: Path) -> None:
    cards = Cards(tmp_path / "nvml")
    cards.say({"gpus": 2})
    said, token = tmp_path / "said", tmp_path / "token"
    token.write_text(AGENT_TOKEN)
    token.chmod(0o600)
    with running(tmp_path / "lab") as host, said.open("w") as out:
        command = [AGENT, "run", "--coordinator", host.address, "--token-file", str(token)]
        command += ["--home", str(tmp_path / "home"), "--name", "bench", "--device", "nvidia"]
        agent = subprocess.Popen(
            [*command, "--sandbox", "rlimits"],
            env=cards.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

        def views() -> dict[str, DeviceView]:
            with host.client() as client:
                return {one.description.name: one for one in client.devices()}

        def state(job: str) -> JobState:
            with host.client() as client:
                return client.job(job).state

        try:
            first, second = "bench-gpu-5f3a0000", "bench-gpu-5f3a0001"
            until(lambda: {first, second} <= set(views()), said)
            described = views()[first].description
            # Nobody but the library has seen it: nothing of it may enter the table.
            assert described.realness is Realness.SIMULATED
            assert [one.name for one in described.runtimes] == ["fake"]
            jobs = [submitted(host, tmp_path, name) for name in (first, second)]
            until(lambda: all(state(one) is JobState.FINISHED for one in jobs), said)
            cards.say({"gpus": 2, "0.xid": 79})
            befallen, sound = (submitted(host, tmp_path, name) for name in (first, second))
            until(lambda: views()[first].cordoned and state(sound) is JobState.FINISHED, said)
        finally:
            agent.terminate()
            agent.wait(30)
        seen = views()
        assert "reported Xid 79" in str(seen[first].cordoned)
        assert seen[second].cordoned is None
        assert state(befallen) is JobState.QUEUED
