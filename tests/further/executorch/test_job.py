"""A program of torch.export, built for ExecuTorch and measured in one job with PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.zoo import models
from bitgauge.coordinator.environments.shelf import ENVIRONMENTS_VARIABLE, Ready, shelf_folder

from tests.labs.decoders import job
from tests.matrix import require_ran
from tests.processes.conftest import Up

from .test_built import CACHE, ready

pytestmark = pytest.mark.timeout(1200)
__all__ = ["ready"]
MODEL = models()[0]


@pytest.fixture
def up(ready: Ready, tmp_path: Path) -> Iterator[Up]:
    """A coordinator with the environment of the builder."""
    shelf = shelf_folder(CACHE, os.environ)
    running = Up.start(tmp_path / "home", variables={ENVIRONMENTS_VARIABLE: str(shelf)})
    yield running
    assert running.stop() == []


def test_its_formats_are_held_against_the_onnx_baseline(up: Up) -> None:
    words = ["--baseline", str(MODEL.path), "--source", str(MODEL.form("pt2"))]
    words += ["--eval", str(MODEL.evaluation_path), "--calibration", str(MODEL.calibration_path)]
    words += ["--recipes", "fp32@executorch,int8-static-s8s8-pc@executorch", "--json"]
    brief = ("--launches", "1", "--warm-up", "20ms", "--budget", "500ms", "--on", job.NAME)
    with job.device(up) as device:
        require_ran(device, "executorch")
        done = up.bitgauge("run", *words, *brief, patience_s=job.PATIENCE_S)
    assert done.returncode == 0, done.stderr + done.stdout
    rows = {(one["recipe"], one["runtime"]): one for one in json.loads(done.stdout)["rows"]}
    assert set(rows) == {
        ("fp32", "onnxruntime"),
        *(("fp32", "executorch"), ("int8-static-s8s8-pc", "executorch")),
    }
    for (recipe, runtime), row in rows.items():
        assert row["state"] == "measured", row
        if runtime == "executorch":
            assert row["reference"] == "onnxruntime"
            lost = job.number(row, "accuracy_delta_pp")
            assert abs(lost) < (0.01 if recipe == "fp32" else 1)
