"""Health checks and cordons as an admin meets them: real processes, the real check."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, Health, JobState
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.coordinator.client.client import Client

from .bench import AgentService, small_job
from .conftest import Up

DEVICE = "rpi5"


def answer(up: Up, *arguments: str) -> Any:
    ended = up.bitgauge(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def device_until(up: Up, wanted: Callable[[DeviceView], bool]) -> DeviceView:
    """Asked over one connection: a command line each time would compete with the job."""
    deadline = time.monotonic() + 60
    with up.client() as client:
        while not (found := [device for device in client.devices() if wanted(device)]):
            assert time.monotonic() < deadline, client.devices()
            time.sleep(0.1)
    return found[0]


def queued_for(client: Client, job_id: str) -> str:
    """What a job waits for once its artifacts are built."""
    for view in client.watch(job_id):
        if view.state is JobState.QUEUED:
            return view.waiting_for or ""
    raise AssertionError("the job ended")


@pytest.mark.timeout(180)
def test_a_device_is_checked_cordoned_and_taken_up_again(tmp_path: Path) -> None:
    up = Up.start(tmp_path / "home", "--check-hours", "24")
    try:
        agent = AgentService.of(up, "--name", DEVICE)
        try:
            checked = device_until(up, lambda device: device.health is not Health.SUSPECT)
            assert (checked.health, checked.cordoned) == (Health.GOOD, None), checked
            assert len(answer(up, "runs", str(checked.check_job_id))) == 1
            assert answer(up, "jobs") == []
            assert answer(up, "table", "--rows") == []

            cordoned = answer(up, "cordon", DEVICE, "--reason", "new fan")
            assert (cordoned["cordoned"], cordoned["health"]) == ("new fan", "maintenance")
            with up.client() as client:
                job_id = client.submit(small_job(client, "k")).job_id
                waiting = queued_for(client, job_id)
                assert f"{DEVICE} is cordoned (new fan)" in waiting
                assert "new fan" in up.bitgauge("devices").stdout

                assert answer(up, "uncordon", DEVICE)["health"] == "suspect"
                *_, last = client.watch(job_id)
                assert last.state is JobState.FINISHED
                assert {entry.state for entry in last.entries} == {EntryState.ACCEPTED}
            again = device_until(up, lambda device: device.health is Health.GOOD)
            assert again.check_job_id != checked.check_job_id
            listed = up.bitgauge("runs", job_id).stdout
            assert f"epoch 1  {DEVICE}" in listed
            assert "settled" in listed

            agent.process.send_signal(signal.SIGSTOP)
            frozen = time.monotonic()
            device_until(up, lambda device: device.state == "unreachable")
            assert time.monotonic() - frozen < 10  # 2 s of silence after a poll of at most 1 s
            agent.process.send_signal(signal.SIGCONT)
            device_until(up, lambda device: device.state == "idle")

            retired = answer(up, "retire", DEVICE, "--reason", "smoke")
            assert retired["retired"]
            refused = up.bitgauge("uncordon", DEVICE)
            assert refused.returncode == 1
            assert "has been retired" in refused.stderr
        finally:
            agent.end()
    finally:
        assert up.stop() == []
