"""PyTorch's builders on the zoo, in their real environment: each recipe, and what becomes of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from bitgauge.benchmarks.common.exported import program
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import calibration_path
from bitgauge.coordinator.builders import registry, torch
from bitgauge.coordinator.builders._checks._agreement import relative_error
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.builders.onnx_from_torch import require_equal
from bitgauge.coordinator.environments.shelf import Ready, python_of

pytestmark = pytest.mark.timeout(1200)

FOLDER = calibration_path().parent
MODELS = ("digits-mlp", "digits-cnn", "digits-transformer")
RECIPES = torch.USUAL
BATCH = 8
LARGEST_OFF = {"fp16": 0.005, "bf16": 0.05, "int8": 0.06, "fp8": 0.12, "int4": 0.3}
"""Difference of outputs that the scales of a format allow, as a share of their size."""
SKIPPED = {"int8-dynamic-s8s8-pc", "int8-wo-pc", "int4-wo-b32", "fp8-wo-e4m3-pc"}
"""What torchao quantizes linear layers for, so that nothing is left of a network without."""
RUNS = """
import json, sys
import numpy as np, torch, torchao.quantization
import torch.ao.quantization.fx._decomposed
samples = np.load(sys.argv[1])["inputs/pixels"][: int(sys.argv[3])]
for path in json.loads(sys.argv[2]):
    with torch.no_grad(), open(path, "rb") as file:
        found = torch.export.load(file).module()(pixels=torch.from_numpy(samples))
    np.save(path + ".npy", found["logits"].numpy())
