"""Clocks that are set by hours, forward and back, in the middle of a job; by libfaketime."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, PassName, Role
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView
from bitgauge.coordinator.client.client import Client

from tests.labs.agent import evaluation_bytes, fake_artifact
from tests.labs.host import AGENT_TOKEN, digest_of
from tests.processes.bench import AGENT, accepted
from tests.processes.conftest import environment

from .lab import Attacked, attacked

HOURS = 6
PATIENCE_S = 40.0


def library() -> str:
    """What fakes the clock of a program that is started with it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("NOT RUN: missing libfaketime, the package faketime")
    return str(found[0])


@dataclass
class Clock:
    """The wall clock of one process and its children; the steady one stays as it is."""

    file: Path

    def __post_init__(self) -> None:
        self.set(0)

    def set(self, hours: int) -> None:
        aside = self.file.with_suffix(".new")
        aside.write_text(f"{hours * 3600:+d}\n")
        aside.replace(self.file)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@contextlib.contextmanager
def agent_of(lab: Attacked, home: Path, clock: Clock) -> Iterator[subprocess.Popen[bytes]]:
    """A real agent with a device that keeps no time, so that it measures nothing but its plan."""
    token = home / "token"
    home.mkdir()
    token.write_text(AGENT_TOKEN)
    command = [AGENT, "run", "--coordinator", lab.address, "--token-file", str(token)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--device", "fake", "--sandbox", "rlimits"],
            env={**environment(home), **clock.variables},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def job(lab: Attacked, folder: Path, client: Client) -> JobSpec:
    """Two entries of a few seconds each: 80 ms for each of 40 samples."""
    model, evaluation = fake_artifact(latency_ns=80_000_000), evaluation_bytes(folder)
    for data in (model, evaluation):
        client.write(digest_of(data), 0, iter([data]))
    digest = digest_of(model)
    return JobSpec(
        model_name="clocks",
        baseline=digest,
        entries=tuple(Entry(one, digest, artifact_kind="fake") for one in ("fp32", "int8-dynamic")),
        evaluation=digest_of(evaluation),
        runtime="fake",
        passes=(PassName.QUALITY,),
        wait_for_device=True,
    )


def until(client: Client, job_id: str, wanted: Callable[[JobView], bool]) -> JobView:
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(view := client.job(job_id)):
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
    return view


def test_a_job_outlives_clocks_that_are_set_by_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Clock(tmp_path / "here"), Clock(tmp_path / "there")
    library()
    with contextlib.ExitStack() as running:
        for name, value in here.variables.items():
            monkeypatch.setenv(name, value)
        lab = running.enter_context(attacked(tmp_path / "lab"))
        for name in here.variables:
            monkeypatch.delenv(name)
        agent = running.enter_context(agent_of(lab, tmp_path / "board", there))
        client = running.enter_context(lab.client())
        short = lab.token("short", Role.READ)
        job_id = client.submit(job(lab, tmp_path, client)).job_id
        until(client, job_id, lambda view: view.progress is not None)
        for clock, hours in ((here, HOURS), (here, -HOURS), (there, HOURS), (there, -HOURS)):
            clock.set(hours)
            time.sleep(1.6)  # the clock is read once a second
        view = until(client, job_id, lambda view: view.state is not JobState.LEASED)
        view = until(client, job_id, lambda view: view.state is JobState.FINISHED)
        assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
        runs = client.runs(job_id)
        assert {index: len(ids) for index, ids in accepted(runs).items()} == {0: 1, 1: 1}
        assert {run.epoch for run in runs} == {1}, "the lease was lost to a clock"
        assert agent.poll() is None
        # A token without an end has none, whatever the clock says; nothing was spoilt by the jumps.
        here.set(HOURS)
        with lab.client(short.partition("@")[0]) as reader:
            assert reader.job(job_id).state is JobState.FINISHED
