"""A coordinator and an agent with two simulated chips: what is told of them, and what is no row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import CellState, JobState, Realness
from bitgauge.benchmarks.vocabulary.session_options import parse_session_options
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Overrides, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.benchmarks.zoo import calibration_path, evaluation_path, models
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload

from tests.matrix import QUALCOMM, require_ran
from tests.processes.conftest import Up, environment, up

from .digits import some

__all__ = ["up"]
CHIPS = ("sm8550", "qcm6490")
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)
RECIPE = "int8-static-s8s8-pc"
WAIT_S = 240.0

pytestmark = [pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def devices(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Names of the devices of one agent, by chip."""
    folder = tmp_path_factory.mktemp("chips")
    (folder / "tokens").mkdir(mode=0o700)
    token = folder / "tokens/agent"
    token.touch(0o600)
    token.write_bytes((up.home / "tokens/agent").read_bytes())
    command = [sys.executable, "-m", "bitgauge.agents.cli", "run", "--name", "qualcomm"]
    command += ["--home", str(folder), "--coordinator", up.address]
    command += [word for one in CHIPS for word in ("--device", f"qualcomm:simulator-{one}")]
    with (folder / "log").open("wb") as log:
        agent = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment(folder), start_new_session=True
        )
        names = {one: f"qualcomm-qnn-simulator-{one}" for one in CHIPS}
        try:
            with up.client() as client:
                until = time.monotonic() + WAIT_S
                while not {v.description.name for v in client.devices()} >= {*names.values()}:
                    assert agent.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < until, (folder / "log").read_text()
                    time.sleep(0.5)
            yield names
        finally:
            os.killpg(agent.pid, signal.SIGTERM)
            agent.wait(30)


def measured(
    client: Client, folder: Path, device: str, *options: str
) -> list[dict[str, MetricValue] | str]:
    """Of the baseline, the integers and the same floats: metrics, or why there are none."""
    (model,) = (one for one in models() if one.name == "digits-mlp")
    baseline, evaluation = local_file(model.path), local_file(some(folder / "some.npz"))
    calibration = local_file(calibration_path())
    upload(client, (baseline, evaluation, calibration))
    entries = (
        Entry("fp32", baseline.digest),
        Entry(RECIPE),
        Entry("fp32", baseline.digest, name="placed"),
    )
    job = client.submit(
        JobSpec(
            *("digits-mlp", baseline.digest, entries, evaluation.digest),
            calibration=calibration.digest,
            selector=Selector(device=device),
            overrides=Overrides(session_options=parse_session_options(options)),
        )
    )
    until = time.monotonic() + WAIT_S
    while (view := client.job(job.job_id)).state not in ENDED:
        assert time.monotonic() < until, view
        time.sleep(0.5)
    runs = {one.entry_index: one for one in client.runs(job.job_id)}
    return [
        {metric.key: metric for metric in runs[at].metrics}
        if runs[at].metrics
        else str(view.entries[at].reason)
        for at in range(len(entries))
    ]


def test_numerics_and_quality_of_two_chips_and_no_cell(
    up: Up, devices: dict[str, str], tmp_path: Path
) -> None:
    with up.client() as client:
        for view in client.devices():
            if view.description.name in devices.values():
                assert view.description.realness is Realness.SIMULATED
                require_ran(view.description, "onnxruntime", QUALCOMM)
        for chip, device in devices.items():
            _, integers, floats = measured(client, tmp_path, device, "onnxruntime:provider=qnn")
            assert isinstance(integers, dict), integers
            delta = integers["accuracy_delta_pp"].value
            assert delta is not None
            assert abs(delta) < 5.0
            for key in ("latency_p50_ns", "latency_ratio", "peak_memory_bytes", "energy_mj"):
                assert (integers[key].value, integers[key].reason) == (None, "simulated")
            assert integers["saturated_pct"].value is None, "nothing was probed of that chip"
            assert isinstance(floats, str)
            assert "Gemm" in floats or "MatMul" in floats
            assert ("in integers alone" in floats) is (chip == "qcm6490")
        half = ("onnxruntime:provider=qnn", "onnxruntime:provider.precision=fp16")
        _, _, halves = measured(client, tmp_path, devices["sm8550"], *half)
        assert isinstance(halves, dict), halves
        assert halves["accuracy_delta_pp"].value is not None
        assert {cell.state for cell in client.cells()} <= {CellState.PRIOR}
    refused = up.bitgauge(
        *("run", "--baseline", str(models()[0].path), "--eval", str(evaluation_path())),
        *("--recipes", RECIPE, "--calibration", str(calibration_path())),
        *("--on", devices["sm8550"], "--session-option", "onnxruntime:provider.backend=saver"),
    )
    assert refused.returncode != 0
    assert "provider.backend" in refused.stderr + refused.stdout
