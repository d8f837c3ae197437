"""The zoo on OpenVINO, typed as anyone would: each row is held against the one ONNX baseline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.zoo import models

from tests.labs.decoders import job
from tests.matrix import require_ran
from tests.processes.conftest import Up

pytest.importorskip("openvino", reason="NOT RUN: openvino is not installed here")
pytestmark = pytest.mark.timeout(600)
MODEL = models()[0]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up.start(tmp_path / "home")
    yield running
    assert running.stop() == []


def test_its_formats_are_held_against_the_onnx_baseline(up: Up) -> None:
    """Time, memory, quality and how much of it ran in integers, all of the device's own numbers."""
    words = ["--baseline", str(MODEL.path), "--eval", str(MODEL.evaluation_path)]
    words += ["--calibration", str(MODEL.calibration_path), "--json"]
    words += ["--recipes", "fp32@openvino,int8-static-u8s8-pc@openvino"]
    brief = ("--launches", "1", "--warm-up", "20ms", "--budget", "500ms", "--on", job.NAME)
    with job.device(up) as device:
        require_ran(device, "openvino")
        done = up.bitgauge("run", *words, *brief, patience_s=job.PATIENCE_S)
    assert done.returncode == 0, done.stderr + done.stdout
    rows = {(one["recipe"], one["runtime"]): one for one in json.loads(done.stdout)["rows"]}
    own = {recipe for recipe, runtime in rows if runtime == "openvino"}
    assert own == {"fp32", "int8-static-u8s8-pc"}
    for (recipe, runtime), row in rows.items():
        assert row["state"] == "measured", row
        if runtime != "openvino":
            continue
        assert row["reference"] == "onnxruntime"
        assert job.number(row, "latency_ratio") > 0
        assert job.number(row, "peak_memory_bytes") > 0
        lost = job.number(row, "accuracy_delta_pp")
        assert abs(lost) < (0.01 if recipe == "fp32" else 1)
        covered, reason = job.told(row)["int_coverage"]
        if recipe == "fp32":
            assert (covered, reason) == (None, "no_integer_operators")
        else:
            assert covered is not None, reason
            assert covered > 0.5
