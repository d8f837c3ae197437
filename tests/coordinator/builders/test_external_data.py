"""Builders of a baseline whose weights lie in a second file, and of what one file cannot hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics import external_data
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import _sessions, registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.client.artifacts import local_artifact
from bitgauge.coordinator.models.recognise import companions, inspect_model

from tests.labs.sets import with_external_data

RECIPES = ("fp32", "fp16", "int8-dynamic", "int8-static-u8s8-pc", "int4-wo-b32")


def built(recipe: str, baseline: Path, folder: Path) -> Path:
    folder.mkdir()
    output = folder / "artifact"
    registry.build(BuildRequest(parse(recipe), baseline, output, zoo.calibration_path()))
    return output


def answers(path: Path) -> np.ndarray:
    samples = read_evaluation_set(zoo.evaluation_path())
    feeds = {name: array[:16] for name, array in samples.inputs.items()}
    found: np.ndarray = _sessions.open_session(str(path)).run(None, feeds)[0]
    return found


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_build_is_the_same_whichever_files_hold_the_weights(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = zoo.models()[0].path
    baseline = with_external_data(onnx.load(str(model)), tmp_path / "outside")
    wanted = answers(built(recipe, model, tmp_path / "plain"))
    inside = built(recipe, baseline, tmp_path / "inside")
    assert bool(companions(inside)) == (recipe == "fp32")
    room = external_data._ROOM_BYTES
    monkeypatch.setattr(external_data, "MAX_MESSAGE_BYTES", room + 1000)
    large = built(recipe, baseline, tmp_path / "large")
    assert companions(large), "one file does not hold it"
    assert len(local_artifact(large).files) == 3
    assert inspect_model(large).recipe == inspect_model(inside).recipe
    for path in (inside, large):
        np.testing.assert_array_equal(answers(path), wanted)


def test_a_copy_keeps_every_file(tmp_path: Path) -> None:
    baseline = with_external_data(onnx.load(str(zoo.models()[0].path)), tmp_path / "outside")
    copy = built("fp32", baseline, tmp_path / "copy")
    assert local_artifact(copy).digest == local_artifact(baseline).digest
