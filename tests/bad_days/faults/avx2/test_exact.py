"""Exact mode on a processor whose kernels saturate: the same artifact without an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.kernel_modes import kernel_mode
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.session_options import modes_under
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

from . import haswell
from .test_probe import CODE


@pytest.mark.parametrize("recipe", ["int8-static-u8s8-pc", "int8-static-s8s8-pc"])
def test_exact_mode_takes_every_kernel_error_away(tmp_path: Path, recipe: str) -> None:
    artifact = tmp_path / "model.onnx"
    (small,) = (one for one in zoo.models() if one.name == "digits-mlp")
    registry.build(BuildRequest(parse(recipe), small.path, artifact, zoo.calibration_path()))
    found = json.loads(
        haswell.run(
            "from pathlib import Path; from tests.bad_days.faults.avx2.exact import main;"
            f" main(Path({str(artifact)!r}))"
        )
    )
    probed = json.loads(haswell.run(CODE))
    plain, exact = found["plain"], found["exact"]
    assert plain["why_not"] == exact["why_not"] == ""
    assert plain["errors"] > 0
    assert plain["explained"] >= 0.999 * plain["errors"]
    assert exact["errors"] == 0
    assert kernel_mode(plain["executed"], modes_under(probed, ())) == "sat16"
    assert kernel_mode(exact["executed"], modes_under(probed, (EXACT_MODE,))) == "exact"
