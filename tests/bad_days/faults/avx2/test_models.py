"""Whole models as the emulated host computes them, against a processor without VNNI itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics.emulated_host import EmulatedHost
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

from . import haswell
from .models import SAMPLES

RECIPES = ("int8-static-u8s8-pc", "int8-static-s8s8-pc", "int8-static-u8s8-pc-rr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zoo in three recipes, and what a Haswell returns for each."""
    made = tmp_path_factory.mktemp("avx2")
    for model in zoo.models():
        for recipe in RECIPES:
            output = made / f"{model.name}.{recipe}.onnx"
            registry.build(BuildRequest(parse(recipe), model.path, output, zoo.calibration_path()))
    haswell.run(
        "from pathlib import Path; from tests.bad_days.faults.avx2.models import main;"
        f" main(Path({str(made)!r}))"
    )
    return made


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("model", [model.name for model in zoo.models()])
def test_the_emulated_host_is_bit_exact(folder: Path, model: str, recipe: str) -> None:
    """Including what one layer's saturation does to the next."""
    path = folder / f"{model}.{recipe}.onnx"
    with np.load(folder / "outputs.npz") as outputs:
        there = outputs[path.stem]
    opened = ort.open_saved(path, SessionOptions(), folder)
    host = EmulatedHost(opened.graph, lambda graph: opened.plain(graph).run)
    inputs = read_evaluation_set(zoo.evaluation_path()).inputs
    emulated = host({name: array[:SAMPLES] for name, array in inputs.items()})[0]
    assert np.array_equal(emulated, there)
    here = opened.session.run({name: array[:SAMPLES] for name, array in inputs.items()})[0]
    probed = ort.probe_kernels()["QLinearMatMul.u8s8.const"]
    differs = recipe != "int8-static-u8s8-pc-rr" and probed == "exact"
    assert bool(np.any(here != there)) == differs
