"""What its builder makes of the zoo in its real environment, and what becomes of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import executorch
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import calibration_path
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.making import MakingTerms, made
from bitgauge.coordinator.environments.shelf import Ready, Shelf, shelf_folder

pytest.importorskip("executorch", reason="NOT RUN: executorch is not installed here")
pytestmark = pytest.mark.timeout(1200)

ZOO = calibration_path().parent
CACHE = Path(__file__).parents[3] / ".cache/bitgauge"
LEAST_CORRECT = {"fp32": 0.988, "int8-static-s8s8-pc": 0.985, "int8-dynamic-s8s8-pc": 0.985}


@pytest.fixture(scope="module")
def ready() -> Ready:
    try:
        shelf = Shelf(shelf_folder(CACHE, os.environ))
        return made(definition("executorch"), shelf, MakingTerms(), print)
    except Refused as error:
        if error.code is not Code.NO_ENVIRONMENT:
            raise
        pytest.skip(f"NOT RUN: {error.sentence}")


def built(model: str, recipe: str, folder: Path, ready: Ready) -> tuple[Path, BuildRequest]:
    path, source = folder / "made.pte", ZOO / f"{model}.pt2"
    request = BuildRequest(parse(recipe), source, path, calibration_path(), 1, ready.path)
    registry.build(request, ("pte",), "pt2")
    return path, request


@pytest.mark.parametrize("recipe", LEAST_CORRECT)
def test_what_was_built_knows_its_digits(recipe: str, tmp_path: Path, ready: Ready) -> None:
    path, request = built("digits-mlp", recipe, tmp_path, ready)
    session = executorch.load(path, SessionOptions())
    with np.load(ZOO / "evaluation.npz") as file:
        given, labels = file["inputs/pixels"], file["labels"]
    told = [int(session.run({"pixels": one[None]})[0].argmax()) for one in given]
    assert session.output_names == ("logits",)
    assert np.mean(np.array(told) == labels) > LEAST_CORRECT[recipe]
    words = " ".join(request.log.notes)
    assert "made for a batch of 1" in words
    if recipe != "fp32":
        assert "3 of 3 products of matrices are quantized" in words
        assert path.stat().st_size < 0.3 * (ZOO / "digits-mlp.pt2").stat().st_size


def test_convolutions_that_stayed_in_float_are_named(tmp_path: Path, ready: Ready) -> None:
    with pytest.raises(Unsupported, match=r"keeps 98 % of the model's size.*4 Conv"):
        built("digits-cnn", "int8-dynamic-s8s8-pc", tmp_path, ready)
