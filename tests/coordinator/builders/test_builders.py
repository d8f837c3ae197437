"""Builders: every default recipe of every zoo model is an artifact that runs, or has a reason."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Internal, Refused
from bitgauge.benchmarks.vocabulary.recipes import (
    DEFAULT_RECIPES,
    Recipe,
    Scheme,
    known_recipes,
    parse,
)
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported, kind_taken
from bitgauge.coordinator.models.recognise import inspect_model
from onnx import helper, numpy_helper

from tests.labs.rooms.builds import build, save

MLP, CNN, TRANSFORMER = zoo.models()
EVERYTHING = [(model, recipe) for model in zoo.models() for recipe in DEFAULT_RECIPES]
NO_MATMUL = "The model has no MatMul or Gemm with a constant weight matrix to put into blocks."
# Far beyond what a sound build loses, and what saturating kernels lose stays inside.
ACCURACY_BOUND = 0.06
LARGEST_SIZE_RATIO = {
    FormatFamily.FP32: 1.0,
    FormatFamily.FP16: 0.52,
    FormatFamily.INT8: 0.35,
    FormatFamily.INT4: 0.20,
}


@dataclass(frozen=True)
class Outcome:
    path: Path
    unsupported: str | None


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Outcome]:
    """Every default recipe of every model, built once."""
    folder = tmp_path_factory.mktemp("artifacts")
    found = {}
    for model, recipe in EVERYTHING:
        path = folder / f"{model.name}-{recipe}.onnx"
        reason = None
        try:
            build(str(recipe), model.path, path)
        except Unsupported as error:
            reason = error.reason
        found[model.name, str(recipe)] = Outcome(path, reason)
    return found


def top1(path: Path) -> float:
    with np.load(zoo.evaluation_path(), allow_pickle=False) as evaluation:
        pixels, labels = evaluation["inputs/pixels"], evaluation["labels"]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"pixels": pixels})
    assert logits.dtype == np.float32
    return float(np.mean(np.argmax(logits, axis=1) == labels))


@pytest.mark.parametrize(
    ("model", "recipe"), EVERYTHING, ids=[f"{model.name}-{recipe}" for model, recipe in EVERYTHING]
)
def test_an_artifact_runs_and_keeps_its_accuracy_or_has_a_reason(
    outcomes: dict[tuple[str, str], Outcome], model: zoo.ZooModel, recipe: Recipe
) -> None:
    outcome = outcomes[model.name, str(recipe)]
    if model == CNN and recipe.family is FormatFamily.INT4:
        assert outcome.unsupported == NO_MATMUL
        assert not outcome.path.exists()
        return
    assert outcome.unsupported is None
    assert top1(outcome.path) >= top1(model.path) - ACCURACY_BOUND
    ratio = outcome.path.stat().st_size / model.path.stat().st_size
    assert ratio <= LARGEST_SIZE_RATIO[recipe.family]


@pytest.mark.parametrize("model", zoo.models(), ids=lambda model: model.name)
def test_an_artifact_is_recognised_as_what_was_asked(
    outcomes: dict[tuple[str, str], Outcome], model: zoo.ZooModel
) -> None:
    for recipe in DEFAULT_RECIPES:
        outcome = outcomes[model.name, str(recipe)]
        if outcome.unsupported is None:
            facts = inspect_model(outcome.path, str(recipe))
            assert facts.recipe == recipe
            assert facts.model_class is model.model_class
            assert facts.inputs == inspect_model(model.path, model.name).inputs


@pytest.mark.parametrize(
    "recipe",
    [
        "int8-static-u8s8-pt",
        "int8-static-s8s8-pt-rr",
        "int8-static-u8s8-pc-percentile",
        "int8-static-u8s8-pc-entropy",
        "int8-dynamic-u8s8-pc",
        "int8-dynamic-u8u8-pt-rr",
        "int8-wo-b32",
        "int8-wo-pc",
        "bf16",
        "int4-wo-b128",
    ],
)
def test_less_usual_recipes_run_too(recipe: str, tmp_path: Path) -> None:
    build(recipe, MLP.path, tmp_path / "artifact.onnx")
    assert top1(tmp_path / "artifact.onnx") >= top1(MLP.path) - ACCURACY_BOUND
    made = inspect_model(tmp_path / "artifact.onnx", recipe).recipe
    assert str(made) == recipe.removesuffix("-percentile").removesuffix("-entropy")


def test_after_a_relu_the_zero_point_is_the_lowest_code(
    outcomes: dict[tuple[str, str], Outcome],
) -> None:
    for recipe, lowest in (("int8-static-u8s8-pc", 0), ("int8-static-s8s8-pc", -128)):
        graph = onnx.load(outcomes[CNN.name, recipe].path).graph
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        convolved = {node.output[0] for node in graph.node if node.op_type == "Conv"}
        points = [
            int(constants[node.input[2]])
            for node in graph.node
            if node.op_type == "QuantizeLinear" and node.input[0] in convolved
        ]
        assert "Relu" not in {node.op_type for node in graph.node}
        assert points.count(lowest) >= 4


@pytest.mark.parametrize("recipe", ["fp16", "int8-dynamic", "int8-static-u8s8-pc", "int4-wo-b32"])
def test_equal_requests_give_equal_bytes(
    recipe: str, outcomes: dict[tuple[str, str], Outcome], tmp_path: Path
) -> None:
    again = tmp_path / "another folder" / "again.onnx"
    again.parent.mkdir()
    program = (
        "import sys; from pathlib import Path;"
        "from bitgauge.benchmarks.vocabulary.recipes import parse;"
        "from bitgauge.coordinator.builders.base import BuildRequest;"
        "from bitgauge.coordinator.builders.registry import build;"
        "recipe, *paths = sys.argv[1:];"
        "build(BuildRequest(parse(recipe), *map(Path, paths)))"
    )
    paths = (TRANSFORMER.path, again, zoo.calibration_path())
    done = subprocess.run(
        [sys.executable, "-c", program, recipe, *map(str, paths)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.read_bytes() == outcomes[TRANSFORMER.name, recipe].path.read_bytes()
    assert (done.stdout, done.stderr) == ("", "")


def test_a_build_is_silent_and_leaves_logging_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, root.manager.disable)
    for recipe in ("int8-static-u8s8-pc-percentile", "int8-dynamic", "int4-wo-b32", "fp16"):
        build(recipe, TRANSFORMER.path, tmp_path / "artifact.onnx")
    assert (root.handlers[:], root.level, root.manager.disable) == before
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact.onnx"]


# -- finding builders -------------------------------------------------------------------------


def test_every_recipe_has_at_most_one_builder_of_a_kind_and_every_default_has_one() -> None:
    for recipe in known_recipes():
        every = registry.builders().values()
        takers = [(b.MAKES, kind_taken(b)) for b in every if b.accepts(recipe)]
        assert len(takers) == len(set(takers))
    assert set(DEFAULT_RECIPES) <= set(registry.buildable_recipes())


def test_a_recipe_without_builder_is_refused_with_what_there_is() -> None:
    told = "No builder makes fp8-static-e5m2-pt; there are fp8-static-e4m3-p"
    with pytest.raises(BadInput, match=told) as caught:
        registry.builder_for(parse("fp8-static-e5m2-pt"))
    assert caught.value.code is Code.BAD_RECIPE
    with pytest.raises(BadInput, match="there are int8-static-u8s8-pc,"):
        registry.toolchain(parse("int8-static-s8u8-pt"))


@pytest.fixture
def other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plug/builders"
    folder.mkdir(parents=True)
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(folder.parent))
    return folder


def test_ours_are_all_builders() -> None:
    assert registry.found().problems == ()


def test_a_new_builder_is_one_file(other_folder: Path, tmp_path: Path) -> None:
    (other_folder / "bf16_by_hand.py").write_text(
        "VERSION = 3\nDISTRIBUTIONS = ('numpy', 'no-such-package')\nMAKES = 'made'\n"
        "def accepts(recipe): return str(recipe) == 'bf16'\n"
        "def build(request): request.output.write_bytes(b'made')\n"
    )
    build("bf16", MLP.path, tmp_path / "artifact.onnx")
    assert (tmp_path / "artifact.onnx").read_bytes() == b"made"
    expected = f"bf16_by_hand/3 numpy={np.__version__} no-such-package=absent"
    assert registry.toolchain(parse("bf16")) == expected


def test_two_builders_of_one_recipe_are_a_defect(other_folder: Path) -> None:
    (other_folder / "rival.py").write_text(
        "VERSION = 1\nDISTRIBUTIONS = ()\nMAKES = 'onnx'\n"
        "def accepts(recipe): return str(recipe) == 'fp16'\n"
        "def build(request): ...\n"
    )
    with pytest.raises(Internal, match="floats and rival both claim fp16"):
        registry.builder_for(parse("fp16"))


def test_a_file_that_is_no_builder_is_skipped_and_named(other_folder: Path) -> None:
    (other_folder / "whole.py").write_text("VERSION = 1\ndef accepts(recipe): return False\n")
    assert "whole" not in registry.builders()
    with pytest.raises(BadInput, match=r"whole\.py was skipped: .* lacks DISTRIBUTIONS, MAKES"):
        registry.builder_for(parse("fp8-static-e5m2-pt"))


def test_the_toolchain_names_every_version_that_matters() -> None:
    text = registry.toolchain(parse("int8-static-u8s8-pc"))
    assert f"onnxruntime={ort.__version__}" in text
    assert f"onnx={onnx.__version__}" in text
    assert "absent" not in " ".join(registry.toolchain(recipe) for recipe in DEFAULT_RECIPES)


def test_asking_for_builders_loads_no_quantizer() -> None:
    program = (
        "import sys; from bitgauge.coordinator.builders import registry;"
        "registry.buildable_recipes();"
        "sys.exit(any(name in sys.modules for name in ('onnx', 'onnxruntime', 'sympy')))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# -- what cannot be built ---------------------------------------------------------------------


def test_static_without_calibration_set_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="needs a calibration set, and the job has none"):
        build("int8-static-u8s8-pc", MLP.path, tmp_path / "artifact.onnx", None)


def test_dynamic_per_channel_of_a_cnn_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no per-channel form"):
        build("int8-dynamic-u8s8-pc", CNN.path, tmp_path / "artifact.onnx")


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ("fp16", "no float32 weight"),
        ("int8-dynamic", "no MatMul, Gemm, Conv or LSTM"),
        ("int4-wo-b32", "no MatMul or Gemm"),
    ],
)
def test_a_model_with_nothing_to_quantize_is_unsupported(
    recipe: str, reason: str, tmp_path: Path
) -> None:
    relu = helper.make_node("Relu", ["pixels"], ["out"], name="relu")
    save(tmp_path / "relu.onnx", [relu], {}, ["batch", 1, 8, 8])
    with pytest.raises(Unsupported, match=reason):
        build(recipe, tmp_path / "relu.onnx", tmp_path / "artifact.onnx")
    assert not (tmp_path / "artifact.onnx").exists()


def test_a_calibration_set_of_another_model_is_refused(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"inputs/other": np.zeros((4, 3), np.float32)}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(BadInput, match="takes inputs pixels, the set has other") as caught:
        build("int8-static-u8s8-pc", MLP.path, tmp_path / "a.onnx", tmp_path / "other.npz")
    assert caught.value.code is Code.BAD_CALIBRATION_SET


@pytest.mark.parametrize(
    "recipe", [str(recipe) for recipe in DEFAULT_RECIPES if recipe.family is not FormatFamily.FP32]
)
def test_a_quantizer_that_fails_is_one_sentence_and_no_file(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(MLP.path.read_bytes()[:1000])
    with pytest.raises(BadInput, match=f"{recipe} could not be built: ") as caught:
        build(recipe, tmp_path / "broken.onnx", tmp_path / "artifact.onnx")
    assert caught.value.code is Code.BUILD_FAILED
    assert "\n" not in caught.value.sentence
    assert not (tmp_path / "artifact.onnx").exists()


def test_a_missing_quantizer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.transformers.float16", None)
    with pytest.raises(Refused, match=r"fp16 needs the package onnxruntime") as caught:
        build("fp16", MLP.path, tmp_path / "artifact.onnx")
    assert caught.value.code is Code.BUILD_TOOLS_MISSING


def test_only_what_quantizes_weights_to_four_bits_or_nothing_else_has_blocks() -> None:
    for recipe in registry.buildable_recipes():
        few = recipe.family is FormatFamily.INT4
        assert recipe.block is None or few or recipe.scheme is Scheme.WEIGHT_ONLY


OWN = """
VERSION, DISTRIBUTIONS, MAKES, RECIPES = 1, (), "other", {recipes}

