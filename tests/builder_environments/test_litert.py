"""Formats of LiteRT built where its quantizer and its converter are, on the zoo."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks.quality.sets import read_evaluation_set, write_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import calibration_path, evaluation_path, models
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders._lite import LiteInterpreter
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.environments.shelf import Ready

from tests.labs.graphs import built_lite

Environment = Callable[[str], Ready]
MODELS = {one.name: one for one in models()}
MLP = MODELS["digits-mlp"]
RECIPES = built_lite.DENSE
QUICK = ("digits-mlp", "digits-cnn")
OFF = {"int4": 0.25, "int8": 0.06, "fp16": 0.002}
"""How far from the source's the outputs may be, root mean square over root mean square."""


def asked(
    environment: Environment,
    source: Path,
    recipe: str,
    output: Path,
    batch: int = 1,
    name: str = "litert",
) -> BuildRequest:
    root = environment(name).path
    return BuildRequest(parse(recipe), source, output, calibration_path(), batch, root, BuildLog())


def answers(path: Path, count: int = 100) -> npt.NDArray[Any]:
    lite = LiteInterpreter(path.read_bytes())
    pixels = read_evaluation_set(evaluation_path()).inputs["pixels"][:count]
    return np.concatenate([lite.run({"pixels": one[None]})["logits"] for one in pixels])


@pytest.mark.parametrize("model", QUICK)
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_artifact_answers_as_its_source_does_and_comes_out_the_same_again(
    model: str, recipe: str, environment: Environment, tmp_path: Path
) -> None:
    source = MODELS[model].form("tflite")
    digests = set()
    for name in ("made", "again"):
        request = asked(environment, source, recipe, tmp_path / name)
        words = registry.build(request, ("tflite",))
        digests.add(hashlib.sha256(request.output.read_bytes()).hexdigest())
    assert len(digests) == 1
    assert "products of matrices are quantized" in words[0]
    assert request.log.notes[0].startswith("rules of the quantizer: [{")
    if "static" in recipe:
        assert "256 samples" in request.log.notes[-1]
        assert "scales held against 256 calibration samples" in words
    expected, found = answers(source), answers(request.output)
    off = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert off <= OFF[recipe[:4]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_committed_files_come_out_of_it(
    recipe: str, environment: Environment, tmp_path: Path
) -> None:
    source = built_lite.BUILT / "dense.tflite"
    request = replace(
        asked(environment, source, recipe, tmp_path / "made"),
        calibration=built_lite.BUILT / "calibration.npz",
    )
    registry.build(request, ("tflite",))
    assert request.output.read_bytes() == (built_lite.BUILT / f"dense-{recipe}.tflite").read_bytes()


def test_a_transformer_in_eight_bits(environment: Environment, tmp_path: Path) -> None:
    source = MODELS["digits-transformer"].form("tflite")
    request = asked(environment, source, "int8-static-s8s8-pc", tmp_path / "made")
    assert registry.build(request, ("tflite",))[0].startswith("18 of 18 products")


def test_ranges_do_not_depend_on_the_order_of_the_samples(
    environment: Environment, tmp_path: Path
) -> None:
    """The quantizer's own calibration forgets what comes first, by a moving average."""
    given = read_evaluation_set(calibration_path())
    turned = replace(
        given,
        inputs={name: array[::-1] for name, array in given.inputs.items()},
        labels=None, strata=None, cluster=None,
    )  # fmt: skip
    write_evaluation_set(tmp_path / "turned.npz", turned)
    request = asked(environment, MLP.form("tflite"), "int8-static-s8s8-pc", tmp_path / "made")
    registry.build(request, ("tflite",))
    first = request.output.read_bytes()
    registry.build(replace(request, calibration=tmp_path / "turned.npz"), ("tflite",))
    assert request.output.read_bytes() == first


def test_four_bits_of_products_of_a_batch_are_refused(
    environment: Environment, tmp_path: Path
) -> None:
    source = built_lite.BUILT / "products.tflite"
    for recipe, why in (
        ("int4-dynamic-s8s4-pc", "nothing was quantized: 2 BATCH_MATMUL"),
        ("int8-static-s8s8-pc", "'h' of BATCH_MATMUL is off by"),
    ):
        request = replace(
            asked(environment, source, recipe, tmp_path / "made"),
            calibration=built_lite.BUILT / "calibration.npz",
        )
        with pytest.raises(Unsupported, match=why):
            registry.build(request, ("tflite",))
        assert not request.output.exists()


def test_a_file_of_a_batch_leaves_out_what_fills_none_and_says_so(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(built_lite.source("dense", 24))
    request = replace(
        asked(environment, tmp_path / "source", "int8-static-s8s8-pc", tmp_path / "made"),
        calibration=built_lite.BUILT / "calibration.npz",
    )
    registry.build(request, ("tflite",))
    assert "the last 16 of 64 samples fill none and were left out" in request.log.notes[0]
    assert "48 samples" in request.log.notes[-1]


def test_a_set_of_another_model_is_refused_in_one_sentence(
    environment: Environment, tmp_path: Path
) -> None:
    request = asked(
        environment, built_lite.BUILT / "dense.tflite", "int8-static-s8s8-pc", tmp_path / "made"
    )
    with pytest.raises(BadInput) as caught:
        registry.build(request, ("tflite",))
    assert caught.value.code is Code.BAD_CALIBRATION_SET
    assert "x" in caught.value.sentence


def test_a_program_becomes_a_file_of_the_job_s_batch(
    environment: Environment, tmp_path: Path
) -> None:
    outputs = []
    for name in ("made", "again"):
        request = asked(environment, MLP.form("pt2"), "fp32", tmp_path / name, 4)
        registry.build(request, ("tflite",), "pt2")
        outputs.append(request.output.read_bytes())
    assert outputs[0] == outputs[1]
    assert request.log.batch == 4
    assert request.log.notes[0] == "converted for batches of 4"
    assert request.log.notes[1].startswith("returns what its source does on 128 samples, within")
    pixels = read_evaluation_set(evaluation_path()).inputs["pixels"][:4]
    found = LiteInterpreter(outputs[0]).run({"pixels": pixels})["logits"]
    assert np.allclose(found, answers(MLP.form("tflite"), 4), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_an_onnx_model_becomes_a_file_of_any_batch(
    model: str, environment: Environment, tmp_path: Path
) -> None:
    outputs = []
    for name in ("made", "again"):
        request = asked(environment, MODELS[model].path, "fp32", tmp_path / name, name="onnx2tf")
        registry.build(request, ("tflite",), "onnx")
        outputs.append(request.output.read_bytes())
    assert outputs[0] == outputs[1]
    assert request.log.notes[0].startswith("returns what its source does on 32 samples, within")
    pixels = read_evaluation_set(evaluation_path()).inputs["pixels"][:7]
    assert LiteInterpreter(outputs[0]).run({"pixels": pixels})["logits"].shape == (7, 10)


def test_an_onnx_model_s_dense_layers_take_eight_bits(
    environment: Environment, tmp_path: Path
) -> None:
    """As products of a batch they would compute nonsense."""
    plain = asked(environment, MLP.path, "fp32", tmp_path / "plain", name="onnx2tf")
    registry.build(plain, ("tflite",), "onnx")
    request = asked(environment, plain.output, "int8-static-s8s8-pc", tmp_path / "made")
    assert registry.build(request, ("tflite",))[0].startswith("3 of 3 products")
