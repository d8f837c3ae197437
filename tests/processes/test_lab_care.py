"""Health checks and cordons as an admin meets them: real processes, the real check."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.coordinator.client.client import Client

from .bench import AgentService, small_job
from .conftest import Up

DEVICE = "rpi5"


def answer(up: Up, *arguments: str) -> Any:
    ended = up.bitgauge(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def device_until(up: Up, wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for device in answer(up, "devices"):
            if wanted(device):
                return device
        time.sleep(0.3)
    raise AssertionError(f"not in time: {answer(up, 'devices')}")


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
            checked = device_until(up, lambda device: device["health"] != "suspect")
            assert checked["health"] == "good", checked
            assert checked["cordoned"] is None
            assert len(answer(up, "runs", checked["check_job_id"])) == 1
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
            again = device_until(up, lambda device: device["health"] == "good")
            assert again["check_job_id"] != checked["check_job_id"]
            listed = up.bitgauge("runs", job_id).stdout
            assert f"epoch 1  {DEVICE}" in listed
            assert "settled" in listed

            agent.process.send_signal(signal.SIGSTOP)
            frozen = time.monotonic()
            device_until(up, lambda device: device["state"] == "unreachable")
            assert time.monotonic() - frozen < 10  # 2 s of silence after a poll of at most 1 s
            agent.process.send_signal(signal.SIGCONT)
            device_until(up, lambda device: device["state"] == "idle")

            retired = answer(up, "retire", DEVICE, "--reason", "smoke")
            assert retired["retired"]
            refused = up.bitgauge("uncordon", DEVICE)
            assert refused.returncode == 1
            assert "has been retired" in refused.stderr
        finally:
            agent.end()
    finally:
        assert up.stop() == []