"""


@dataclass(frozen=True)
class Built:
    path: Path
    reason: str
    words: tuple[str, ...]
    log: BuildLog


def request_of(model: str, recipe: str, output: Path, ready: Ready) -> BuildRequest:
    output.parent.mkdir(parents=True, exist_ok=True)
    source = FOLDER / f"{model}.pt2"
    place = calibration_path()
    return BuildRequest(parse(recipe), source, output, place, BATCH, ready.path)


def built(request: BuildRequest, kind: str = "pt2") -> Built:
    try:
        words = registry.build(request, (kind,), "pt2")
    except Unsupported as error:
        return Built(request.output, error.reason, (), request.log)
    return Built(request.output, "", words, request.log)


@pytest.fixture(scope="module")
def made(
    environment: Callable[[str], Ready], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Built]:
    """Every usual recipe of every model."""
    ready, folder = environment("torch"), tmp_path_factory.mktemp("built")
    return {
        (model, recipe): built(request_of(model, recipe, folder / model / recipe, ready))
        for model in MODELS
        for recipe in RECIPES
    }


@pytest.fixture(scope="module")
def outputs(
    made: dict[tuple[str, str], Built], environment: Callable[[str], Ready]
) -> dict[tuple[str, str], Any]:
    """What each artifact returns for a batch, and each source by the recipe `fp32`."""
    paths = {key: one.path for key, one in made.items() if not one.reason}
    folder = next(iter(paths.values())).parents[1]
    for model in MODELS:
        copy = folder / f"{model}.pt2"
        copy.write_bytes((FOLDER / f"{model}.pt2").read_bytes())
        paths[model, "fp32"] = copy
    python = python_of(environment("torch").path)
    told = json.dumps([str(one) for one in paths.values()])
    command = [str(python), "-I", "-c", RUNS, str(calibration_path()), told, str(BATCH)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {key: np.load(f"{path}.npy") for key, path in paths.items()}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_it_computes_what_its_source_does(
    model: str, recipe: str, made: dict[tuple[str, str], Built], outputs: dict[Any, Any]
) -> None:
    one = made[model, recipe]
    if model == "digits-cnn" and recipe in SKIPPED:
        assert one.reason == (
            "torchao quantizes linear layers alone, and the program has none: its products are"
            " conv2d."
        )
        assert not one.path.exists()
        return
    assert not one.reason, one.reason
    off = relative_error(outputs[model, recipe], outputs[model, "fp32"])
    assert off is not None
    assert 0 < off < LARGEST_OFF[parse(recipe).family.value], off


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_it_holds_plain_tensors_and_takes_what_its_source_does(
    model: str, recipe: str, made: dict[tuple[str, str], Built]
) -> None:
    one = made[model, recipe]
    if one.reason:
        return
    found = program.read(one.path, "it")
    assert found.pickled == ()
    assert [*found.inputs] == ["pixels"]
    assert [*found.outputs] == ["logits"]
    source = FOLDER / f"{model}.pt2"
    largest = 0.56 if recipe in ("bf16", "fp16") else 0.62
    assert one.path.stat().st_size < largest * source.stat().st_size
    fixed = recipe == "int8-static-u8s8-pc"
    assert found.inputs["pixels"].shape[0] == (BATCH if fixed else None)
    assert one.log.batch == (BATCH if fixed else 0)


def test_what_was_quantized_is_said(made: dict[tuple[str, str], Built]) -> None:
    static = made["digits-transformer", "int8-static-u8s8-pc"]
    assert static.words[:2] == (
        "14 of 18 products of matrices are quantized (99 % of the multiplications)",
        "not quantized: 4 MatMul (no constant weight)",
    )
    assert "ranges by smallest and largest value of 10 tensors, 256 samples" in static.log.notes
    blocks = made["digits-transformer", "int4-wo-b32"]
    assert "left in float32: linear: 8 inputs, which 32 does not divide" in blocks.log.notes
    assert blocks.words[0].startswith("13 of 18")


@pytest.mark.parametrize("recipe", ["int8-dynamic-s8s8-pc", "int8-static-u8s8-pc"])
def test_equal_requests_give_equal_bytes(
    recipe: str,
    made: dict[tuple[str, str], Built],
    environment: Callable[[str], Ready],
    tmp_path: Path,
) -> None:
    first = made["digits-transformer", recipe]
    again = built(
        request_of("digits-transformer", recipe, tmp_path / "again", environment("torch"))
    )
    digests = {hashlib.sha256(one.path.read_bytes()).hexdigest() for one in (first, again)}
    assert len(digests) == 1


@pytest.mark.parametrize("model", MODELS)
def test_an_onnx_file_of_a_program_computes_the_same(
    model: str, environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    one = built(request_of(model, "fp32", tmp_path / "made.onnx", environment("torch")), "onnx")
    assert not one.reason, one.reason
    assert "returns what the program does on 8 samples" in one.log.notes[-1]
    session = ort.InferenceSession(str(one.path))
    assert [each.name for each in session.get_inputs()] == ["pixels"]
    assert session.get_inputs()[0].shape[1:] == [1, 8, 8]
    samples = np.load(calibration_path())["inputs/pixels"][:3]
    (found,) = session.run(["logits"], {"pixels": samples})
    own = ort.InferenceSession(str(FOLDER / f"{model}.onnx"))
    (wanted,) = own.run(None, {own.get_inputs()[0].name: samples})
    assert (relative_error(found, wanted) or 0.0) < 1e-4


def test_what_a_changed_file_gets_wrong_is_named(
    environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    one = built(request_of("digits-mlp", "fp32", tmp_path / "m.onnx", environment("torch")), "onnx")
    model = onnx.load(str(one.path))
    feeds = {"pixels": np.load(calibration_path())["inputs/pixels"][:BATCH]}
    names = [name for node in model.graph.node for name in node.output]
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(copy.SerializeToString())
    values = dict(zip(names, session.run(names, feeds), strict=True))
    expected = {"logits": values["logits"]}
    require_equal(one.path, feeds, expected, values)
    changed = next(held for held in model.graph.initializer if "layer1.weight" in held.name)
    array = numpy_helper.to_array(changed).copy()
    array[0] += 1
    changed.CopyFrom(numpy_helper.from_array(array, changed.name))
    onnx.save(model, str(one.path))
    with pytest.raises(Unsupported, match=r"the first tensor that differs is 'linear_1' of Gemm"):
        require_equal(one.path, feeds, expected, values)
