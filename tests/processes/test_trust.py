"""Certificates and suspicion with real processes: a certification that is interrupted, a device
that drifts, and a coordinator that is killed between a job's last analysis and what follows."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.crash import VARIABLE
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY
from bitgauge.benchmarks.vocabulary.enums import JobState, PassName
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView, Selector
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload
from bitgauge.coordinator.store.upkeep import invariants

from .bench import AgentService, patiently
from .conftest import Up

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

DEVICE = "board"
USUAL_NS, SLOW_NS = 300_000, 600_000
RUNTIME = """
\"\"\"A sentinel that takes as long as a file says; it waits busily, so load hardly shows.\"\"\"

from pathlib import Path

import msgspec
from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.fake import SCHEMA, empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "drifting"
RANK = 5
HINT = "nothing is missing"
_SAYS = Path({says!r})


def probe():
    return RuntimeDescription(name=NAME, version="1")


def sentinel_artifact():
    latency_ns = int(_SAYS.read_text())
    return msgspec.json.encode(
        {{"schema": SCHEMA, "inputs": {{"x": [1]}}, "latency_ns": latency_ns}}
    )


TRAITS = Traits(("onnx",), sentinel=sentinel_artifact)
"""


def device(client: Client) -> DeviceView:
    return next(view for view in patiently(client.devices) if view.description.name == DEVICE)


@contextmanager
def agent_of(up: Up, **variables: str) -> Iterator[AgentService]:
    agent = AgentService.of(up, "--name", DEVICE, variables=variables)
    try:
        with up.client() as client:
            deadline = time.monotonic() + 60
            while not any(view.description.name == DEVICE for view in client.devices()):
                assert time.monotonic() < deadline, "the agent did not register"
                time.sleep(0.1)
        yield agent
    finally:
        agent.end()


def test_a_certification_outlives_its_coordinator(own_up: Up) -> None:
    """Three comparisons of the real model: a rehearsal, which says what 40 would have to."""
    with agent_of(own_up):
        ended: list[subprocess.CompletedProcess[str]] = []
        command = threading.Thread(
            target=lambda: ended.append(own_up.bitgauge("certify", DEVICE, "--comparisons", "3"))
        )
        command.start()
        with own_up.client() as client:
            deadline = time.monotonic() + 60
            while True:
                assert time.monotonic() < deadline, "nothing was measured"
                [job, *_] = (*client.jobs(), None)
                if job is not None and any(entry.run_id for entry in job.entries):
                    break
                time.sleep(0.1)
            own_up.find("ray::CoordinatorActor").send_signal(signal.SIGKILL)
            command.join(200)
            [said] = ended
            assert said.returncode == 1, said.stderr
            assert (
                f"{DEVICE} with onnxruntime gets no A/A certificate: 3 comparisons" in said.stdout
            )
            assert re.search(r"^  \d of 3 comparisons with itself detected", said.stdout, re.M)
            assert re.search(r"^  finds differences of \d+\.\d\d % in 4 of 5", said.stdout, re.M)
            [certificate] = device(client).aa_certificates
            assert (certificate.job_id, certificate.comparisons) == (job.job_id, 3)
            assert (certificate.asked, certificate.passed) == (3, False)
            runs = client.runs(job.job_id)
            # Compared three times under one lease or more; whatever was accepted counts once.
            assert {run.entry_index for run in runs} == {0, 1, 2, 3}
            kinds = {ref.pass_name for run in runs for ref in run.raw}
            assert kinds == {PassName.PAIR, PassName.SENTINEL}
            ratio = next(m for m in runs[-1].metrics if m.key == "latency_ratio")
            assert "untrusted" in ratio.flags
        assert "none, so its verdicts are untrusted" in own_up.bitgauge("devices").stdout.replace(
            "\n  ", " "
        )
        refused = own_up.bitgauge("certify", DEVICE, "--runtime", "fake")
        assert refused.returncode == 1
        assert "cannot be certified: " in refused.stderr
        assert "simulated" in refused.stderr
        assert "Traceback" not in refused.stderr


class Drifting:
    """A lab with a device whose sentinel takes as long as it is told."""

    def __init__(self, up: Up, client: Client, says: Path) -> None:
        self.up, self.client, self.says = up, client, says
        # Its only pass loads no model but the sentinel.
        paths = zoo.models()[0].path, zoo.evaluation_path()
        model, evaluation = map(local_file, paths)
        upload(client, [model, evaluation])
        self.spec = JobSpec(
            model_name="fixed",
            baseline=model.digest,
            entries=(Entry("fp32", model.digest),),
            evaluation=evaluation.digest,
            runtime="drifting",
            selector=Selector(device=DEVICE),
            passes=(PassName.SENTINEL,),
        )

    def submit(self) -> str:
        return patiently(lambda: self.client.submit(self.spec)).job_id

    def measure(self, latency_ns: int) -> JobView:
        self.says.write_text(str(latency_ns))
        return self.end(self.submit())

    def end(self, job_id: str) -> JobView:
        *_, last = self.client.watch(job_id)
        assert last.state is JobState.FINISHED, last
        return last

    def queued(self) -> list[JobView]:
        return [job for job in self.client.jobs() if job.state is JobState.QUEUED]


def test_a_device_that_drifts_is_found_out_whatever_is_killed(tmp_path: Path) -> None:
    says = tmp_path / "says"
    says.write_text(str(USUAL_NS))
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/drifting.py").write_text(RUNTIME.format(says=str(says)))
    # The eleventh job that ends is the first suspect one: killed before its consequences are.
    variables = {VARIABLE: f"C8:{MIN_HISTORY + 1}"}
    up = Up.start(tmp_path / "home", variables=variables)
    try:
        with agent_of(up, BITGAUGE_PLUGIN_PATH=str(tmp_path / "plug")), up.client() as client:
            lab = Drifting(up, client, says)
            calm = [lab.submit() for _ in range(MIN_HISTORY)]  # so that the agent never waits
            assert {lab.end(job_id).suspect for job_id in calm} == {None}
            mark = up.home / "crash" / "C8"
            assert not mark.exists()
            first = lab.measure(SLOW_NS)
            assert mark.exists()
            assert first.suspect is not None
            assert "the sentinel before the job took" in first.suspect
            assert first.repeated_by is not None

            second = lab.end(first.repeated_by)
            assert (second.repeats, second.repeated_by) == (first.job_id, None)
            assert second.suspect is not None
            assert [job.job_id for job in client.jobs() if job.repeats] == [second.job_id]
            assert device(client).cordoned is None

            third = lab.measure(SLOW_NS)
            assert third.suspect is not None
            [waiting] = lab.queued()
            assert waiting.job_id == third.repeated_by
            cordoned = device(client).cordoned
            assert cordoned is not None
            assert cordoned.startswith("3 suspect jobs in a row")
            assert waiting.waiting_for is not None
            assert f"{DEVICE} is cordoned" in waiting.waiting_for
            shown = json.loads(up.bitgauge("jobs", "--json").stdout)
            assert [job["suspect"] is not None for job in shown[:3]] == [False, True, True]

            # Uncordoned, its history begins anew: nothing is said of it for a while.
            assert up.bitgauge("uncordon", DEVICE).returncode == 0
            assert lab.end(waiting.job_id).suspect is None
        sound = invariants.examine(up.home / "store.db")
        assert sound.findings == ()
    finally:
        assert up.stop() == []
