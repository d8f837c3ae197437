"""Formats of ModelOpt built where it is, on the zoo: coverage, digests, accuracy on a processor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.ort import EXACT_MODE, load
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import calibration_path, evaluation_path, models
from bitgauge.coordinator.builders import modelopt, registry
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.environments.shelf import ENVIRONMENTS_VARIABLE, Ready, Shelf

from tests.labs.graphs import built_modelopt
from tests.processes.bench import AgentService, wait_for_device
from tests.processes.conftest import Up

Environment = Callable[[str], Ready]
MODELS = {one.name: one for one in models()}
BATCH = 32
BUILDS = {
    ("digits-cnn", "int8-modelopt_entropy-cal"): "5 of 5",
    ("digits-cnn", "fp8-modelopt_max-cal"): "3 of 5",
    ("digits-cnn", "bf16-modelopt_autocast-cal"): "5 of 5",
    ("digits-mlp", "int8-modelopt_max-cal"): "2 of 3",
    ("digits-mlp", "int4-modelopt_awq_clip-cal"): "3 of 3",
    ("digits-transformer", "int8-modelopt_max-cal"): "12 of 18",
    ("digits-transformer", "fp8-modelopt_max-cal"): "12 of 18",
    ("digits-transformer", "fp16-modelopt_autocast-cal"): "18 of 18",
}
"""How many of a model's products each quantizes; what it leaves is too small for tensor cores."""
MOST_LOST_PP = 1.0


def asked(
    environment: Environment, model: str, recipe: str, output: Path, batch: int = BATCH
) -> BuildRequest:
    root = environment("modelopt").path
    source = MODELS[model].path
    return BuildRequest(parse(recipe), source, output, calibration_path(), batch, root, BuildLog())


def accuracy(path: Path) -> float:
    digits = read_evaluation_set(evaluation_path())
    session = load(path, SessionOptions(batch=BATCH, further=(EXACT_MODE,)))
    found = session.run({"pixels": digits.inputs["pixels"]})[0]
    return float(np.mean(np.argmax(found, 1) == digits.labels))


@pytest.mark.parametrize(("model", "recipe"), BUILDS)
def test_a_model_of_the_zoo(
    model: str, recipe: str, environment: Environment, tmp_path: Path
) -> None:
    request = asked(environment, model, recipe, tmp_path / "made")
    words = registry.build(request, ("onnx",))
    assert words[0].startswith(f"{BUILDS[model, recipe]} products of matrices are quantized"), words
    assert request.log.notes[0].startswith("made by ModelOpt ")
    if recipe[:4] != "bf16":  # for which the processor has no kernels
        lost = 100 * (accuracy(MODELS[model].path) - accuracy(request.output))
        assert lost <= MOST_LOST_PP


@pytest.mark.parametrize("recipe", modelopt.RECIPES)
def test_the_committed_files_come_out_of_it(
    recipe: str, environment: Environment, tmp_path: Path
) -> None:
    """And so the same digest each time: of the same model, set, batch and packages."""
    built = built_modelopt.BUILT
    request = BuildRequest(
        *(parse(recipe), built / "dense.onnx", tmp_path / "made", built / "calibration.npz"),
        *(built_modelopt.BATCH, environment("modelopt").path, BuildLog()),
    )
    registry.build(request, ("onnx",))
    committed = (built / f"dense-{recipe}.onnx").read_bytes()
    digests = [hashlib.sha256(one).hexdigest() for one in (request.output.read_bytes(), committed)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("model", "recipe", "why"),
    [
        ("digits-mlp", "fp8-modelopt_max-cal", "products of one row .* At batch 1 .* 3 MatMul"),
        ("digits-cnn", "int4-modelopt_rtn", "constant weights alone.*5 Conv"),
    ],
)
def test_nothing_to_quantize_is_no_artifact(
    model: str, recipe: str, why: str, environment: Environment, tmp_path: Path
) -> None:
    request = asked(environment, model, recipe, tmp_path / "made", batch=1)
    with pytest.raises(Unsupported, match=why):
        registry.build(request, ("onnx",))
    assert not request.output.exists()


@pytest.mark.timeout(600)
def test_a_job_measures_what_it_built(
    environment: Environment, shelf: Shelf, tmp_path: Path
) -> None:
    """On a processor, for size and accuracy; its times say nothing of a card's."""
    environment("modelopt")
    source = MODELS["digits-cnn"].path
    up = Up.start(tmp_path / "home", variables={ENVIRONMENTS_VARIABLE: str(shelf.folder)})
    agent = AgentService.of(up, "--name", "here")
    try:
        wait_for_device(up, "here")
        done = up.bitgauge(
            *("run", "--baseline", str(source), "--eval", str(evaluation_path())),
            *("--calibration", str(calibration_path()), "--batch", str(BATCH)),
            *("--recipes", "int8-modelopt_max-cal,fp8-modelopt_max-cal", "--on", "here"),
            *("--launches", "1", "--warm-up", "10ms", "--budget", "200ms", "--json"),
            patience_s=300.0,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        rows = {row["recipe"]: row for row in json.loads(done.stdout)["rows"]}
        for recipe in ("int8-modelopt_max-cal", "fp8-modelopt_max-cal"):
            assert rows[recipe]["state"] == "measured", rows[recipe]
            told = {one["key"]: one.get("value") for one in rows[recipe]["metrics"]}
            assert told["size_ratio"] < 0.35
            assert abs(told["accuracy_delta_pp"]) <= MOST_LOST_PP
    finally:
        agent.end()
        assert up.stop() == []
