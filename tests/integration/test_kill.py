"""SIGKILL of each part in the middle of a job: it finishes, each result once, nothing left over."""

from __future__ import annotations

import collections
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.answers import TableQuery
from bitgauge.benchmarks.errors import Unavailable
from bitgauge.benchmarks.model import Entry, JobSpec, JobView, RunView
from bitgauge.benchmarks.vocabulary import Disposition, EntryState, JobState
from bitgauge.coordinator.client import Client
from bitgauge.coordinator.upload import local_file, upload

from .conftest import Up, environment

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
RECIPE = "int8-dynamic"
LEFT_OVER_S = 60.0


class AgentService:
    """Keeps an agent running, as a service manager would."""

    def __init__(self, up: Up) -> None:
        self._up = up
        self._ending = False
        self.starts = 0
        self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [AGENT, "run", "--coordinator", self._up.address],
            env=environment(self._up.home),
            stderr=subprocess.DEVNULL,
        )
        self.starts += 1

    def _keep(self) -> None:
        while True:
            self.process.wait()
            if self._ending:
                return
            time.sleep(0.2)
            self._start()

    def child(self) -> psutil.Process:
        """A child that is measuring now."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "bitgauge.agents" in " ".join(process.cmdline()):
                        return process
            time.sleep(0.02)
        raise AssertionError("no child was measuring")

    def end(self) -> None:
        self._ending = True
        self.process.terminate()
        self._keeper.join(20)


@dataclass
class Bench:
    """A coordinator and an agent on one machine."""

    up: Up
    agent: AgentService
    killed: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    up = Up.start(tmp_path_factory.mktemp("bench"))
    agent = AgentService(up)
    yield Bench(up, agent)
    agent.end()
    up.stop()
    deadline = time.monotonic() + LEFT_OVER_S
    while (left := left_over(up.home)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == []


def left_over(home: Path) -> list[str]:
    """Every process on this machine that has to do with `home`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if str(home) in command or process.environ().get("BITGAUGE_HOME") == str(home):
                found.append(command)
    return found


def submitted(client: Client, key: str) -> str:
    model = zoo.models()[0]
    files = [local_file(path) for path in (model.path, zoo.evaluation_path())]
    upload(client, files)
    spec = JobSpec(
        model_name=model.name,
        baseline=files[0].digest,
        entries=(Entry(RECIPE),),
        evaluation=files[1].digest,
        wait_for_device=True,
        idempotency_key=key,
    )
    return client.submit(spec).job_id


def in_the_middle(view: JobView) -> bool:
    """The baseline's result is in, the other entry is being measured."""
    return (
        view.state is JobState.LEASED
        and view.entries[0].state is EntryState.ACCEPTED
        and view.progress is not None
        and view.progress.entry_index == 1
    )


def accepted(runs: tuple[RunView, ...]) -> dict[int, list[str]]:
    found = collections.defaultdict(list)
    for run in runs:
        if run.disposition is Disposition.ACCEPTED:
            found[run.entry_index].append(run.run_id)
    return found


def patient_runs(client: Client, job_id: str) -> tuple[RunView, ...]:
    """The runs of a job; a coordinator that is being restarted is waited for."""
    for _ in range(60):
        try:
            return client.runs(job_id)
        except Unavailable:
            time.sleep(0.5)
    return client.runs(job_id)


def kill(bench: Bench, victim: str) -> None:
    bench.killed.append(victim)
    if victim == "child":
        bench.agent.child().kill()
    elif victim == "agent":
        bench.agent.process.kill()
    elif victim == "actor":
        bench.up.find("ray::CoordinatorActor").kill()
    else:
        bench.up.find("bitgauge.coordinator.driver").kill()


@pytest.mark.parametrize("victim", ["child", "agent", "actor", "driver"])
def test_a_job_outlives_its_parts(bench: Bench, victim: str) -> None:
    with bench.up.client() as client:
        job_id = submitted(client, key=victim)
        acknowledged: dict[int, list[str]] = {}
        view = client.job(job_id)
        for view in client.watch(job_id):
            if not acknowledged and in_the_middle(view):
                acknowledged = accepted(client.runs(job_id))
                kill(bench, victim)
        assert acknowledged, "the job was over before anything could be killed"
        assert view.state is JobState.FINISHED
        assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
        attempts = patient_runs(client, job_id)
        results = accepted(attempts)
        if victim == "child":  # the attempt that was killed stays visible
            assert [run.failure.code for run in attempts if run.failure] == ["killed"]
        assert {index: len(runs) for index, runs in results.items()} == {0: 1, 1: 1}
        assert all(results[index] == runs for index, runs in acknowledged.items())
        rows = client.table(TableQuery(job_id=job_id))
        assert {row.recipe for row in rows} == {"fp32", RECIPE}
        assert submitted(client, key=victim) == job_id


def test_what_was_killed_was_started_again_and_no_more(bench: Bench) -> None:
    killed = collections.Counter(bench.killed)
    said = " ".join(bench.up.lines)
    assert bench.agent.starts == 1 + killed["agent"]
    assert said.count("actor has ended") == killed["actor"]
    assert said.count("driver has ended") == killed["driver"]
    assert said.count("serving again on") == killed["actor"] + killed["driver"]