def accepts(recipe):
    return False

def build(request):
    request.output.write_bytes(str(request.recipe).encode())
"""


def own_builder(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, *recipes: str) -> None:
    (folder / "builders").mkdir(exist_ok=True)
    (folder / "builders" / f"{name}.py").write_text(OWN.format(recipes=recipes))
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(folder))


def test_a_builder_brings_names_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own_builder(monkeypatch, tmp_path, "own", "int4-my_own_m", "int8-my_own")
    assert {"int4-my_own_m", "int8-my_own"} <= {*map(str, registry.buildable_recipes())}
    recipe = registry.parse("int4-my_own_m")
    assert registry.buildable_as(recipe) == ("other",)
    made = tmp_path / "made"
    registry.build(BuildRequest(recipe, tmp_path / "none", made))
    assert made.read_text() == "int4-my_own_m"
    with pytest.raises(BadInput, match="nearest known spelling is 'int4-my_own_m'"):
        registry.parse("int4-my-own-m")
    with pytest.raises(BadInput, match="nearest that is built is int4-my_own_m"):
        registry.builder_for(registry.parse("int4-my_own_s"))


@pytest.mark.parametrize("text", ["int4-q4", "int8-dynamic", "Q4_K_M"])
def test_a_builder_whose_own_names_are_none_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    own_builder(monkeypatch, tmp_path, "odd", text)
    assert "odd" not in registry.builders()
    (line,) = registry.found().problems
    assert f"builder odd was skipped: {text!r}" in line
