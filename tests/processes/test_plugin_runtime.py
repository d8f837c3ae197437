"""A runtime is one file: one from a temporary folder runs a job and reaches the table.

An entry may name another one, and an artifact for the wrong one is refused at submission.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import CellState, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.upload import local_file, upload

from .conftest import Up, environment

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
RUNTIME = """
\"\"\"A runtime of somebody's own: all of ONNX Runtime's graph work switched off.\"\"\"

from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.ort import empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "plainort"
RANK = 90
HINT = "pip install onnxruntime"
TRAITS = Traits(("onnx",))


def probe():
    return RuntimeDescription(name=NAME, version="7.5")
"""


@pytest.mark.timeout(120)
def test_a_runtime_from_a_temporary_folder_runs_a_job(up: Up, tmp_path: Path) -> None:
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/plainort.py").write_text(RUNTIME)
    (tmp_path / "plug/runtimes/broken.py").write_text("import nothing_of_that_name\n")
    token = up.home / "tokens/agent"
    agent = subprocess.Popen(
        [AGENT, "run", "--coordinator", up.address, "--name", "plugged", "--token-file", token],
        env={
            **environment(tmp_path / "agent-home"),
            "BITGAUGE_PLUGIN_PATH": str(tmp_path / "plug"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with up.client() as client:
            _wait_for_device(up)
            model = local_file(zoo.models()[0].path)
            evaluation = local_file(zoo.evaluation_path())
            upload(client, [model, evaluation])
            job_id = client.submit(
                JobSpec(
                    model_name="plugged-model",
                    baseline=model.digest,
                    entries=(
                        Entry("fp32", model.digest),
                        Entry("fp32", model.digest, "beside", runtime="onnxruntime"),
                    ),
                    evaluation=evaluation.digest,
                    runtime="plainort",
                    selector=Selector(device="plugged"),
                )
            ).job_id
            *_, last = client.watch(job_id)
            assert last.state is JobState.FINISHED
            rows = client.table(TableQuery(job_id=job_id))
            assert {row.runtime for row in rows} == {"plainort", "onnxruntime"}
            for row in rows:
                assert row.state is CellState.MEASURED
                assert row.metric("latency_p50_ns").value
            (beside,) = (row for row in rows if row.runtime == "onnxruntime")
            assert beside.metric("latency_ratio").value, "each in its own runtime, in one child"
            lite = tmp_path / "m.tflite"
            lite.write_bytes(b"\x1c\0\0\0TFL3rest")
            wrong = local_file(lite)
            upload(client, [wrong])
            with pytest.raises(BitgaugeError) as caught:
                client.submit(
                    JobSpec(
                        model_name="plugged-model",
                        baseline=model.digest,
                        entries=(Entry("", wrong.digest, "m.tflite"),),
                        evaluation=evaluation.digest,
                        runtime="plainort",
                    )
                )
            assert caught.value.code is Code.WRONG_ARTIFACT_KIND
            assert caught.value.sentence == (
                "Artifact m.tflite is of kind tflite, and plainort takes onnx."
            )
    finally:
        agent.terminate()
        said, _ = agent.communicate(timeout=20)
    assert agent.returncode == 0
    assert "broken" in said
    assert "nothing_of_that_name" in said
    assert "Traceback" not in said


def _wait_for_device(up: Up) -> None:
    deadline = time.monotonic() + 30
    with up.client() as client:
        while not any(view.description.name == "plugged" for view in client.devices()):
            assert time.monotonic() < deadline, "the agent did not register"
            time.sleep(0.1)
